"""The engine's ground floor: a set of starts, and which of them periods forbid.

The search works on starts, not minutes. A period [b, e) that a meeting of d minutes with buffers
may not touch forbids the starts b - d - after < s < e + before, exactly, whatever the lengths.
All such ranges together are one difference array: count where ranges open and close, sum up,
and a start is free where the sum is zero. The cost is one pass, however many attendees there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability import DAY
from scheduler.domain.periods import Minutes, Periods
from scheduler.domain.zones import offsets_between

Mask = npt.NDArray[np.bool_]
"""One truth value for each start."""


@dataclass(frozen=True)
class Bar:
    """Periods that a meeting may not touch, with the minutes it keeps away from them."""

    periods: Periods
    before: int = 0
    after: int = 0


@dataclass(frozen=True, eq=False)
class Starts:
    """The starts in question: UTC minutes, ascending. ``stride`` is their distance if it is always the same."""

    minutes: Minutes
    stride: int | None

    @classmethod
    def on_wall_clock(cls, zone: str, step: int, start: int, end: int) -> Starts:
        """Every minute of [start, end) at which hour x 60 + minute on that zone's clock is a multiple of step."""
        clock = offsets_between(zone, start, end)
        runs = [_multiples(since + offset, until + offset, step) - offset for since, until, offset in clock]
        runs = [run for run in runs if run.size]
        if not runs:
            return cls(np.empty(0, dtype=np.int64), None)
        even = DAY % step == 0 and all(later[0] - earlier[-1] == step for earlier, later in pairwise(runs))
        return cls(np.concatenate(runs), step if even else None)

    @classmethod
    def covering(cls, minutes: Minutes, step: int) -> Starts:
        """Starts among which all of ``minutes`` are found, in any order and with repeats."""
        first, last = int(minutes.min()), int(minutes.max())
        if not ((minutes - first) % step).any():
            return cls(np.arange(first, last + 1, step, dtype=np.int64), step)
        return cls(np.unique(minutes), None)

    def __len__(self) -> int:
        return int(self.minutes.size)

    def places(self, minutes: Minutes) -> Minutes:
        """For each minute, how many starts come before it: the place of the first start at or after it."""
        if self.stride is None:
            return np.searchsorted(self.minutes, minutes, "left")
        places: Minutes = (minutes - (self.minutes[0] - self.stride + 1)) // self.stride
        return places.clip(0, len(self))

    def barred(self, duration: int, bars: Sequence[Bar]) -> Mask:
        """Which starts a meeting of ``duration`` minutes can't have because it would touch one of the bars."""
        if not bars or not len(self):
            return np.zeros(len(self), dtype=bool)
        opens = np.concatenate([bar.periods.starts - (duration + bar.after - 1) for bar in bars])
        closes = np.concatenate([bar.periods.ends + bar.before for bar in bars])
        first, last = self.places(opens), self.places(closes)
        size = len(self) + 1
        change = np.bincount(first, minlength=size) - np.bincount(last, minlength=size)
        return np.cumsum(change[:-1]) > 0


def _multiples(start: int, end: int, step: int) -> Minutes:
    """The wall minutes of [start, end) whose minute of the day is a multiple of ``step``."""
    if DAY % step == 0:
        return np.arange(-(-start // step) * step, end, step, dtype=np.int64)
    days = np.arange(start // DAY, -(-end // DAY), dtype=np.int64)[:, None] * DAY
    walls = (days + np.arange(0, DAY, step, dtype=np.int64)).ravel()
    return walls[(walls >= start) & (walls < end)]
