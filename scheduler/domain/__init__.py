"""Frozen values and decisions: no I/O, no clock, no Flask, no SQL."""
