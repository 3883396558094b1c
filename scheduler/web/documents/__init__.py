"""JSON documents that several routes share."""
