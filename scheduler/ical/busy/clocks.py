"""The clocks that events are placed by: between wall seconds and UTC seconds, one at a time or many."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.zones import Offsets, offsets_between
from scheduler.ical.busy.days import Numbers
from scheduler.ical.busy.zones import OwnZone, Zone

_MINUTES_OF_YEAR = 366 * 1440


class PlacingClock:
    """One clock, whose offsets are known from ``first`` to ``end`` (UTC minutes), and earlier ones as they are needed.

    Outside of these, and before 1970, the nearest known offset holds: nothing there is placed in the span read.
    """

    def __init__(self, zone: Zone, owner: Clock, first: int, end: int) -> None:
        self._zone = zone
        self._owner = owner
        self._end = end
        self._extend(first)

    def _extend(self, first: int) -> None:
        self._first = max(first, 0)
        end = max(self._end, self._first + 1)
        self._offsets = self._between(self._first, end)
        self._turns: list[int] = self._offsets.turns.tolist()
        self._ahead: list[int] = self._offsets.offset.tolist()
        self._since: list[int] = self._offsets.since.tolist()

    def _between(self, first: int, end: int) -> Offsets:
        if self._zone is None:
            return clock_offsets(self._owner, first, end)
        if isinstance(self._zone, OwnZone):
            return self._zone.offsets(first, end)
        return offsets_between(self._zone, first, end)

    def instant(self, wall: int) -> int:
        """Return the UTC second of a wall second; in a gap the offset before it holds (RFC 5545 §3.3.5)."""
        minute = wall // 60
        if minute < self._first + 1440 and self._first > 0:
            self._extend(minute - _MINUTES_OF_YEAR)
        return wall - self._ahead[bisect_right(self._turns, minute)] * 60

    def wall(self, instant: int) -> int:
        """Return the wall second at a UTC second."""
        minute = instant // 60
        if minute < self._first and self._first > 0:
            self._extend(minute - _MINUTES_OF_YEAR)
        return instant + self._ahead[max(bisect_right(self._since, minute) - 1, 0)] * 60

    def instants(self, walls: Numbers) -> Numbers:
        """Return the UTC seconds of wall seconds within the span of this clock."""
        return self._offsets.resolve(walls // 60) * 60 + walls % 60

    def walls(self, instants: Numbers) -> Numbers:
        """Return the wall seconds at UTC seconds within the span of this clock."""
        place = np.maximum(self._offsets.since.searchsorted(instants // 60, "right") - 1, 0)
        return instants + self._offsets.offset[place] * 60
