"""When can these people meet again and again? One local time on the dates of a pattern, every occurrence checked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.availability.burden import burdens
from scheduler.domain.search.candidate_changes import Change, changed, duration_ladder, group_ladders, later_ends
from scheduler.domain.search.date_patterns import Pattern, date_sets
from scheduler.domain.search.explanation import (
    Blocking,
    Cause,
    Explanation,
    Reason,
    Relaxation,
    Situation,
    blocking_causes,
    first_reason,
)
from scheduler.domain.search.groups import places_that_count
from scheduler.domain.search.meeting_limits import rank_in_span
from scheduler.domain.search.planning import OnConflict, PlannedOccurrence, Planner
from scheduler.domain.search.relaxations import by_ask, first_that_helps, relaxations
from scheduler.domain.search.rules import NO_RULES, Rules
from scheduler.domain.search.scoring import Scores, Thousandths, coming_attendees, score_starts
from scheduler.domain.search.slots import is_too_unknown, unreliable
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.time.clocks import clock_between
from scheduler.domain.time.periods import EPOCH, Minutes, Period, distinct, instant_of, minute_of
from scheduler.domain.time.recurrence import SeriesRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.units import DAY, wall_midnight
from scheduler.domain.time.zones import LocalTime, resolve_walls

_FAR = np.int64(1 << 40)
"""A minute that is near to none."""
_ORDER = list(Reason)


@dataclass(frozen=True)
class CadenceQuery:
    """The question. ``duration`` and ``step`` are minutes (1-1440); dates are read in ``time_zone``, both included.

    ``every_weeks`` and ``per_week`` (1-5) belong to weekly cadences; one of them is 1. ``rotation`` is the number of
    local times that take turns (1-4); more than one go with one meeting in ``every_weeks`` weeks.
    """

    starts_on: date
    ends_on: date
    every_weeks: int
    duration: int
    step: int
    time_zone: str
    attendees: tuple[Attendee, ...]
    min_coverage: float = 0.5
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: int = 3
    limit: int = 5
    allow_unknown: bool = True
    explain: bool = False
    relax_into_night: bool = False
    rules: Rules = NO_RULES
    fair: bool = False
    pattern: Pattern = Pattern.WEEKLY
    per_week: int = 1
    rotation: int = 1


@dataclass(frozen=True)
class LocalTimeShift:
    """An attendee's wall time differs from the occurrence before: minutes of the day, from ``on`` (local) onwards."""

    index: int
    on: date
    before: int
    after: int


@dataclass(frozen=True)
class Cadence:
    """One candidate with all its occurrences. ``dtstart`` is the nominal wall time, even in a gap.

    ``burdens`` has for each attendee what the occurrences cost them where the rule has them, in weighted minutes: so
    it does not pay to skip what is uncomfortable. ``counted`` are the places of those whose burdens are compared.
    """

    dtstart: LocalTime
    rule: SeriesRule
    occurrences: tuple[PlannedOccurrence, ...]
    clear_count: int
    coverage: float
    score: float
    shifts: tuple[LocalTimeShift, ...]
    burdens: tuple[int, ...]
    counted: tuple[int, ...]


@dataclass(frozen=True)
class CadenceAnswer:
    """The best cadences, how many there are in all, and why there are none if so."""

    cadences: tuple[Cadence, ...]
    total: int
    explanation: Explanation | None


def find_cadences(query: CadenceQuery) -> CadenceAnswer:
    """The answer: by coverage, then score, both downwards, then dtstart; cut to ``limit``."""
    search = CadenceSearch(query)
    coverage = search.coverage(search.clear_counts)
    remaining = search.remaining(search.clear_counts)
    if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown) or not remaining.size:
        return CadenceAnswer((), 0, search.explain())
    # Scores are needed only where coverage alone leaves the order open.
    worst = np.sort(coverage[remaining])[::-1][: query.limit][-1]
    contenders = remaining[coverage[remaining] >= worst]
    scores = search.scores(contenders)
    order = np.lexsort((*search.begins(contenders), -scores, -coverage[contenders]))[: query.limit]
    chosen = [search.cadence(int(contenders[place]), int(scores[place])) for place in order.tolist()]
    explanation = Explanation(None, search.blocking) if query.explain else None
    return CadenceAnswer(tuple(chosen), int(remaining.size), explanation)


def local_time_shifts(periods: list[Period], attendees: tuple[Attendee, ...]) -> Iterator[LocalTimeShift]:
    """Of occurrences in order, each attendee's whose wall time differs from that of the one before."""
    starts = np.array([minute_of(period.start) for period in periods], dtype=np.int64)
    for index, attendee in enumerate(attendees):
        walls = starts + clock_between(attendee.clock, int(starts[0]), int(starts[-1]) + 1).at(starts)
        times = walls % DAY
        for place in ((times[1:] != times[:-1]).nonzero()[0] + 1).tolist():
            on = EPOCH.date() + timedelta(days=int(walls[place]) // DAY)
            yield LocalTimeShift(index, on, int(times[place - 1]), int(times[place]))


class CadenceSearch:
    """All candidates at once: a matrix of UTC starts, one row a date, one column a time of day.

    Candidate c has the c // columns-th set of dates, and the time of day c % columns. ``rows`` has the matrix' rows of
    each set; sets are filled up to one length with a row that is never clear.
    """

    def __init__(self, query: CadenceQuery) -> None:
        self.query = query
        dates = Days(query.starts_on, query.ends_on)
        self.planner = Planner(
            query.attendees,
            dates,
            query.time_zone,
            query.duration,
            query.step,
            query.on_conflict,
            query.move_within_days,
            query.rules,
            query.per_week,
            unreliable(query.attendees, allow_unknown=query.allow_unknown),
        )
        self.date_sets = date_sets(query.pattern, query.every_weeks, query.per_week, dates.first, dates.last)
        times = np.arange(0, DAY, query.step, dtype=np.int64)
        midnights = np.arange(wall_midnight(dates.first), wall_midnight(dates.last) + 1, DAY, dtype=np.int64)
        self.columns = times.size
        walls = midnights[:, None] + times
        self.matrix = resolve_walls(walls.ravel(), query.time_zone).reshape(walls.shape)
        self.starts = Starts.covering(self.matrix, query.step)
        self.places = self.starts.places(self.matrix)
        self.rows = np.full((len(self.date_sets), max(len(one.dates) for one in self.date_sets)), len(midnights))
        for place, one in enumerate(self.date_sets):
            self.rows[place, : len(one.dates)] = [(day - dates.first).days for day in one.dates]

    @cached_property
    def clear(self) -> Mask:
        """Which cells of the matrix have everything hold for the required attendees."""
        clear: Mask = ~self.planner.barred(self.starts)[self.places]
        return clear

    def per_candidate(self, cells: Mask) -> Minutes:
        """For each candidate, how many of its occurrences are marked."""
        filled = np.concatenate([cells, np.zeros((1, self.columns), dtype=bool)])
        counts: Minutes = np.count_nonzero(filled[self.rows], axis=1).ravel()
        return counts

    @cached_property
    def clear_counts(self) -> Minutes:
        """For each candidate, how many of its occurrences are clear."""
        return self.per_candidate(self.clear)

    @cached_property
    def occurrence_counts(self) -> Minutes:
        """For each candidate, how many occurrences it has."""
        return np.repeat(np.array([len(one.dates) for one in self.date_sets], dtype=np.int64), self.columns)

    def coverage(self, counts: Minutes) -> Thousandths:
        """For each candidate, clear / all in thousandths."""
        return in_thousandths(counts, self.occurrence_counts)

    def remaining(self, counts: Minutes, reason: Reason = Reason.GROUP) -> Minutes:
        """The candidates that have a clear occurrence and enough coverage, and whose own don't bar each other.

        With ``reason`` only what is looked at until that reason counts.
        """
        enough = self.coverage(counts) / 1000 >= self.query.min_coverage
        fine = enough & (counts > 0)
        for (_, cause), bars in self.own_conflicts.items():
            if _ORDER.index(Reason(cause.value)) <= _ORDER.index(reason):
                fine &= ~bars.any(axis=1).ravel()
        return np.flatnonzero(fine)

    @cached_property
    def own_conflicts(self) -> dict[tuple[int | None, Cause], Mask]:
        """Where a candidate's own occurrences bar each other, by attendee and cause: sets x occurrences x times of day.

        They come nearer to each other than meetings may, or fill a day or a week further than somebody takes.
        """
        found: dict[tuple[int | None, Cause], Mask] = {}
        gap = self.query.rules.minimum_gap
        if gap:
            near = [_apart(self.matrix[self._rows_of(place)], self.query.duration) < gap for place in self._sets]
            self._add_conflict(found, (None, Cause.MINIMUM_GAP), near)
        for limit in self.planner.limits:
            spans = limit.cap.spans(limit.clock, self.matrix.ravel()).reshape(self.matrix.shape)
            room = limit.cap.room(limit.taken, spans)
            # What existing meetings have filled is barred by itself.
            roomy = ~self.starts.barred(self.query.duration, [self.planner.bars[limit.index].limit])[self.places]
            rows = [self._rows_of(place) for place in self._sets]
            full = [(rank_in_span(spans[own]) >= room[own]) & roomy[own] for own in rows]
            self._add_conflict(found, (limit.index, Cause.LIMIT), full)
        return found

    def _add_conflict(
        self, found: dict[tuple[int | None, Cause], Mask], key: tuple[int | None, Cause], by_set: Sequence[Mask]
    ) -> None:
        """Adds what is barred of each set, if anything is."""
        if any(barred.any() for barred in by_set):
            whole = found.setdefault(key, np.zeros((*self.rows.shape, self.columns), dtype=bool))
            for place, barred in enumerate(by_set):
                whole[place, : len(barred)] |= barred

    @property
    def _sets(self) -> range:
        return range(len(self.date_sets))

    def _rows_of(self, place: int) -> Minutes:
        """The matrix' rows of a set of dates."""
        rows: Minutes = self.rows[place, : len(self.date_sets[place].dates)]
        return rows

    def begins(self, candidates: Minutes) -> tuple[Minutes, Minutes, Minutes]:
        """What orders candidates by dtstart, the last first: their dates, time of day and first date."""
        sets, columns = np.divmod(candidates, self.columns)
        return sets, columns, self.rows[sets, 0]

    def scores(self, candidates: Minutes) -> Thousandths:
        """For each of the candidates, the mean score of its clear occurrences."""
        sets, columns = np.divmod(candidates, self.columns)
        by_set = [(place, np.flatnonzero(sets == place)) for place in np.unique(sets).tolist()]
        cells = {place: np.ix_(self._rows_of(place), columns[some]) for place, some in by_set}
        asked = np.zeros(self.matrix.shape, dtype=bool)
        for own in cells.values():
            asked[own] = self.clear[own]
        starts = Starts(distinct(self.matrix[asked]), None)
        places = np.zeros(self.matrix.shape, dtype=np.int64)
        places[asked] = starts.places(self.matrix[asked])
        scores = self.scores_at(starts)
        mean = np.empty(candidates.size, dtype=np.int64)
        for place, some in by_set:
            own = cells[place]
            points = scores.with_others(places[own], _apart(self.matrix[own], self.query.duration))
            clear = self.clear[own]
            mean[some] = np.rint((points * clear).sum(axis=0) / clear.sum(axis=0))
        return mean

    def scores_at(self, starts: Starts) -> Scores:
        """The scores of clear occurrences."""
        query, planner = self.query, self.planner
        coming = coming_attendees(query.attendees, planner.bars, starts, query.duration, planner.panel(starts))
        return score_starts(
            query.attendees,
            starts,
            query.duration,
            coming,
            groups=query.rules.groups,
            fair=query.fair,
            never=planner.unreliable,
        )

    def cadence(self, candidate: int, score: int) -> Cadence:
        """A candidate in full."""
        place, column = divmod(candidate, self.columns)
        dates = self.date_sets[place]
        midnight = datetime.combine(dates.dates[0], datetime.min.time())
        dtstart = LocalTime(midnight + timedelta(minutes=column * self.query.step), self.query.time_zone)
        starts = self.matrix[self.rows[place, : len(dates.dates)], column]
        rule = dates.rule.ending(instant_of(int(starts[-1])))
        occurrences = self.planner.plan(Series(dtstart, rule, self.query.duration))
        clear = int(self.clear_counts[candidate])
        shifts = local_time_shifts([one.period for one in occurrences], self.query.attendees)
        coverage = int(in_thousandths(self.clear_counts[candidate], len(starts))) / 1000
        costs = tuple(int(burdens(one, starts, self.query.duration).sum()) for one in self.query.attendees)
        counted = places_that_count(self.query.attendees, self.query.rules.groups)
        return Cadence(dtstart, rule, occurrences, clear, coverage, score / 1000, tuple(shifts), costs, counted)

    def best(self, clear: Mask, reason: Reason = Reason.GROUP) -> float:
        """The best coverage among the candidates that remain, as `remaining` has it; 0 if none does."""
        counts = self.per_candidate(clear)
        remaining = self.remaining(counts, reason)
        return int(self.coverage(counts)[remaining].max()) / 1000 if remaining.size else 0.0

    @cached_property
    def situation(self) -> Situation:
        """The question as the explanation needs it."""
        query, planner = self.query, self.planner
        return Situation(
            planner.attendees,
            planner.bars,
            self.starts,
            query.duration,
            planner.span,
            planner.rule_masks(self.starts),
            planner.unreliable,
            planner.panel(self.starts),
        )

    @property
    def blocking(self) -> tuple[Blocking, ...]:
        """What each cause takes by itself, in (candidate, occurrence) pairs."""
        return blocking_causes(self.situation, self._pairs_lost)

    def _pairs_lost(self, index: int | None, cause: Cause, barred: Mask) -> int:
        cells = barred[self.places]
        lost = int(self.per_candidate(cells).sum())
        if (index, cause) in self.own_conflicts:
            filled = np.concatenate([cells, np.zeros((1, self.columns), dtype=bool)])
            lost += int(np.count_nonzero(self.own_conflicts[index, cause] & ~filled[self.rows]))
        return lost

    def explain(self) -> Explanation:
        """Why nothing was found, and what would help."""
        reason = first_reason(self.situation, lambda reason, barred: not self.best(~barred[self.places], reason))
        relaxed = relaxations(
            self.situation,
            lambda free: self.best(free[self.places]),
            self._best_with,
            night=self.query.relax_into_night,
            is_shared=bool(self.query.rules.minimum_gap or self.own_conflicts),
        )
        return Explanation(reason, self.blocking, by_ask([*relaxed, *self._asked_otherwise()]))

    def _asked_otherwise(self) -> Iterator[Relaxation]:
        """A shorter meeting, occurrences that go on for longer, and fewer of a group."""
        query = self.query
        if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown):
            return
        shorter = duration_ladder(query.duration)
        # What suits a longer meeting suits a shorter one, so that the least cut can be looked for by halves.
        least = bisect_left(shorter, True, key=lambda change: self._best_with(change) > 0)
        ladders = (
            shorter[least : least + 1],
            later_ends(query.starts_on, query.ends_on, query.every_weeks),
            *group_ladders(query.rules),
        )
        yield from first_that_helps(ladders, self._best_with)

    def _best_with(self, change: Change) -> float:
        """The best coverage of the question with that change."""
        query = changed(self.query, change)
        if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown):
            return 0.0
        search = type(self)(query)
        return search.best(search.clear)


def in_thousandths(counts: Minutes | np.int64, whole: Minutes | int) -> Thousandths:
    """What share of the whole they are."""
    thousandths: Thousandths = np.rint(counts / whole * 1000).astype(np.int64)
    return thousandths


def _apart(minutes: Minutes, duration: int) -> Minutes:
    """How many minutes lie between each occurrence of a column and its nearest neighbour in it."""
    gaps = np.diff(minutes, axis=0) - duration
    edge = np.full_like(minutes[:1], _FAR)
    apart: Minutes = np.minimum(np.concatenate([edge, gaps]), np.concatenate([gaps, edge]))
    return apart
