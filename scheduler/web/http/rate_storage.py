"""The counters of the rate limits: in a Redis that all processes share, or in this process's memory.

While the Redis does not answer, each process counts by itself and retries the Redis once in a while: no request
fails for it.
"""

from __future__ import annotations

import threading
import time

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

MEMORY = "memory://"
MINUTE = 60
TIMEOUT = 0.25
"""Seconds after which the Redis counts as not answering."""
RETRY_AFTER = 5.0
"""Seconds for which a Redis that did not answer is not tried again."""


class LocalCounters:
    """Counters in this process's memory, one a client. Each expires a minute after its first request. Thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._swept_at = 0.0

    def __len__(self) -> int:
        """How many counters are in memory."""
        return len(self._counts)

    def add(self, client: str, now: float) -> tuple[int, float]:
        """Count a request; return the counter, and when it expires, in seconds since 1970 like ``now``."""
        with self._lock:
            if now - self._swept_at >= MINUTE:
                self._counts = {client: count for client, count in self._counts.items() if count[1] > now}
                self._swept_at = now
            requests, ends = self._counts.get(client, (0, 0.0))
            if ends <= now:
                requests, ends = 0, now + MINUTE
            self._counts[client] = (requests + 1, ends)
            return self._counts[client]


class SharedCounters:
    """Counters in a Redis; in this process's memory while the Redis does not answer."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        self._local = LocalCounters()
        self._retry_at = 0.0
        """When the Redis is tried again (of ``time.monotonic``), from its first failure to its next answer; else 0."""

    def add(self, client: str, now: float) -> tuple[int, float]:
        """The same as of `LocalCounters`; never fails."""
        if time.monotonic() < self._retry_at:
            return self._local.add(client, now)
        try:
            count = self._add(client, now)
        except RedisError as error:
            if not self._retry_at:
                log.warning("the rate limits' storage does not answer", error=type(error).__name__)
            self._retry_at = time.monotonic() + RETRY_AFTER
            return self._local.add(client, now)
        if self._retry_at:
            self._retry_at = 0.0
            log.info("the rate limits' storage answers again")
        return count

    def _add(self, client: str, now: float) -> tuple[int, float]:
        """Count a request in one transaction. The first command makes a counter of 0 if there is none."""
        name = f"scheduler:requests:{client}"
        transaction = self._redis.pipeline()
        transaction.set(name, 0, ex=MINUTE, nx=True)
        transaction.incr(name)
        transaction.pttl(name)
        _, requests, milliseconds_left = transaction.execute()
        return requests, now + milliseconds_left / 1000


def open_counters(url: str) -> LocalCounters | SharedCounters:
    """Return the counters in the Redis at that address, or in memory for ``memory://``."""
    return LocalCounters() if url == MEMORY else SharedCounters(url)
