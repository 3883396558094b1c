"""A WSGI middleware that answers polls of feeds with 200 or 304, where the stored rendering is current.

Calendar apps poll every feed at least twice an hour, and nearly always nothing has changed. One query tells; Flask's
routing, hooks and error handling would cost three times as much. Everything else goes to the app, whose view
makes its responses the same way: unknown and old tokens, feeds to be rendered, too many requests, a database that
does not answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

from scheduler.services.feeds import FeedChanged, find_rendered_feed
from scheduler.services.ports import Context
from scheduler.services.secrets import digest
from scheduler.store import StatementRefused, StoreUnavailable
from scheduler.web.feeds.responses import FeedResponse, respond
from scheduler.web.http.limits import Limits
from scheduler.web.http.metrics import FEED_HITS
from scheduler.web.http.requests import BROWSER_RULES, log_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX, _SUFFIX = "/feeds/", ".ics"
_ROUTE = "/feeds/<token>.ics"
_STATUS_LINES = {200: "200 OK", 304: "304 Not Modified"}


class FeedMiddleware:
    """Answers polls of current feeds and passes every other request to ``app``.

    Args:
        app: the WSGI app behind it.
        context: returns what the use cases need.
        limits: counts the polls answered here.

    """

    def __init__(self, app: WSGIApplication, context: Callable[[], Context], limits: Limits) -> None:
        self.app = app
        self._context = context
        self._limits = limits

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        began = time.perf_counter()
        response = self._find_response(environ)
        if response is None:
            return self.app(environ, start_response)
        request_id = str(uuid4())
        headers = [*response.headers, ("X-Request-ID", request_id), *BROWSER_RULES.items()]
        start_response(_STATUS_LINES[response.status], headers)
        method = environ["REQUEST_METHOD"]
        log_request(method, _ROUTE, response.status, time.perf_counter() - began, request_id=request_id)
        FEED_HITS.labels(str(response.status)).inc()
        return [] if response.status == 304 or method == "HEAD" else [response.body]

    def _find_response(self, environ: WSGIEnvironment) -> FeedResponse | None:
        """Return the response, or None if the app has to answer."""
        token = _token(environ)
        if token is None:
            return None
        context, token_digest = self._context(), digest(token)
        try:
            feed = find_rendered_feed(context, token_digest)
            if feed is None or self._is_over_limit(token_digest, environ):
                return None
            return respond(context, feed, environ)
        except (FeedChanged, StoreUnavailable, StatementRefused):
            return None

    def _is_over_limit(self, token_digest: str, environ: WSGIEnvironment) -> bool:
        window = self._limits.hit_feed(token_digest, environ.get("REMOTE_ADDR", ""))
        return bool(window and window.wait)


def _token(environ: WSGIEnvironment) -> str | None:
    """The token in a feed's address, if the request reads one."""
    path: str = environ.get("PATH_INFO", "")
    if not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)) or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return None
    return path[len(_PREFIX) : -len(_SUFFIX)]
