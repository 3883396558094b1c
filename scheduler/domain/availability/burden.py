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
from scheduler.domain.time.units import DAY, MONDAY, WEEK

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


def burdens(attendee: Attendee, starts: Minutes, lengths: Minutes | int) -> Burdens:
    """Return the attendee's burden of a meeting at each start (UTC minutes, any order); lengths are in minutes."""
    found = np.zeros(starts.size, dtype=np.int64)
    if not starts.size:
        return found
    ends = starts + lengths
    sums = _cumulative_burdens(attendee.preferred_hours or SOCIAL_HOURS)
    for since, until, offset in clock_offsets(attendee.clock, int(starts.min()), int(ends.max())):
        # Where the offset changes during a meeting, each part counts at its own.
        first, last = np.maximum(starts, since), np.minimum(ends, until)
        inside = np.flatnonzero(first < last)
        weeks, rest = np.divmod((last - first)[inside], WEEK)
        begins = (first[inside] + offset - MONDAY) % WEEK
        found[inside] += sums[begins + rest] - sums[begins] + weeks * sums[WEEK]
    return found


def burden_of_each(attendee: Attendee, meetings: Sequence[Period]) -> list[int]:
    """Return the attendee's burden of each meeting, of any lengths and in any order."""
    starts = np.array([minute_of(meeting.start) for meeting in meetings], dtype=np.int64)
    ends = np.array([minute_of(meeting.end) for meeting in meetings], dtype=np.int64)
    each: list[int] = burdens(attendee, starts, ends - starts).tolist()
    return each


@lru_cache(maxsize=1024)
def distances_outside(hours: tuple[WorkingHours, ...]) -> Minutes:
    """Return for each wall minute of the week, from Monday on, the distance to the hours in minutes; read-only."""
    inside = np.zeros(WEEK, dtype=bool)
    for entry in hours:
        for day in entry.days:
            start = WEEKDAYS.index(day) * DAY + entry.start
            inside[np.arange(start, start + entry.length) % WEEK] = True
    away = distances_to(np.flatnonzero(inside))
    away.setflags(write=False)
    return away


def distances_to(minutes: Minutes) -> Minutes:
    """Return for each minute of the week the distance to the nearest of those (sorted); a week if there are none."""
    every = np.arange(WEEK, dtype=np.int64)
    if not minutes.size:
        return np.full_like(every, WEEK)
    around = np.concatenate([minutes - WEEK, minutes, minutes + WEEK])
    following = around.searchsorted(every)
    nearest: Minutes = np.minimum(around[following] - every, every - around[following - 1])
    return nearest


@lru_cache(maxsize=1024)
def _cumulative_burdens(hours: tuple[WorkingHours, ...]) -> Burdens:
    """Return the burden of all wall minutes before each minute of two weeks; differences are meetings' burdens."""
    limits = np.array([limit for limit, _ in WEIGHTS], dtype=np.int64)
    weights = np.array([weight for _, weight in WEIGHTS], dtype=np.int64)
    week = weights[np.searchsorted(limits, distances_outside(hours))]
    sums: Burdens = np.concatenate([[0], np.cumsum(np.tile(week, 2))])
    sums.setflags(write=False)
    return sums
