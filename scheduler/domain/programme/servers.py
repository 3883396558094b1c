"""What a worker knows of a server that it sends to or reads from, and what follows for the next attempt.

A server is named by its origin (RFC 6454): scheme, host and port. All programmes share what is known of it, as they
share the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from scheduler.domain.programme.outbox import FIRST_RETRY, LONGEST_RETRY

SLOW = timedelta(seconds=5)
"""An attempt that takes longer makes its server slow."""
SLOW_FOR = timedelta(minutes=10)
"""For how long a server counts as slow after a slow or failed attempt."""


class Lane(StrEnum):
    """Servers that are alike in how long they keep a worker waiting. Each lane has places of its own."""

    QUICK = "quick"
    """Servers that answer."""
    NEW = "new"
    """Servers that nothing was ever sent to."""
    SLOW = "slow"
    """Servers that were slow, or failed, in the last ``SLOW_FOR``."""


SECONDS = {Lane.QUICK: 15.0, Lane.NEW: 5.0, Lane.SLOW: 60.0}
"""Seconds that one attempt may take; all less than a lease."""


@dataclass(frozen=True)
class Server:
    """A server by its origin. Instants are UTC; None: never.

    ``answered_at`` is its first answer. ``failures`` counts failed attempts in a row. Nothing is sent before
    ``paused_until``.
    """

    origin: str
    answered_at: datetime | None = None
    slow_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    paused_until: datetime | None = None

    def lane(self, now: datetime) -> Lane:
        """Return the lane of the next attempt."""
        if self.slow_at is not None and abs(now - self.slow_at) < SLOW_FOR:
            return Lane.SLOW
        return Lane.NEW if self.answered_at is None else Lane.QUICK

    def after(self, exchange: Exchange, jitter: float) -> Server:
        """Return the server after an attempt.

        A failure pauses it with exponential backoff and equal jitter, as `outbox.judge` does for a row; attempts that
        were under way together count as one failure. ``jitter`` is in [0, 1).
        """
        ended = exchange.ended
        if not exchange.failed:
            slow_at = ended if exchange.duration > SLOW else self.slow_at
            answered_at = self.answered_at or ended
            return replace(self, answered_at=answered_at, slow_at=slow_at, failures=0, paused_until=None)
        if self.failed_at is not None and exchange.started <= self.failed_at <= ended:
            return self
        failures = self.failures + 1
        step = min(FIRST_RETRY * 2 ** min(failures - 1, 20), LONGEST_RETRY)
        pause = max(step * (0.5 + jitter / 2), min(exchange.retry_after or timedelta(0), LONGEST_RETRY))
        return replace(self, slow_at=ended, failed_at=ended, failures=failures, paused_until=ended + pause)


@dataclass(frozen=True)
class Exchange:
    """One attempt at a server: when it began and ended (UTC), and whether the server itself failed.

    ``retry_after`` is the server's own wish.
    """

    origin: str
    started: datetime
    ended: datetime
    failed: bool
    retry_after: timedelta | None = None

    @property
    def duration(self) -> timedelta:
        """How long it took."""
        return self.ended - self.started


def origin_of(url: str) -> str:
    """Return the origin of an http or https URL, with its port: ``https://dav.example.org:443``."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://[{host}]:{port}" if ":" in host else f"{parts.scheme}://{host}:{port}"
