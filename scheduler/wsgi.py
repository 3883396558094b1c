"""The app as a WSGI server's process makes it: ``granian --factory scheduler.wsgi:create``.

Each process makes its own. Nothing that two of them have to agree on is kept in memory.
"""

from __future__ import annotations

from flask import Flask

from scheduler.app import create_context, create_service, read_settings
from scheduler.web.http.metrics import start_metrics


def create() -> Flask:
    """The service as the environment says. Raises BadSettings, PublicSecretKey, NoMetricsPort."""
    settings = read_settings()
    context = create_context(settings)
    app = create_service(settings, context)
    start_metrics(context, settings.metrics_host, settings.metrics_port)
    return app
