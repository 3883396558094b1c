"""Fair queueing: which of the due work a worker starts next, when it has only so many places.

Programmes take turns (round-robin fair queueing, RFC 970): a free place goes to the programme that holds the fewest,
and among those to the one that was served longest ago. Slow servers and new ones have few places of their own
(bulkheads), a server has at most so many, and a programme never all. So nobody waits long for somebody else's server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cachetools import LRUCache

from scheduler.domain.programme.servers import Lane

FIRST_LIMIT = 2
HIGHEST_LIMIT = 8
"""The most attempts at one server at a time: ``FIRST_LIMIT`` at first, one more with each brisk answer."""
BRISK = 1.0
"""Seconds within which an answer is brisk."""
REMEMBERED = 10_000
"""Servers and programmes that a queue remembers; one that it has forgotten counts as new."""


@dataclass(frozen=True)
class Due:
    """Work that is due: its id, whose it is, and the server that it needs."""

    id: str
    programme_id: str
    origin: str
    lane: Lane


class FairQueue:
    """The places of one worker for one kind of work, and the work that holds them."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._running: dict[str, Due] = {}
        self._held: Counter[str] = Counter()
        """Places held by each programme, server and lane; their names differ."""
        self._limits: LRUCache[str, int] = LRUCache(REMEMBERED)
        self._last_turns: LRUCache[str, int] = LRUCache(REMEMBERED)
        self._turns = 0

    @property
    def running(self) -> int:
        """How many places are held."""
        return len(self._running)

    def free_lanes(self) -> list[Lane]:
        """Return the lanes in which something more could start."""
        return [lane for lane in Lane if self._has_room(lane)]

    def full_servers(self) -> list[str]:
        """Return the origins at which nothing more may start at present."""
        origins = {work.origin for work in self._running.values()}
        return sorted(origin for origin in origins if self._is_full(origin))

    def take(self, due: Iterable[Due]) -> list[Due]:
        """Choose what starts now, of each programme's work the first first; it holds its place until `release`."""
        waiting: dict[str, list[Due]] = {}
        for work in due:
            if work.id not in self._running:
                waiting.setdefault(work.programme_id, []).append(work)
        taken: list[Due] = []
        while (chosen := self._next(waiting)) is not None:
            self._hold(chosen)
            taken.append(chosen)
        return taken

    def release(self, work: Due) -> None:
        """Free the place of work that ended, or that another worker was quicker to claim."""
        if self._running.pop(work.id, None) is not None:
            self._held.subtract(_holders(work))
            self._held = +self._held

    def learn(self, origin: str, seconds: float, *, answered: bool) -> None:
        """Learn from an attempt how many attempts at a time its server bears.

        Additive increase up to ``HIGHEST_LIMIT``, and back to ``FIRST_LIMIT`` when an answer is not brisk.
        """
        is_brisk = answered and seconds <= BRISK
        self._limits[origin] = (
            min(self._limits.get(origin, FIRST_LIMIT) + 1, HIGHEST_LIMIT) if is_brisk else FIRST_LIMIT
        )

    def _next(self, waiting: dict[str, list[Due]]) -> Due | None:
        """Remove and return the work whose turn it is; None if nothing may start."""
        for programme_id in sorted(waiting, key=self._turn):
            for index, work in enumerate(waiting[programme_id]):
                if self._may_start(work):
                    return waiting[programme_id].pop(index)
        return None

    def _turn(self, programme_id: str) -> tuple[int, int]:
        return self._held[programme_id], self._last_turns.get(programme_id, 0)

    def _may_start(self, work: Due) -> bool:
        most = max(1, self.places * 3 // 4)
        return self._has_room(work.lane) and not self._is_full(work.origin) and self._held[work.programme_id] < most

    def _has_room(self, lane: Lane) -> bool:
        share = {Lane.QUICK: self.places, Lane.NEW: self.places // 4, Lane.SLOW: self.places // 8}[lane]
        return len(self._running) < self.places and self._held[lane] < max(1, share)

    def _is_full(self, origin: str) -> bool:
        return self._held[origin] >= self._limits.get(origin, FIRST_LIMIT)

    def _hold(self, work: Due) -> None:
        self._turns += 1
        self._last_turns[work.programme_id] = self._turns
        self._running[work.id] = work
        self._held.update(_holders(work))


def _holders(work: Due) -> tuple[str, str, str]:
    return work.programme_id, work.origin, work.lane
