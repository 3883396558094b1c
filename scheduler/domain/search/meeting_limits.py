"""Limits on how many meetings an attendee has in a local day or week, for searches, plans and sequences alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.open_time import wall_periods
from scheduler.domain.search.starts import Mask
from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import Minutes, Period, Periods, minute_of
from scheduler.domain.time.units import DAY, MONDAY, WEEK


@dataclass(frozen=True, eq=False)
class MeetingLimit:
    """The most meetings that an attendee has in a local day, or in a local week from Monday on.

    A meeting counts in the day or week in which it starts. Days or weeks are ``length`` wall minutes long, begin at the
    wall minute ``origin``, and are numbered from there. ``existing`` are the meetings that the attendee has already.
    """

    most: int
    length: int
    origin: int
    clock: Clock
    existing: frozenset[Period]

    def numbers(self, starts: Minutes) -> Minutes:
        """Return the number of the local day or week of each start (UTC minutes, any order)."""
        if not starts.size:
            return starts
        table = clock_offsets(self.clock, int(starts.min()), int(starts.max()) + 1)
        numbers: Minutes = (starts + table.at(starts) - self.origin) // self.length
        return numbers

    def room(self, numbers: Minutes) -> Minutes:
        """Return how many more meetings each of the days or weeks takes beside the existing ones."""
        room: Minutes = self.most - _count(self._existing_numbers, numbers)
        return room

    def full_periods(self, start: int, end: int) -> Periods:
        """Return the days or weeks within [start, end) (UTC minutes) that take no more meetings."""
        if self.most < 1:
            return Periods(np.array([start], dtype=np.int64), np.array([end], dtype=np.int64))
        numbers, counts = np.unique(self._existing_numbers, return_counts=True)
        full = numbers[counts >= self.most] * self.length + self.origin
        return wall_periods(Periods(full, full + self.length), self.clock, start, end)

    def has_room(self, starts: Minutes, planned: Iterable[Period]) -> Mask:
        """Return which of the starts take one more meeting beside the existing and the planned ones."""
        numbers = self.numbers(starts)
        roomy: Mask = self.room(numbers) > _count(np.sort(self.numbers(_starts_of(self._new(planned)))), numbers)
        return roomy

    def exceeded(self, periods: Sequence[Period], others: Iterable[Period]) -> Mask:
        """Return which of the periods the limit leaves no room for after the earlier ones of them and of ``others``."""
        new = sorted({*self._new(periods), *self._new(others)})
        numbers = self.numbers(_starts_of(new))
        over = rank_in_period(numbers) >= self.room(numbers)
        exceeding = {new[index] for index in over.nonzero()[0].tolist()}
        return np.array([period in exceeding for period in periods], dtype=bool)

    def _new(self, periods: Iterable[Period]) -> Iterator[Period]:
        return (period for period in periods if period not in self.existing)

    @cached_property
    def _existing_numbers(self) -> Minutes:
        return np.sort(self.numbers(_starts_of(self.existing)))


def limits_of(attendee: Attendee) -> Iterator[MeetingLimit]:
    """Yield the attendee's limits: for a day, for a week."""
    if attendee.at_most_per_day is not None:
        yield MeetingLimit(attendee.at_most_per_day, DAY, 0, attendee.clock, frozenset(attendee.meetings))
    if attendee.at_most_per_week is not None:
        yield MeetingLimit(attendee.at_most_per_week, WEEK, MONDAY, attendee.clock, frozenset(attendee.meetings))


def full_periods(attendee: Attendee, start: int, end: int) -> Periods:
    """Return the attendee's local days and weeks within [start, end) (UTC minutes) that take no more meetings."""
    return Periods.union(*(limit.full_periods(start, end) for limit in limits_of(attendee)))


def rank_in_period(numbers: Minutes) -> Minutes:
    """Return for each meeting how many earlier ones are in the same day or week.

    Args:
        numbers: the number of each meeting's day or week, in order of time along the first axis. Whoever flies back
            over the date line has a day twice; both count as one with the day in between.

    """
    numbers = np.maximum.accumulate(numbers, axis=0)
    rank = np.zeros_like(numbers)
    for back in range(1, len(numbers)):
        is_same = numbers[back:] == numbers[:-back]
        if not is_same.any():
            break
        rank[back:] += is_same
    return rank


def _count(ordered: Minutes, numbers: Minutes) -> Minutes:
    """Return how often each of the numbers is among the ``ordered`` ones."""
    count: Minutes = ordered.searchsorted(numbers, "right") - ordered.searchsorted(numbers, "left")
    return count


def _starts_of(periods: Iterable[Period]) -> Minutes:
    return np.array([minute_of(period.start) for period in periods], dtype=np.int64)
