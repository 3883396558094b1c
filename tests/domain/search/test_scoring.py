"""Scores: each part against its definition, and the weighted sum of all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.budget import examples
from support.strategies import entries, ruled, slot_queries

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Days, WorkingHours
from scheduler.domain.search.rules import Group, Rules
from scheduler.domain.search.scoring import PARTS
from scheduler.domain.search.slot_search import Order, SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Period, Periods, minute_of

ALL_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TUESDAY = Period(datetime.fromisoformat("2026-06-02T00:00+00:00"), datetime.fromisoformat("2026-06-03T00:00+00:00"))


def at(begin: str, end: str, day: str = "2026-06-02") -> Period:
    return Period(datetime.fromisoformat(f"{day}T{begin}+00:00"), datetime.fromisoformat(f"{day}T{end}+00:00"))


def parts(name: str, *attendees: Attendee, **options: object) -> dict[str, float]:
    """Return one part of the score of each slot, by its UTC time."""
    query = SlotQuery(
        window=TUESDAY, duration=60, step=60, attendees=attendees, order=Order.EARLIEST, limit=100, explain=True
    )
    slots = find_slots(replace(query, **options)).slots  # type: ignore[arg-type]  # the test names the fields
    return {f"{slot.period.start:%H:%M}": (slot.parts or {})[name] for slot in slots}


def hours(start: int, end: int) -> tuple[WorkingHours, ...]:
    return (WorkingHours(ALL_WEEK, start * 60, end * 60),)


def test_weights_add_up_to_one_and_worst_weighs_most() -> None:
    assert sum(part.weight for part in PARTS) == pytest.approx(1)
    assert max(PARTS, key=lambda part: part.weight).name == "worst"


@settings(max_examples=examples(100), deadline=None)
@given(slot_queries() | ruled(slot_queries()))
def test_score_is_the_weighted_sum_of_its_parts(query: SlotQuery) -> None:
    for slot in find_slots(replace(query, explain=True, limit=50)).slots:
        assert slot.parts is not None
        assert all(0 <= share <= 1 for share in slot.parts.values())
        total = sum(part.weight * slot.parts[part.name] for part in PARTS)
        assert slot.score == pytest.approx(total, abs=0.0011)


@settings(max_examples=examples(100), deadline=None)
@given(slot_queries(), st.data())
def test_comfort_and_fragmentation_match_the_oracle(query: SlotQuery, data: st.DataObject) -> None:
    prefers = st.none() | st.lists(entries, min_size=1, max_size=2).map(tuple)
    people = tuple(replace(one, preferred_hours=data.draw(prefers)) for one in query.attendees)
    query = replace(query, attendees=people, explain=True, limit=20)
    diaries = [oracle.Diary(one) for one in people if one.required]
    for slot in find_slots(query).slots:
        assert slot.parts is not None
        start = minute_of(slot.period.start)
        comforts = [oracle.comfort(diary, start, query.duration) for diary in diaries]
        assert slot.parts["worst"] == pytest.approx(min(comforts), abs=0.00051)
        assert slot.parts["mean"] == pytest.approx(sum(comforts) / len(comforts), abs=0.00051)
        split = [oracle.fragmentation(diary, start, query.duration) for diary in diaries]
        assert slot.parts["fragmentation"] == pytest.approx(sum(split) / len(split), abs=0.00051)


def test_comfort_across_a_clock_change_is_that_of_the_middle_on_the_wall_clock() -> None:
    """Berlin, 28 March 2027: three hours from 00:30 have their middle at 03:00, because the clock skips an hour."""
    night = Period(datetime.fromisoformat("2027-03-27T23:00+00:00"), datetime.fromisoformat("2027-03-28T04:00+00:00"))
    berlin = Attendee("Europe/Berlin", hours(0, 12), preferred_hours=hours(3, 4))
    comfort = parts("worst", berlin, window=night, duration=180, step=30)
    assert comfort == {"23:00": 0.875, "23:30": 1, "00:00": 1, "00:30": 0.999, "01:00": 0.957}


def test_comfort_without_preferred_hours_is_best_at_the_middle_of_the_day() -> None:
    comfort = parts("worst", Attendee("UTC", hours(9, 15)))
    assert comfort == {"09:00": 0.792, "10:00": 0.875, "11:00": 0.958, "12:00": 0.958, "13:00": 0.875, "14:00": 0.792}


def test_comfort_inside_preferred_hours_is_1() -> None:
    comfort = parts("worst", Attendee("UTC", hours(9, 15), preferred_hours=hours(9, 11)))
    assert comfort == {"09:00": 1, "10:00": 1, "11:00": 0.957, "12:00": 0.874, "13:00": 0.79, "14:00": 0.707}


def test_worst_and_mean_differ_where_comforts_differ() -> None:
    early, late = Attendee("UTC", hours(9, 15), preferred_hours=hours(9, 10)), Attendee("UTC", hours(9, 15))
    assert parts("worst", early, late)["12:00"] == 0.79
    assert parts("mean", early, late)["12:00"] == 0.874


def test_optional_attendees_and_soft_blackouts_count_by_share() -> None:
    helper = replace(Attendee("UTC", hours(9, 11)), required=False)
    assert parts("optional", Attendee("UTC", hours(9, 13)), helper) == {"09:00": 1, "10:00": 1, "11:00": 0, "12:00": 0}
    half_term = Blackout(BlackoutKind.BREAK, "half-term", Days(date(2026, 6, 2), date(2026, 6, 2)), firm=False)
    assert set(parts("soft", Attendee("UTC", blackouts=(half_term,)), Attendee("UTC")).values()) == {0.5}


def test_spread_grows_with_the_distance_to_other_meetings() -> None:
    met = Attendee("UTC", hours(9, 12), meetings=(at("12:00", "13:00", "2026-06-01"),))
    assert parts("spread", met) == {"09:00": 0.278, "10:00": 0.292, "11:00": 0.306}
    assert set(parts("spread", Attendee("UTC")).values()) == {1}


def test_fragmentation_of_a_slot_beside_busy_time_is_best() -> None:
    person = Attendee("UTC", hours(12, 18), busy=Periods.of([at("12:00", "13:00")]))
    assert parts("fragmentation", person) == {"13:00": 1, "14:00": 0.5, "15:00": 0, "16:00": 0.5, "17:00": 1}


def test_fair_query_favours_the_attendee_with_the_larger_burden() -> None:
    berlin = Attendee("UTC", hours(9, 15), preferred_hours=hours(9, 10), past_burden=300)
    lisbon = Attendee("UTC", hours(9, 15), preferred_hours=hours(14, 15))
    middle, tipped = (parts("worst", berlin, lisbon, fair=fair) for fair in (False, True))
    assert {time for time, share in middle.items() if share == max(middle.values())} == {"11:00"}
    assert max(tipped, key=tipped.__getitem__) == "09:00"


def test_group_counts_its_most_comfortable_members_who_can_come() -> None:
    mentor = Attendee("UTC", hours(9, 15), preferred_hours=hours(9, 15))
    early = Attendee("UTC", hours(9, 12), preferred_hours=hours(9, 10), required=False)
    late = Attendee("UTC", hours(9, 15), preferred_hours=hours(14, 15), required=False)
    any_one = Rules(groups=(Group((1, 2), 1),))
    assert parts("worst", mentor, early, late, rules=any_one) == {
        "09:00": 1,
        "10:00": 0.957,  # early's; late's would be 0.708
        "11:00": 0.874,
        "12:00": 0.875,  # early can't come: it is late's
        "13:00": 0.958,
        "14:00": 1,
    }
    both = Rules(groups=(Group((1, 2), 2),))
    assert parts("worst", mentor, early, late, rules=both) == {"09:00": 0.625, "10:00": 0.708, "11:00": 0.792}


def test_free_time_across_a_clock_change_is_counted_in_real_minutes() -> None:
    """Berlin, 28 March 2027: hours from 01:00 to 05:00 are the three hours from 00:00Z to 03:00Z."""
    night = at("00:00", "12:00", "2027-03-28")
    berlin = Attendee("Europe/Berlin", hours(1, 5))
    assert parts("fragmentation", berlin, window=night) == {"00:00": 1, "01:00": 0, "02:00": 1}


def test_firm_blackout_bounds_free_time_like_busy_time() -> None:
    noon = at("12:00", "13:00")
    dentist = Blackout(BlackoutKind.OTHER, "dentist", noon)
    busy = parts("fragmentation", Attendee("UTC", hours(9, 17), busy=Periods.of([noon])))
    assert parts("fragmentation", Attendee("UTC", hours(9, 17), blackouts=(dentist,))) == busy
    assert busy["11:00"] == 1


def test_fragmentation_counts_group_members_if_nobody_is_required_by_name() -> None:
    panel = (Attendee("UTC", hours(9, 17), required=False), Attendee("UTC", hours(9, 17), required=False))
    by_name = tuple(replace(one, required=True) for one in panel)
    rules = Rules(groups=(Group((0, 1), 2),))
    assert parts("fragmentation", *panel, rules=rules) == parts("fragmentation", *by_name)


def test_fragmentation_counts_group_members_who_cannot_come() -> None:
    panel = (
        Attendee("UTC", hours(12, 18), required=False),
        Attendee("UTC", hours(12, 18), required=False, busy=Periods.of([at("12:00", "18:00")])),
    )
    any_one = Rules(groups=(Group((0, 1), 1),))
    alone = parts("fragmentation", replace(panel[0], required=True))
    assert parts("fragmentation", *panel, rules=any_one) == {time: (share + 1) / 2 for time, share in alone.items()}
