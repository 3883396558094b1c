"""GET /feeds/{token}.ics: what calendar apps poll. Most polls are answered in front of this, by ``feed_door``."""

from __future__ import annotations

from flask import Blueprint, Response, request

from scheduler.services.feeds import read_feed
from scheduler.services.secrets import digest
from scheduler.web.feeds.representation import KEPT_SECRET, Asked, choose_answer
from scheduler.web.http.limits import limits
from scheduler.web.http.operations import Operation
from scheduler.web.http.problems import TooManyRequests, problem
from scheduler.web.http.requests import context

feeds = Blueprint("feeds", __name__)


@feeds.get("/feeds/<token>.ics")
@Operation(None, media_types=("text/calendar",), refuses=(404, 429), tag="feeds")
def get_feed_calendar(token: str) -> Response:
    """Read a feed, as calendar apps do; its token is the key, and unknown and revoked are the same 404."""
    document = read_feed(context(), token)
    counted = limits()
    wait = counted and counted.hit_feed(digest(token) if document else None, request.remote_addr or "")
    if wait:
        raise TooManyRequests(wait)
    if document is None:
        return problem(404, "nothing is at this address; ask for a new feed")
    fields = request.headers
    asked = Asked(fields.get("If-None-Match"), fields.get("If-Modified-Since"), fields.get("Accept-Encoding"))
    answer = choose_answer(document.version, asked)
    body = document.gzipped_body if answer.gzipped else document.body
    assert body is not None  # it is chosen where there is one
    return Response(b"" if answer.is_known else body, answer.status, answer.headers(len(body)))


@feeds.after_app_request
def _keep_the_address_secret(response: Response) -> Response:
    """Whatever the answer is: the address may be a mistyped one."""
    if request.path.startswith("/feeds"):
        response.headers.update(KEPT_SECRET)
    return response
