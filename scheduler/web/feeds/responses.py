"""The response to a request for a current feed, made the same way by the middleware and by the view.

Bodies are cached in memory by ETag, which never stands for other bytes.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache, cached

from scheduler.services.feeds import CurrentFeed, load_body
from scheduler.services.ports import Context
from scheduler.web.feeds.representation import Representation, choose_representation

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_BYTES = 32 << 20

body_cache: LRUCache[str, bytes] = LRUCache(MAX_BYTES, getsizeof=len)
"""The bodies sent last in this process, by ETag; the least recently used go first."""


class FeedResponse(NamedTuple):
    """A 200 or a 304."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def respond(context: Context, feed: CurrentFeed, environ: WSGIEnvironment) -> FeedResponse:
    """Return the response to a request for the feed. Raises FeedChanged, StoreUnavailable, StatementRefused."""
    chosen = choose_representation(feed.version, environ)
    body = b"" if chosen.is_known else _body(context, feed, chosen)
    # A newer version may have been rendered since this rendering began: its date must be later than the one sent here.
    return FeedResponse(chosen.status, chosen.headers(len(body), feed.rendered_at or context.clock()), body)


@cached(body_cache, key=lambda _context, _feed, chosen: chosen.etag, lock=Lock())
def _body(context: Context, feed: CurrentFeed, chosen: Representation) -> bytes:
    return load_body(context, feed, gzipped=chosen.gzipped)
