"""GET /feeds/{token}.ics for every poll that `FeedMiddleware` passes on: renders feeds, and refuses."""

from __future__ import annotations

from flask import Blueprint, Response, request

from scheduler.services.feeds import read_feed
from scheduler.services.secrets import digest
from scheduler.web.feeds.representation import SECRET_ADDRESS
from scheduler.web.feeds.responses import respond
from scheduler.web.http.limits import limits
from scheduler.web.http.operations import Operation
from scheduler.web.http.problems import problem, too_many_requests
from scheduler.web.http.requests import context

feeds = Blueprint("feeds", __name__)


@feeds.get("/feeds/<token>.ics")
@Operation(None, media_types=("text/calendar",), refuses=(404, 429), tag="feeds")
def get_feed_calendar(token: str) -> Response:
    """Read a feed, as calendar apps do; its token is the key, and unknown and revoked are the same 404."""
    token_digest = digest(token)
    feed = read_feed(context(), token_digest)
    window = limits().hit_feed(None if feed is None else token_digest, request.remote_addr or "")
    if window and window.wait:
        raise too_many_requests(window.wait)
    if feed is None:
        return problem(404, "nothing is at this address; ask for a new feed")
    response = respond(context(), feed, request.environ)
    return Response(response.body, response.status, response.headers)


@feeds.after_app_request
def _keep_address_secret(response: Response) -> Response:
    """Add the header fields to every answer below /feeds: a mistyped address may hold most of a token."""
    if request.path.startswith("/feeds"):
        response.headers.update(SECRET_ADDRESS)
    return response
