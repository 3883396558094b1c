"""The service as a WSGI server loads it: settings from the environment, logs configured, limits on."""

from __future__ import annotations

from flask import Flask

from scheduler.app import create_context, create_service
from scheduler.config.environment import load_settings
from scheduler.logs import configure_logs


def make() -> Flask:
    settings = load_settings()
    configure_logs(settings.log_format)
    return create_service(settings, create_context(settings))
