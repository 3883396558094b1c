"""Clients generated from openapi.yaml, type-checked strictly, each running one short programme: ``make clients``."""
