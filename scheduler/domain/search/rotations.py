"""Whose turn is it to get up early? A cadence that alternates between local times, so that nobody always bears it.

A rotation of n has n turns: series of their own, each every n-th occurrence of the whole, all on one weekday. Of those
that miss no more meetings than the best single cadence does, it is the one whose most burdened attendee bears least.
A single cadence is a rotation whose turns are all alike, so that no rotation is ever worse than one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from scheduler.domain.availability.burden import burdens
from scheduler.domain.search.cadence_search import CadenceQuery, CadenceSearch, in_thousandths
from scheduler.domain.search.cadences import ExplainableCadences, LocalTimeShift, local_time_shifts
from scheduler.domain.search.candidate_changes import Change, changed
from scheduler.domain.search.constraints import Cause
from scheduler.domain.search.date_patterns import DateSet
from scheduler.domain.search.explanation import Explanation, explain, explain_blocking
from scheduler.domain.search.groups import counted_attendees
from scheduler.domain.search.minimax import Choice, Turns, fairest
from scheduler.domain.search.planning import PlannedOccurrence, PlanStatus
from scheduler.domain.search.relaxations import Relaxation
from scheduler.domain.search.scoring import Thousandths
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.time.periods import Minutes, Period, sort_distinct
from scheduler.domain.time.recurrence import SeriesRule, WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime

MOST_WEEKS = 8
"""From an occurrence of a turn to its next one."""
SHORTEST_STEP = 15
"""Minutes: where more than two turns are on a finer grid there is too much to try."""
MOST_RELAXATIONS = 5
"""How many changes are offered: each is a whole search of its own."""


@dataclass(frozen=True)
class Turn:
    """One of the alternating series. ``dtstart`` is the nominal wall time, even in a gap."""

    dtstart: LocalTime
    rule: SeriesRule
    occurrences: tuple[PlannedOccurrence, ...]
    shifts: tuple[LocalTimeShift, ...]


@dataclass(frozen=True)
class Rotation:
    """All turns together. ``burdens`` and ``counted`` are as a cadence has them."""

    turns: tuple[Turn, ...]
    clear_count: int
    coverage: float
    score: float
    burdens: tuple[int, ...]
    counted: tuple[int, ...]

    @property
    def occurrences(self) -> tuple[tuple[int, PlannedOccurrence], ...]:
        """Every occurrence with the place of its turn, in the order of the rules."""
        found = [(place, one) for place, turn in enumerate(self.turns) for one in turn.occurrences]
        return tuple(sorted(found, key=lambda pair: pair[1].period.start))


@dataclass(frozen=True)
class RotationAnswer:
    """The best rotations, how many there are in all, and why there are none if so."""

    rotations: tuple[Rotation, ...]
    total: int
    explanation: Explanation | None


def find_rotations(query: CadenceQuery) -> RotationAnswer:
    """For each first date the best rotation of ``rotation`` turns; the lightest for who bears most first.

    Equally light ones come by coverage, then score, both downwards, then the burden of all together, then dtstart; cut
    to ``limit``.
    """
    search = _RotationSearch(query)
    if search.constraints.is_stale or not search.choices:
        return RotationAnswer((), 0, _explain(search))
    ranked = sorted(search.choices, key=search.rank)[: query.limit]
    explanation = explain_blocking(_ExplainableRotations(search)) if query.explain else None
    return RotationAnswer(tuple(search.rotation(*one) for one in ranked), len(search.choices), explanation)


class _RotationSearch(CadenceSearch):
    """The matrix of a cadence search, whose sets of dates are dealt out to the turns."""

    @property
    def turns(self) -> int:
        """How many turns there are."""
        return self.query.rotation

    @cached_property
    def choices(self) -> list[tuple[int, Choice]]:
        """The best column for each turn, for every set of dates that has enough of them and can be covered enough."""
        burdens_, scores = self._burdens, self._scores
        singles = self.coverage(self.clear_counts).reshape(-1, self.columns)[self._long_enough]
        least = max(self.query.min_coverage, int(singles.max(initial=0)) / 1000)
        found = []
        for place in self._long_enough:
            rows = [self._rows(place, turn) for turn in range(self.turns)]
            turns = Turns(
                np.stack([burdens_[:, own].sum(axis=1).T for own in rows]),
                np.stack([self.clear[own].sum(axis=0) for own in rows]),
                np.stack([scores[own].sum(axis=0) for own in rows]),
                self._borne,
            )
            choice = fairest(turns, _least_count(least, len(self.date_sets[place].dates)))
            if choice is not None:
                found.append((place, choice))
        return found

    def rank(self, found: tuple[int, Choice]) -> tuple[int, ...]:
        """What sorts the better of two rotations of different dates, which may be more or fewer, first."""
        place, choice = found
        coverage = int(in_thousandths(np.int64(choice.clear), len(self.date_sets[place].dates)))
        return (choice.most, -coverage, -choice.mean_score, choice.total, place)

    def most_coverage(self, clear: Mask) -> float:
        """Return the best coverage that any rotation could have where these cells are clear; 0 if it is not enough."""
        best = 0
        for place in self._long_enough:
            most = sum(int(clear[self._rows(place, turn)].sum(axis=0).max()) for turn in range(self.turns))
            best = max(best, int(in_thousandths(np.int64(most), len(self.date_sets[place].dates))))
        return best / 1000 if best / 1000 >= self.query.min_coverage else 0.0

    def rotation(self, place: int, choice: Choice) -> Rotation:
        """A choice in full. Every turn keeps away from the others, and from where earlier turns were moved.

        What is clear may be less than was counted where the turns together fill somebody's week.
        """
        dates = self.date_sets[place]
        series = [self._series(dates, turn, column) for turn, column in enumerate(choice.columns)]
        elsewhere = [[self._period(start.instant) for start in one.nominal_starts] for one in series]
        turns = []
        for place_, one in enumerate(series):
            others = [period for other, periods in enumerate(elsewhere) if other != place_ for period in periods]
            planned = self.planner.plan(one, others)
            elsewhere[place_] += [found.moved_to for found in planned if found.moved_to]
            shifts = local_time_shifts([found.period for found in planned], self.query.attendees)
            assert one.rule is not None  # as made above
            turns.append(Turn(one.dtstart, one.rule, planned, tuple(shifts)))
        starts = np.array([self.matrix[row, column] for row, column in self._cells(place, choice)], dtype=np.int64)
        costs = tuple(int(burdens(one, starts, self.query.duration).sum()) for one in self.query.attendees)
        clear = sum(one.status is PlanStatus.CLEAR for turn in turns for one in turn.occurrences)
        coverage = int(in_thousandths(np.int64(clear), len(dates.dates))) / 1000
        return Rotation(tuple(turns), clear, coverage, choice.mean_score / 1000, costs, self._counted)

    @cached_property
    def _long_enough(self) -> list[int]:
        """The sets of dates that have one for each turn."""
        return [place for place, dates in enumerate(self.date_sets) if len(dates.dates) >= self.turns]

    def _rows(self, place: int, turn: int) -> Minutes:
        """The matrix' rows that a turn has of a set of dates."""
        rows: Minutes = self.rows_of(place)[turn :: self.turns]
        return rows

    def _cells(self, place: int, choice: Choice) -> list[tuple[int, int]]:
        return [(int(row), column) for turn, column in enumerate(choice.columns) for row in self._rows(place, turn)]

    def _series(self, dates: DateSet, turn: int, column: int) -> Series:
        own = dates.dates[turn :: self.turns]
        wall = datetime.combine(own[0], datetime.min.time()) + timedelta(minutes=column * self.query.step)
        last = LocalTime(wall + (own[-1] - own[0]), self.query.time_zone)
        rule = WeeklyRule(self.query.every_weeks * self.turns, _weekdays(dates.rule), last.instant)
        return Series(LocalTime(wall, self.query.time_zone), rule, self.query.duration)

    def _period(self, start: datetime) -> Period:
        return Period(start, start + timedelta(minutes=self.query.duration))

    @property
    def _counted(self) -> tuple[int, ...]:
        return counted_attendees(self.query.attendees, self.query.rules.groups)

    @cached_property
    def _burdens(self) -> Minutes:
        """The burden of every cell, of each of those who count."""
        people = [self.query.attendees[place] for place in self._counted]
        flat = [burdens(one, self.matrix.ravel(), self.query.duration) for one in people]
        return np.stack(flat).reshape(len(people), *self.matrix.shape)

    @property
    def _borne(self) -> Minutes:
        """What those have borne so far, if that is to be made up for."""
        people = [self.query.attendees[place] for place in self._counted]
        return np.array([one.past_burden if self.query.fair else 0 for one in people], dtype=np.int64)

    @cached_property
    def _scores(self) -> Thousandths:
        """The score of every clear cell; 0 of the others."""
        scores = np.zeros(self.matrix.shape, dtype=np.int64)
        starts = Starts(sort_distinct(self.matrix[self.clear]), None)
        points = self.scores_at(starts)
        scores[self.clear] = points.thousandths[starts.indexes(self.matrix[self.clear])]
        return scores


class _ExplainableRotations(ExplainableCadences):
    """A rotation search as `explain` takes it; its objective is the best coverage that any rotation could have."""

    def __init__(self, search: _RotationSearch) -> None:
        super().__init__(search)
        self.rotations = search

    def objective(self, free: Mask, up_to: Cause = Cause.GROUP) -> float:  # noqa: ARG002  # turns don't conflict here
        """Return the best coverage if these starts are free."""
        return self.rotations.most_coverage(free[self.search.indexes])

    def retry(self, change: Change) -> float:
        """Return the best coverage of the query with a change."""
        search = _RotationSearch(changed(self.search.query, change))
        return 0.0 if search.constraints.is_stale else search.most_coverage(search.clear)


def _explain(search: _RotationSearch) -> Explanation:
    """Explain why there is no rotation; a relaxation's gain is the coverage of the best rotation that it leads to."""
    found = explain(_ExplainableRotations(search))
    helpful = found.relaxations[:MOST_RELAXATIONS]
    return replace(found, relaxations=tuple(_with_real_gain(search.query, one) for one in helpful))


def _with_real_gain(query: CadenceQuery, relaxation: Relaxation) -> Relaxation:
    again = find_rotations(changed(replace(query, limit=1), relaxation.change))
    return replace(relaxation, gain=again.rotations[0].coverage)


def _least_count(coverage: float, occurrences: int) -> int:
    """The least number of clear occurrences, one at least, with that coverage in thousandths."""
    counts = np.arange(1, occurrences + 1)
    return int(counts[in_thousandths(counts, occurrences) / 1000 >= coverage][0])


def _weekdays(rule: SeriesRule) -> tuple[str, ...]:
    assert isinstance(rule, WeeklyRule)  # only weekly cadences rotate
    return rule.weekdays
