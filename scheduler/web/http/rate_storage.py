"""Where requests are counted: in a Redis that all processes share, or in this one alone.

While the Redis does not answer, every process counts for itself: nobody is refused because of it, and
nobody waits for it more than once in a while.
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
ANSWERS_WITHIN = 0.25
"""Seconds that the Redis has for an answer."""
LEFT_ALONE = 5.0
"""Seconds for which a Redis that did not answer is not asked again."""
SWEPT_EVERY = 60.0

_T = TypeVar("_T")


class LocalCounts:
    """Counts that each begin with their first hit and end so many seconds later. Safe among threads.

    The library's own storage in memory looks through all of its keys every 10 ms, each time in a new thread.
    """

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._swept_at = 0.0

    def add(self, key: str, seconds: float, amount: int, now: float) -> int:
        """What the count is now."""
        with self._lock:
            if now - self._swept_at >= SWEPT_EVERY:
                self._counts = {key: row for key, row in self._counts.items() if row[1] > now}
                self._swept_at = now
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + seconds
            self._counts[key] = (count + amount, ends)
            return count + amount

    def read(self, key: str, now: float) -> tuple[int, float]:
        """The count and when it ends; nothing ends now."""
        count, ends = self._counts.get(key, (0, now))
        return (count, ends) if ends > now else (0, now)

    def forget(self, key: str | None = None) -> int:
        """Forgets one count, or all; how many there were."""
        with self._lock:
            gone = [key] if key in self._counts else [] if key else list(self._counts)
            for one in gone:
                del self._counts[one]
            return len(gone)


class Counters(Storage):
    """What ``limits`` counts with. ``shared`` is a Redis's URL, or ``memory://`` for none."""

    STORAGE_SCHEME = None

    def __init__(self, shared: str = MEMORY) -> None:
        super().__init__()
        self._local = LocalCounts()
        self._shared = None if shared == MEMORY else _open(shared)
        self._left_alone_until = 0.0
        self._is_away = False

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Nothing that the storage does raises."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """What the count is now."""
        return self._ask(
            lambda shared: shared.incr(key, expiry, amount), lambda: self._local.add(key, expiry, amount, time.time())
        )

    def get(self, key: str) -> int:
        """The count."""
        return self._ask(lambda shared: shared.get(key), lambda: self._local.read(key, time.time())[0])

    def get_expiry(self, key: str) -> float:
        """When the count ends, in seconds since the epoch."""
        return self._ask(lambda shared: shared.get_expiry(key), lambda: self._local.read(key, time.time())[1])

    def check(self) -> bool:
        """Whether everybody's requests are counted together, as they are meant to be."""
        return self._ask(lambda shared: shared.check(), lambda: self._shared is None)

    def reset(self) -> int | None:
        """Forgets every count of this process; those in the Redis end by themselves."""
        return self._local.forget()

    def clear(self, key: str) -> None:
        """Forgets one count."""
        self._local.forget(key)
        self._ask(lambda shared: shared.clear(key), lambda: None)

    def _ask(self, question: Callable[[Storage], _T], by_itself: Callable[[], _T]) -> _T:
        shared = self._shared
        if shared is None or time.monotonic() < self._left_alone_until:
            return by_itself()
        try:
            answer = question(shared)
        except shared.base_exceptions as error:
            self._left_alone_until = time.monotonic() + LEFT_ALONE
            if not self._is_away:
                self._is_away = True
                log.warning("the rate limits' storage is away: each process counts alone", error=type(error).__name__)
            return by_itself()
        if self._is_away:
            self._is_away = False
            log.info("the rate limits' storage is back")
        return answer


def _open(url: str) -> Storage:
    options: dict[str, Any] = {
        "socket_connect_timeout": ANSWERS_WITHIN,
        "socket_timeout": ANSWERS_WITHIN,
        "retry": Retry(NoBackoff(), 0),
    }
    return cast("Storage", storage_from_string(url, **options))
