"""What a question asks besides people's own time, by example."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from scheduler.domain.availability import Attendee, WorkingHours
from scheduler.domain.cadences import CadenceQuery, find_cadences
from scheduler.domain.panels import Group
from scheduler.domain.periods import Period, Periods
from scheduler.domain.planning import PlanStatus
from scheduler.domain.rules import Rules, Within
from scheduler.domain.slots import Order, SlotQuery, find_slots

ALL_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def on(day: str, begin: str, end: str) -> Period:
    return Period(utc(f"{day} {begin}"), utc(f"{day} {end}"))


def daily(start: int, end: int, *busy: Period) -> Attendee:
    return Attendee("UTC", (WorkingHours(ALL_WEEK, start * 60, end * 60),), busy=Periods.of(busy))


MONDAY = Period(utc("2026-06-01 00:00"), utc("2026-06-02 00:00"))
WEEK = Period(utc("2026-06-01 00:00"), utc("2026-06-08 00:00"))


def starts(query: SlotQuery) -> list[str]:
    found = find_slots(replace(query, order=Order.EARLIEST, limit=100))
    return [f"{slot.period.start:%d %H:%M}" for slot in found.slots]


class TestWithin:
    def test_the_whole_meeting_lies_in_the_hours_of_the_named_zone(self) -> None:
        mornings = Rules(within=Within((WorkingHours(("MO",), 9 * 60, 12 * 60),), "Asia/Kolkata"))
        query = SlotQuery(WEEK, 60, 30, (Attendee("UTC", None),), rules=mornings)
        assert starts(query) == ["01 03:30", "01 04:00", "01 04:30", "01 05:00", "01 05:30"]

    def test_it_can_be_the_reason_that_nothing_is_found(self) -> None:
        nights = Rules(within=Within((WorkingHours(ALL_WEEK, 0, 6 * 60),), "UTC"))
        explanation = find_slots(SlotQuery(MONDAY, 60, 60, (daily(9, 17),), rules=nights)).explanation
        assert explanation is not None
        assert explanation.reason == "within"
        assert (None, "within", 18) in [(row.index, row.cause, row.starts_lost) for row in explanation.blocking]


class TestGroups:
    PANEL = (daily(9, 17), daily(9, 11), daily(10, 12), daily(11, 14))

    def ask(self, required: int) -> SlotQuery:
        people = tuple(replace(one, required=place == 0) for place, one in enumerate(self.PANEL))
        return SlotQuery(MONDAY, 60, 60, people, rules=Rules(groups=(Group((1, 2, 3), required),)))

    @pytest.mark.parametrize(
        ("required", "expected"),
        [
            (1, ["01 09:00", "01 10:00", "01 11:00", "01 12:00", "01 13:00"]),
            (2, ["01 10:00", "01 11:00"]),
            (3, []),
        ],
    )
    def test_any_so_many_of_the_group_have_to_come(self, required: int, expected: list[str]) -> None:
        assert starts(self.ask(required)) == expected

    def test_each_slot_says_who(self) -> None:
        slots = find_slots(replace(self.ask(2), order=Order.EARLIEST)).slots
        assert [slot.available for slot in slots] == [(True, True, True, False), (True, False, True, True)]

    def test_too_few_is_the_reason_that_nothing_is_found(self) -> None:
        explanation = find_slots(self.ask(3)).explanation
        assert explanation is not None
        assert explanation.reason == "group"


class TestLimits:
    def test_a_day_and_a_week_take_only_so_many_meetings(self) -> None:
        held = (on("2026-06-01", "09:00", "10:00"), on("2026-06-02", "09:00", "10:00"))
        person = replace(daily(12, 13), meetings=held)
        assert starts(SlotQuery(WEEK, 60, 60, (person,)))[:3] == ["01 12:00", "02 12:00", "03 12:00"]
        assert starts(SlotQuery(WEEK, 60, 60, (replace(person, at_most_per_day=1),)))[:2] == ["03 12:00", "04 12:00"]
        fortnight = Period(WEEK.start, WEEK.end + timedelta(days=7))
        assert starts(SlotQuery(fortnight, 60, 60, (replace(person, at_most_per_week=2),)))[0] == "08 12:00"

    def test_a_meeting_belongs_to_the_local_day_on_which_it_starts(self) -> None:
        late = (on("2026-06-01", "18:00", "19:00"),)  # 23:30 in Kolkata
        person = Attendee("Asia/Kolkata", None, meetings=late, at_most_per_day=1)
        assert "01 18:00" not in starts(SlotQuery(MONDAY, 60, 60, (person,)))
        assert starts(SlotQuery(MONDAY, 30, 30, (person,)))[-1] == "01 23:30"


class TestMinimumGap:
    def test_meetings_of_the_same_people_keep_their_distance(self) -> None:
        held = on("2026-06-03", "12:00", "13:00")
        pair = (replace(daily(12, 13), meetings=(held,)), replace(daily(12, 13), meetings=(held,)))
        far = Rules(minimum_gap=47 * 60)
        assert starts(SlotQuery(WEEK, 60, 60, pair, rules=far)) == ["01 12:00", "05 12:00", "06 12:00", "07 12:00"]

    def test_a_meeting_with_somebody_else_does_not_count(self) -> None:
        held = on("2026-06-03", "12:00", "13:00")
        pair = (replace(daily(12, 13), meetings=(held,)), daily(12, 13))
        assert len(starts(SlotQuery(WEEK, 60, 60, pair, rules=Rules(minimum_gap=2 * 1440)))) == 7

    def test_a_moved_occurrence_keeps_its_distance_too(self) -> None:
        away = on("2026-06-10", "00:00", "23:59")
        query = CadenceQuery(
            *(date(2026, 6, 1), date(2026, 6, 30), 1, 60, 60, "UTC", (daily(12, 13, away),)),
            move_within_days=6,
            limit=500,
        )
        wednesdays = next(
            one
            for one in find_cadences(replace(query, rules=Rules(minimum_gap=6 * 1440))).cadences
            if f"{one.dtstart.wall:%a %H}" == "Wed 12"
        )
        assert [one.status for one in wednesdays.occurrences][1] is PlanStatus.SKIPPED
