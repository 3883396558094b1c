"""The engine's ground floor: a set of starts, and which of them periods forbid.

The search works on starts, not minutes. A period [b, e) that a meeting of d minutes with buffers
may not touch forbids the starts b - d - after < s < e + before, exactly, whatever the lengths.
All such ranges together are one difference array: count where ranges open and close, sum up,
and a start is free where the sum is zero. The cost is one pass, however many attendees there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scheduler.domain.time.clocks import Clock, clock_between
from scheduler.domain.time.periods import Minutes, Periods, distinct
from scheduler.domain.time.units import DAY

Mask = npt.NDArray[np.bool_]
"""One truth value for each start."""


FEW = 512
"""So many starts are sooner looked up in one bar than counted."""

_ONE = np.int32(1)

# glibc hands a search's scratch memory back to the system each time, and fetches it anew at the price of a third
# of the search, until the process has once freed a block larger than that.
np.zeros(8 << 20, dtype=np.uint8)


@dataclass(frozen=True)
class Bar:
    """Periods that a meeting may not touch, with the minutes it keeps away from them.

    With ``starts_only`` it may not start in them, and may go on into them.
    """

    periods: Periods
    before: int = 0
    after: int = 0
    starts_only: bool = False


@dataclass(frozen=True, eq=False)
class Starts:
    """The starts in question: UTC minutes, ascending. ``stride`` is their distance if it is always the same."""

    minutes: Minutes
    stride: int | None

    @classmethod
    def on_wall_clock(cls, clock: Clock, step: int, start: int, end: int) -> Starts:
        """Every minute of [start, end) at which hour x 60 + minute on that clock is a multiple of step."""
        if start >= end:
            return cls(np.empty(0, dtype=np.int64), None)
        table = clock_between(clock, start, end)
        phases = table.offset % step
        if DAY % step == 0 and (phases == phases[0]).all():
            first = start + (-start - int(phases[0])) % step
            return cls(np.arange(first, end, step, dtype=np.int64), step)
        runs = [_multiples(since + offset, until + offset, step) - offset for since, until, offset in table]
        return cls(np.concatenate(runs), None)

    @classmethod
    def covering(cls, minutes: Minutes, step: int) -> Starts:
        """Starts among which all of ``minutes`` are found, in any order and with repeats."""
        first, last = int(minutes.min()), int(minutes.max())
        if not ((minutes - first) % step).any():
            return cls(np.arange(first, last + 1, step, dtype=np.int64), step)
        return cls(distinct(minutes.ravel()), None)

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
        bars = [bar for bar in bars if len(bar.periods)]
        if not bars or not len(self):
            return np.zeros(len(self), dtype=bool)
        if len(bars) == 1 and len(self) <= FEW:
            return self._looked_up(duration, bars[0])
        # All bars at once: most have so few periods that a step for each would cost more than the periods do.
        counts = [len(bar.periods) for bar in bars]
        back = np.repeat([(1 if bar.starts_only else duration) + bar.after - 1 for bar in bars], counts)
        opens = np.concatenate([bar.periods.starts for bar in bars]) - back
        closes = np.concatenate([bar.periods.ends for bar in bars]) + np.repeat([bar.before for bar in bars], counts)
        # In place and in 32 bits: fresh memory for arrays of this size costs more than the arithmetic.
        depth = np.zeros(len(self) + 1, dtype=np.int32)
        np.add.at(depth, self.places(opens), _ONE)
        np.subtract.at(depth, self.places(closes), _ONE)
        np.cumsum(depth, out=depth)
        return depth[:-1] > 0

    def _looked_up(self, duration: int, bar: Bar) -> Mask:
        """The same of one bar, for few starts: for each, the first period that ends after it decides."""
        length = 1 if bar.starts_only else duration
        periods = bar.periods
        place = periods.ends.searchsorted(self.minutes - bar.before, "right")
        begins = periods.starts.take(place, mode="clip")
        found: Mask = (begins < self.minutes + (length + bar.after)) & (place < len(periods))
        return found


def _multiples(start: int, end: int, step: int) -> Minutes:
    """The wall minutes of [start, end) whose minute of the day is a multiple of ``step``."""
    days = np.arange(start // DAY, -(-end // DAY), dtype=np.int64)[:, None] * DAY
    walls = (days + np.arange(0, DAY, step, dtype=np.int64)).ravel()
    return walls[(walls >= start) & (walls < end)]
