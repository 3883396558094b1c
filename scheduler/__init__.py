"""Finds cross-time-zone meeting slots and cadences for mentorships and publishes the invites."""

__version__ = "0.2.0"
