"""The service under load: ``python -m benchmarks.load``, or ``make load``."""
