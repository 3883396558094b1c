"""Rate limits: requests a minute, counted by API key, by feed token, or else by address.

A request with a valid key counts for the key alone, so that colleagues behind one address don't use up each other's
requests.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import cast

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from scheduler.web.http.problems import TooManyRequests
from scheduler.web.http.rate_storage import MEMORY, Counters

_EXTENSION = "scheduler-limits"
_BY_KEY, _BY_FEED, _BY_ADDRESS = "key", "feed", "address"


@dataclass(frozen=True)
class Rates:
    """The limits, in requests a minute; 0: no limit. ``storage`` is the URL of the counters' storage."""

    key: int = 600
    feed: int = 60
    address: int = 120
    storage: str = MEMORY


@dataclass(frozen=True)
class WindowState:
    """A client's present minute: ``remaining`` of ``limit`` requests until ``resets_at`` (seconds since 1970).

    ``is_over``: the request that was just counted is over the limit.
    """

    limit: int
    remaining: int
    resets_at: float
    is_over: bool

    @property
    def wait(self) -> int:
        """Seconds until the minute ends, at least 1."""
        return max(1, math.ceil(self.resets_at - time.time()))


class Limits:
    """Counts requests in fixed windows of a minute, each of which begins with its first request."""

    def __init__(self, rates: Rates) -> None:
        self._strategy = FixedWindowRateLimiter(Counters(shared=rates.storage))
        limits = {_BY_KEY: rates.key, _BY_FEED: rates.feed, _BY_ADDRESS: rates.address}
        self._items = {by: RateLimitItemPerMinute(limit) for by, limit in limits.items() if limit}

    def hit(self, key_id: str | None, address: str) -> WindowState | None:
        """Count a request for its valid key, or for its address if there is none; None: there is no limit."""
        client = (bucket_of(address), _BY_ADDRESS) if key_id is None else (key_id, _BY_KEY)
        if client[1] not in self._items:
            return None
        is_within = self._count(*client)
        return self._window(*client, is_over=not is_within)

    def hit_feed(self, digest: str | None, address: str) -> int | None:
        """Count a poll for the feed whose token has that SHA-256 (hex), or for its address if no feed has it.

        Return None within the limit, else for how many seconds the client has to wait.
        """
        client = (bucket_of(address), _BY_ADDRESS) if digest is None else (digest, _BY_FEED)
        return None if self._count(*client) else self._window(*client, is_over=True).wait

    def _count(self, bucket: str, by: str) -> bool:
        """Whether the request is within the limit."""
        return by not in self._items or self._strategy.hit(self._items[by], bucket, by)

    def _window(self, bucket: str, by: str, *, is_over: bool) -> WindowState:
        resets_at, remaining = self._strategy.get_window_stats(self._items[by], bucket, by)
        return WindowState(self._items[by].amount, remaining, resets_at, is_over)


def register_limits(app: Flask, rates: Rates) -> Limits:
    """Count the app's requests, and return the counter for those that a middleware answers."""
    app.after_request(_add_headers)
    app.extensions[_EXTENSION] = Limits(rates)
    return cast("Limits", app.extensions[_EXTENSION])


def count_request() -> None:
    """Count the request, for its API key if it has a valid one. Raises TooManyRequests."""
    counting = limits()
    key = g.get("api_key")
    g.window = counting and counting.hit(None if key is None else str(key.id), request.remote_addr or "")
    if g.window and g.window.is_over:
        raise TooManyRequests(g.window.wait, g.window.limit)


def limits() -> Limits | None:
    """The counter of the app's requests; None: they are not counted."""
    found = current_app.extensions.get(_EXTENSION)
    return None if found is None else cast("Limits", found)


def bucket_of(address: str) -> str:
    """Return the address to count for: of IPv6 the network of 64 bits, which is one household's or one machine's."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def _add_headers(response: Response) -> Response:
    """Add the customary header fields that tell a client how many requests it has left."""
    window: WindowState | None = g.get("window")
    if window:
        response.headers["X-RateLimit-Limit"] = str(window.limit)
        response.headers["X-RateLimit-Remaining"] = str(window.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(window.resets_at))
    return response
