"""The score of a meeting: how good it is for its attendees, from 0 to 1.

It is the weighted sum of the `PARTS`, each from 0 to 1; the required attendee who is worst off weighs most. Scores are
whole thousandths, so that equal scores are exactly equal and the order never depends on rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.availability.burden import distances_outside, distances_to
from scheduler.domain.availability.open_time import blackout_periods
from scheduler.domain.search.constraints import AttendeeConstraints, Constraints
from scheduler.domain.search.starts import Constraint, Mask, Starts
from scheduler.domain.time.clocks import clock_offsets
from scheduler.domain.time.periods import Minutes, Periods, Span
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
BATCH = 1 << 13
"""How many starts are scored at once: the numbers of fifty attendees for so many still fit the processor's cache."""
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
    """The parts of the score of each start, by name, and who can come as of `Constraints.availability`."""

    parts: Mapping[str, Shares]
    availability: Sequence[Mask | None]

    @property
    def thousandths(self) -> Thousandths:
        """The scores."""
        return _in_thousandths(self.parts)

    def with_others(self, indexes: Minutes, distances: Minutes) -> Thousandths:
        """Return the scores of the starts at the indexes, each with another meeting so many minutes away."""
        parts = {name: shares[indexes] for name, shares in self.parts.items()}
        near = distances.clip(0, FAR_APART) / FAR_APART
        return _in_thousandths(parts | {"spread": np.minimum(parts["spread"], near)})

    def at(self, index: int) -> dict[str, float]:
        """Return the parts of one start, rounded to thousandths."""
        return {part.name: round(float(self.parts[part.name][index]), 3) for part in PARTS}


def _in_thousandths(parts: Mapping[str, Shares]) -> Thousandths:
    total = reduce(np.add, (part.weight * parts[part.name] for part in PARTS))
    return np.rint(total * 1000).astype(np.int64)


def score_starts(constraints: Constraints, starts: Starts, duration: int, *, fair: bool = False) -> Scores:
    """Score meetings of ``duration`` minutes at the feasible starts.

    Attendees with an unreliable calendar count as not coming. With ``fair`` the comfort of required attendees is
    weighed by their burden so far.
    """
    parts = {part.name: np.empty(len(starts)) for part in PARTS}
    availability = constraints.availability(starts, duration)
    scores = Scores(parts, availability)
    if not len(starts):
        return scores
    nobody = np.zeros(len(starts), dtype=bool)
    coming = [nobody if index in constraints.unreliable else mask for index, mask in enumerate(availability)]
    scorer = _Scorer(constraints, (int(starts.minutes[0]), int(starts.minutes[-1]) + duration), duration, fair=fair)
    for begin in range(0, len(starts), BATCH):
        batch = slice(begin, begin + BATCH)
        masks = [None if mask is None else mask[batch] for mask in coming]
        for name, shares in scorer.parts(starts.minutes[batch], masks).items():
            parts[name][batch] = shares
    return scores


class _Scorer:
    """Scores meetings that lie in ``span`` (UTC minutes) in batches; what these share is computed once."""

    def __init__(self, constraints: Constraints, span: Span, duration: int, *, fair: bool) -> None:
        self.duration = duration
        self.attendees = attendees = constraints.attendees
        self.groups = constraints.rules.groups
        start, end = span
        counted = {index: attendees[index] for index in constraints.rules.counted(attendees)}
        shares = _fair_shares(list(counted.values())) if fair else np.ones(len(counted))
        self.comforts = {
            index: share * _comforts_of_week(one.hours, one.preferred_hours)
            for (index, one), share in zip(counted.items(), shares.tolist(), strict=True)
        }
        self.offsets = {one.clock: clock_offsets(one.clock, start, end) for one in counted.values()}
        by_name = [one for one in attendees if one.required] or counted.values()
        self.not_free = [_not_free(one, (start - HALF_DAY, end + HALF_DAY)) for one in by_name]
        self.meetings = Periods.of(meeting for one in by_name for meeting in one.meetings)
        soft = [(one, [blackout for blackout in one.blackouts if not blackout.firm]) for one in attendees]
        self.soft = [
            Constraint(blackout_periods(blackouts, one.clock, start, end)) for one, blackouts in soft if blackouts
        ]

    def parts(self, minutes: Minutes, availability: Sequence[Mask | None]) -> dict[str, Shares]:
        """Return the parts of the score of meetings at these UTC minutes (ascending), by name."""
        starts, none = Starts(minutes, None), np.zeros(minutes.size, dtype=np.int64)
        worst, mean = self._worst_and_mean(minutes, availability)
        optional = [mask for one, mask in zip(self.attendees, availability, strict=True) if not one.required]
        coming = sum((mask for mask in optional if mask is not None), none)
        touched = sum((starts.blocked(self.duration, [blackouts]) for blackouts in self.soft), none)
        before, after = _free_around(self.meetings, minutes, self.duration, FAR_APART)
        around = (_free_around(not_free, minutes, self.duration, HALF_DAY) for not_free in self.not_free)
        uneven = reduce(np.add, (_unevenness(*free) for free in around))
        return {
            "worst": worst,
            "mean": mean,
            "optional": coming / len(optional) if optional else np.ones(minutes.size),
            "soft": 1 - touched / len(self.attendees),
            "spread": np.minimum(before, after) / FAR_APART,
            "fragmentation": uneven / len(self.not_free),
        }

    def _worst_and_mean(self, minutes: Minutes, availability: Sequence[Mask | None]) -> tuple[Shares, Shares]:
        """Return the least and the average comfort of everyone who has to come, by name or for a group."""
        worst, total, count = np.ones(minutes.size), np.zeros(minutes.size), 0
        for comfort in self._needed_comforts(minutes, availability):
            np.minimum(worst, comfort, out=worst)
            total += comfort
            count += 1
        return worst, total / count

    def _needed_comforts(self, minutes: Minutes, availability: Sequence[Mask | None]) -> Iterator[Shares]:
        """Yield the comforts of each attendee who has to come by name, then of the members whom each group needs."""
        middles = minutes + self.duration // 2
        walls = {clock: (middles + offsets.at(middles) - MONDAY) % WEEK for clock, offsets in self.offsets.items()}
        comforts: dict[int, Shares] = {}
        for index, of_week in self.comforts.items():
            attendee, mask = self.attendees[index], availability[index]
            comfort = of_week[walls[attendee.clock]]
            if attendee.required or not self.groups:
                yield comfort
            if self.groups:
                comforts[index] = comfort if mask is None else comfort * mask
        if self.groups:
            # A row for each start: numpy sorts along rows many times as fast as along columns.
            table, columns = np.stack(list(comforts.values()), axis=1), list(comforts)
            for group in self.groups:
                ordered = table.take([columns.index(index) for index in group.members], axis=1)
                ordered.sort(axis=1)
                yield from ordered.T[::-1][: group.required]


def _fair_shares(attendees: Sequence[Attendee]) -> Shares:
    """Return the share of each attendee's comfort that counts in a fair request."""
    borne = np.array([attendee.past_burden for attendee in attendees], dtype=np.float64)
    most, least = borne.max(), borne.min()
    shares: Shares = 1 - DEBT * (borne - least) / (most - least) if most > least else np.ones(borne.size)
    return shares


def _not_free(attendee: Attendee, span: Span) -> Periods:
    """Return what bounds the attendee's free time near the span: closed hours, firm blackouts, busy time."""
    own = AttendeeConstraints(attendee, span)
    return Periods.union(own.hours.periods, own.blackout.periods, attendee.busy.near(*span))


def _free_around(periods: Periods, minutes: Minutes, duration: int, most: int) -> tuple[Minutes, Minutes]:
    """Return the minutes before and after a meeting at each of the UTC minutes up to the periods, at most ``most``."""
    following = periods.starts.searchsorted(minutes, "right")
    before = minutes - np.concatenate([[-_FAR], periods.ends])[following]
    after = np.concatenate([periods.starts, [_FAR]])[following] - (minutes + duration)
    # Several times as quick as numpy's ``clip`` for small arrays.
    return np.minimum(np.maximum(before, 0), most), np.minimum(np.maximum(after, 0), most)


def _unevenness(before: Minutes, after: Minutes) -> Shares:
    """Return how little a meeting splits the free time around it."""
    whole = before + after
    share: Shares = np.where(whole > 0, np.abs(before - after) / np.maximum(whole, 1), 1.0)
    return share


@lru_cache(maxsize=1024)
def _comforts_of_week(hours: tuple[WorkingHours, ...] | None, preferred: tuple[WorkingHours, ...] | None) -> Shares:
    """Return the comfort with a meeting whose middle is at each wall minute of the week, from Monday on; read-only."""
    away = distances_outside(preferred) if preferred else distances_to(np.array(_middles(hours), dtype=np.int64))
    comforts: Shares = 1 - np.minimum(away, HALF_DAY) / HALF_DAY
    comforts.setflags(write=False)
    return comforts


def _middles(hours: tuple[WorkingHours, ...] | None) -> list[int]:
    """Return the middle of each working day, from its first start to its last end, in minutes of the week; sorted."""
    if hours is None:
        return [day * DAY + MIDDLE_OF_ANY_TIME for day in range(7)]
    middles = []
    for day, name in enumerate(WEEKDAYS):
        spans = [(entry.start, entry.start + entry.length) for entry in hours if name in entry.days]
        if spans:
            first, last = min(start for start, _ in spans), max(end for _, end in spans)
            middles.append((day * DAY + (first + last) // 2) % WEEK)
    return sorted(middles)
