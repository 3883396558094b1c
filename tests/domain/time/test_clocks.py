"""Planned moves: whose clock reads what, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.oracle import zone_in
from support.strategies import stays_near, zones

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.slot_search import SlotQuery, feasible_starts
from scheduler.domain.time.clocks import BackwardMove, Itinerary, OverlappingMoves, PlannedMove, clock_offsets, zone_at
from scheduler.domain.time.periods import Period, instant_of, minute_of
from scheduler.domain.time.zones import offsets_between

BEGIN = datetime(2027, 1, 8, tzinfo=UTC)
TOKYO = PlannedMove(date(2027, 1, 10), date(2027, 2, 20), "Asia/Tokyo")
BERLINER = Itinerary("Europe/Berlin", (TOKYO,))


@pytest.mark.parametrize(
    ("instant", "zone"),
    [
        ("2027-01-09T14:59Z", "Europe/Berlin"),
        ("2027-01-09T15:00Z", "Asia/Tokyo"),  # midnight there
        ("2027-02-20T14:59Z", "Asia/Tokyo"),
        ("2027-02-20T15:00Z", "Europe/Berlin"),
    ],
)
def test_planned_move_lasts_from_midnight_to_midnight_in_its_zone(instant: str, zone: str) -> None:
    assert zone_at(BERLINER, datetime.fromisoformat(instant)) == zone


def test_working_hours_follow_a_planned_move() -> None:
    traveller = Attendee("Europe/Berlin", travel=(TOKYO,))
    day = Period(datetime(2027, 1, 12, tzinfo=UTC), datetime(2027, 1, 13, tzinfo=UTC))
    starts = feasible_starts(SlotQuery(window=day, duration=60, step=60, attendees=(traveller,)))
    assert [f"{instant_of(start):%H:%M}" for start in starts.tolist()] == [f"{hour:02}:00" for hour in range(8)]


def test_planned_move_ends_when_the_next_one_begins() -> None:
    home_by_the_east = Itinerary(
        "Europe/Berlin",
        (PlannedMove(date(2027, 1, 5), date(2027, 1, 9), "America/Los_Angeles"), TOKYO),
    )
    # Tokyo's tenth of January begins while it is the ninth in Los Angeles.
    assert zone_at(home_by_the_east, datetime(2027, 1, 9, 14, 59, tzinfo=UTC)) == "America/Los_Angeles"
    assert zone_at(home_by_the_east, datetime(2027, 1, 9, 15, 0, tzinfo=UTC)) == "Asia/Tokyo"


def test_overlapping_moves_are_refused() -> None:
    with pytest.raises(OverlappingMoves, match="2027-02-20 is in two planned moves, to Asia/Tokyo and to UTC"):
        Itinerary("Europe/Berlin", (PlannedMove(date(2027, 2, 20), date(2027, 2, 21), "UTC"), TOKYO))
    with pytest.raises(BackwardMove, match="the move ends on 2027-01-09, before it begins on 2027-01-10"):
        PlannedMove(date(2027, 1, 10), date(2027, 1, 9), "UTC")


@settings(max_examples=examples(100), deadline=None)
@given(zones, st.data(), st.integers(-5000, 20_000), st.integers(1, 5000))
def test_clock_of_every_minute_equals_the_oracle(home: str, data: st.DataObject, late: int, length: int) -> None:
    stays = data.draw(stays_near(BEGIN, timedelta(days=8)))
    attendee = Attendee(home, travel=stays)
    start = minute_of(BEGIN) + late
    table = clock_offsets(attendee.clock, start, start + length)
    assert table.since[0] == start
    assert table.until[-1] == start + length
    assert (table.since[1:] == table.until[:-1]).all()
    for minute in {*range(start, start + length, 97), *table.since.tolist(), *(table.until - 1).tolist()}:
        zone = zone_in(minute, attendee)
        ((_, _, offset),) = offsets_between(zone, minute, minute + 1)
        assert [own for since, until, own in table if since <= minute < until] == [offset]
        assert zone_at(attendee.clock, instant_of(minute)) == zone
