"""The score of a meeting: how good it is for its attendees, from 0 to 1.

It is the weighted sum of the `PARTS`, each from 0 to 1; the required attendee who is worst off weighs most. Scores are
whole thousandths, so that equal scores are exactly equal and the order never depends on rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.availability.burden import distances_outside
from scheduler.domain.availability.open_time import blackout_periods
from scheduler.domain.search.constraints import Constraints, firm_blackouts, outside_hours
from scheduler.domain.search.groups import Group, counted_attendees
from scheduler.domain.search.starts import Constraint, Mask, Starts
from scheduler.domain.time.clocks import clock_offsets
from scheduler.domain.time.periods import Minutes, Periods, minute_after, minute_of
from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.domain.time.units import DAY, MONDAY, WEEK

Thousandths = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
"""Numbers from 0 to 1."""

HALF_DAY = DAY // 2
_FAR = np.int64(1 << 40)
"""A minute that is far from all others."""
MIDDLE_OF_ANY_TIME = 13 * 60
"""The middle of the day (a minute of it) of an attendee who can meet at any time."""
FAR_APART = 3 * DAY
"""Minutes; meetings that are further apart are spread no better."""
DEBT = 0.5
"""The share of their comfort that a fair request disregards for the attendee with the largest burden so far."""


@dataclass(frozen=True)
class Part:
    """One part of the score: its weight, and its definition in words."""

    name: str
    weight: float
    meaning: str


EQUAL = (
    "scores are rounded to thousandths before they are compared; of equal scores the earlier start comes first, and a "
    "cadence's score, the mean of its clear occurrences', decides between cadences of equal coverage"
)
"""How scores are compared."""
FAIR = (
    "with fair in a request, a required attendee's comfort counts for 1 - debt * (b - least) / (most - least): b is "
    "the attendee's burden so far, least and most are the least and the largest burden of all required attendees"
)
"""How `DEBT` is applied."""

PARTS = (
    Part(
        "worst",
        0.45,
        f"the least comfort of the required attendees; comfort is 1 - d / {HALF_DAY}, at least 0, where d is the "
        "number of minutes on the attendee's wall clock from the middle of the meeting, rounded down to a minute, to "
        "the nearest minute of their preferred hours or, if they have none, to the nearest middle of a working day "
        "(13:00 for an attendee who can meet at any time)",
    ),
    Part(
        "mean",
        0.15,
        "the average comfort of the required attendees; both parts count as many members of a group as it needs: at "
        "each start the most comfortable ones of those who can come",
    ),
    Part(
        "optional",
        0.15,
        "the share of the attendees not required by name who can come; an unknown calendar counts as not coming; 1 if "
        "all attendees are required by name",
    ),
    Part("soft", 0.1, "the share of attendees whose soft blackouts (firm: false) the meeting does not touch"),
    Part(
        "spread",
        0.05,
        f"the time to the nearest other meeting, up to {FAR_APART // DAY} days, of the attendees required by name or, "
        "if there are none, of all members of groups; an occurrence of a cadence also counts the cadence's other "
        "occurrences; 1 if there is no other meeting",
    ),
    Part(
        "fragmentation",
        0.1,
        "the average of |b - a| / (b + a) over the attendees required by name or, if there are none, over all members "
        "of groups, whether or not they can come: b and a are the attendee's free minutes before and after the meeting "
        f"until busy time, a firm blackout or the end of the working hours, at least 0 and at most {HALF_DAY // 60} "
        "hours; 1 where both are 0",
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

    def with_others(self, indexes: Minutes, distances: Minutes) -> Thousandths:
        """Return the scores of the starts at the indexes, each with another meeting so many minutes away."""
        near = np.minimum(self.parts["spread"][indexes], distances.clip(0, FAR_APART) / FAR_APART)
        at = [part.name for part in PARTS].index("spread")
        # Added in the same order as without others, so that rounding makes no difference between the two.
        total = self._sum(PARTS[:at])[indexes] + PARTS[at].weight * near
        for part in PARTS[at + 1 :]:
            total += part.weight * self.parts[part.name][indexes]
        return np.rint(total * 1000).astype(np.int64)

    def _sum(self, parts: Sequence[Part]) -> Shares:
        return reduce(np.add, (part.weight * self.parts[part.name] for part in parts))

    def at(self, index: int) -> dict[str, float]:
        """Return the parts of one start, rounded to thousandths."""
        return {part.name: round(float(self.parts[part.name][index]), 3) for part in PARTS}


def score_starts(
    constraints: Constraints,
    starts: Starts,
    duration: int,
    availability: Sequence[Mask | None],
    *,
    fair: bool = False,
) -> Scores:
    """Score meetings of ``duration`` minutes at the starts.

    ``availability`` is that of `Constraints.availability`; attendees with an unreliable calendar count as not coming.
    With ``fair`` the comfort of required attendees is weighed by their burden so far.
    """
    attendees, groups = constraints.attendees, constraints.rules.groups
    nobody = np.zeros(len(starts), dtype=bool)
    availability = [nobody if index in constraints.unreliable else mask for index, mask in enumerate(availability)]
    comfort = _required_comfort(attendees, starts, duration, availability, groups, fair=fair)
    optional = [mask for one, mask in zip(attendees, availability, strict=True) if not one.required]
    coming = sum(mask.astype(np.int64) for mask in optional if mask is not None)
    members = (attendees[index] for index in counted_attendees(attendees, groups))
    by_name = [one for one in attendees if one.required] or list(members)
    return Scores(
        {
            "worst": comfort.min(axis=0),
            "mean": comfort.mean(axis=0),
            "optional": coming / len(optional) + np.zeros(len(starts)) if optional else np.ones(len(starts)),
            "soft": 1 - _touched_soft_blackouts(attendees, starts, duration) / len(attendees),
            "spread": _spread(by_name, starts, duration),
            "fragmentation": _fragmentation(by_name, starts, duration),
        }
    )


def _required_comfort(
    attendees: Sequence[Attendee],
    starts: Starts,
    duration: int,
    availability: Sequence[Mask | None],
    groups: Sequence[Group],
    *,
    fair: bool,
) -> Shares:
    """Return the comfort of everyone who has to come, by name or for a group: a row each, a column for each start."""
    counted = counted_attendees(attendees, groups)
    comfort = np.stack([_comfort(attendees[index], starts.minutes, duration) for index in counted])
    if fair:
        comfort *= _fair_shares([attendees[index] for index in counted])[:, None]
    if not groups:
        return comfort
    row = {index: number for number, index in enumerate(counted)}
    found = [comfort[[row[index] for index in counted if attendees[index].required]]]
    for group in groups:
        members = comfort[[row[index] for index in group.members]]
        for number, index in enumerate(group.members):
            mask = availability[index]
            if mask is not None:
                members[number, ~mask] = 0
        found.append(-np.sort(-members, axis=0)[: group.required])
    return np.concatenate(found)


def _comfort(attendee: Attendee, minutes: Minutes, duration: int) -> Shares:
    """Return the attendee's comfort with meetings at the UTC minutes (ascending)."""
    if not minutes.size:
        return np.empty(0)
    middles = minutes + duration // 2
    table = clock_offsets(attendee.clock, int(middles[0]), int(middles[-1]) + 1)
    walls = (middles + table.at(middles) - MONDAY) % WEEK
    away = distances_outside(attendee.preferred_hours) if attendee.preferred_hours else _from_middle(attendee.hours)
    comfort: Shares = 1 - np.minimum(away[walls], HALF_DAY) / HALF_DAY
    return comfort


def _fair_shares(attendees: Sequence[Attendee]) -> Shares:
    """Return the share of each attendee's comfort that counts in a fair request."""
    borne = np.array([attendee.past_burden for attendee in attendees], dtype=np.float64)
    most, least = borne.max(), borne.min()
    shares: Shares = 1 - DEBT * (borne - least) / (most - least) if most > least else np.ones(borne.size)
    return shares


def _touched_soft_blackouts(attendees: Sequence[Attendee], starts: Starts, duration: int) -> Minutes:
    """Return how many attendees' soft blackouts a meeting at each start touches."""
    touched = np.zeros(len(starts), dtype=np.int64)
    for attendee in attendees if len(starts) else ():
        if soft := [blackout for blackout in attendee.blackouts if not blackout.firm]:
            first, last = int(starts.minutes[0]), int(starts.minutes[-1]) + duration
            touched += starts.blocked(duration, [Constraint(blackout_periods(soft, attendee.clock, first, last))])
    return touched


def _spread(attendees: Sequence[Attendee], starts: Starts, duration: int) -> Shares:
    """Return for each start how far away the nearest existing meeting of any of the attendees is."""
    held = sorted({meeting for attendee in attendees for meeting in attendee.meetings})
    apart = np.full(len(starts), FAR_APART, dtype=np.int64)
    if held:
        begins = np.array([minute_of(meeting.start) for meeting in held], dtype=np.int64)
        ends = np.maximum.accumulate(np.array([minute_after(meeting.end) for meeting in held], dtype=np.int64))
        following = np.searchsorted(begins, starts.minutes, "right")
        after = np.append(begins, np.iinfo(np.int64).max // 2)[following] - (starts.minutes + duration)
        before = starts.minutes - np.concatenate([[np.iinfo(np.int64).min // 2], ends])[following]
        apart = np.minimum(np.minimum(before, after), FAR_APART).clip(0)
    return apart / FAR_APART


def _fragmentation(attendees: Sequence[Attendee], starts: Starts, duration: int) -> Shares:
    """Return for each start how little a meeting splits the attendees' free time, on average."""
    if not attendees or not len(starts):
        return np.ones(len(starts))
    span = int(starts.minutes[0]) - HALF_DAY, int(starts.minutes[-1]) + duration + HALF_DAY
    around = (_free_around(_not_free(attendee, *span), starts.minutes, duration) for attendee in attendees)
    shares: Shares = np.mean([_unevenness(before, after) for before, after in around], axis=0)
    return shares


def _not_free(attendee: Attendee, start: int, end: int) -> Periods:
    """Return what bounds the attendee's free time near [start, end): closed hours, firm blackouts, busy time."""
    return Periods.union(
        outside_hours(attendee, start, end).periods,
        firm_blackouts(attendee, start, end).periods,
        attendee.busy.near(start, end),
    )


def _unevenness(before: Minutes, after: Minutes) -> Shares:
    whole = before + after
    share: Shares = np.where(whole > 0, np.abs(before - after) / np.maximum(whole, 1), 1.0)
    return share


def _free_around(not_free: Periods, minutes: Minutes, duration: int) -> tuple[Minutes, Minutes]:
    """Return the free minutes before and after a meeting at each of the UTC minutes, at most half a day."""
    following = not_free.starts.searchsorted(minutes, "right")
    before = minutes - np.concatenate([[-_FAR], not_free.ends])[following]
    after = np.concatenate([not_free.starts, [_FAR]])[following] - (minutes + duration)
    return _at_most_half_a_day(before), _at_most_half_a_day(after)


def _at_most_half_a_day(minutes: Minutes) -> Minutes:
    """Return the minutes cut to 0 and half a day; several times as quick as numpy's ``clip`` for small arrays."""
    return np.minimum(np.maximum(minutes, 0), HALF_DAY)


@lru_cache(maxsize=1024)
def _from_middle(hours: tuple[WorkingHours, ...] | None) -> Minutes:
    """Return for each wall minute of the week the distance to the nearest middle of a working day, at most 12 hours."""
    minutes = np.arange(WEEK, dtype=np.int64)
    nearest = np.full(WEEK, HALF_DAY, dtype=np.int64)
    for middle in _middles(hours):
        away = np.abs(minutes - middle) % WEEK
        np.minimum(nearest, np.minimum(away, WEEK - away), out=nearest)
    nearest.setflags(write=False)
    return nearest


def _middles(hours: tuple[WorkingHours, ...] | None) -> list[int]:
    """Return the middle of each working day, from its first start to its last end, in minutes of the week."""
    if hours is None:
        return [day * DAY + MIDDLE_OF_ANY_TIME for day in range(7)]
    middles = []
    for day, name in enumerate(WEEKDAYS):
        spans = [(entry.start, entry.start + entry.length) for entry in hours if name in entry.days]
        if spans:
            first, last = min(start for start, _ in spans), max(end for _, end in spans)
            middles.append((day * DAY + (first + last) // 2) % WEEK)
    return middles
