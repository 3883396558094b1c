"""The service as a programme uses it, in acts; see ``examples.demo.acts``."""
