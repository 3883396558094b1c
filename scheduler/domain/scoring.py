"""How good a meeting is for those who meet: one number from 0 to 1, the higher the better.

    score = 0.5 x worst + 0.2 x mean + 0.2 x optional + 0.1 x soft

- comfort of an attendee: 1 - d / 720, where d is the distance in wall-clock minutes from the middle of
  the meeting to the nearest middle of one of the attendee's working days (13:00 for someone who has
  no hours), and 0 from 12 hours on;
- worst, mean: the least and the average comfort of the required attendees;
- optional: the share of optional attendees who can come (1 if there are none);
- soft: the share of attendees whose blackouts that are not firm the meeting leaves alone.

Scores are whole thousandths, so that equal means equal and the order never hangs on rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability import DAY, MONDAY, WEEK, Attendee, WorkingHours, blackout_periods
from scheduler.domain.clocks import clock_between
from scheduler.domain.explanation import Bars
from scheduler.domain.periods import Minutes
from scheduler.domain.recurrence import WEEKDAYS
from scheduler.domain.timeline import Bar, Mask, Starts

Thousandths = npt.NDArray[np.int64]

HALF_DAY = DAY // 2
NOON_OF_ANY_TIME = 13 * 60
"""The middle of the day of someone who can meet at any time."""


def score_starts(
    attendees: Sequence[Attendee], starts: Starts, duration: int, available: Sequence[Mask | None]
) -> Thousandths:
    """The score of a meeting at each start, in thousandths.

    ``available`` has for each optional attendee whether they can come at each start (None: unknown,
    which counts as not coming).
    """
    if not len(starts):
        return np.empty(0, dtype=np.int64)
    comfort = np.stack([_comfort(one, starts.minutes, duration) for one in attendees if one.required])
    coming = [mask for one, mask in zip(attendees, available, strict=True) if not one.required]
    present = sum(mask.astype(np.int64) for mask in coming if mask is not None)
    optional = present / len(coming) if coming else 1.0
    soft = 1 - _soft_blackouts(attendees, starts, duration) / len(attendees)
    score = 0.5 * comfort.min(axis=0) + 0.2 * comfort.mean(axis=0) + 0.2 * optional + 0.1 * soft
    thousandths: Thousandths = np.rint(score * 1000).astype(np.int64)
    return thousandths


def coming_attendees(
    attendees: Sequence[Attendee], bars: Sequence[Bars], starts: Starts, duration: int
) -> tuple[Mask | None, ...]:
    """For each attendee, at which of the feasible starts they can come; None if it is unknown."""
    return tuple(
        None
        if attendee.unknown
        else np.ones(len(starts), dtype=bool)
        if attendee.required
        else ~starts.barred(duration, own.all)
        for attendee, own in zip(attendees, bars, strict=True)
    )


def _comfort(attendee: Attendee, minutes: Minutes, duration: int) -> npt.NDArray[np.float64]:
    table = clock_between(attendee.clock, int(minutes[0]), int(minutes[-1]) + 1)
    middles = (minutes + table.at(minutes) + duration // 2 - MONDAY) % WEEK
    comfort: npt.NDArray[np.float64] = 1 - _distances(attendee.hours)[middles] / HALF_DAY
    return comfort


def _soft_blackouts(attendees: Sequence[Attendee], starts: Starts, duration: int) -> Minutes:
    """How many attendees' soft blackouts a meeting at each start would touch."""
    touched = np.zeros(len(starts), dtype=np.int64)
    first, last = int(starts.minutes[0]), int(starts.minutes[-1]) + duration
    for attendee in attendees:
        if away := [blackout for blackout in attendee.blackouts if not blackout.firm]:
            soft = Bar(blackout_periods(away, attendee.clock, first, last))
            touched += starts.barred(duration, [soft])
    return touched


@lru_cache(maxsize=1024)
def _distances(hours: tuple[WorkingHours, ...] | None) -> Minutes:
    """For each wall minute of the week, how far the nearest middle of a working day is, at most 12 hours."""
    minutes = np.arange(WEEK, dtype=np.int64)
    nearest = np.full(WEEK, HALF_DAY, dtype=np.int64)
    for middle in _middles(hours):
        away = np.abs(minutes - middle) % WEEK
        np.minimum(nearest, np.minimum(away, WEEK - away), out=nearest)
    nearest.setflags(write=False)
    return nearest


def _middles(hours: tuple[WorkingHours, ...] | None) -> list[int]:
    """The middle of each working day, from its first start to its last end, in minutes of the week."""
    if hours is None:
        return [day * DAY + NOON_OF_ANY_TIME for day in range(7)]
    middles = []
    for day, name in enumerate(WEEKDAYS):
        spans = [(entry.start, entry.start + entry.length) for entry in hours if name in entry.days]
        if spans:
            first, last = min(start for start, _ in spans), max(end for _, end in spans)
            middles.append((day * DAY + (first + last) // 2) % WEEK)
    return middles
