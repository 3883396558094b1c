"""Rate limits: requests a minute, counted by API key, by feed token, or else by address.

A request with a valid key counts for the key alone, so that colleagues behind one address don't use up each other's
requests.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple, cast

from flask import Flask, Response, current_app, g, request

from scheduler.web.http.problems import too_many_requests
from scheduler.web.http.rate_storage import MEMORY, open_counters

_EXTENSION = "scheduler-limits"


@dataclass(frozen=True)
class Rates:
    """The limits, in requests a minute; 0: no limit. ``storage`` is the URL of the counters' storage."""

    key: int = 600
    feed: int = 60
    address: int = 120
    storage: str = MEMORY


UNLIMITED = Rates(0, 0, 0)


class Window(NamedTuple):
    """A client's present minute: ``requests`` were counted of ``limit``, until ``ends`` (seconds since 1970)."""

    limit: int
    requests: int
    ends: float

    @property
    def remaining(self) -> int:
        """How many more requests are allowed."""
        return max(0, self.limit - self.requests)

    @property
    def wait(self) -> int:
        """For how many seconds a client that is over the limit has to wait, at least 1; 0: it is within the limit."""
        return max(1, math.ceil(self.ends - time.time())) if self.requests > self.limit else 0


class Limits:
    """Counts requests in windows of a minute, each of which begins with its first request."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._counters = open_counters(rates.storage)

    def hit(self, key_id: str | None, address: str) -> Window | None:
        """Count a request for its valid key, or for its address if there is none; None: there is no limit."""
        return self._hit_address(address) if key_id is None else self._hit(f"key:{key_id}", self._rates.key)

    def hit_feed(self, digest: str | None, address: str) -> Window | None:
        """Count a poll for the feed whose token has that SHA-256 (hex), or for its address if no feed has it."""
        return self._hit_address(address) if digest is None else self._hit(f"feed:{digest}", self._rates.feed)

    def _hit_address(self, address: str) -> Window | None:
        return self._hit(f"address:{bucket_of(address)}", self._rates.address)

    def _hit(self, client: str, limit: int) -> Window | None:
        return Window(limit, *self._counters.add(client, time.time())) if limit else None


def register_limits(app: Flask, rates: Rates) -> Limits:
    """Count the app's requests, and return the counter for those that a middleware answers."""
    app.after_request(_add_headers)
    counting = app.extensions[_EXTENSION] = Limits(rates)
    return counting


def count_request() -> None:
    """Count the request, for its API key if it has a valid one. Raises HTTPRefusal."""
    key = g.get("api_key")
    g.window = limits().hit(None if key is None else str(key.id), request.remote_addr or "")
    if g.window and g.window.wait:
        raise too_many_requests(g.window.wait, f"more than {g.window.limit} requests a minute")


def limits() -> Limits:
    """The counter of the app's requests."""
    return cast("Limits", current_app.extensions[_EXTENSION])


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
    window: Window | None = g.get("window")
    if window:
        response.headers["X-RateLimit-Limit"] = str(window.limit)
        response.headers["X-RateLimit-Remaining"] = str(window.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(window.ends))
    return response
