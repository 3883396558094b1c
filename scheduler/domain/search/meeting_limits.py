"""How many meetings a person's local day or week may have, and which days and weeks are full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.open_time import wall_periods
from scheduler.domain.search.starts import Mask
from scheduler.domain.time.clocks import Clock, clock_between
from scheduler.domain.time.periods import Minutes, Period, Periods, instant_of, minute_of
from scheduler.domain.time.units import DAY, MONDAY, WEEK


@dataclass(frozen=True)
class Cap:
    """How many meetings a local day or week, from Monday on, may have; a meeting counts where it starts."""

    most: int
    length: int
    origin: int

    def spans(self, clock: Clock, starts: Minutes) -> Minutes:
        """The number of the day or week that each of the starts (UTC minutes, any order) is in."""
        if not starts.size:
            return starts
        table = clock_between(clock, int(starts.min()), int(starts.max()) + 1)
        spans: Minutes = (starts + table.at(starts) - self.origin) // self.length
        return spans

    def taken(self, clock: Clock, starts: Minutes) -> Minutes:
        """The number of the day or week that each of the meetings is in that start so (UTC minutes), ascending."""
        return np.sort(self.spans(clock, starts))

    def room(self, taken: Minutes, spans: Minutes) -> Minutes:
        """How many more meetings each of those days or weeks takes, of which some are ``taken``."""
        room: Minutes = self.most - (taken.searchsorted(spans, "right") - taken.searchsorted(spans, "left"))
        return room


def caps_of(attendee: Attendee) -> Iterator[Cap]:
    """The attendee's limits."""
    if attendee.at_most_per_day is not None:
        yield Cap(attendee.at_most_per_day, DAY, 0)
    if attendee.at_most_per_week is not None:
        yield Cap(attendee.at_most_per_week, WEEK, MONDAY)


def full_days(attendee: Attendee, start: int, end: int) -> Periods:
    """The local days and weeks near [start, end) (UTC minutes) that have as many meetings as they may have."""
    found = []
    for cap in caps_of(attendee):
        if cap.most < 1:
            return Periods.of([Period(instant_of(start), instant_of(end))])
        spans, counts = np.unique(cap.taken(attendee.clock, attendee.meeting_starts), return_counts=True)
        full = spans[counts >= cap.most] * cap.length + cap.origin
        found.append(wall_periods(Periods(full, full + cap.length), attendee.clock, start, end))
    return Periods.union(*found)


@dataclass(frozen=True, eq=False)
class _Limit:
    """How many meetings a required attendee takes a day or a week, and those that there are already."""

    index: int
    clock: Clock
    cap: Cap
    taken: Minutes
    meetings: Sequence[Period]

    @cached_property
    def known(self) -> frozenset[Period]:
        """The same, to be looked up."""
        return frozenset(self.meetings)

    def has_room(self, minutes: Minutes, held: Sequence[Period]) -> Mask:
        """The starts whose day or week takes one more meeting beside those that are known and held."""
        more = self.cap.taken(self.clock, _starts_of(self._unknown(held)))
        spans = self.cap.spans(self.clock, minutes)
        roomy: Mask = self.cap.room(self.taken, spans) > self.cap.most - self.cap.room(more, spans)
        return roomy

    def overfull(self, periods: Sequence[Period], elsewhere: Sequence[Period]) -> Mask:
        """Which of the periods have no room after those of them and of what is ``elsewhere`` that come before."""
        unknown = sorted({*self._unknown(periods), *self._unknown(elsewhere)})
        spans = self.cap.spans(self.clock, _starts_of(unknown))
        is_full = rank_in_span(spans) >= self.cap.room(self.taken, spans)
        full = {unknown[place] for place in is_full.nonzero()[0].tolist()}
        return np.array([period in full for period in periods], dtype=bool)

    def _unknown(self, periods: Iterable[Period]) -> Iterator[Period]:
        return (period for period in periods if period not in self.known)


def _starts_of(periods: Iterable[Period]) -> Minutes:
    return np.array([minute_of(period.start) for period in periods], dtype=np.int64)


def rank_in_span(spans: Minutes) -> Minutes:
    """Of days or weeks in order of time, how many come before each that are the same one.

    Whoever flies back over the date line has a day twice: it counts as one with the day between.
    """
    spans = np.maximum.accumulate(spans, axis=0)
    rank = np.zeros_like(spans)
    for back in range(1, len(spans)):
        is_same = spans[back:] == spans[:-back]
        if not is_same.any():
            break
        rank[back:] += is_same
    return rank
