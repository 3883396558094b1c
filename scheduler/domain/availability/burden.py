"""Who bears the odd hours: what a meeting costs somebody by the clock on their wall.

A person's burden of a meeting counts its minutes outside the hours that the person prefers, each as often as `WEIGHTS`
says for how far outside it lies. Whoever has not said what they prefer is taken to prefer 08:00 to 18:00 from Monday
to Friday.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.time.clocks import clock_offsets
from scheduler.domain.time.periods import Minutes, Period, minute_of
from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.domain.time.units import MONDAY, WEEK
from scheduler.domain.time.zones import Offsets

Burdens = npt.NDArray[np.int64]
"""Weighted minutes."""

SOCIAL_HOURS: tuple[WorkingHours, ...] = (WorkingHours(("MO", "TU", "WE", "TH", "FR"), 8 * 60, 18 * 60),)
COUNTED = (
    "a person's burden of a meeting counts each of its minutes as often as the weights say for the distance, on that "
    "person's clock, to the nearest minute of their preferred hours, or of the social hours if they named none"
)
"""What a burden is."""
WEIGHTS = ((0, 0), (60, 1), (120, 2), (240, 3), (WEEK, 4))
"""How often a minute counts that lies up to so many minutes outside."""


def burdens(attendee: Attendee, starts: Minutes, duration: int) -> Burdens:
    """The attendee's burden of a meeting of ``duration`` minutes at each of the starts (UTC minutes, any order)."""
    if not starts.size:
        return np.empty(0, dtype=np.int64)
    first, last = int(starts.min()), int(starts.max()) + duration
    table = clock_offsets(attendee.clock, first, last)
    hours = attendee.preferred_hours or SOCIAL_HOURS
    if any(((starts < change) & (change < starts + duration)).any() for change in table.since[1:].tolist()):
        return _by_stretches(table, hours, starts, duration)
    return _on_one_clock(hours, starts + table.at(starts), np.full_like(starts, duration))


def _on_one_clock(hours: tuple[WorkingHours, ...], walls: Minutes, lengths: Minutes) -> Burdens:
    """The burden of meetings of those lengths that begin at the wall minutes, on a clock that does not change."""
    sums = _running_burden(hours)
    weeks, rest = np.divmod(lengths, WEEK)
    begins = (walls - MONDAY) % WEEK
    found: Burdens = sums[begins + rest] - sums[begins] + weeks * sums[WEEK]
    return found


def _by_stretches(table: Offsets, hours: tuple[WorkingHours, ...], starts: Minutes, duration: int) -> Burdens:
    """The same where the clock changes during a meeting: each part of it counts by the clock of its time."""
    found = np.zeros(starts.size, dtype=np.int64)
    for since, until, offset in table:
        begin, end = np.maximum(starts, since), np.minimum(starts + duration, until)
        inside = np.flatnonzero(begin < end)
        found[inside] += _on_one_clock(hours, begin[inside] + offset, (end - begin)[inside])
    return found


def burden_of_each(attendee: Attendee, meetings: Sequence[Period]) -> list[int]:
    """The attendee's burden of each of the meetings, which may be of any lengths and in any order."""
    starts = np.array([minute_of(meeting.start) for meeting in meetings], dtype=np.int64)
    lengths = np.array([minute_of(meeting.end) for meeting in meetings], dtype=np.int64) - starts
    found = np.zeros(starts.size, dtype=np.int64)
    for length in np.unique(lengths).tolist():
        found[lengths == length] = burdens(attendee, starts[lengths == length], length)
    each: list[int] = found.tolist()
    return each


def outside(hours: tuple[WorkingHours, ...]) -> Minutes:
    """For each wall minute of the week, how many minutes away the nearest minute inside the hours is."""
    return _outside(hours)


@lru_cache(maxsize=1024)
def _outside(hours: tuple[WorkingHours, ...]) -> Minutes:
    inside = np.zeros(WEEK, dtype=bool)
    for entry in hours:
        for day in entry.days:
            start = WEEKDAYS.index(day) * 1440 + entry.start
            inside[np.arange(start, start + entry.length) % WEEK] = True
    minutes = np.arange(WEEK, dtype=np.int64)
    known = np.flatnonzero(inside)
    if not known.size:
        away = np.full(WEEK, WEEK, dtype=np.int64)
    else:
        around = np.concatenate([known - WEEK, known, known + WEEK])
        place = np.searchsorted(around, minutes)
        away = np.minimum(around[place] - minutes, minutes - around[np.maximum(place - 1, 0)])
        away[inside] = 0
    away.setflags(write=False)
    return away


@lru_cache(maxsize=1024)
def _running_burden(hours: tuple[WorkingHours, ...]) -> Burdens:
    """The burden of all wall minutes before each one of two weeks, so that a difference is a meeting's."""
    limits = np.array([limit for limit, _ in WEIGHTS], dtype=np.int64)
    weights = np.array([weight for _, weight in WEIGHTS], dtype=np.int64)
    week = weights[np.searchsorted(limits, _outside(hours))]
    sums: Burdens = np.concatenate([[0], np.cumsum(np.tile(week, 2))])
    sums.setflags(write=False)
    return sums
