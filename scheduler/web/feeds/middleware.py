"""Polls of feeds, answered in front of the app where nothing has to be decided but 200 or 304.

Calendar apps ask for every feed twice an hour and more, and nearly always nothing has changed. One query says
so; routing, hooks and a transaction would cost several times as much. Whatever is not that simple (an unknown
token, an old one, something to render, too many requests, a database that is away) goes on to the app, which
answers it by the same rules.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

from flask import Flask

from scheduler.services.feeds import PolledFeed, poll_feed, stored_body
from scheduler.services.ports import Context
from scheduler.services.secrets import digest
from scheduler.store import StatementRefused, StoreUnavailable
from scheduler.web.feeds.body_cache import KeptBytes
from scheduler.web.feeds.representation import Asked, FeedAnswer, choose_answer
from scheduler.web.http.limits import Limits
from scheduler.web.http.requests import NO_SNIFFING, log_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_BEFORE, _AFTER = "/feeds/", ".ics"
_ROUTE = "/feeds/<token>.ics"
_STATUS_LINE = {200: "200 OK", 304: "304 Not Modified"}


class FeedDoor:
    """A WSGI app around another one, which gets every request that is not answered here.

    ``limits`` counts what is answered here (None: nothing does); ``on_answer`` is told each status.
    """

    def __init__(
        self,
        app: Flask,
        behind: WSGIApplication,
        limits: Limits | None = None,
        on_answer: Callable[[int], None] | None = None,
        kept: KeptBytes | None = None,
    ) -> None:
        self._app = app
        self.behind = behind
        self._limits = limits
        self._on_answer = on_answer
        self._kept = kept or KeptBytes()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The answer to a request."""
        began = time.perf_counter()
        token = _token(environ)
        found = None if token is None else self._find(digest(token), environ)
        if found is None:
            return self.behind(environ, start_response)
        answer, body = found
        request_id = str(uuid4())
        headers = [*answer.headers(len(body)), ("X-Request-ID", request_id), NO_SNIFFING]
        start_response(_STATUS_LINE[answer.status], headers)
        method = environ["REQUEST_METHOD"]
        log_request(method, _ROUTE, answer.status, began, request_id=request_id)
        if self._on_answer is not None:
            self._on_answer(answer.status)
        return [] if answer.is_known or method == "HEAD" else [body]

    def _find(self, token_digest: str, environ: WSGIEnvironment) -> tuple[FeedAnswer, bytes] | None:
        """The answer with the bytes of its body; None if it is the app's to find."""
        context: Context = self._app.extensions["scheduler"]
        try:
            polled = poll_feed(context, token_digest)
            if polled is None or self._is_refused(token_digest, environ):
                return None
            answer = choose_answer(polled.version, _asked(environ))
            body = b"" if answer.is_known else self._body(context, polled, answer)
        except (StoreUnavailable, StatementRefused):
            return None
        return None if body is None else (answer, body)

    def _is_refused(self, token_digest: str, environ: WSGIEnvironment) -> bool:
        return bool(self._limits and self._limits.hit_feed(token_digest, environ.get("REMOTE_ADDR", "")))

    def _body(self, context: Context, polled: PolledFeed, answer: FeedAnswer) -> bytes | None:
        """From memory, where the ETag names the bytes, or else from the database."""
        body = self._kept.get(answer.etag)
        if body is None:
            body = stored_body(context, polled, gzipped=answer.gzipped)
            if body is not None:
                self._kept.keep(answer.etag, body)
        return body


def _token(environ: WSGIEnvironment) -> str | None:
    """The token in the address of a feed that is read; None for any other request."""
    path: str = environ.get("PATH_INFO", "")
    if not (path.startswith(_BEFORE) and path.endswith(_AFTER)) or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return None
    return path[len(_BEFORE) : -len(_AFTER)]


def _asked(environ: WSGIEnvironment) -> Asked:
    field = environ.get
    return Asked(field("HTTP_IF_NONE_MATCH"), field("HTTP_IF_MODIFIED_SINCE"), field("HTTP_ACCEPT_ENCODING"))
