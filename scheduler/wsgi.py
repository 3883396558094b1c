"""The app for a WSGI server: ``granian --factory scheduler.wsgi:create``.

Each process creates its own app. Processes share nothing in memory.
"""

from __future__ import annotations

from flask import Flask

from scheduler.app import create_context, create_service, read_settings
from scheduler.web.http.metrics import start_metrics


def create() -> Flask:
    """Return the app for the settings of the environment. Raises SchedulerError."""
    settings = read_settings()
    context = create_context(settings)
    app = create_service(settings, context)
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    return app
