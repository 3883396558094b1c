"""How good a meeting is for those who meet: one number from 0 to 1, the higher the better.

The score is the sum of the `PARTS`, each from 0 to 1, times their weights. The worst-off of those who have to come
weighs most. Scores are whole thousandths, so that equal means equal and the order never hangs on rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.availability.burden import outside
from scheduler.domain.availability.open_time import blackout_periods, closed_hours
from scheduler.domain.search.explanation import Bars
from scheduler.domain.search.groups import Group, Panel, places_that_count
from scheduler.domain.search.starts import Bar, Mask, Starts
from scheduler.domain.time.clocks import clock_between
from scheduler.domain.time.periods import Minutes, Periods, minute_after, minute_of
from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.domain.time.units import DAY, MONDAY, WEEK

Thousandths = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
"""Numbers from 0 to 1."""

HALF_DAY = DAY // 2
_FAR = np.int64(1 << 40)
"""A minute that is near to none."""
NOON_OF_ANY_TIME = 13 * 60
"""The middle of the day of someone who can meet at any time."""
FAR_APART = 3 * DAY
"""From this distance on, two meetings are as well spread as they can be."""
DEBT = 0.5
"""How much of their comfort counts as lost for whoever has borne the most so far, if that is to be made up for."""


@dataclass(frozen=True)
class Part:
    """One part of the score: its weight, and what it says."""

    name: str
    weight: float
    meaning: str


EQUAL = (
    "scores are rounded to thousandths before they are compared; of equal scores the earlier start comes first, and a "
    "cadence's score, the mean of its clear occurrences', decides between cadences of equal coverage"
)
"""How scores are compared."""
FAIR = (
    "with fair in a question, a required attendee's comfort counts for 1 - debt * (b - least) / (most - least): b is "
    "the burden they have borne so far, least and most are the least and the most that any of them has"
)
"""What `DEBT` is for."""

PARTS = (
    Part(
        "worst",
        0.45,
        f"the least comfort of the required attendees; comfort is 1 - d / {HALF_DAY}, d being the minutes on their "
        "clock from the middle of the meeting, rounded down to a minute, to their preferred hours, or if they named "
        "none to the middle of a working day (13:00 for someone who can meet at any time)",
    ),
    Part(
        "mean",
        0.15,
        "the average comfort of the required attendees; both parts count so many of a group as are needed, at each "
        "start the most comfortable of those who can come",
    ),
    Part(
        "optional",
        0.15,
        "the share of the attendees not required by name who can come, whoever is unknown counted as not coming; 1 if "
        "there are none",
    ),
    Part("soft", 0.1, "the share of attendees whose blackouts that are not firm the meeting leaves alone"),
    Part(
        "spread",
        0.05,
        f"how far the nearest other meeting is, up to {FAR_APART // DAY} days, of those required by name or, if nobody "
        "is, of groups' members; an occurrence of a cadence also has the others of its own; 1 if there is none",
    ),
    Part(
        "fragmentation",
        0.1,
        "for each of the same people |b - a| / (b + a), averaged: b and a are the free minutes before and after the "
        f"meeting until busy time, a firm blackout or the end of the working hours, at most {HALF_DAY // 60} hours; 1 "
        "where both are 0",
    ),
)


@dataclass(frozen=True)
class Scores:
    """The parts of the score of each start, by name."""

    parts: Mapping[str, Shares]

    @property
    def thousandths(self) -> Thousandths:
        """The scores."""
        return np.rint(self._sum(PARTS) * 1000).astype(np.int64)

    def with_others(self, places: Minutes, apart: Minutes) -> Thousandths:
        """The scores of the starts at those places, each of which has another meeting so many minutes away."""
        near = np.minimum(self.parts["spread"][places], apart.clip(0, FAR_APART) / FAR_APART)
        at = [part.name for part in PARTS].index("spread")
        # Added up in the same order as without others, so that rounding can't tell the two apart.
        total = self._sum(PARTS[:at])[places] + PARTS[at].weight * near
        for part in PARTS[at + 1 :]:
            total += part.weight * self.parts[part.name][places]
        return np.rint(total * 1000).astype(np.int64)

    def _sum(self, parts: Sequence[Part]) -> Shares:
        return reduce(np.add, (part.weight * self.parts[part.name] for part in parts))

    def at(self, place: int) -> dict[str, float]:
        """The parts of one start, rounded to thousandths."""
        return {part.name: round(float(self.parts[part.name][place]), 3) for part in PARTS}


def score_starts(
    attendees: Sequence[Attendee],
    starts: Starts,
    duration: int,
    available: Sequence[Mask | None],
    *,
    groups: Sequence[Group] = (),
    fair: bool = False,
    never: frozenset[int] = frozenset(),
) -> Scores:
    """The scores of meetings at the starts (ascending).

    ``available`` has for each optional attendee whether they can come at each start (None: unknown, which counts as
    not coming). Of a group those count as required who are needed, at each start the most comfortable of those who can
    come; those at the places in ``never`` are not. With ``fair`` the comfort of those who have borne more so far counts
    for less: the most burdened one's for half.
    """
    nobody = np.zeros(len(starts), dtype=bool)
    available = [nobody if place in never else mask for place, mask in enumerate(available)]
    busy_with_it = [attendees[place] for place in _places_in_the_way(attendees, groups)]
    felt = _felt(attendees, starts, duration, available, groups, fair=fair)
    coming = [mask for one, mask in zip(attendees, available, strict=True) if not one.required]
    present = sum(mask.astype(np.int64) for mask in coming if mask is not None)
    return Scores(
        {
            "worst": felt.min(axis=0),
            "mean": felt.mean(axis=0),
            "optional": present / len(coming) + np.zeros(len(starts)) if coming else np.ones(len(starts)),
            "soft": 1 - _soft_blackouts(attendees, starts, duration) / len(attendees),
            "spread": _spread(busy_with_it, starts, duration),
            "fragmentation": _fragmentation(busy_with_it, starts, duration),
        }
    )


def _places_in_the_way(attendees: Sequence[Attendee], groups: Sequence[Group]) -> Sequence[int]:
    """The places of those whose other time matters to the score: required by name or, if nobody is, those who count."""
    return [place for place, one in enumerate(attendees) if one.required] or places_that_count(attendees, groups)


def _walls_of(attendee: Attendee, start: int, end: int) -> Periods:
    """What the attendee's free time lies between, near [start, end): closed hours, firm blackouts, busy time."""
    firm = [blackout for blackout in attendee.blackouts if blackout.firm]
    return Periods.union(
        closed_hours(attendee.hours, attendee.clock, start, end),
        blackout_periods(firm, attendee.clock, start, end),
        attendee.busy.near(start, end),
    )


def coming_attendees(
    attendees: Sequence[Attendee], bars: Sequence[Bars], starts: Starts, duration: int, panel: Panel | None = None
) -> tuple[Mask | None, ...]:
    """For each attendee, at which of the feasible starts they can come; None if it is unknown.

    ``panel`` says it of the members of groups.
    """
    return tuple(
        None
        if attendee.unknown
        else np.ones(len(starts), dtype=bool)
        if attendee.required
        else ~panel.barred[place]
        if panel and place in panel.barred
        else ~starts.barred(duration, bars[place].all)
        for place, attendee in enumerate(attendees)
    )


def _felt(
    attendees: Sequence[Attendee],
    starts: Starts,
    duration: int,
    available: Sequence[Mask | None],
    groups: Sequence[Group],
    *,
    fair: bool,
) -> Shares:
    """The comfort of those who have to come, by name or of a group: a row each, a column a start."""
    places = [place for place, one in enumerate(attendees) if one.required]
    members = [place for group in groups for place in group.members]
    counted = places_that_count(attendees, groups)
    comfort = np.stack([_comfort(attendees[place], starts.minutes, duration) for place in counted])
    if fair:
        comfort *= _shares_left([attendees[place] for place in counted])[:, None]
    row = {place: number for number, place in enumerate(counted)}
    felt = [comfort[[row[place] for place in places]]] if members else [comfort]
    for group in groups:
        theirs = comfort[[row[place] for place in group.members]]
        for number, place in enumerate(group.members):
            mask = available[place]
            if mask is not None:
                theirs[number, ~mask] = 0
        felt.append(-np.sort(-theirs, axis=0)[: group.required])
    return np.concatenate(felt)


def _comfort(attendee: Attendee, minutes: Minutes, duration: int) -> Shares:
    if not minutes.size:
        return np.empty(0)
    table = clock_between(attendee.clock, int(minutes[0]), int(minutes[-1]) + 1)
    middles = (minutes + table.at(minutes) + duration // 2 - MONDAY) % WEEK
    away = outside(attendee.preferred_hours) if attendee.preferred_hours else _from_middle(attendee.hours)
    comfort: Shares = 1 - np.minimum(away[middles], HALF_DAY) / HALF_DAY
    return comfort


def _shares_left(attendees: Sequence[Attendee]) -> Shares:
    """What is left of each one's comfort when the burden so far is counted in."""
    borne = np.array([attendee.past_burden for attendee in attendees], dtype=np.float64)
    most, least = borne.max(), borne.min()
    left: Shares = 1 - DEBT * (borne - least) / (most - least) if most > least else np.ones(borne.size)
    return left


def _soft_blackouts(attendees: Sequence[Attendee], starts: Starts, duration: int) -> Minutes:
    """How many attendees' soft blackouts a meeting at each start would touch."""
    touched = np.zeros(len(starts), dtype=np.int64)
    for attendee in attendees if len(starts) else ():
        if away := [blackout for blackout in attendee.blackouts if not blackout.firm]:
            first, last = int(starts.minutes[0]), int(starts.minutes[-1]) + duration
            touched += starts.barred(duration, [Bar(blackout_periods(away, attendee.clock, first, last))])
    return touched


def _spread(required: Sequence[Attendee], starts: Starts, duration: int) -> Shares:
    """How far the nearest meeting is that any of them has already."""
    held = sorted({meeting for attendee in required for meeting in attendee.meetings})
    apart = np.full(len(starts), FAR_APART, dtype=np.int64)
    if held:
        begins = np.array([minute_of(meeting.start) for meeting in held], dtype=np.int64)
        ends = np.maximum.accumulate(np.array([minute_after(meeting.end) for meeting in held], dtype=np.int64))
        place = np.searchsorted(begins, starts.minutes, "right")
        after = np.append(begins, np.iinfo(np.int64).max // 2)[place] - (starts.minutes + duration)
        before = starts.minutes - np.concatenate([[np.iinfo(np.int64).min // 2], ends])[place]
        apart = np.minimum(np.minimum(before, after), FAR_APART).clip(0)
    return apart / FAR_APART


def _fragmentation(attendees: Sequence[Attendee], starts: Starts, duration: int) -> Shares:
    """How little a meeting at each start splits the free time between anybody's walls."""
    if not attendees or not len(starts):
        return np.ones(len(starts))
    span = int(starts.minutes[0]) - HALF_DAY, int(starts.minutes[-1]) + duration + HALF_DAY
    walls = [_walls_of(attendee, *span) for attendee in attendees]
    shares: Shares = np.mean([_uneven(*_free_around(own, starts.minutes, duration)) for own in walls], axis=0)
    return shares


def _uneven(before: Minutes, after: Minutes) -> Shares:
    whole = before + after
    share: Shares = np.where(whole > 0, np.abs(before - after) / np.maximum(whole, 1), 1.0)
    return share


def _free_around(walls: Periods, minutes: Minutes, duration: int) -> tuple[Minutes, Minutes]:
    """The free minutes before and after a meeting at each start, at most half a day."""
    place = walls.starts.searchsorted(minutes, "right")
    before = minutes - np.concatenate([[-_FAR], walls.ends])[place]
    after = np.concatenate([walls.starts, [_FAR]])[place] - (minutes + duration)
    return _bounded(before), _bounded(after)


def _bounded(minutes: Minutes) -> Minutes:
    """From 0 to half a day; several times as quick as numpy's ``clip`` for so few."""
    return np.minimum(np.maximum(minutes, 0), HALF_DAY)


@lru_cache(maxsize=1024)
def _from_middle(hours: tuple[WorkingHours, ...] | None) -> Minutes:
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
