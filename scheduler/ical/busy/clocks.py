"""The clocks that events are placed by: between wall seconds and UTC seconds, one at a time or many."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import minute_of
from scheduler.domain.time.zones import LAST_INSTANT, Offsets, offsets_between
from scheduler.ical.busy.days import Numbers
from scheduler.ical.busy.zones import OwnZone, Zone

_DAY = 1440
_YEAR = 366 * _DAY
_LAST = minute_of(LAST_INSTANT)


class PlacingClock:
    """One clock, whose offsets are known from ``first`` to ``end`` (UTC minutes), and others as they are needed.

    Before 1970, and after the last date of the domain, the nearest known offset holds.
    """

    def __init__(self, zone: Zone, owner: Clock, first: int, end: int) -> None:
        self._zone = zone
        self._owner = owner
        self._know(first, end)

    def _know(self, first: int, end: int) -> None:
        self._first = max(first, 0)
        self._end = max(end, self._first + 1)
        self._offsets = self._between(self._first, self._end)
        self._turns: list[int] = self._offsets.turns.tolist()
        self._ahead: list[int] = self._offsets.offset.tolist()
        self._since: list[int] = self._offsets.since.tolist()

    def _reach(self, first: int, last: int) -> None:
        """Make the offsets of those UTC minutes known, and those of a year more, as these will be needed too."""
        is_before = first < self._first and self._first > 0
        is_after = last >= self._end and self._end < _LAST
        if is_before or is_after:
            self._know(
                first - _YEAR if is_before else self._first,
                min(last + _YEAR, _LAST) if is_after else self._end,
            )

    def _between(self, first: int, end: int) -> Offsets:
        if self._zone is None:
            return clock_offsets(self._owner, first, end)
        if isinstance(self._zone, OwnZone):
            return self._zone.offsets(first, end)
        return offsets_between(self._zone, first, end)

    def instant(self, wall: int) -> int:
        """Return the UTC second of a wall second; in a gap the offset before it holds (RFC 5545 §3.3.5)."""
        minute = wall // 60
        self._reach(minute - _DAY, minute + _DAY)
        return wall - self._ahead[bisect_right(self._turns, minute)] * 60

    def wall(self, instant: int) -> int:
        """Return the wall second at a UTC second."""
        minute = instant // 60
        self._reach(minute, minute)
        return instant + self._ahead[max(bisect_right(self._since, minute) - 1, 0)] * 60

    def instants(self, walls: Numbers) -> Numbers:
        """Return the UTC seconds of wall seconds, each as `instant` does."""
        if walls.size:
            self._reach(int(walls.min()) // 60 - _DAY, int(walls.max()) // 60 + _DAY)
        return self._offsets.resolve(walls // 60) * 60 + walls % 60

    def walls(self, instants: Numbers) -> Numbers:
        """Return the wall seconds at UTC seconds, each as `wall` does."""
        if instants.size:
            self._reach(int(instants.min()) // 60, int(instants.max()) // 60)
        place = np.maximum(self._offsets.since.searchsorted(instants // 60, "right") - 1, 0)
        return instants + self._offsets.offset[place] * 60
