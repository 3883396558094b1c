"""The composition root: the only module that combines settings, store, adapters and web."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.adapters.reader_process import ReaderPool
from scheduler.config.environment import find_ignored, load_settings
from scheduler.config.settings import Settings
from scheduler.logs import configure_logs
from scheduler.services.lanes import LaneSizes, SearchLanes
from scheduler.services.ports import Context
from scheduler.services.secrets import Vault
from scheduler.store import Store
from scheduler.web.api.routes import api_blueprint
from scheduler.web.feeds.middleware import FeedMiddleware
from scheduler.web.feeds.views import feeds
from scheduler.web.http.limits import UNLIMITED, Rates, register_limits
from scheduler.web.http.metrics import Counting
from scheduler.web.http.operations import register_operations
from scheduler.web.http.preconditions import conditional_view
from scheduler.web.http.problems import register_errors
from scheduler.web.http.requests import register_request_log
from scheduler.web.site.pages import register_pages

log = structlog.get_logger(__name__)


def read_settings() -> Settings:
    """Return the environment's settings, set up the logs accordingly, and warn of variables that set nothing.

    Raises BadSettings.
    """
    settings = load_settings()
    configure_logs(settings.log_format)
    for warning in find_ignored():
        log.warning(warning)
    return settings


def create_context(settings: Settings) -> Context:
    """Return what the services need, built from the settings."""
    reader = ReaderPool()
    return Context(
        # Each thread may hold one connection for its request and one for lookups; the worker's hold one each.
        store=Store(
            settings.database_url,
            connections=2 * (settings.threads + settings.worker_threads) + 4,
            writers=max(1, settings.threads // 2),  # the other threads are for those who read
        ),
        vault=Vault(
            settings.secret_key.get_secret_value(), [key.get_secret_value() for key in settings.old_secret_keys]
        ),
        calendars=CalDAVServer(Guard(allowed_networks=settings.allowed_networks), reader),
        reader=reader,
        clock=lambda: datetime.now(UTC),
        refresh=timedelta(minutes=settings.calendar_refresh_minutes),
        stale_after=timedelta(minutes=settings.calendar_stale_minutes),
        quotas=settings.quotas,
        observer=Counting(),
        lanes=SearchLanes(LaneSizes.among(settings.threads, settings.searches, settings.searches_per_programme)),
    )


def create_service(settings: Settings, context: Context) -> Flask:
    """Return the WSGI app for the settings, with limits on requests. Raises PublicSecretKey, NoPublicUrl."""
    settings.require_own_secret_key()
    settings.require_public_url()
    rates = Rates(
        settings.key_requests_per_minute,
        settings.feed_requests_per_minute,
        settings.address_requests_per_minute,
        settings.rate_limit_storage.get_secret_value(),
    )
    return create_app(context, settings.public_url, rates, settings.trusted_proxies)


def create_app(context: Context, public_url: str = "", rates: Rates = UNLIMITED, trusted_proxies: int = 0) -> Flask:
    """Return the WSGI app that serves a context.

    Args:
        context: what the services need.
        public_url: the address that clients reach the app at; empty, in development: the address of each request.
        rates: how many requests are allowed.
        trusted_proxies: how many proxies in front add the client's address to X-Forwarded-For; 0: the client's address
            is the socket's.

    """
    app = routed_app()
    app.config["PUBLIC_URL"] = public_url.rstrip("/")
    app.extensions["scheduler"] = context
    app.wsgi_app = FeedMiddleware(  # type: ignore[method-assign]  # Flask's own way
        app.wsgi_app, lambda: app.extensions["scheduler"], register_limits(app, rates)
    )
    if trusted_proxies:
        # The outermost middleware, so that the others see the client's address too.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]  # Flask's own way
    return app


def routed_app() -> Flask:
    """Return an app with all routes but no context, which is enough to describe the API."""
    app = Flask(__name__, static_folder=None)
    register_request_log(app)
    register_errors(app)
    app.register_blueprint(api_blueprint())
    app.register_blueprint(feeds)
    register_pages(app)
    register_operations(app, conditional_view)
    return app
