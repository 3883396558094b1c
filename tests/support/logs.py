"""The log of the test process."""

from __future__ import annotations

import structlog


def quiet_logs() -> None:
    """Log to standard output with plain tracebacks: structlog's own ones, with all variables, take seconds each."""
    structlog.reset_defaults()
    *before, _ = structlog.get_config()["processors"]
    structlog.configure(
        processors=[*before, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
