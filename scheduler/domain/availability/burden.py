"""The burden of odd hours: weighted minutes of meetings outside an attendee's preferred hours, on their clock.

The weight of a minute grows with its distance from the preferred hours (`WEIGHTS`). Attendees without preferred hours
have `SOCIAL_HOURS`.
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
BURDEN_MEANING = (
    "a person's burden of a meeting counts each of its minutes as often as the weights say for the distance, on that "
    "person's clock, to the nearest minute of their preferred hours, or of the social hours if they named none"
)
"""What a burden is, for descriptions."""
WEIGHTS = ((0, 0), (60, 1), (120, 2), (240, 3), (WEEK, 4))
"""Pairs of a distance in minutes and the weight of a minute up to that distance outside."""


def burdens(attendee: Attendee, starts: Minutes, duration: int) -> Burdens:
    """Return the attendee's burden of a meeting of ``duration`` minutes at each start (UTC minutes, any order)."""
    if not starts.size:
        return np.empty(0, dtype=np.int64)
    first, last = int(starts.min()), int(starts.max()) + duration
    table = clock_offsets(attendee.clock, first, last)
    hours = attendee.preferred_hours or SOCIAL_HOURS
    if any(((starts < change) & (change < starts + duration)).any() for change in table.since[1:].tolist()):
        return _across_changes(table, hours, starts, duration)
    return _at_one_offset(hours, starts + table.at(starts), np.full_like(starts, duration))


def _at_one_offset(hours: tuple[WorkingHours, ...], walls: Minutes, lengths: Minutes) -> Burdens:
    """Return the burden of meetings from these wall minutes on, with lengths in minutes and one UTC offset each."""
    sums = _cumulative_burdens(hours)
    weeks, rest = np.divmod(lengths, WEEK)
    begins = (walls - MONDAY) % WEEK
    found: Burdens = sums[begins + rest] - sums[begins] + weeks * sums[WEEK]
    return found


def _across_changes(table: Offsets, hours: tuple[WorkingHours, ...], starts: Minutes, duration: int) -> Burdens:
    """Return the burden where the UTC offset changes during a meeting: each part counts at its own offset."""
    found = np.zeros(starts.size, dtype=np.int64)
    for since, until, offset in table:
        begin, end = np.maximum(starts, since), np.minimum(starts + duration, until)
        inside = np.flatnonzero(begin < end)
        found[inside] += _at_one_offset(hours, begin[inside] + offset, (end - begin)[inside])
    return found


def burden_of_each(attendee: Attendee, meetings: Sequence[Period]) -> list[int]:
    """Return the attendee's burden of each meeting, of any lengths and in any order."""
    starts = np.array([minute_of(meeting.start) for meeting in meetings], dtype=np.int64)
    lengths = np.array([minute_of(meeting.end) for meeting in meetings], dtype=np.int64) - starts
    found = np.zeros(starts.size, dtype=np.int64)
    for length in np.unique(lengths).tolist():
        found[lengths == length] = burdens(attendee, starts[lengths == length], length)
    each: list[int] = found.tolist()
    return each


@lru_cache(maxsize=1024)
def distances_outside(hours: tuple[WorkingHours, ...]) -> Minutes:
    """Return for each wall minute of the week, from Monday on, the distance to the hours in minutes; read-only.

    The distance is 0 inside the hours, and a week if there are none.
    """
    inside = np.zeros(WEEK, dtype=bool)
    for entry in hours:
        for day in entry.days:
            start = WEEKDAYS.index(day) * 1440 + entry.start
            inside[np.arange(start, start + entry.length) % WEEK] = True
    minutes = np.arange(WEEK, dtype=np.int64)
    inside_minutes = np.flatnonzero(inside)
    if not inside_minutes.size:
        away = np.full(WEEK, WEEK, dtype=np.int64)
    else:
        around = np.concatenate([inside_minutes - WEEK, inside_minutes, inside_minutes + WEEK])
        following = np.searchsorted(around, minutes)
        away = np.minimum(around[following] - minutes, minutes - around[np.maximum(following - 1, 0)])
        away[inside] = 0
    away.setflags(write=False)
    return away


@lru_cache(maxsize=1024)
def _cumulative_burdens(hours: tuple[WorkingHours, ...]) -> Burdens:
    """Return the burden of all wall minutes before each minute of two weeks; differences are meetings' burdens."""
    limits = np.array([limit for limit, _ in WEIGHTS], dtype=np.int64)
    weights = np.array([weight for _, weight in WEIGHTS], dtype=np.int64)
    week = weights[np.searchsorted(limits, distances_outside(hours))]
    sums: Burdens = np.concatenate([[0], np.cumsum(np.tile(week, 2))])
    sums.setflags(write=False)
    return sums
