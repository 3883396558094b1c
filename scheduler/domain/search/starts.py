"""The set of starts that a search looks at, and which of them periods rule out: the core of the engine.

The search works on starts, not minutes. A period [b, e) that a meeting of d minutes with buffers must not touch rules
out the starts b - d - after < s < e + before, exactly, for any lengths. All such ranges together are one difference
array: +1 where a range opens, -1 where it closes; a start is free where the running sum is 0. That is one pass over the
starts, for any number of attendees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import Minutes, Periods, sort_distinct
from scheduler.domain.time.units import DAY

Mask = npt.NDArray[np.bool_]
"""One truth value for each start."""

FEW_STARTS = 512
"""Up to so many starts, looking each one up in a single constraint is quicker than counting."""

_ONE = np.int32(1)

# glibc returns a search's scratch memory to the system each time, and fetching it again takes a third of the search,
# until the process has once freed a block larger than that.
np.zeros(8 << 20, dtype=np.uint8)


@dataclass(frozen=True)
class Constraint:
    """Periods that a meeting must not touch, nor the ``before`` minutes before it and the ``after`` minutes after it.

    With ``starts_only`` the meeting must not start in the periods, but may run into them.
    """

    periods: Periods
    before: int = 0
    after: int = 0
    starts_only: bool = False


@dataclass(frozen=True, eq=False)
class Starts:
    """UTC minutes at which a meeting may start, ascending. ``stride`` is their distance if it is always the same."""

    minutes: Minutes
    stride: int | None

    @classmethod
    def on_wall_clock(cls, clock: Clock, step: int, start: int, end: int) -> Starts:
        """Return the minutes of [start, end) at which hour x 60 + minute on the clock is a multiple of ``step``."""
        if start >= end:
            return cls(np.empty(0, dtype=np.int64), None)
        table = clock_offsets(clock, start, end)
        phases = table.offset % step
        if DAY % step == 0 and (phases == phases[0]).all():
            first = start + (-start - int(phases[0])) % step
            return cls(np.arange(first, end, step, dtype=np.int64), step)
        runs = [_multiples(since + offset, until + offset, step) - offset for since, until, offset in table]
        return cls(np.concatenate(runs), None)

    @classmethod
    def covering(cls, minutes: Minutes, step: int) -> Starts:
        """Return starts that include all of ``minutes``, which may be in any order and repeat."""
        first, last = int(minutes.min()), int(minutes.max())
        if not ((minutes - first) % step).any():
            return cls(np.arange(first, last + 1, step, dtype=np.int64), step)
        return cls(sort_distinct(minutes.ravel()), None)

    def __len__(self) -> int:
        return int(self.minutes.size)

    def indexes(self, minutes: Minutes) -> Minutes:
        """Return for each minute the index of the first start at or after it."""
        if self.stride is None:
            return np.searchsorted(self.minutes, minutes, "left")
        indexes: Minutes = (minutes - (self.minutes[0] - self.stride + 1)) // self.stride
        return indexes.clip(0, len(self))

    def blocked(self, duration: int, constraints: Sequence[Constraint]) -> Mask:
        """Return which of the starts any of the constraints rules out for a meeting of ``duration`` minutes."""
        constraints = [one for one in constraints if len(one.periods)]
        if not constraints or not len(self):
            return np.zeros(len(self), dtype=bool)
        if len(constraints) == 1 and len(self) <= FEW_STARTS:
            return self._looked_up(duration, constraints[0])
        # All constraints at once: most have so few periods that a step for each would cost more than its periods.
        counts = [len(one.periods) for one in constraints]
        back = np.repeat([(1 if one.starts_only else duration) + one.after - 1 for one in constraints], counts)
        opens = np.concatenate([one.periods.starts for one in constraints]) - back
        closes = np.concatenate([one.periods.ends for one in constraints])
        closes = closes + np.repeat([one.before for one in constraints], counts)
        # In place and in 32 bits: fresh memory for arrays of this size costs more than the arithmetic.
        depth = np.zeros(len(self) + 1, dtype=np.int32)
        np.add.at(depth, self.indexes(opens), _ONE)
        np.subtract.at(depth, self.indexes(closes), _ONE)
        np.cumsum(depth, out=depth)
        return depth[:-1] > 0

    def _looked_up(self, duration: int, constraint: Constraint) -> Mask:
        """Return the same for one constraint and few starts: the first period that ends after a start decides."""
        length = 1 if constraint.starts_only else duration
        periods = constraint.periods
        index = periods.ends.searchsorted(self.minutes - constraint.before, "right")
        begins = periods.starts.take(index, mode="clip")
        found: Mask = (begins < self.minutes + (length + constraint.after)) & (index < len(periods))
        return found


def _multiples(start: int, end: int, step: int) -> Minutes:
    """Return the wall minutes of [start, end) whose minute of the day is a multiple of ``step``."""
    days = np.arange(start // DAY, -(-end // DAY), dtype=np.int64)[:, None] * DAY
    walls = (days + np.arange(0, DAY, step, dtype=np.int64)).ravel()
    return walls[(walls >= start) & (walls < end)]
