"""Masks of free starts that are kept give the answers that a search from nothing gives."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import oracle
from support.strategies import hopeless_slot_queries, ruled, slot_queries

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.freemasks import BLOCK, FreeMasks
from scheduler.domain.search.slots import Kept, SlotQuery, feasible_starts, find_slots
from scheduler.domain.time.periods import Period, Periods, instant_of, minute_of

generated = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
START = datetime(2026, 9, 7, tzinfo=UTC)
ASKED = SlotQuery(Period(START, START + timedelta(weeks=52)), 45, 15, (Attendee("Europe/Berlin"),))


def versions_of(query: SlotQuery) -> tuple[str, ...]:
    return tuple(f"person {place}" for place in range(len(query.attendees)))


@generated
@given(slot_queries() | ruled(slot_queries()), st.data())
def test_every_start_found_with_kept_masks_is_the_oracles(query: SlotQuery, data: st.DataObject) -> None:
    masks = FreeMasks()
    some = data.draw(st.lists(st.booleans(), min_size=len(query.attendees), max_size=len(query.attendees)))
    versions = tuple(version if known else None for version, known in zip(versions_of(query), some, strict=True))
    expected = oracle.feasible(query)
    for _first_made_then_kept in range(2):
        assert feasible_starts(query, Kept(masks, versions)).tolist() == expected


@generated
@given(slot_queries() | ruled(slot_queries()) | hopeless_slot_queries(), st.data())
def test_the_whole_answer_is_the_same_for_every_window_that_the_masks_serve(
    query: SlotQuery, data: st.DataObject
) -> None:
    kept = Kept(FreeMasks(), versions_of(query))
    minutes = int((query.window.end - query.window.start) / timedelta(minutes=1))
    for _ in range(3):
        assert find_slots(query, kept) == find_slots(query)
        later = timedelta(minutes=data.draw(st.integers(-minutes, minutes)))
        length = timedelta(minutes=data.draw(st.integers(1, 2 * minutes + 1)))
        window = Period(query.window.start + later, query.window.start + later + length)
        query = replace(query, window=window, duration=data.draw(st.sampled_from([query.duration, 30])))


@pytest.mark.parametrize("edge", [1973, 2037])
def test_windows_at_the_ends_of_the_calendar_are_served(edge: int) -> None:
    window = Period(datetime(edge, 1, 1, tzinfo=UTC), datetime(edge, 12, 31, tzinfo=UTC))
    query = replace(ASKED, window=window, attendees=(Attendee("America/New_York"), Attendee("Africa/Cairo")))
    assert find_slots(query, Kept(FreeMasks(), ("a", "b"))) == find_slots(query)


@pytest.mark.parametrize("minutes", [-1441, -46, -45, -1, 0, 1, 44, 45])
def test_a_meeting_over_the_edge_of_a_block_is_found_like_any_other(minutes: int) -> None:
    edge = instant_of(-(-minute_of(START) // BLOCK) * BLOCK + minutes)
    busy = Periods.of([Period(edge - timedelta(minutes=50), edge - timedelta(minutes=30))])
    query = replace(
        ASKED,
        window=Period(edge - timedelta(hours=3), edge + timedelta(hours=3)),
        step=1,
        attendees=(Attendee("Asia/Kolkata", hours=None, busy=busy),),
        explain=True,
        limit=500,
    )
    assert feasible_starts(query, Kept(FreeMasks(), ("a",))).tolist() == feasible_starts(query).tolist()
    assert find_slots(query, Kept(FreeMasks(), ("a",))) == find_slots(query)


def test_what_is_kept_holds_on_to_nothing_that_is_not_counted() -> None:
    starts = np.arange(0, 40 * BLOCK, 1000, dtype=np.int64)
    always = Attendee("UTC", hours=None, busy=Periods(starts, starts + 30))
    masks = FreeMasks()
    walls = masks.walls(always, "a", 3 * BLOCK, 4 * BLOCK)
    assert 0 < len(walls) < starts.size / 10
    assert (walls.starts.base, walls.ends.base) == (None, None)
    assert walls.starts.nbytes + walls.ends.nbytes < masks.bytes < starts.nbytes


def test_somebody_with_another_version_is_looked_at_anew() -> None:
    masks = FreeMasks()
    free = feasible_starts(ASKED, Kept(masks, ("before",)))
    taken = replace(ASKED, attendees=(Attendee("Europe/Berlin", busy=Periods.of([Period(START, instant_of(2**31))])),))
    assert free.size
    assert not feasible_starts(taken, Kept(masks, ("after",))).size
    assert feasible_starts(ASKED, Kept(masks, ("before",))).tolist() == free.tolist()


def test_the_masks_take_no_more_than_they_may_and_the_least_used_go() -> None:
    masks = FreeMasks(most_bytes=400_000)
    for number in range(200):
        feasible_starts(replace(ASKED, duration=1 + number), Kept(masks, (str(number % 7),)))
        assert masks.bytes <= 400_000
    assert masks.bytes > 200_000


def test_threads_that_share_masks_all_get_the_right_answer() -> None:
    masks = FreeMasks(most_bytes=300_000)
    queries = [
        replace(ASKED, duration=15 * (1 + number % 4), attendees=(Attendee(zone),))
        for number in range(12)
        for zone in ("Europe/Berlin", "Asia/Tokyo")
    ]
    expected = [feasible_starts(query).tolist() for query in queries]
    wrong: list[int] = []

    def ask(turn: int) -> None:
        for place in range(len(queries)):
            place = (place * 7 + turn) % len(queries)
            query = queries[place]
            if feasible_starts(query, Kept(masks, (query.attendees[0].zone,))).tolist() != expected[place]:
                wrong.append(place)

    threads = [threading.Thread(target=ask, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
