"""The slot search agrees with a minute-by-minute oracle, in zones with unusual clock changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support import oracle
from support.budget import examples
from support.strategies import CHANGES, hopeless_slot_queries, ruled, slot_queries

from scheduler.domain.availability.attendees import Attendee, Unknown
from scheduler.domain.search.explanation import Blocking, Explanation
from scheduler.domain.search.slot_search import Order, SlotQuery, feasible_starts
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Period, minute_of

generated = settings(
    max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_drawn_dates_are_dates_of_clock_changes(zone: str, day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    day_before, day_after = (noon + timedelta(days=days) for days in (-1, 1))
    assert day_before.utcoffset() != day_after.utcoffset()


@generated
@given(slot_queries() | ruled(slot_queries()))
def test_feasible_starts_match_the_oracle(query: SlotQuery) -> None:
    assert feasible_starts(query).tolist() == oracle.feasible(query)


@pytest.mark.parametrize("day", [datetime(1973, 1, 1, tzinfo=UTC), datetime(2037, 12, 28, tzinfo=UTC)])
def test_feasible_starts_at_the_ends_of_the_calendar_match_the_oracle(day: datetime) -> None:
    people = (Attendee("America/New_York"), Attendee("Africa/Cairo"))
    query = SlotQuery(window=Period(day, day + timedelta(days=3)), duration=45, step=15, attendees=people)
    starts = feasible_starts(query).tolist()
    assert starts
    assert starts == oracle.feasible(query)


@generated
@given(slot_queries() | ruled(slot_queries()))
def test_answer_is_counted_ordered_and_cut(query: SlotQuery) -> None:
    answer = find_slots(query)
    everything = find_slots(replace(query, limit=100_000))
    starts = feasible_starts(query).tolist()

    assert answer.total == everything.total == len(starts)
    assert sorted(minute_of(slot.period.start) for slot in everything.slots) == starts
    assert all(slot.period.end - slot.period.start == timedelta(minutes=query.duration) for slot in answer.slots)
    assert all(0 <= slot.score <= 1 for slot in answer.slots)
    if query.order is Order.BEST:
        assert list(everything.slots) == sorted(everything.slots, key=lambda slot: (-slot.score, slot.period.start))
    else:
        assert list(everything.slots) == sorted(everything.slots, key=lambda slot: slot.period.start)
    assert answer.slots == everything.slots[: query.limit]
    assert (answer.explanation is None) == (answer.total > 0)
    assert find_slots(query) == answer


@generated
@given(slot_queries(), st.data())
def test_availability_of_each_slot_matches_the_oracle(query: SlotQuery, data: st.DataObject) -> None:
    unknown = data.draw(st.sets(st.sampled_from(range(len(query.attendees)))))
    people = [
        replace(one, unknown=Unknown("no connection") if index in unknown else None)
        for index, one in enumerate(query.attendees)
    ]
    query = replace(query, attendees=tuple(people), limit=12)
    slots = find_slots(query).slots
    expected = oracle.availability(query, [minute_of(slot.period.start) for slot in slots])
    assert [slot.available for slot in slots] == expected


@generated
@given(hopeless_slot_queries() | ruled(hopeless_slot_queries()))
def test_explanation_of_an_empty_answer_matches_the_oracle(query: SlotQuery) -> None:
    answer = find_slots(query)
    is_stale = oracle.is_stale(query.attendees, allow_unknown=query.allow_unknown)
    expected = [] if is_stale else oracle.feasible(query)
    assert answer.total == len(expected)
    assume(not expected)

    assert answer.slots == ()
    assert answer.explanation is not None
    assert_explains(answer.explanation, oracle.explain(query))


def assert_explains(explanation: Explanation, why: oracle.Why) -> None:
    rows = list(explanation.blocking)
    assert explanation.reason == why.reason
    assert {(row.index, row.cause): row.starts_lost for row in rows} == why.lost
    assert len(rows) == len(why.lost)
    assert rows == sorted(rows, key=_weight)


def _weight(row: Blocking) -> tuple[int, int]:
    return -row.starts_lost, -1 if row.index is None else row.index


@generated
@given(slot_queries(), st.randoms(use_true_random=False))
def test_order_of_optional_attendees_changes_only_indexes(query: SlotQuery, random: Random) -> None:
    optional = [index for index, one in enumerate(query.attendees) if not one.required and index > 0]
    shuffled = random.sample(optional, len(optional))
    came_from = dict(zip(optional, shuffled, strict=True))
    order = [came_from.get(index, index) for index in range(len(query.attendees))]
    other = find_slots(replace(query, attendees=tuple(query.attendees[index] for index in order)))

    answer = find_slots(query)
    renamed = [replace(slot, available=tuple(slot.available[index] for index in order)) for slot in answer.slots]
    assert list(other.slots) == renamed
    assert other.total == answer.total
    if answer.explanation is not None:
        assert other.explanation == answer.explanation
