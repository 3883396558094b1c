"""How many requests are taken in a minute: by key, by feed token, and by address from those who have neither.

Who sends a good key is counted by the key alone, so that colleagues behind one address don't stand in each
other's way; everybody else by address.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import cast

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from limits import RateLimitItemPerMinute
from limits.strategies import RateLimiter

from scheduler.web.rate_storage import MEMORY, SCHEME

_EXTENSION = "scheduler-limits"
_BY_KEY, _BY_FEED, _BY_ADDRESS = "key", "feed", "address"


@dataclass(frozen=True)
class Rates:
    """The requests that are taken in a minute; 0: as many as come. ``storage`` says where they are counted."""

    key: int = 600
    feed: int = 60
    address: int = 120
    storage: str = MEMORY


class Limits:
    """Counts what does not pass through Flask-Limiter, in the same storage. Knows nothing of Flask."""

    def __init__(self, strategy: RateLimiter, rates: Rates) -> None:
        self._strategy = strategy
        self._feed = RateLimitItemPerMinute(rates.feed) if rates.feed else None
        self._address = RateLimitItemPerMinute(rates.address) if rates.address else None

    def hit_feed(self, digest: str | None, address: str) -> int | None:
        """Counts a request for the feed of a token's SHA-256 (hex); None: no feed has it, the address is counted.

        None if the request is to be answered; otherwise how many seconds the client has to wait.
        """
        if digest is None:
            return self._hit(self._address, bucket_of(address), _BY_ADDRESS)
        return self._hit(self._feed, digest, _BY_FEED)

    def _hit(self, item: RateLimitItemPerMinute | None, *bucket: str) -> int | None:
        if item is None or self._strategy.hit(item, *bucket):
            return None
        ends = self._strategy.get_window_stats(item, *bucket).reset_time
        return max(1, math.ceil(ends - time.time()))


def register_limits(app: Flask, rates: Rates) -> Limits:
    """Counts the app's requests from now on; what it gives counts those that others answer in the app's place."""
    app.after_request(_tell_to_wait_only_who_must)  # the last to see the answer
    limiter = Limiter(
        _address,
        headers_enabled=True,
        strategy="fixed-window",
        storage_uri=SCHEME,
        storage_options={"shared": rates.storage},
    )
    limiter.init_app(app)
    app.after_request(_remember_what_was_told)  # the first
    limits = Limits(limiter.limiter, rates)
    app.extensions[_EXTENSION] = (_counter(limiter, rates), limits)
    return limits


def count_request() -> None:
    """Counts the request, by its key if it has a good one. Raises RateLimitExceeded (429)."""
    found = current_app.extensions.get(_EXTENSION)
    if found is not None:
        cast("Callable[[], None]", found[0])()


def limits() -> Limits | None:
    """What counts the app's feed requests; None: nothing does."""
    found = current_app.extensions.get(_EXTENSION)
    return None if found is None else cast("Limits", found[1])


def bucket_of(address: str) -> str:
    """Whom an address stands for: itself, or the network of 64 bits that one household or machine has whole."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def _counter(limiter: Limiter, rates: Rates) -> Callable[[], None]:
    """What counts a request when it is called: the key has to be known by then, or known to be none."""

    def count() -> None:
        pass

    if rates.key:
        by_key = limiter.shared_limit(f"{rates.key} per minute", _BY_KEY, key_func=_key, exempt_when=_has_no_key)
        count = by_key(count)
    if rates.address:
        by_address = limiter.shared_limit(
            f"{rates.address} per minute", _BY_ADDRESS, key_func=_address, exempt_when=_has_key
        )
        count = by_address(count)
    return count


def _key() -> str:
    return str(g.api_key.id)


def _has_key() -> bool:
    return "api_key" in g


def _has_no_key() -> bool:
    return not _has_key()


def _address() -> str:
    return bucket_of(request.remote_addr or "")


def _remember_what_was_told(response: Response) -> Response:
    g.retry_after = response.headers.get("Retry-After")
    return response


def _tell_to_wait_only_who_must(response: Response) -> Response:
    """Flask-Limiter puts Retry-After on every answer, over what others put there."""
    if response.status_code != 429:
        del response.headers["Retry-After"]
        if g.get("retry_after"):
            response.headers["Retry-After"] = g.retry_after
    return response
