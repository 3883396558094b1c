"""The JSON of slots equals the serialized documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.strategies import hopeless_slot_queries, slot_queries

from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import minute_of
from scheduler.domain.time.zones import in_zone
from scheduler.web.api.slots import SlotsAnswer, slots_answer

NOW = datetime(2026, 10, 1, tzinfo=UTC)
drawn = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@drawn
@given(slot_queries() | hopeless_slot_queries(), st.booleans())
def test_answer_survives_round_trip_through_documents(query: SlotQuery, explain: bool) -> None:
    query = replace(query, explain=explain, limit=min(query.limit, 20))
    written = slots_answer(find_slots(query), query.attendees, NOW)
    assert SlotsAnswer.model_validate_json(written).model_dump_json() == written


@drawn
@given(slot_queries())
def test_local_times_follow_attendees_clocks(query: SlotQuery) -> None:
    query = replace(
        query, limit=min(query.limit, 20), attendees=tuple(replace(one, travel=()) for one in query.attendees)
    )
    found = find_slots(query)
    answer = SlotsAnswer.model_validate_json(slots_answer(found, query.attendees, NOW))
    for slot, document in zip(found.slots, answer.slots, strict=True):
        for row in document.attendees:
            zone = query.attendees[row.index].zone
            assert row.start.isoformat() == in_zone(slot.period.start, zone).isoformat()
            assert row.end.isoformat() == in_zone(slot.period.end, zone).isoformat()
            assert minute_of(row.start) == minute_of(slot.period.start)
