"""The cadence search agrees with the oracle: candidates, occurrences, moves, shifts of local time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.cadence_oracle import CadenceOracle, Candidate
from support.oracle import instant
from support.strategies import cadence_queries, hopeless_cadence_queries, ruled

from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import Cadence, find_cadences
from scheduler.domain.time.periods import Period, minute_of

generated = settings(
    max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@generated
@given(cadence_queries() | ruled(cadence_queries()), st.randoms(use_true_random=False))
def test_cadences_match_the_oracle(query: CadenceQuery, random: Random) -> None:
    oracle = CadenceOracle(query)
    remaining = {one.walls: one for one in oracle.remaining}
    answer = find_cadences(query)

    assert answer.total == len(remaining)
    assert [one.coverage for one in answer.cadences] == [one.coverage for one in oracle.remaining[: query.limit]]
    assert list(answer.cadences) == sorted(answer.cadences, key=_weight)
    assert len({_walls(one) for one in answer.cadences}) == len(answer.cadences)
    blocked = [one for one in answer.cadences if one.clear_count < len(one.occurrences)]
    for cadence in answer.cadences[:2] + tuple(random.sample(blocked, min(2, len(blocked)))):
        assert_is(cadence, remaining[_walls(cadence)], oracle)


def _walls(cadence: Cadence) -> tuple[datetime, ...]:
    return tuple(one.wall for one in cadence.rule.starts(cadence.dtstart.wall, cadence.dtstart.zone))


def _place(index: int | None) -> int:
    return -1 if index is None else index


def _weight(cadence: Cadence) -> tuple[float, float, object]:
    return -cadence.coverage, -cadence.score, cadence.dtstart.wall


def assert_is(cadence: Cadence, candidate: Candidate, oracle: CadenceOracle) -> None:
    query = oracle.query
    length = timedelta(minutes=query.duration)
    assert cadence.dtstart.zone == query.time_zone
    assert cadence.rule.until == instant(candidate.starts[-1])
    assert _walls(cadence) == candidate.walls

    assert [one.period for one in cadence.occurrences] == [
        Period(instant(start), instant(start) + length) for start in candidate.starts
    ]
    assert cadence.clear_count == sum(candidate.clear)
    assert cadence.coverage == candidate.coverage
    assert 0 <= cadence.score <= 1
    moves = [(str(one.status), None if one.moved_to is None else one.moved_to) for one in cadence.occurrences]
    assert moves == [
        (status, None if start is None else Period(instant(start), instant(start) + length))
        for status, start in oracle.plan(candidate)
    ]
    for occurrence in cadence.occurrences:
        kept = occurrence.moved_to or occurrence.period
        expected = {} if occurrence.status == "skipped" else oracle.coming(minute_of(kept.start))
        assert occurrence.coming == expected
    for occurrence, start in zip(cadence.occurrences, candidate.starts, strict=True):
        rows = [(row.index, str(row.cause), row.title) for row in occurrence.blocked_by]
        assert set(rows) == oracle.blocked_by(start)
        assert len(rows) == len(set(rows))
        assert [index for index, _, _ in rows] == sorted((index for index, _, _ in rows), key=_place)
    shifts = [(shift.index, shift.on, shift.before, shift.after) for shift in cadence.shifts]
    assert sorted(shifts) == sorted(oracle.shifts(candidate))


@generated
@given(hopeless_cadence_queries() | ruled(hopeless_cadence_queries()))
def test_explanation_of_an_empty_answer_matches_the_oracle(query: CadenceQuery) -> None:
    oracle = CadenceOracle(query)
    answer = find_cadences(query)
    assert answer.total == len(oracle.remaining)
    assert (answer.explanation is None) == (answer.total > 0)
    assume(answer.explanation is not None)

    assert answer.explanation is not None
    why = oracle.explain()
    rows = list(answer.explanation.blocking)
    assert answer.explanation.reason == why.reason
    assert {(row.index, row.cause): row.starts_lost for row in rows} == why.lost
    assert len(rows) == len(why.lost)
    assert rows == sorted(rows, key=lambda row: (-row.starts_lost, _place(row.index)))


@generated
@given(cadence_queries())
def test_higher_limit_only_adds_cadences(query: CadenceQuery) -> None:
    answer = find_cadences(query)
    more = find_cadences(replace(query, limit=query.limit + 3))
    assert find_cadences(query) == answer
    assert more.cadences[: query.limit] == answer.cadences
    assert len(more.cadences) == min(more.total, query.limit + 3)
    for cadence in more.cadences:
        starts = [minute_of(one.period.start) for one in cadence.occurrences]
        assert starts == sorted(starts)
