"""The JSON API under /v1: one file a resource, each with its documents, its conversions and its routes."""
