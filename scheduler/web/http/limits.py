"""How many requests are taken in a minute: by key, by feed token, and by address from those who have neither.

Who sends a good key is counted by the key alone, so that colleagues behind one address don't stand in each
other's way; everybody else by address.
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
    """The requests that are taken in a minute; 0: as many as come. ``storage`` says where they are counted."""

    key: int = 600
    feed: int = 60
    address: int = 120
    storage: str = MEMORY


@dataclass(frozen=True)
class Standing:
    """How much of its minute somebody has used: ``left`` of ``most`` requests, until ``ends`` (seconds since 1970).

    ``is_over`` if the request that was just counted is one too many.
    """

    most: int
    left: int
    ends: float
    is_over: bool

    @property
    def wait(self) -> int:
        """Seconds until the minute ends, at least one."""
        return max(1, math.ceil(self.ends - time.time()))


class Limits:
    """Counts requests in minutes that begin with the first one. Knows nothing of Flask."""

    def __init__(self, rates: Rates) -> None:
        self._strategy = FixedWindowRateLimiter(Counters(shared=rates.storage))
        taken = {_BY_KEY: rates.key, _BY_FEED: rates.feed, _BY_ADDRESS: rates.address}
        self._items = {by: RateLimitItemPerMinute(most) for by, most in taken.items() if most}

    def hit(self, key_id: str | None, address: str) -> Standing | None:
        """Counts a request with that good key; None: it has none, the address is counted.

        None if any number is taken.
        """
        who = (bucket_of(address), _BY_ADDRESS) if key_id is None else (key_id, _BY_KEY)
        if who[1] not in self._items:
            return None
        is_taken = self._takes(*who)
        return self._standing(*who, is_over=not is_taken)

    def hit_feed(self, digest: str | None, address: str) -> int | None:
        """Counts a request for the feed of a token's SHA-256 (hex); None: no feed has it, the address is counted.

        None if the request is to be answered; otherwise how many seconds the client has to wait.
        """
        who = (bucket_of(address), _BY_ADDRESS) if digest is None else (digest, _BY_FEED)
        return None if self._takes(*who) else self._standing(*who, is_over=True).wait

    def _takes(self, bucket: str, by: str) -> bool:
        return by not in self._items or self._strategy.hit(self._items[by], bucket, by)

    def _standing(self, bucket: str, by: str, *, is_over: bool) -> Standing:
        ends, left = self._strategy.get_window_stats(self._items[by], bucket, by)
        return Standing(self._items[by].amount, left, ends, is_over)


def register_limits(app: Flask, rates: Rates) -> Limits:
    """Counts the app's requests from now on; what it gives counts those that others answer in the app's place."""
    app.after_request(_tell_standing)
    app.extensions[_EXTENSION] = Limits(rates)
    return cast("Limits", app.extensions[_EXTENSION])


def count_request() -> None:
    """Counts the request, by its key if it has a good one. Raises TooManyRequests."""
    counting = limits()
    key = g.get("api_key")
    g.standing = counting and counting.hit(None if key is None else str(key.id), request.remote_addr or "")
    if g.standing and g.standing.is_over:
        raise TooManyRequests(g.standing.wait, g.standing.most)


def limits() -> Limits | None:
    """What counts the app's requests; None: nothing does."""
    found = current_app.extensions.get(_EXTENSION)
    return None if found is None else cast("Limits", found)


def bucket_of(address: str) -> str:
    """Whom an address stands for: itself, or the network of 64 bits that one household or machine has whole."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def _tell_standing(response: Response) -> Response:
    """Says how many more are taken, in the header fields that clients know this from."""
    standing: Standing | None = g.get("standing")
    if standing:
        response.headers["X-RateLimit-Limit"] = str(standing.most)
        response.headers["X-RateLimit-Remaining"] = str(standing.left)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(standing.ends))
    return response
