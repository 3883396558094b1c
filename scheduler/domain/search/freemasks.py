"""Which starts are free for somebody, and what their free time lies between, kept for as long as that stays the same.

Time is cut into blocks. For each person, length of a meeting, grid and block there is one integer: its bit n is set
if nothing of that person's bars a meeting at the n-th start of the block's grid. The starts that suit everybody are
the bitwise and of all. A meeting is barred by what it touches wherever the window ends, so that one block serves
every window that touches it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeVar, cast

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.bounded import BoundedCache
from scheduler.domain.search.explanation import Bars
from scheduler.domain.search.scoring import walls_of
from scheduler.domain.search.starts import Starts
from scheduler.domain.time.clocks import Clock
from scheduler.domain.time.periods import Minutes, Periods
from scheduler.domain.time.units import DAY

BLOCK = 182 * DAY
"""Minutes of time that are kept together: half a year."""
MOST_BYTES = 32 << 20

_T = TypeVar("_T")


class FreeMasks:
    """Masks of free starts, those that were not asked for longest thrown away first. Safe among threads.

    ``most_bytes`` is how much all of them may take together. A version names everything about an attendee that can
    bar a meeting: whoever gives the same version twice gives the same hours, blackouts, busy time, buffers, moves,
    meetings and limits.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._kept: BoundedCache[Hashable, object] = BoundedCache(most_bytes)

    @property
    def bytes(self) -> int:
        """How much they take now."""
        return self._kept.bytes

    def starts(
        self, people: Sequence[tuple[Attendee, str]], duration: int, clock: Clock, step: int, start: int, end: int
    ) -> Minutes:
        """The starts of [start, end) on the clock's grid (UTC minutes) at which all of the people are free.

        ``people`` come with their versions; there is at least one.
        """
        found = []
        for block in range(start // BLOCK, -(-end // BLOCK)):
            grid = self._or_else(("grid", clock, step, block), partial(_grid, clock, step, block), _of_array)
            free = -1
            for attendee, version in people:
                free &= self._or_else(
                    (version, duration, clock, step, block),
                    partial(_mask, attendee, duration, block, grid),
                    _of_integer,
                )
            found.append(grid[_places(free, grid.size)])
        minutes = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
        first, last = np.searchsorted(minutes, [start, end])
        return minutes[first:last]

    def walls(self, attendee: Attendee, version: str, start: int, end: int) -> Periods:
        """The attendee's `walls_of` all blocks that [start, end) touches."""
        first, last = start // BLOCK, -(-end // BLOCK)
        make = partial(_walls, attendee, first * BLOCK, last * BLOCK)
        return self._or_else((version, "walls", first, last), make, _of_periods)

    def _or_else(self, key: Hashable, make: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        kept = self._kept.get(key)
        if kept is not None:
            return cast("_T", kept)
        made = make()
        self._kept.put(key, made, size(made))
        return made


def _grid(clock: Clock, step: int, block: int) -> Minutes:
    return Starts.on_wall_clock(clock, step, block * BLOCK, (block + 1) * BLOCK).minutes


def _mask(attendee: Attendee, duration: int, block: int, grid: Minutes) -> int:
    bars = Bars.of(attendee, block * BLOCK, (block + 1) * BLOCK + duration)
    free = ~Starts(grid, None).barred(duration, bars.all)
    return int.from_bytes(np.packbits(free, bitorder="little").tobytes(), "little")


def _walls(attendee: Attendee, start: int, end: int) -> Periods:
    """Copied: a view would hold on to all that it is a view of."""
    found = walls_of(attendee, start, end)
    return Periods(found.starts.copy(), found.ends.copy())


def _places(bits: int, count: int) -> Minutes:
    """Which of the first ``count`` bits are set."""
    packed = np.frombuffer(bits.to_bytes(-(-count // 8), "little"), dtype=np.uint8)
    # Seen as truth values they are found three times as fast as as numbers.
    return np.flatnonzero(np.unpackbits(packed, count=count, bitorder="little").view(np.bool_))


def _of_array(array: Minutes) -> int:
    return int(array.nbytes)


def _of_periods(periods: Periods) -> int:
    return _of_array(periods.starts) + _of_array(periods.ends)


def _of_integer(bits: int) -> int:
    return bits.bit_length() // 8
