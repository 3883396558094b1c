"""How fast the scheduler is, side by side with what one would otherwise reach for: ``python -m benchmarks``."""
