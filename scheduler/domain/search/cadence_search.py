"""The search for cadences: every occurrence of every candidate, checked and scored at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import Days
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.date_patterns import Pattern, date_sets, sets_of_a_date
from scheduler.domain.search.meeting_limits import limits_of, rank_in_period
from scheduler.domain.search.planning import OnConflict, Planner
from scheduler.domain.search.rules import MeetingQuery
from scheduler.domain.search.scoring import Scores, Thousandths, score_starts
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.search.work import Extent
from scheduler.domain.time.periods import Minutes, sort_distinct
from scheduler.domain.time.units import DAY, wall_midnight
from scheduler.domain.time.zones import resolve_wall_times

_FAR = np.int64(1 << 40)
"""A minute that is far from all others."""
_CAUSES = list(Cause)


@dataclass(frozen=True, kw_only=True)
class CadenceQuery(MeetingQuery):
    """When can these attendees meet again and again? ``step`` is on the clock of ``time_zone``.

    Args:
        starts_on: the first date, in ``time_zone``.
        ends_on: the last date, in ``time_zone``.
        time_zone: the zone of the local times.
        every_weeks: weeks between two meetings of a weekly cadence; 1 if ``per_week`` is more than 1.
        per_week: meetings a week, 1-5.
        rotation: how many local times take turns (1-4); more than 1 only with one meeting in ``every_weeks`` weeks.

    """

    starts_on: date
    ends_on: date
    time_zone: str
    every_weeks: int = 1
    min_coverage: float = 0.5
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: int = 3
    limit: int = 5
    pattern: Pattern = Pattern.WEEKLY
    per_week: int = 1
    rotation: int = 1

    @property
    def extent(self) -> Extent:
        """How far the question reaches."""
        days, columns, people = (self.ends_on - self.starts_on).days + 1, -(-DAY // self.step), len(self.attendees)
        meetings = -(-days // (7 * self.every_weeks)) * self.per_week
        rotates = self.rotation > 1
        return Extent(
            starts=days * columns,
            attendees=people,
            members=self.rules.places,
            pairs=days * columns * sets_of_a_date(self.pattern, self.per_week),
            limits=sum(len(list(limits_of(attendee))) for attendee in self.attendees),
            rows=self.limit * meetings * people,
            burdens=days * columns * people if rotates else 0,
            assignments=7 * self.every_weeks * columns**self.rotation * people if rotates else 0,
        )

    def planner(self) -> Planner:
        """Return the planner of the query's occurrences."""
        return Planner(
            attendees=self.attendees,
            dates=Days(self.starts_on, self.ends_on),
            time_zone=self.time_zone,
            duration=self.duration,
            step=self.step,
            on_conflict=self.on_conflict,
            move_within_days=self.move_within_days,
            rules=self.rules,
            per_week=self.per_week,
            allow_unknown=self.allow_unknown,
        )


class CadenceSearch:
    """All candidates of a query at once: a matrix of UTC starts, a row for each date, a column for each time of day.

    Candidate c has the dates ``date_sets[c // columns]`` and the time of day c % columns. ``rows`` has the matrix rows
    of each date set, filled up to one length with the index of a row that does not exist and is never clear.
    """

    def __init__(self, query: CadenceQuery) -> None:
        self.query = query
        self.planner = query.planner()
        self.constraints = self.planner.constraints
        dates = self.planner.dates
        self.date_sets = date_sets(query.pattern, query.every_weeks, query.per_week, dates.first, dates.last)
        times = np.arange(0, DAY, query.step, dtype=np.int64)
        midnights = np.arange(wall_midnight(dates.first), wall_midnight(dates.last) + 1, DAY, dtype=np.int64)
        self.columns = times.size
        walls = midnights[:, None] + times
        self.matrix = resolve_wall_times(walls.ravel(), query.time_zone).reshape(walls.shape)
        self.starts = Starts.covering(self.matrix, query.step)
        self.indexes = self.starts.indexes(self.matrix)
        self.rows = np.full((len(self.date_sets), max(len(one.dates) for one in self.date_sets)), len(midnights))
        for number, one in enumerate(self.date_sets):
            self.rows[number, : len(one.dates)] = [(day - dates.first).days for day in one.dates]

    @cached_property
    def clear(self) -> Mask:
        """Which cells of the matrix nothing rules out."""
        clear: Mask = ~self.constraints.blocked(self.starts, self.query.duration)[self.indexes]
        return clear

    def per_candidate(self, cells: Mask) -> Minutes:
        """Return how many occurrences of each candidate are marked in a mask of the matrix."""
        counts: Minutes = np.count_nonzero(self.by_date_set(cells), axis=1).ravel()
        return counts

    def by_date_set(self, cells: Mask) -> Mask:
        """Return a mask of the matrix as date sets x occurrences x times of day; what is filled up is False."""
        found: Mask = np.concatenate([cells, np.zeros((1, self.columns), dtype=bool)])[self.rows]
        return found

    @cached_property
    def clear_counts(self) -> Minutes:
        """How many occurrences of each candidate are clear."""
        return self.per_candidate(self.clear)

    @cached_property
    def occurrence_counts(self) -> Minutes:
        """How many occurrences each candidate has."""
        return np.repeat(np.array([len(one.dates) for one in self.date_sets], dtype=np.int64), self.columns)

    def coverage(self, counts: Minutes) -> Thousandths:
        """Return each candidate's coverage in thousandths, where ``counts`` of its occurrences are clear."""
        return in_thousandths(counts, self.occurrence_counts)

    def remaining(self, counts: Minutes, up_to: Cause = Cause.GROUP) -> Minutes:
        """Return the candidates with a clear occurrence, enough coverage and no conflict among their own occurrences.

        Conflicts count if their cause is not after ``up_to``.
        """
        enough = self.coverage(counts) / 1000 >= self.query.min_coverage
        fine = enough & (counts > 0)
        for (_, cause), conflicts in self.own_conflicts.items():
            if _CAUSES.index(cause) <= _CAUSES.index(up_to):
                fine &= ~conflicts.any(axis=1).ravel()
        return np.flatnonzero(fine)

    def best_coverage(self, clear: Mask, up_to: Cause = Cause.GROUP) -> float:
        """Return the best coverage of the candidates that remain where these cells are clear; 0 if none remains."""
        counts = self.per_candidate(clear)
        remaining = self.remaining(counts, up_to)
        return int(self.coverage(counts)[remaining].max()) / 1000 if remaining.size else 0.0

    @cached_property
    def own_conflicts(self) -> dict[tuple[int | None, Cause], Mask]:
        """Where occurrences of one candidate rule each other out: date sets x occurrences x times of day.

        By attendee (None: the request) and cause: they are nearer to each other than the minimum gap, or fill a day or
        a week beyond an attendee's limit.
        """
        found: dict[tuple[int | None, Cause], Mask] = {}
        gap, duration = self.query.rules.minimum_gap, self.query.duration
        rows = [self.rows_of(number) for number in range(len(self.date_sets))]
        if gap:
            self._add_conflict(
                found, (None, Cause.MINIMUM_GAP), [_apart(self.matrix[own], duration) < gap for own in rows]
            )
        for index, limit in self.planner.limits:
            numbers = limit.numbers(self.matrix.ravel()).reshape(self.matrix.shape)
            room = limit.room(numbers)
            # Days and weeks that existing meetings have filled are ruled out already.
            roomy = ~self.starts.blocked(duration, [self.constraints.of[index].limit])[self.indexes]
            full = [(rank_in_period(numbers[own]) >= room[own]) & roomy[own] for own in rows]
            self._add_conflict(found, (index, Cause.LIMIT), full)
        return found

    def _add_conflict(
        self, found: dict[tuple[int | None, Cause], Mask], key: tuple[int | None, Cause], by_set: Sequence[Mask]
    ) -> None:
        """Add the conflicts of each date set, if there are any."""
        if any(conflicts.any() for conflicts in by_set):
            whole = found.setdefault(key, np.zeros((*self.rows.shape, self.columns), dtype=bool))
            for number, conflicts in enumerate(by_set):
                whole[number, : len(conflicts)] |= conflicts

    def rows_of(self, number: int) -> Minutes:
        """Return the matrix rows of a date set."""
        rows: Minutes = self.rows[number, : len(self.date_sets[number].dates)]
        return rows

    def sort_keys(self, candidates: Minutes) -> tuple[Minutes, Minutes, Minutes]:
        """Return keys for `numpy.lexsort` that sort candidates by dtstart."""
        numbers, columns = np.divmod(candidates, self.columns)
        return numbers, columns, self.rows[numbers, 0]

    def scores(self, candidates: Minutes) -> Thousandths:
        """Return the mean score of each candidate's clear occurrences."""
        numbers, columns = np.divmod(candidates, self.columns)
        by_set = [(number, np.flatnonzero(numbers == number)) for number in np.unique(numbers).tolist()]
        cells = {number: np.ix_(self.rows_of(number), columns[some]) for number, some in by_set}
        scored = np.zeros(self.matrix.shape, dtype=bool)
        for own in cells.values():
            scored[own] = self.clear[own]
        starts = Starts(sort_distinct(self.matrix[scored]), None)
        indexes = np.zeros(self.matrix.shape, dtype=np.int64)
        indexes[scored] = starts.indexes(self.matrix[scored])
        scores = self.scores_at(starts)
        mean = np.empty(candidates.size, dtype=np.int64)
        for number, some in by_set:
            own = cells[number]
            points = scores.with_others(indexes[own], _apart(self.matrix[own], self.query.duration))
            clear = self.clear[own]
            mean[some] = np.rint((points * clear).sum(axis=0) / clear.sum(axis=0))
        return mean

    def scores_at(self, starts: Starts) -> Scores:
        """Return the scores of clear occurrences."""
        return score_starts(self.constraints, starts, self.query.duration, fair=self.query.fair)


def in_thousandths(counts: Minutes | np.int64, whole: Minutes | int) -> Thousandths:
    """Return what share of the whole the counts are, in thousandths."""
    thousandths: Thousandths = np.rint(counts / whole * 1000).astype(np.int64)
    return thousandths


def _apart(minutes: Minutes, duration: int) -> Minutes:
    """Return how many minutes lie between each occurrence of a column and its nearest neighbour."""
    gaps = np.diff(minutes, axis=0) - duration
    edge = np.full_like(minutes[:1], _FAR)
    apart: Minutes = np.minimum(np.concatenate([edge, gaps]), np.concatenate([gaps, edge]))
    return apart
