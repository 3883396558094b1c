"""HTTP mechanics: requests, problems, paging, conditions, idempotency, limits, metrics."""
