"""Lanes for large searches: so many run at once in a process and so many of one programme; a few more wait their turn.

A search that waits holds a thread of the server. So there are few places to wait, and other requests always find a
thread. Searches of little work take no place.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from scheduler.domain.search.work import QUICK
from scheduler.errors import Refused

PATIENCE = 5.0
"""Seconds that a search waits for its turn."""
RETRY_AFTER = 5
"""Seconds after which a refused search is best sent again; the largest takes about two seconds of processor time."""


class TooManySearches(Refused):
    """There is no place for one more large search: for its programme, or else in this process.

    ``wait`` is after how many seconds it is best sent again.
    """

    def __init__(self, *, of_programme: bool) -> None:
        self.of_programme = of_programme
        self.wait = RETRY_AFTER
        whose = "your programme has" if of_programme else "the service has"
        super().__init__(
            f"{whose} as many large searches under way as it may; try again in {RETRY_AFTER} seconds, or ask for less: "
            "a shorter time, a longer step, fewer attendees or groups"
        )


@dataclass(frozen=True)
class LaneSizes:
    """How many large searches there may be in a process.

    Args:
        running: at the same time.
        running_of_programme: at the same time, of one programme.
        places: running and waiting together; of one programme half as many, rounded up.

    """

    running: int = 2
    running_of_programme: int = 1
    places: int = 3

    @classmethod
    def among(cls, threads: int, running: int, running_of_programme: int) -> LaneSizes:
        """Return the sizes for a server with so many threads: searches never hold more than three eighths of them.

        Writers that wait for SQLite hold up to half, and the rest is for everybody else.
        """
        places = max(1, threads * 3 // 8)
        return cls(min(running, places), min(running_of_programme, places), places)

    @property
    def places_of_programme(self) -> int:
        """Running and waiting together, of one programme."""
        return max((self.places + 1) // 2, self.running_of_programme)


@dataclass(frozen=True, eq=False)
class _Turn:
    """A search that waits, or is about to run."""

    programme_id: str


class SearchLanes:
    """The places of a process's large searches. They are taken in order, but past programmes that run enough."""

    def __init__(self, sizes: LaneSizes = LaneSizes(), patience: float = PATIENCE) -> None:
        self._sizes = sizes
        self._patience = patience
        self._changed = threading.Condition()
        self._running: Counter[str] = Counter()
        self._waiting: list[_Turn] = []

    @property
    def waiting(self) -> int:
        """How many searches wait for their turn."""
        return len(self._waiting)

    @contextmanager
    def place(self, programme_id: str, work: int) -> Iterator[None]:
        """Hold a place while a programme's search of so much work runs inside. Raises TooManySearches."""
        if work <= QUICK:
            yield
            return
        self._enter(_Turn(programme_id))
        try:
            yield
        finally:
            with self._changed:
                self._running[programme_id] -= 1
                self._running += Counter()  # without programmes that have none
                self._changed.notify_all()

    def _enter(self, turn: _Turn) -> None:
        """Wait until it is the search's turn. Raises TooManySearches."""
        with self._changed:
            self._check_places(turn.programme_id)
            self._waiting.append(turn)
            try:
                if not self._changed.wait_for(lambda: self._is_next(turn), self._patience):
                    raise TooManySearches(of_programme=self._is_full(turn.programme_id))
                self._running[turn.programme_id] += 1
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()

    def _check_places(self, programme_id: str) -> None:
        own = self._running[programme_id] + sum(turn.programme_id == programme_id for turn in self._waiting)
        if own >= self._sizes.places_of_programme:
            raise TooManySearches(of_programme=True)
        if self._running.total() + len(self._waiting) >= self._sizes.places:
            raise TooManySearches(of_programme=False)

    def _is_next(self, turn: _Turn) -> bool:
        if self._running.total() >= self._sizes.running:
            return False
        return turn is next((one for one in self._waiting if not self._is_full(one.programme_id)), None)

    def _is_full(self, programme_id: str) -> bool:
        return self._running[programme_id] >= self._sizes.running_of_programme
