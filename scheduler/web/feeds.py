"""GET /feeds/{token}.ics: what calendar apps poll."""

from __future__ import annotations

from datetime import UTC

from flask import Blueprint, Response, request
from werkzeug.http import http_date, unquote_etag

from scheduler.services.feeds import read_feed
from scheduler.web.api.openapi import documented
from scheduler.web.problems import problem
from scheduler.web.requests import context

feeds = Blueprint("feeds", __name__)


@feeds.get("/feeds/<token>.ics")
@documented(None, refuses=(404,), tag="feeds")
def get_calendar_feed(token: str) -> Response:
    """Read a feed, as calendar apps do; its token is the key, and unknown and revoked are the same 404."""
    document = read_feed(context(), token)
    if document is None:
        return problem(404, "nothing is at this address; ask for a new feed")
    etag, _ = unquote_etag(document.etag)
    # With If-None-Match the date is not looked at (RFC 9110 §13.2.2): two changes can share a second.
    if request.if_none_match:
        fresh = request.if_none_match.contains_weak(etag or "")
    else:
        since = request.if_modified_since
        fresh = since is not None and document.last_modified.replace(microsecond=0) <= since.astimezone(UTC)
    response = Response(status=304) if fresh else Response(document.body, mimetype="text/calendar")
    response.headers["ETag"] = document.etag
    response.headers["Last-Modified"] = http_date(document.last_modified)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
