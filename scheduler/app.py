"""The composition root: puts settings, store, adapters and web together, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Flask

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.config import Settings
from scheduler.services.ports import Context
from scheduler.services.secrets import Vault
from scheduler.store import Store
from scheduler.web.api.routes import api_blueprint
from scheduler.web.feeds import feeds
from scheduler.web.pages import register_pages
from scheduler.web.problems import register_errors
from scheduler.web.requests import register_request_log


def create_context(settings: Settings) -> Context:
    """What the use cases need, as the settings say."""
    return Context(
        store=Store(settings.database_url),
        vault=Vault(settings.secret_key.get_secret_value()),
        calendars=CalDAVServer(Guard(allowed_networks=settings.allowed_networks)),
        clock=lambda: datetime.now(UTC),
        refresh=timedelta(minutes=settings.calendar_refresh_minutes),
        stale_after=timedelta(minutes=settings.calendar_stale_minutes),
    )


def create_app(context: Context, public_url: str = "") -> Flask:
    """The WSGI app around a context. ``public_url`` is where clients reach it; empty: as they asked for it."""
    app = routed_app()
    app.config["PUBLIC_URL"] = public_url.rstrip("/")
    app.extensions["scheduler"] = context
    return app


def routed_app() -> Flask:
    """The routes with nothing behind them: enough to describe the API."""
    app = Flask(__name__, static_folder=None)
    register_request_log(app)
    register_errors(app)
    app.register_blueprint(api_blueprint())
    app.register_blueprint(feeds)
    register_pages(app)
    return app
