"""Rotations: cadences whose local time alternates, so that the burden of odd hours is shared.

A rotation of n turns consists of n series on one weekday; each has every n-th occurrence. Of the rotations that cover
no less than the best single cadence, the one with the least maximum of the attendees' burdens is chosen. A cadence is a
rotation whose turns all have the same time, so that the chosen rotation is never worse than a cadence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.availability.burden import burdens
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.cadence_search import CadenceQuery, CadenceSearch, in_thousandths
from scheduler.domain.search.cadences import ExplainableCadences, LocalTimeShift, local_time_shifts
from scheduler.domain.search.candidate_changes import changed
from scheduler.domain.search.explanation import Explanation, explain, explain_blocking
from scheduler.domain.search.minimax import Assignment, TurnCosts, minimax_assignment
from scheduler.domain.search.planning import PlannedOccurrence, PlanStatus
from scheduler.domain.search.scoring import Thousandths
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.time.periods import Minutes, Period, minute_of, sort_distinct
from scheduler.domain.time.recurrence import SeriesRule, WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime

MAX_WEEKS = 8
"""The most weeks between two occurrences of a turn."""
MIN_STEP = 15
"""The finest step in minutes for more than two turns; a finer one gives too many assignments."""
MAX_RELAXATIONS = 5
"""How many relaxations are offered; each takes a whole search."""


@dataclass(frozen=True)
class Turn:
    """One of the alternating series. ``dtstart`` is the nominal wall time, even in a gap of the clock."""

    dtstart: LocalTime
    rule: SeriesRule
    occurrences: tuple[PlannedOccurrence, ...]
    shifts: tuple[LocalTimeShift, ...]


@dataclass(frozen=True)
class Rotation:
    """All turns together; ``burdens`` (weighted minutes) and ``counted`` (indexes) are as in `Cadence`."""

    turns: tuple[Turn, ...]
    clear_count: int
    coverage: float
    score: float
    burdens: tuple[int, ...]
    counted: tuple[int, ...]

    @property
    def occurrences(self) -> tuple[tuple[int, PlannedOccurrence], ...]:
        """Every occurrence with the index of its turn, in order of nominal time."""
        found = [(index, occurrence) for index, turn in enumerate(self.turns) for occurrence in turn.occurrences]
        return tuple(sorted(found, key=lambda pair: pair[1].period.start))


@dataclass(frozen=True)
class RotationAnswer:
    """The best rotations, the number of all, and an explanation if there are none."""

    rotations: tuple[Rotation, ...]
    total: int
    explanation: Explanation | None


@dataclass(frozen=True)
class _Candidate:
    """The best assignment of times of day (columns of the search) for one date set."""

    date_set: int
    assignment: Assignment


def find_rotations(query: CadenceQuery) -> RotationAnswer:
    """Find the best rotation for each first date: the least largest burden first, cut to the limit.

    Ties are broken by higher coverage, a higher score, a smaller total burden, and an earlier dtstart.
    """
    search = CadenceSearch(query)
    candidates = [] if search.constraints.is_stale else _candidates(search)
    if not candidates:
        return RotationAnswer((), 0, _explain(search))
    best = sorted(candidates, key=lambda candidate: _sort_key(search, candidate))[: query.limit]
    explanation = explain_blocking(ExplainableCadences(search, most_coverage)) if query.explain else None
    return RotationAnswer(tuple(_rotation(search, one) for one in best), len(candidates), explanation)


def most_coverage(search: CadenceSearch, clear: Mask, up_to: Cause) -> float:  # noqa: ARG001  # turns never conflict
    """Return the best coverage of any rotation if these cells are clear; 0 if it is not enough."""
    turns = search.query.rotation
    best = 0
    for number in _long_enough(search):
        most = sum(int(clear[_rows_of_turn(search, number, turn)].sum(axis=0).max()) for turn in range(turns))
        best = max(best, int(in_thousandths(np.int64(most), len(search.date_sets[number].dates))))
    return best / 1000 if best / 1000 >= search.query.min_coverage else 0.0


def _candidates(search: CadenceSearch) -> list[_Candidate]:
    """Return the best assignment for each date set that has one with enough coverage."""
    query = search.query
    long_enough = _long_enough(search)
    singles = search.coverage(search.clear_counts).reshape(-1, search.columns)[long_enough]
    min_coverage = max(query.min_coverage, int(singles.max(initial=0)) / 1000)
    counted = [query.attendees[index] for index in query.rules.counted(query.attendees)]
    flat = search.matrix.ravel()
    cell_burdens = np.empty((len(counted), *search.matrix.shape), dtype=np.int64)
    for number, attendee in enumerate(counted):
        cell_burdens[number] = burdens(attendee, flat, query.duration).reshape(search.matrix.shape)
    past_burdens = np.array([one.past_burden if query.fair else 0 for one in counted], dtype=np.int64)
    scores = _scores(search)
    found = []
    for number in long_enough:
        rows = [_rows_of_turn(search, number, turn) for turn in range(query.rotation)]
        costs = TurnCosts(
            burdens=np.stack([cell_burdens[:, own].sum(axis=1).T for own in rows]),
            clear=np.stack([search.clear[own].sum(axis=0) for own in rows]),
            scores=np.stack([scores[own].sum(axis=0) for own in rows]),
            past_burdens=past_burdens,
        )
        min_clear = _min_count(min_coverage, len(search.date_sets[number].dates))
        if assignment := minimax_assignment(costs, min_clear):
            found.append(_Candidate(number, assignment))
    return found


def _sort_key(search: CadenceSearch, candidate: _Candidate) -> tuple[int, ...]:
    """Return a key that sorts better rotations of different date sets first."""
    found = candidate.assignment
    coverage = int(in_thousandths(np.int64(found.clear), len(search.date_sets[candidate.date_set].dates)))
    return (found.max_burden, -coverage, -found.mean_score, found.total_burden, candidate.date_set)


def _rotation(search: CadenceSearch, candidate: _Candidate) -> Rotation:
    """Return a candidate in full, with its plans. Each turn avoids the others and the moves of earlier turns.

    Fewer occurrences may be clear than the assignment counts, where the turns together exceed a limit of meetings.
    """
    query, assignment = search.query, candidate.assignment
    series = [_series(search, candidate, turn) for turn in range(query.rotation)]
    length = timedelta(minutes=query.duration)
    taken = [[Period(one.instant, one.instant + length) for one in turn.nominal_starts] for turn in series]
    starts = np.array([minute_of(period.start) for periods in taken for period in periods])
    turns = []
    for index, one in enumerate(series):
        others = [period for other, periods in enumerate(taken) if other != index for period in periods]
        planned = search.planner.plan(one, others)
        taken[index] += [occurrence.moved_to for occurrence in planned if occurrence.moved_to]
        shifts = local_time_shifts([occurrence.period for occurrence in planned], query.attendees)
        assert one.rule is not None  # made by _series
        turns.append(Turn(one.dtstart, one.rule, planned, tuple(shifts)))
    clear = sum(occurrence.status is PlanStatus.CLEAR for turn in turns for occurrence in turn.occurrences)
    return Rotation(
        tuple(turns),
        clear_count=clear,
        coverage=int(in_thousandths(np.int64(clear), len(search.date_sets[candidate.date_set].dates))) / 1000,
        score=assignment.mean_score / 1000,
        burdens=tuple(int(burdens(one, starts, query.duration).sum()) for one in query.attendees),
        counted=query.rules.counted(query.attendees),
    )


def _series(search: CadenceSearch, candidate: _Candidate, turn: int) -> Series:
    """Return the series of one turn."""
    query, dates = search.query, search.date_sets[candidate.date_set]
    own = dates.dates[turn :: query.rotation]
    time_of_day = timedelta(minutes=candidate.assignment.columns[turn] * query.step)
    wall = datetime.combine(own[0], datetime.min.time()) + time_of_day
    last = LocalTime(wall + (own[-1] - own[0]), query.time_zone)
    assert isinstance(dates.rule, WeeklyRule)  # only weekly cadences rotate
    rule = replace(dates.rule, interval=query.every_weeks * query.rotation, until=last.instant)
    return Series(LocalTime(wall, query.time_zone), rule, query.duration)


def _long_enough(search: CadenceSearch) -> list[int]:
    """Return the numbers of the date sets with at least one date for each turn."""
    return [number for number, dates in enumerate(search.date_sets) if len(dates.dates) >= search.query.rotation]


def _rows_of_turn(search: CadenceSearch, number: int, turn: int) -> Minutes:
    """Return the matrix rows of a turn in a date set."""
    rows: Minutes = search.rows_of(number)[turn :: search.query.rotation]
    return rows


def _scores(search: CadenceSearch) -> Thousandths:
    """Return the score of each clear cell of the matrix, 0 for the others."""
    scores = np.zeros(search.matrix.shape, dtype=np.int64)
    starts = Starts(sort_distinct(search.matrix[search.clear]), None)
    scores[search.clear] = search.scores_at(starts).thousandths[starts.indexes(search.matrix[search.clear])]
    return scores


def _explain(search: CadenceSearch) -> Explanation:
    """Explain why there is no rotation; a relaxation's gain is the coverage of the best rotation that it leads to."""
    explainable = ExplainableCadences(search, most_coverage)
    found = explain(explainable)
    query = replace(search.query, limit=1)
    relaxations = [
        replace(one, gain=find_rotations(changed(query, one.change)).rotations[0].coverage)
        for one in found.relaxations[:MAX_RELAXATIONS]
        if explainable.trials.take(query.extent.work)
    ]
    return replace(found, relaxations=tuple(relaxations), complete=explainable.trials.complete)


def _min_count(coverage: float, occurrences: int) -> int:
    """Return the least number of clear occurrences, at least one, with that coverage in thousandths."""
    counts = np.arange(1, occurrences + 1)
    return int(counts[in_thousandths(counts, occurrences) / 1000 >= coverage][0])
