"""What the service does, to be watched and copied."""
