"""The scheduler's speed beside that of other libraries: ``python -m benchmarks``."""
