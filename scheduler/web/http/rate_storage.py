"""The counters of the rate limits: in a Redis that all processes share, or in this process's memory.

While the Redis does not answer, each process counts by itself and retries the Redis once in a while: no request
fails for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import structlog
from limits.storage import Storage, storage_from_string
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

MEMORY = "memory://"
TIMEOUT = 0.25
"""Seconds after which the Redis counts as not answering."""
RETRY_AFTER = 5.0
"""Seconds for which a Redis that did not answer is not tried again."""
SWEEP_EVERY = 60.0

_T = TypeVar("_T")


class LocalCounts:
    """Counters in memory, each of which expires a number of seconds after its first hit. Thread-safe.

    The library's own memory storage scans all of its keys every 10 ms, each time in a new thread.
    """

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._swept_at = 0.0

    def add(self, key: str, seconds: float, amount: int, now: float) -> int:
        """Add to a counter and return its value."""
        with self._lock:
            if now - self._swept_at >= SWEEP_EVERY:
                self._counts = {key: row for key, row in self._counts.items() if row[1] > now}
                self._swept_at = now
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + seconds
            self._counts[key] = (count + amount, ends)
            return count + amount

    def read(self, key: str, now: float) -> tuple[int, float]:
        """Return a counter's value and when it expires; a counter of 0 expires now."""
        count, ends = self._counts.get(key, (0, now))
        return (count, ends) if ends > now else (0, now)

    def forget(self, key: str | None = None) -> int:
        """Delete one counter, or all, and return how many there were."""
        with self._lock:
            gone = [key] if key in self._counts else [] if key else list(self._counts)
            for one in gone:
                del self._counts[one]
            return len(gone)


class Counters(Storage):
    """A storage for the library ``limits``; ``shared`` is the URL of a Redis, or ``memory://`` for none."""

    STORAGE_SCHEME = None

    def __init__(self, shared: str = MEMORY) -> None:
        super().__init__()
        self._local = LocalCounts()
        self._shared = None if shared == MEMORY else _open(shared)
        self._retry_at = 0.0
        self._is_unreachable = False

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Empty: no method raises."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a counter and return its value."""
        return self._try(
            lambda shared: shared.incr(key, expiry, amount), lambda: self._local.add(key, expiry, amount, time.time())
        )

    def get(self, key: str) -> int:
        """Return a counter's value."""
        return self._try(lambda shared: shared.get(key), lambda: self._local.read(key, time.time())[0])

    def get_expiry(self, key: str) -> float:
        """Return when a counter expires, in seconds since the epoch."""
        return self._try(lambda shared: shared.get_expiry(key), lambda: self._local.read(key, time.time())[1])

    def check(self) -> bool:
        """Whether the configured storage answers."""
        return self._try(lambda shared: shared.check(), lambda: self._shared is None)

    def reset(self) -> int | None:
        """Delete this process's counters; those in the Redis expire by themselves."""
        return self._local.forget()

    def clear(self, key: str) -> None:
        """Delete one counter."""
        self._local.forget(key)
        self._try(lambda shared: shared.clear(key), lambda: None)

    def _try(self, operation: Callable[[Storage], _T], locally: Callable[[], _T]) -> _T:
        shared = self._shared
        if shared is None or time.monotonic() < self._retry_at:
            return locally()
        try:
            answer = operation(shared)
        except shared.base_exceptions as error:
            self._retry_at = time.monotonic() + RETRY_AFTER
            if not self._is_unreachable:
                self._is_unreachable = True
                log.warning(
                    "the rate limits' storage does not answer",
                    error=type(error).__name__,
                )
            return locally()
        if self._is_unreachable:
            self._is_unreachable = False
            log.info("the rate limits' storage answers again")
        return answer


def _open(url: str) -> Storage:
    options: dict[str, Any] = {
        "socket_connect_timeout": TIMEOUT,
        "socket_timeout": TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }
    return cast("Storage", storage_from_string(url, **options))
