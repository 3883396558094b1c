"""HTTP in and out: the API, the feeds and the pages."""
