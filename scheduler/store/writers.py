"""The line that the writers of a process wait in for a SQLite database, which one of them can write to at a time.

Without it every thread would wait at the database itself, which lets in whoever happens to ask next, and all of a
process's threads could wait while another process writes: none would be left for those who only read.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from scheduler.store.failures import StoreUnavailable

STALLED_SECONDS = 0.05
"""How long a writer beyond the line's places waits while another process has the database."""
SLOW_SECONDS = 1.0
"""How long such a writer waits while a transaction of this process has it."""


class WriterLine:
    """Writers in the order in which they came.

    Args:
        places: how many writers may be in line for long, the one that writes included; None: any number. Others are
            in line too, but are refused once it has stood still for a moment.
        seconds: how long a writer waits for its turn at most.

    """

    def __init__(self, places: int | None, seconds: float) -> None:
        self._places = places
        self._seconds = seconds
        self._line: deque[object] = deque()
        self._moved = threading.Condition()
        self._refuses_at = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it inside. Raises StoreUnavailable."""
        writer = object()
        until = time.monotonic() + self._seconds
        with self._moved:
            if not self._line:
                self._stand_for(STALLED_SECONDS)
            self._line.append(writer)
        try:
            self._wait(writer, until)
            yield
        finally:
            with self._moved:
                if self._line[0] is writer:
                    self._stand_for(STALLED_SECONDS)
                self._line.remove(writer)
                self._moved.notify_all()

    def has_begun(self) -> None:
        """Note that the writer whose turn it is has the database, and so that the line will move."""
        with self._moved:
            self._stand_for(SLOW_SECONDS)

    def _wait(self, writer: object, until: float) -> None:
        with self._moved:
            while self._line[0] is not writer:
                has_place = self._places is None or self._line.index(writer) < self._places
                left = (until if has_place else min(until, self._refuses_at)) - time.monotonic()
                if left <= 0:
                    raise StoreUnavailable(f"{self._line.index(writer)} writers of this process wait for it already")
                self._moved.wait(left)

    def _stand_for(self, seconds: float) -> None:
        self._refuses_at = time.monotonic() + seconds
