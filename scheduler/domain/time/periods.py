"""Half-open UTC periods: one as a pair of instants, many as a pair of int64 minute arrays.

Minutes are counted from 1970-01-01T00:00Z. A set of periods is sorted and disjoint, so that every operation is a binary
search or one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from scheduler.errors import InvalidValue

Minutes = npt.NDArray[np.int64]
"""An array of whole minutes since the epoch, or of lengths in minutes."""

Span = tuple[int, int]
"""Half-open minutes [start, end): UTC minutes, wall minutes, or minutes of a local day."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def sort_distinct(minutes: Minutes) -> Minutes:
    """Return the minutes sorted and without duplicates; quicker than ``np.unique`` on nearly sorted arrays."""
    ordered = np.sort(minutes, kind="stable")
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if ordered.size else ordered


def minute_of(instant: datetime) -> int:
    """Return the minute that an instant lies in, counted from the epoch (rounded down)."""
    return (require_aware(instant) - EPOCH) // _MINUTE


def minute_after(instant: datetime) -> int:
    """Return the first whole minute at or after an instant (rounded up)."""
    return -((EPOCH - require_aware(instant)) // _MINUTE)


def instant_of(minute: int) -> datetime:
    """Return the UTC instant at which a minute begins."""
    return EPOCH + int(minute) * _MINUTE


def require_aware(instant: datetime) -> datetime:
    """Return the instant. Raises TypeError if it has no UTC offset."""
    if instant.tzinfo is None:
        raise TypeError(f"an instant needs a UTC offset: {instant!r}")
    return instant


class EmptyPeriod(InvalidValue):
    """A period does not end after it starts."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        super().__init__(
            f"the period ends at {end.isoformat()}, which is not after its start {start.isoformat()}; "
            "give a later end or an earlier start"
        )


@dataclass(frozen=True, order=True)
class Period:
    """The time between two UTC instants, half-open: [start, end).

    Raises TypeError for naive instants, EmptyPeriod unless the end is after the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_aware(self.start).astimezone(UTC))
        object.__setattr__(self, "end", require_aware(self.end).astimezone(UTC))
        if self.end <= self.start:
            raise EmptyPeriod(self.start, self.end)

    def overlaps(self, other: Period) -> bool:
        """Whether two periods share any time; periods that only touch do not."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, eq=False)
class Periods:
    """A set of half-open periods in UTC minutes, [starts[i], ends[i]), sorted and disjoint; none is empty.

    Periods may touch. `merged` builds the set from any arrays; the constructor takes arrays that are already so.

    >>> busy = Periods.merged(np.array([540, 60, 570]), np.array([600, 120, 630]))
    >>> list(zip(busy.starts.tolist(), busy.ends.tolist()))
    [(60, 120), (540, 630)]
    >>> free = busy.gaps(0, 600)
    >>> list(zip(free.starts.tolist(), free.ends.tolist()))
    [(0, 60), (120, 540)]
    """

    starts: Minutes
    ends: Minutes

    @classmethod
    def none(cls) -> Periods:
        """Return the empty set."""
        return _NONE

    @classmethod
    def merged(cls, starts: Minutes, ends: Minutes) -> Periods:
        """Return the union of periods in any order; empty ones are dropped, touching ones are joined."""
        full = starts < ends
        starts, ends = starts[full], ends[full]
        if starts.size == 0:
            return _NONE
        order = np.argsort(starts, kind="stable")
        starts, latest_ends = starts[order], np.maximum.accumulate(ends[order])
        apart = np.flatnonzero(starts[1:] > latest_ends[:-1])
        return cls(starts[np.concatenate([[0], apart + 1])], latest_ends[np.concatenate([apart, [-1]])])

    @classmethod
    def of(cls, periods: Iterable[Period]) -> Periods:
        """Return the union of the periods, with seconds rounded outwards to whole minutes."""
        pairs = [(minute_of(period.start), minute_after(period.end)) for period in periods]
        bounds = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return cls.merged(bounds[:, 0], bounds[:, 1])

    def __iter__(self) -> Iterator[Period]:
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield Period(instant_of(start), instant_of(end))

    def __len__(self) -> int:
        return int(self.starts.size)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Periods)
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.ends, other.ends)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays are not hashable

    @staticmethod
    def union(*several: Periods) -> Periods:
        """Return the minutes that lie in any of the sets."""
        full = [periods for periods in several if len(periods)]
        if len(full) < 2:
            return full[0] if full else _NONE
        starts = np.concatenate([periods.starts for periods in full])
        return Periods.merged(starts, np.concatenate([periods.ends for periods in full]))

    def near(self, start: int, end: int) -> Periods:
        """Return the periods that share a minute with [start, end), uncut."""
        if end <= start:
            return _NONE
        first = self.ends.searchsorted(start, "right")
        last = self.starts.searchsorted(end, "left")
        return Periods(self.starts[first:last], self.ends[first:last])

    def within(self, start: int, end: int) -> Periods:
        """Return the parts of the periods that lie in [start, end)."""
        near = self.near(start, end)
        return Periods(np.maximum(near.starts, start), np.minimum(near.ends, end))

    def gaps(self, start: int, end: int) -> Periods:
        """Return the minutes of [start, end) that lie in none of the periods."""
        inside = self.within(start, end)
        starts = np.concatenate([[start], inside.ends])
        ends = np.concatenate([inside.starts, [end]])
        full = starts < ends
        return Periods(starts[full], ends[full])

    def touches(self, start: int, end: int) -> bool:
        """Whether any period shares a minute with [start, end)."""
        return len(self.near(start, end)) > 0


_NONE = Periods(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
