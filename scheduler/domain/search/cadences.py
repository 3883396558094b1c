"""Cadences: when can these attendees meet again and again? One local time on the dates of a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.burden import burdens
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.cadence_search import CadenceQuery, CadenceSearch, in_thousandths
from scheduler.domain.search.candidate_changes import (
    Change,
    Ladder,
    changed,
    duration_ladder,
    group_ladders,
    later_ends,
)
from scheduler.domain.search.explanation import Explanation, explain, explain_blocking
from scheduler.domain.search.planning import PlannedOccurrence
from scheduler.domain.search.relaxations import shortest_cut
from scheduler.domain.search.starts import Mask
from scheduler.domain.search.work import Trials
from scheduler.domain.time.clocks import clock_offsets
from scheduler.domain.time.periods import EPOCH, Period, instant_of, minute_of
from scheduler.domain.time.recurrence import SeriesRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.units import DAY
from scheduler.domain.time.zones import LocalTime


@dataclass(frozen=True)
class LocalTimeShift:
    """An occurrence at another wall time of an attendee than the one before.

    ``before`` and ``after`` are minutes of the day; ``on`` is the local date of the first occurrence at the new time.
    """

    index: int
    on: date
    before: int
    after: int


@dataclass(frozen=True)
class Cadence:
    """One local time with all its occurrences. ``dtstart`` is the nominal wall time, even in a gap of the clock.

    ``burdens`` has for each attendee the weighted minutes of all nominal occurrences, moved and skipped ones included,
    so that skipping uncomfortable meetings gains nothing. ``counted`` are the indexes of the attendees whose burdens
    are compared.
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
    """The best cadences, the number of all that remain, and an explanation if there are none."""

    cadences: tuple[Cadence, ...]
    total: int
    explanation: Explanation | None


def find_cadences(query: CadenceQuery) -> CadenceAnswer:
    """Find the cadences of a query: by coverage, then score, both downwards, then dtstart; cut to the limit."""
    search = CadenceSearch(query)
    coverage = search.coverage(search.clear_counts)
    remaining = search.remaining(search.clear_counts)
    if search.constraints.is_stale or not remaining.size:
        return CadenceAnswer((), 0, explain(ExplainableCadences(search)))
    # Only candidates of which coverage alone does not decide the order need a score.
    worst = np.sort(coverage[remaining])[::-1][: query.limit][-1]
    contenders = remaining[coverage[remaining] >= worst]
    scores = search.scores(contenders)
    order = np.lexsort((*search.sort_keys(contenders), -scores, -coverage[contenders]))[: query.limit]
    chosen = tuple(_cadence(search, int(contenders[index]), int(scores[index])) for index in order.tolist())
    explanation = explain_blocking(ExplainableCadences(search)) if query.explain else None
    return CadenceAnswer(chosen, int(remaining.size), explanation)


def local_time_shifts(periods: Sequence[Period], attendees: Sequence[Attendee]) -> Iterator[LocalTimeShift]:
    """Yield each attendee's changes of wall time from one of the periods, which are in order, to the next."""
    starts = np.array([minute_of(period.start) for period in periods], dtype=np.int64)
    for index, attendee in enumerate(attendees):
        walls = starts + clock_offsets(attendee.clock, int(starts[0]), int(starts[-1]) + 1).at(starts)
        times = walls % DAY
        for at in ((times[1:] != times[:-1]).nonzero()[0] + 1).tolist():
            on = EPOCH.date() + timedelta(days=int(walls[at]) // DAY)
            yield LocalTimeShift(index, on, int(times[at - 1]), int(times[at]))


def _cadence(search: CadenceSearch, candidate: int, score: int) -> Cadence:
    """Return a candidate in full, with its plan."""
    query = search.query
    number, column = divmod(candidate, search.columns)
    dates = search.date_sets[number]
    midnight = datetime.combine(dates.dates[0], datetime.min.time())
    dtstart = LocalTime(midnight + timedelta(minutes=column * query.step), query.time_zone)
    starts = search.matrix[search.rows_of(number), column]
    rule = replace(dates.rule, until=instant_of(int(starts[-1])))
    occurrences = search.planner.plan(Series(dtstart, rule, query.duration))
    return Cadence(
        dtstart,
        rule,
        occurrences,
        clear_count=int(search.clear_counts[candidate]),
        coverage=int(in_thousandths(search.clear_counts[candidate], len(starts))) / 1000,
        score=score / 1000,
        shifts=tuple(local_time_shifts([one.period for one in occurrences], query.attendees)),
        burdens=tuple(int(burdens(one, starts, query.duration).sum()) for one in query.attendees),
        counted=query.rules.counted(query.attendees),
    )


BestCoverage = Callable[[CadenceSearch, Mask, Cause], float]


class ExplainableCadences:
    """A cadence search as `explain` takes it.

    The objective is ``best_coverage`` of a search, a mask of its clear cells and the last cause that counts: the best
    coverage of any candidate, unless another one is given.
    """

    def __init__(self, search: CadenceSearch, best_coverage: BestCoverage = CadenceSearch.best_coverage) -> None:
        self.search = search
        self.best_coverage = best_coverage
        self.constraints = search.constraints
        self.starts = search.starts
        self.extent = search.query.extent
        self.trials = Trials(self.extent.work)
        self.duration = search.query.duration
        self.relax_into_night = search.query.relax_into_night
        self.depends_on_who_is_required = bool(search.query.rules.minimum_gap or search.own_conflicts)

    def count_lost(self, index: int | None, cause: Cause, blocked: Mask) -> int:
        """Return how many pairs of candidate and occurrence are blocked, or in conflict with their own candidate."""
        cells = self.search.by_date_set(blocked[self.search.indexes])
        lost = int(np.count_nonzero(cells))
        conflicts = self.search.own_conflicts.get((index, cause))
        return lost if conflicts is None else lost + int(np.count_nonzero(conflicts & ~cells))

    def objective(self, free: Mask, up_to: Cause = Cause.GROUP) -> float:
        """Return the best coverage if these starts are free."""
        return self.best_coverage(self.search, free[self.search.indexes], up_to)

    def retry(self, change: Change) -> float:
        """Return the best coverage of the query with a change; 0 if there may be no more trials."""
        if not self.trials.take(self.extent.retry_work):
            return 0.0
        search = CadenceSearch(changed(self.search.query, change))
        return 0.0 if search.constraints.is_stale else self.best_coverage(search, search.clear, Cause.GROUP)

    def request_ladders(self) -> Iterator[Ladder]:
        """Yield a shorter meeting, a later last date, and smaller groups."""
        query = self.search.query
        yield shortest_cut(duration_ladder(query.duration), self.retry)
        yield later_ends(query.starts_on, query.ends_on, query.every_weeks)
        yield from group_ladders(query.rules)
