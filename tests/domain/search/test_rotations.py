"""Rotations have the least largest burden of all, as enumeration finds it, and are never worse than a cadence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.cadence_oracle import CadenceOracle, Candidate
from support.strategies import WEEKDAYS, cadence_queries, hopeless_cadence_queries, ruled

from scheduler.domain.availability.attendees import Attendee, Buffer, WorkingHours
from scheduler.domain.availability.burden import burdens
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import find_cadences
from scheduler.domain.search.candidate_changes import changed
from scheduler.domain.search.constraints import Constraints
from scheduler.domain.search.date_patterns import Pattern
from scheduler.domain.search.planning import PlannedOccurrence
from scheduler.domain.search.rotations import Rotation, find_rotations
from scheduler.domain.search.rules import Group, Rules
from scheduler.domain.search.scoring import score_starts
from scheduler.domain.search.starts import Starts
from scheduler.domain.time.periods import Period, Periods

generated = settings(
    max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
WIDE = (WorkingHours(WEEKDAYS, 6 * 60, 23 * 60),)
AROUND_THE_WORLD = CadenceQuery(
    starts_on=date(2027, 1, 5),
    ends_on=date(2027, 6, 28),
    every_weeks=1,
    duration=60,
    step=30,
    time_zone="America/Los_Angeles",
    attendees=tuple(Attendee(zone, WIDE) for zone in ("America/Los_Angeles", "Australia/Sydney", "Europe/Berlin")),
    rotation=2,
)


@st.composite
def rotation_queries(draw: st.DrawFn, queries: st.SearchStrategy[CadenceQuery]) -> CadenceQuery:
    """Queries with so few local times that all assignments can be enumerated."""
    query = draw(queries)
    turns = draw(st.integers(2, 3))
    assume(query.per_week == 1 and query.pattern is Pattern.WEEKLY and turns * query.every_weeks <= 8)
    people = tuple(replace(one, past_burden=draw(st.integers(0, 900))) for one in query.attendees)
    step = draw(st.integers(180 if turns == 3 else 120, 1440))
    return replace(query, attendees=people, rotation=turns, step=step, fair=draw(st.booleans()), limit=1000)


class Enumeration:
    """The oracle: every assignment of local times, one by one."""

    def __init__(self, query: CadenceQuery) -> None:
        self.query = query
        self.oracle = CadenceOracle(query)
        self.counted = counted(query)
        long = [one for one in self.oracle.remaining if len(one.starts) >= query.rotation]
        best = max((one.coverage for one in long), default=0.0)
        self.least = max(query.min_coverage, best)
        self.scores = self._scores()

    def _scores(self) -> dict[int, int]:
        found = {start for one in self.oracle.candidates for start in one.starts}
        starts = Starts(np.array(sorted(found), dtype=np.int64), None)
        first, last = int(starts.minutes[0]), int(starts.minutes[-1]) + self.query.duration
        query = self.query
        constraints = Constraints(attendees=query.attendees, span=(first, last), rules=query.rules)
        scores = score_starts(constraints, starts, query.duration, fair=query.fair)
        return dict(zip(starts.minutes.tolist(), scores.thousandths.tolist(), strict=True))

    def best(self) -> dict[date, tuple[int, int, int, int]]:
        """The best key of each first date: largest burden, clear count and score negated, total burden."""
        by_dates: dict[tuple[date, ...], list[Candidate]] = {}
        for one in self.oracle.candidates:
            by_dates.setdefault(tuple(wall.date() for wall in one.walls), []).append(one)
        found = {}
        for dates, alike in by_dates.items():
            turns = [[self._turn(one, turn) for one in alike] for turn in range(self.query.rotation)]
            wholes = [self._whole(some) for some in product(*turns)]
            enough = [one for one in wholes if one[1] and round(-one[1] / len(dates), 3) >= self.least]
            if len(dates) >= self.query.rotation and enough:
                found[dates[0]] = min(enough)
        return found

    def _turn(self, candidate: Candidate, turn: int) -> tuple[list[int], int, int]:
        starts = candidate.starts[turn :: self.query.rotation]
        clear = candidate.clear[turn :: self.query.rotation]
        at = np.array(starts, dtype=np.int64)
        totals = [int(burdens(one, at, self.query.duration).sum()) for one in self.counted]
        score = sum(self.scores[start] for start, free in zip(starts, clear, strict=True) if free)
        return totals, sum(clear), score

    def _whole(self, turns: tuple[tuple[list[int], int, int], ...]) -> tuple[int, int, int, int]:
        past = [one.past_burden if self.query.fair else 0 for one in self.counted]
        totals = [sum(some) for some in zip(past, *(turn[0] for turn in turns), strict=True)]
        return max(totals), -sum(turn[1] for turn in turns), -sum(turn[2] for turn in turns), sum(totals)


def counted(query: CadenceQuery) -> list[Attendee]:
    """Return the required attendees and the members of groups."""
    members = {index for group in query.rules.groups for index in group.members}
    return [one for index, one in enumerate(query.attendees) if one.required or index in members]


def burdens_of(query: CadenceQuery, rotation: Rotation) -> list[int]:
    """Return the burden of each counted attendee, with the past burden if the query is fair."""
    costs = {id(one): cost for one, cost in zip(query.attendees, rotation.burdens, strict=True)}
    return [costs[id(one)] + (one.past_burden if query.fair else 0) for one in counted(query)]


def sort_key(query: CadenceQuery, oracle: CadenceOracle, rotation: Rotation) -> tuple[float, ...]:
    """Return the key that sorts rotations of different dates."""
    costs = burdens_of(query, rotation)
    free = sum(oracle.is_free(minute(one.period)) for _, one in rotation.occurrences)
    return max(costs), -round(free / len(rotation.occurrences), 3), -rotation.score, sum(costs)


def is_blocked_by_limit_only(one: PlannedOccurrence) -> bool:
    """Return whether only a limit blocks an occurrence: the other turns may fill somebody's day or week."""
    return {blocked.cause for blocked in one.blocked_by} <= {Cause.LIMIT}


@generated
@given(rotation_queries(cadence_queries() | ruled(cadence_queries())))
def test_rotations_equal_the_best_by_enumeration(query: CadenceQuery) -> None:
    enumeration = Enumeration(query)
    expected = enumeration.best()
    answer = find_rotations(query)
    assert answer.total == len(answer.rotations) == len(expected)
    for rotation in answer.rotations:
        assert len(rotation.turns) == query.rotation
        first = rotation.turns[0].dtstart.wall.date()
        starts = [minute(one.period) for _, one in rotation.occurrences]
        free = [start for start in starts if enumeration.oracle.is_free(start)]
        score = sum(enumeration.scores[start] for start in free)
        costs = burdens_of(query, rotation)
        assert (max(costs), -len(free), -score, sum(costs)) == expected[first]
        full = [one for _, one in rotation.occurrences if one.status != "clear" and minute(one.period) in free]
        assert all(is_blocked_by_limit_only(one) for one in full)
        assert rotation.clear_count == len(free) - len(full)
        assert rotation.coverage == round(rotation.clear_count / len(starts), 3)
        assert rotation.score == round(score / len(free)) / 1000
    assert list(answer.rotations) == sorted(answer.rotations, key=lambda one: sort_key(query, enumeration.oracle, one))


def minute(period: Period) -> int:
    return int(period.start.timestamp()) // 60


@generated
@given(rotation_queries(cadence_queries()))
def test_rotation_is_never_worse_than_best_cadence(query: CadenceQuery) -> None:
    found = find_cadences(replace(query, rotation=1)).cadences
    singles = [one for one in found if len(one.occurrences) >= query.rotation]
    assume(singles)
    top = [one for one in singles if one.coverage == singles[0].coverage]
    required = [index for index, one in enumerate(query.attendees) if one.required]
    past = [one.past_burden if query.fair else 0 for one in query.attendees]
    lightest = min(max(past[index] + one.burdens[index] for index in required) for one in top)
    best, *_ = find_rotations(query).rotations
    assert best.coverage >= singles[0].coverage
    assert max(burdens_of(query, best)) <= lightest


@generated
@given(rotation_queries(cadence_queries() | ruled(cadence_queries())))
def test_turn_rules_give_occurrences_and_no_turns_overlap(query: CadenceQuery) -> None:
    for rotation in find_rotations(query).rotations[:3]:
        for turn in rotation.turns:
            starts = [one.instant for one in turn.rule.starts(turn.dtstart.wall, turn.dtstart.zone)]
            assert starts == [one.period.start for one in turn.occurrences]
            assert str(turn.rule).startswith(f"FREQ=WEEKLY;INTERVAL={query.rotation * query.every_weeks};BYDAY=")
        assert [index for index, _ in rotation.occurrences] == [
            number % query.rotation for number in range(len(rotation.occurrences))
        ]
        held = [one.moved_to or one.period for _, one in rotation.occurrences if one.status != "skipped"]
        held.sort(key=lambda period: period.start)
        assert not any(one.overlaps(other) for one, other in pairwise(held))


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(rotation_queries(hopeless_cadence_queries()))
def test_relaxation_gain_is_coverage_of_changed_query(query: CadenceQuery) -> None:
    answer = find_rotations(query)
    assume(answer.explanation is not None)
    assert answer.explanation is not None
    for one in answer.explanation.relaxations[:4]:
        again = find_rotations(changed(query, one.change))
        assert again.rotations[0].coverage == one.gain > 0


def test_three_attendees_without_common_hours_take_turns() -> None:
    best, *_ = find_rotations(AROUND_THE_WORLD).rotations
    single = min(
        (one for one in find_cadences(replace(AROUND_THE_WORLD, rotation=1, limit=100)).cadences if one.coverage == 1),
        key=lambda one: max(one.burdens),
    )
    assert best.coverage == 1.0
    assert max(best.burdens) < max(single.burdens)
    assert len({turn.dtstart.wall.time() for turn in best.turns}) == 2


@pytest.mark.parametrize(("turns", "expected"), [(2, 2), (3, 3), (4, 4)])
def test_each_turn_has_its_own_first_occurrence(turns: int, expected: int) -> None:
    best, *_ = find_rotations(replace(AROUND_THE_WORLD, rotation=turns)).rotations
    firsts = [turn.dtstart.wall.date() for turn in best.turns]
    assert [(day - firsts[0]).days for day in firsts] == [7 * number for number in range(expected)]


def test_move_keeps_buffers_to_other_turns() -> None:
    away = Period(datetime.fromisoformat("2027-01-05T00:00Z"), datetime.fromisoformat("2027-01-12T12:00Z"))
    people = tuple(replace(one, buffer=Buffer(30, 30)) for one in AROUND_THE_WORLD.attendees)
    people = (replace(people[0], busy=Periods.of([away])), *people[1:])
    query = replace(AROUND_THE_WORLD, attendees=people, move_within_days=6, limit=7)
    moved = [
        (one.moved_to, [other.period for _, other in rotation.occurrences if other is not one])
        for rotation in find_rotations(query).rotations
        for _, one in rotation.occurrences
        if one.moved_to is not None
    ]
    assert moved
    for period, others in moved:
        assert all(abs(period.start - other.start).total_seconds() >= 90 * 60 for other in others)


def test_group_of_which_one_is_required_takes_turns() -> None:
    panel = tuple(replace(one, required=False) for one in AROUND_THE_WORLD.attendees)
    query = replace(AROUND_THE_WORLD, attendees=panel, rules=Rules(groups=(Group((0, 1, 2), 1),)), limit=1)
    (best,) = find_rotations(query).rotations
    assert best.coverage == 1.0
    assert all(any(one.coming.values()) for _, one in best.occurrences)
