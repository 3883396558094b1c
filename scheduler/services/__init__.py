"""The use cases, one a function."""
