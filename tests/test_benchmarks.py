"""Benchmarks: every peer gives the engine's answer. Speed is not tested here."""

from __future__ import annotations

import pytest

from benchmarks import slot_calculator
from benchmarks.cadences import PeerCadences, with_engine, with_rrule
from benchmarks.inputs import Case, cadence_query, slot_query
from benchmarks.memory import MOST_MEGABYTES, peak_megabytes
from benchmarks.peers import PEERS, Peer, PeerInput, with_one_portion_union
from benchmarks.runner import Contest, DifferentAnswers, Row, compare, growth
from scheduler.domain.search.slot_search import feasible_starts

CASES = [Case(2, 4), Case(3, 8, busy=5), Case(10, 4, busy=2)]


@pytest.mark.parametrize("peer", [*PEERS.values(), with_one_portion_union])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_peer_finds_the_engines_starts(case: Case, peer: Peer) -> None:
    found = feasible_starts(slot_query(case)).tolist()
    assert found
    assert peer(PeerInput.of(slot_query(case))) == found


@pytest.mark.parametrize("case", [Case(2, 6, busy=3), Case(3, 30, busy=5)], ids=str)
def test_rrule_scan_finds_the_engines_cadences(case: Case) -> None:
    query = cadence_query(case)
    given = PeerCadences.of(query, PeerInput.of(slot_query(case)).people)
    found = with_engine(query)
    assert found
    assert with_rrule(given) == found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_slot_calculator_input_leaves_the_engines_starts_free(case: Case) -> None:
    given = PeerInput.of(slot_query(case))
    spans = slot_calculator.forbidden(given)
    for told in (spans, slot_calculator.merged(spans)):
        assert all(start % given.step == end % given.step == 0 for start, end in told)
        taken = {start for first, last in told for start in range(first, last, given.step)}
        free = [start for start in range(given.start, given.end, given.step) if start not in taken]
        assert free == feasible_starts(slot_query(case)).tolist()


def test_bar_of_a_missing_peer_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    slot_calculator.not_there.cache_clear()
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert list(slot_calculator.contests()) == []
    (bar,) = slot_calculator.bars([])
    slot_calculator.not_there.cache_clear()
    assert bar.met is None
    assert "there is no node" in bar.text


@pytest.mark.parametrize(("ours", "theirs"), [([1, 2], [1, 3]), ([1, 2], [1]), ([], [])])
def test_different_or_empty_answers_are_not_timed(ours: list[int], theirs: list[int]) -> None:
    contest = Contest("slots", Case(1, 1), lambda: ours, {"peer": lambda: theirs}, list)
    with pytest.raises(DifferentAnswers):
        compare(contest)


def test_growth_finds_the_exponents_of_made_up_times() -> None:
    cases = [Case(2, 4, 10), Case(5, 26, 20), Case(10, 52, 40), Case(10, 4, 10), Case(2, 52, 20)]
    rows = [Row("slots", one, "peer", 0.1 * one.attendees**1.5 * one.weeks**0.5 * one.busy, 1) for one in cases]
    assert growth(rows) == pytest.approx({"attendees": 1.5, "weeks": 0.5, "busy periods a week": 1.0})


@pytest.mark.parametrize("explain", [False, True])
def test_search_over_fifty_people_and_a_year_stays_under_the_memory_bar(explain: bool) -> None:
    assert peak_megabytes(explain=explain) < MOST_MEGABYTES
