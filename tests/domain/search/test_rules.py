"""The rules of a request, by example: hours, groups, limits of days and weeks, gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from scheduler.domain.availability.attendees import Attendee, Unknown, WorkingHours
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import find_cadences
from scheduler.domain.search.planning import PlanStatus
from scheduler.domain.search.rules import Group, Rules, Within
from scheduler.domain.search.slot_search import Order, SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Period, Periods

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
    def test_whole_meeting_lies_in_the_hours_of_the_zone(self) -> None:
        mornings = Rules(within=Within((WorkingHours(("MO",), 9 * 60, 12 * 60),), "Asia/Kolkata"))
        query = SlotQuery(window=WEEK, duration=60, step=30, attendees=(Attendee("UTC", None),), rules=mornings)
        assert starts(query) == ["01 03:30", "01 04:00", "01 04:30", "01 05:00", "01 05:30"]

    def test_within_that_leaves_nothing_is_the_reason(self) -> None:
        nights = Rules(within=Within((WorkingHours(ALL_WEEK, 0, 6 * 60),), "UTC"))
        explanation = find_slots(
            SlotQuery(window=MONDAY, duration=60, step=60, attendees=(daily(9, 17),), rules=nights)
        ).explanation
        assert explanation is not None
        assert explanation.reason == "within"
        assert (None, "within", 18) in [(row.index, row.cause, row.starts_lost) for row in explanation.blocking]


class TestGroups:
    PANEL = (daily(9, 17), daily(9, 11), daily(10, 12), daily(11, 14))

    def ask(self, required: int) -> SlotQuery:
        people = tuple(replace(one, required=place == 0) for place, one in enumerate(self.PANEL))
        return SlotQuery(
            window=MONDAY, duration=60, step=60, attendees=people, rules=Rules(groups=(Group((1, 2, 3), required),))
        )

    @pytest.mark.parametrize(
        ("required", "expected"),
        [
            (1, ["01 09:00", "01 10:00", "01 11:00", "01 12:00", "01 13:00"]),
            (2, ["01 10:00", "01 11:00"]),
            (3, []),
        ],
    )
    def test_group_needs_any_of_its_members(self, required: int, expected: list[str]) -> None:
        assert starts(self.ask(required)) == expected

    def test_slot_says_which_members_can_come(self) -> None:
        slots = find_slots(replace(self.ask(2), order=Order.EARLIEST)).slots
        assert [slot.available for slot in slots] == [(True, True, True, False), (True, False, True, True)]

    def test_short_group_is_the_reason(self) -> None:
        explanation = find_slots(self.ask(3)).explanation
        assert explanation is not None
        assert explanation.reason == "group"


class TestLimits:
    def test_full_days_and_weeks_take_no_more_meetings(self) -> None:
        held = (on("2026-06-01", "09:00", "10:00"), on("2026-06-02", "09:00", "10:00"))
        person = replace(daily(12, 13), meetings=held)
        assert starts(SlotQuery(window=WEEK, duration=60, step=60, attendees=(person,)))[:3] == [
            "01 12:00",
            "02 12:00",
            "03 12:00",
        ]
        assert starts(SlotQuery(window=WEEK, duration=60, step=60, attendees=(replace(person, at_most_per_day=1),)))[
            :2
        ] == ["03 12:00", "04 12:00"]
        fortnight = Period(WEEK.start, WEEK.end + timedelta(days=7))
        assert (
            starts(SlotQuery(window=fortnight, duration=60, step=60, attendees=(replace(person, at_most_per_week=2),)))[
                0
            ]
            == "08 12:00"
        )

    def test_meeting_counts_on_the_local_day_on_which_it_starts(self) -> None:
        late = (on("2026-06-01", "18:00", "19:00"),)  # 23:30 in Kolkata
        person = Attendee("Asia/Kolkata", None, meetings=late, at_most_per_day=1)
        assert "01 18:00" not in starts(SlotQuery(window=MONDAY, duration=60, step=60, attendees=(person,)))
        assert starts(SlotQuery(window=MONDAY, duration=30, step=30, attendees=(person,)))[-1] == "01 23:30"

    def test_meeting_given_twice_counts_once(self) -> None:
        morning = on("2026-06-01", "09:00", "10:00")
        one = replace(daily(9, 12, morning), meetings=(morning, morning), at_most_per_day=2)
        assert starts(SlotQuery(window=MONDAY, duration=60, step=60, attendees=(one,))) == ["01 10:00", "01 11:00"]

    def test_cadence_twice_in_a_local_week_by_a_clock_change_is_left_out(self) -> None:
        """Sundays 19:45 in Berlin are Mondays 00:15 in Kolkata, and from 28 March 2027 on Sundays 23:15."""
        berlin = Attendee("Europe/Berlin", (WorkingHours(("SU",), 19 * 60 + 45, 20 * 60 + 15),))
        query = CadenceQuery(
            starts_on=date(2027, 3, 8),
            ends_on=date(2027, 4, 11),
            every_weeks=1,
            duration=30,
            step=15,
            time_zone="Europe/Berlin",
            attendees=(berlin, Attendee("Asia/Kolkata", None, at_most_per_week=1)),
            min_coverage=1,
            explain=True,
        )
        two = (berlin, Attendee("Asia/Kolkata", None, at_most_per_week=2))
        assert [one.coverage for one in find_cadences(replace(query, attendees=two)).cadences] == [1.0]
        answer = find_cadences(query)
        assert answer.total == 0
        assert answer.explanation is not None
        assert answer.explanation.reason == "limit"
        assert (1, "limit") in [(row.index, row.cause) for row in answer.explanation.blocking]


class TestMinimumGap:
    NINE = on("2026-06-01", "09:00", "10:00")

    def test_gap_is_kept_from_meetings_of_the_same_people(self) -> None:
        held = on("2026-06-03", "12:00", "13:00")
        pair = (replace(daily(12, 13), meetings=(held,)), replace(daily(12, 13), meetings=(held,)))
        far = Rules(minimum_gap=47 * 60)
        assert starts(SlotQuery(window=WEEK, duration=60, step=60, attendees=pair, rules=far)) == [
            "01 12:00",
            "05 12:00",
            "06 12:00",
            "07 12:00",
        ]

    def test_gap_disregards_meetings_of_one_attendee_alone(self) -> None:
        held = on("2026-06-03", "12:00", "13:00")
        pair = (replace(daily(12, 13), meetings=(held,)), daily(12, 13))
        assert (
            len(starts(SlotQuery(window=WEEK, duration=60, step=60, attendees=pair, rules=Rules(minimum_gap=2 * 1440))))
            == 7
        )

    def test_gap_is_kept_by_moved_occurrences(self) -> None:
        away = on("2026-06-10", "00:00", "23:59")
        query = CadenceQuery(
            starts_on=date(2026, 6, 1),
            ends_on=date(2026, 6, 30),
            duration=60,
            step=60,
            time_zone="UTC",
            attendees=(daily(12, 13, away),),
            move_within_days=6,
            limit=500,
        )
        wednesdays = next(
            one
            for one in find_cadences(replace(query, rules=Rules(minimum_gap=6 * 1440))).cadences
            if f"{one.dtstart.wall:%a %H}" == "Wed 12"
        )
        assert [one.status for one in wednesdays.occurrences][1] is PlanStatus.SKIPPED

    def ask(self, *people: Attendee, groups: tuple[Group, ...] = ()) -> list[str]:
        rules = Rules(minimum_gap=120, groups=groups)
        return starts(SlotQuery(window=MONDAY, duration=60, step=60, attendees=people, rules=rules))

    def test_gap_is_kept_from_meetings_of_any_two_of_three(self) -> None:
        busy = replace(daily(9, 14, self.NINE), meetings=(self.NINE,))
        assert self.ask(busy, busy, daily(9, 14)) == ["01 12:00", "01 13:00"]

    def test_gap_disregards_meetings_with_others(self) -> None:
        busy = replace(daily(9, 14, self.NINE), meetings=(self.NINE,))
        assert self.ask(busy, daily(9, 14)) == ["01 10:00", "01 11:00", "01 12:00", "01 13:00"]

    def test_gap_makes_group_members_unavailable(self) -> None:
        busy = replace(daily(9, 14, self.NINE), meetings=(self.NINE,))
        panel = (busy, replace(busy, required=False), replace(daily(11, 12), required=False))
        assert self.ask(*panel, groups=(Group((1, 2), 1),)) == ["01 11:00", "01 12:00", "01 13:00"]

    def test_no_working_hours_is_a_reason_before_the_gap(self) -> None:
        query = CadenceQuery(
            starts_on=date(2026, 10, 19),
            ends_on=date(2026, 11, 15),
            every_weeks=1,
            duration=60,
            step=240,
            time_zone="UTC",
            attendees=(Attendee("UTC", ()),),
            rules=Rules(minimum_gap=14 * 1440),
        )
        for hours, reason in (((), "no_working_hours"), (None, "minimum_gap")):
            explanation = find_cadences(replace(query, attendees=(Attendee("UTC", hours),))).explanation
            assert explanation is not None
            assert explanation.reason == reason
            # All four occurrences of seven weekdays and six times of day have a neighbour a week away.
            assert (None, "minimum_gap", 168) in [
                (row.index, row.cause, row.starts_lost) for row in explanation.blocking
            ]


def test_group_member_with_a_stale_calendar_counts_as_absent() -> None:
    unread = Attendee("UTC", required=False, unknown=Unknown("never read"))
    query = SlotQuery(
        window=MONDAY, duration=60, step=60, attendees=(Attendee("UTC"), unread), rules=Rules(groups=(Group((1,), 1),))
    )
    cadences = CadenceQuery(
        starts_on=date(2026, 6, 1),
        ends_on=date(2026, 6, 28),
        every_weeks=1,
        duration=60,
        step=60,
        time_zone="UTC",
        attendees=query.attendees,
        rules=query.rules,
        limit=1,
    )
    assert find_slots(query).total > 0
    assert find_cadences(cadences).total > 0
    for answer in (
        find_slots(replace(query, allow_unknown=False)),
        find_cadences(replace(cadences, allow_unknown=False)),
    ):
        assert answer.total == 0
        assert answer.explanation is not None
        assert answer.explanation.reason == "group"
