"""What the web processes of a load run serve: the service as it is, and beside it a bare Flask app to compare it with.

The bare routes do one query over the index that feeds are found by, with the driver alone and a connection
that each thread keeps: no transaction, no log, no limits, no validators.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import psycopg
from flask import Flask, Response

from scheduler.app import create_context, create_service
from scheduler.config.environment import load_settings
from scheduler.config.settings import Settings
from scheduler.logs import configure_logs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class OneQuery:
    """Reads a column of one row of ``feeds``, found by its digest."""

    def __init__(self, database_url: str) -> None:
        self._scheme, _, self._rest = database_url.partition(":///")
        self._url = database_url.replace("+psycopg", "")
        self._kept = threading.local()

    def __call__(self, column: str, digest: str) -> Any:
        """Return that column's value."""
        connection = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = self._open()
        mark = "?" if self._scheme == "sqlite" else "%s"
        query = f"SELECT {column} FROM feeds WHERE digest = {mark}"  # noqa: S608  # our own two columns
        return connection.execute(query, (digest,)).fetchone()[0]

    def _open(self) -> Any:
        if self._scheme == "sqlite":
            return sqlite3.connect(self._rest, isolation_level=None)
        return psycopg.connect(self._url, autocommit=True)


def bare_app(database_url: str) -> Flask:
    """Two routes: the feed's stored bytes, and its ETag alone."""
    app = Flask("bare", static_folder=None)
    one = OneQuery(database_url)

    @app.get("/bare/body/<digest>")
    def get_body(digest: str) -> Response:
        return Response(bytes(one("body", digest)), mimetype="text/calendar")

    @app.get("/bare/etag/<digest>")
    def get_etag(digest: str) -> Response:
        return Response(one("etag", digest))

    return app


def _service(settings: Settings) -> Flask:
    configure_logs(settings.log_format)
    return create_service(settings, create_context(settings))


_SETTINGS = load_settings()
_SERVICE = _service(_SETTINGS)
_BARE = bare_app(_SETTINGS.database_url)


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serve the bare routes below /bare, and the service at all other addresses."""
    chosen = _BARE if environ["PATH_INFO"].startswith("/bare/") else _SERVICE
    return chosen.wsgi_app(environ, start_response)
