"""Relaxations: every change offered was tried, and gains exactly what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.strategies import WEEKDAYS, entries, hopeless_cadence_queries, hopeless_slot_queries, ruled

from scheduler.domain.availability.attendees import (
    Attendee,
    Blackout,
    BlackoutKind,
    Buffer,
    Days,
    Unknown,
    WorkingHours,
)
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import find_cadences
from scheduler.domain.search.candidate_changes import hours_ladders
from scheduler.domain.search.relaxations import Relaxation
from scheduler.domain.search.rules import Group, Rules
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Period, Periods

generated = settings(deadline=None, max_examples=examples(80))
WORKDAYS = ("MO", "TU", "WE", "TH", "FR")


def changed(query: Any, relaxation: Relaxation) -> Any:
    """Return the query with the relaxation made."""
    change = relaxation.change
    if change.index is None:
        return replace(query, **change.fields)
    attendees = list(query.attendees)
    attendees[change.index] = replace(attendees[change.index], **change.fields)
    return replace(query, attendees=tuple(attendees))


def assert_sound(query: SlotQuery | CadenceQuery, offered: tuple[Relaxation, ...]) -> None:
    changes = [one.change for one in offered]
    assert [one.cost for one in changes] == sorted(one.cost for one in changes)
    for change in changes:
        if change.index is None or "blackouts" not in change.fields:
            continue
        before = query.attendees[change.index].blackouts
        after: Any = change.fields["blackouts"]
        (softened,) = [old for old, new in zip(before, after, strict=True) if old != new]
        assert softened.firm
        assert softened.kind not in {BlackoutKind.EXAM, BlackoutKind.LEAVE}


@generated
@given(hopeless_slot_queries() | ruled(hopeless_slot_queries()))
def test_slot_query_with_a_relaxation_has_the_starts_gained(query: SlotQuery) -> None:
    answer = find_slots(query)
    if answer.explanation is None:
        return
    assert_sound(query, answer.explanation.relaxations)
    for relaxation in answer.explanation.relaxations:
        assert relaxation.gain > 0
        assert find_slots(changed(query, relaxation)).total == relaxation.gain


@generated
@given(hopeless_cadence_queries() | ruled(hopeless_cadence_queries()))
def test_cadence_query_with_a_relaxation_reaches_the_coverage_gained(query: CadenceQuery) -> None:
    answer = find_cadences(query)
    if answer.explanation is None:
        return
    assert_sound(query, answer.explanation.relaxations)
    for relaxation in answer.explanation.relaxations:
        assert find_cadences(changed(query, relaxation)).cadences[0].coverage == relaxation.gain > 0


def hours(start: int, end: int, days: tuple[str, ...] = WORKDAYS) -> tuple[WorkingHours, ...]:
    return (WorkingHours(days, start * 60, end * 60),)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


TUESDAY = Period(utc("2026-06-02 00:00"), utc("2026-06-03 00:00"))
MONDAY = Period(utc("2026-06-01 00:00"), utc("2026-06-02 00:00"))
WEEK = Period(utc("2026-06-01 00:00"), utc("2026-06-08 00:00"))
LEAVE = Blackout(BlackoutKind.LEAVE, "parental leave", Days(date(2026, 6, 1), date(2026, 6, 7)))
EXAM = Blackout(BlackoutKind.EXAM, "finals", Days(date(2026, 6, 1), date(2026, 6, 7)))
BREAK = Blackout(BlackoutKind.BREAK, "spring break", Days(date(2026, 6, 1), date(2026, 6, 7)))
ALL_BUT_HALF_AN_HOUR = Periods.of([Period(utc("2026-06-01 09:30"), utc("2026-06-01 17:00"))])
HALF_PAST = Period(utc("2026-06-01 09:30"), utc("2026-06-01 10:00"))


NIGHT_SHIFT = (WorkingHours(WORKDAYS, 22 * 60, 8 * 60),)
OPTIONAL = "make this attendee optional"
SOFTER = "treat the break from 2026-06-01 to 2026-06-07 as time that is only better avoided"


@pytest.mark.parametrize(
    ("window", "duration", "attendees", "offered"),
    [
        pytest.param(
            MONDAY,
            30,
            (Attendee("UTC", hours(9, 12)), Attendee("UTC", hours(14, 17))),
            [
                (0, "extend working hours to 14:30", 1),
                (1, "begin working hours at 11:30", 1),
                (0, OPTIONAL, 6),
                (1, OPTIONAL, 6),
            ],
            id="hours of either, by half-hours",
        ),
        pytest.param(
            MONDAY,
            60,
            (Attendee("UTC", hours(9, 12)), Attendee("UTC", hours(18, 21))),
            [(0, OPTIONAL, 5), (1, OPTIONAL, 5)],
            id="hours by three hours at most",
        ),
        pytest.param(
            MONDAY,
            60,
            (Attendee("UTC", hours(9, 22)), Attendee("UTC", hours(22, 23))),
            [(1, "begin working hours at 21:00", 1), (1, OPTIONAL, 25), (0, OPTIONAL, 1)],
            id="no hours in the night",
        ),
        pytest.param(
            Period(utc("2026-06-06 00:00"), utc("2026-06-07 00:00")),
            480,
            (Attendee("UTC", hours(9, 17)),),
            [(None, "look 2 days further", 1), (0, "add Saturday to the working days", 1)],
            id="another weekday, or a later end of the window",
        ),
        pytest.param(
            WEEK,
            30,
            (Attendee("UTC"), Attendee("UTC", blackouts=(LEAVE,))),
            [(None, "look 1 day further", 16), (1, OPTIONAL, 80)],
            id="no leave",
        ),
        pytest.param(
            WEEK,
            30,
            (Attendee("UTC"), Attendee("UTC", blackouts=(EXAM,))),
            [(None, "look 1 day further", 16), (1, OPTIONAL, 80)],
            id="no exam",
        ),
        pytest.param(
            WEEK,
            480,
            (Attendee("UTC", blackouts=(BREAK,)),),
            [(None, "look 1 day further", 1), (0, SOFTER, 5)],
            id="a break becomes soft",
        ),
        pytest.param(
            MONDAY,
            30,
            (Attendee("UTC", busy=ALL_BUT_HALF_AN_HOUR, buffer=Buffer(0, 20)),),
            [
                (0, "keep no time free around the meeting", 1),
                (None, "look 1 day further", 16),
                (0, "begin working hours at 08:30", 1),
                (0, "extend working hours to 17:30", 1),
            ],
            id="a smaller buffer",
        ),
        pytest.param(
            MONDAY,
            30,
            (Attendee("UTC", busy=ALL_BUT_HALF_AN_HOUR, buffer=Buffer(10, 20)),),
            [
                (0, "keep 10 minutes before and 0 after free", 1),
                (None, "look 1 day further", 16),
                (0, "begin working hours at 08:30", 1),
                (0, "extend working hours to 18:00", 1),
            ],
            id="a smaller buffer on the blocking side",
        ),
        pytest.param(
            TUESDAY,
            60,
            (Attendee("UTC", NIGHT_SHIFT), Attendee("UTC", hours(8, 17))),
            [
                (0, "extend working hours to 09:00", 1),
                (1, "begin working hours at 07:00", 1),
                (1, OPTIONAL, 18),
                (0, OPTIONAL, 17),
            ],
            id="a night shift ends later in the morning",
        ),
        pytest.param(
            MONDAY,
            45,
            (Attendee("UTC", hours(9, 10), busy=Periods.of([HALF_PAST])),),
            [
                (None, "meet for 30 minutes", 1),
                (None, "look 1 day further", 1),
                (0, "begin working hours at 08:30", 1),
                (0, "extend working hours to 11:00", 1),
            ],
            id="a shorter meeting",
        ),
    ],
)
def test_cheapest_change_of_each_kind_is_offered_cheapest_first(
    window: Period, duration: int, attendees: tuple[Attendee, ...], offered: list[tuple[int | None, str, int]]
) -> None:
    explanation = find_slots(SlotQuery(window=window, duration=duration, step=30, attendees=attendees)).explanation
    assert explanation is not None
    assert [(one.change.index, one.change.description, one.gain) for one in explanation.relaxations] == offered


def test_hours_are_widened_into_the_night_only_on_request() -> None:
    query = SlotQuery(
        window=MONDAY, duration=60, step=30, attendees=(Attendee("UTC", hours(20, 22)), Attendee("UTC", hours(22, 23)))
    )
    for night in (False, True):
        explanation = find_slots(replace(query, relax_into_night=night)).explanation
        assert explanation is not None
        assert ("extend working hours to 23:00" in {one.change.description for one in explanation.relaxations}) is night


HALF_HOUR_AT_FOUR = (WorkingHours(WORKDAYS, 4 * 60, 4 * 60 + 30),)
HALF_HOUR_AT_ELEVEN = (WorkingHours(WORKDAYS, 23 * 60, 23 * 60 + 30),)
ALL_BUT_A_MINUTE = (WorkingHours(WORKDAYS, 600, 599),)


@pytest.mark.parametrize(
    ("week", "night", "said"),
    [
        pytest.param(HALF_HOUR_AT_FOUR, False, set(), id="hours inside the night"),
        pytest.param(HALF_HOUR_AT_ELEVEN, False, set(), id="hours before midnight"),
        pytest.param(
            HALF_HOUR_AT_ELEVEN,
            True,
            {"extend working hours to 00:00", "begin working hours at 22:30"},
            id="hours over midnight on request",
        ),
        pytest.param(
            ALL_BUT_A_MINUTE,
            True,
            {"extend working hours to 10:00", "begin working hours at 09:59"},
            id="hours of nearly all day",
        ),
    ],
)
def test_widened_hours_stay_within_the_night_and_24_hours(
    week: tuple[WorkingHours, ...], night: bool, said: set[str]
) -> None:
    ladders = hours_ladders(0, Attendee("UTC", week), night=night)
    firsts = [change.description for ladder in ladders for change in ladder[:1]]
    assert {text for text in firsts if "working days" not in text} == said


def open_minutes(week: tuple[WorkingHours, ...]) -> list[int]:
    """Return the minutes of a week that are inside the hours."""
    return [
        (WEEKDAYS.index(day) * 1440 + entry.start + minute) % 10080
        for entry in week
        for day in entry.days
        for minute in range(entry.length)
    ]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(entries, min_size=1, max_size=4).map(tuple), st.booleans())
def test_change_of_hours_only_adds_minutes_and_no_night_hours(week: tuple[WorkingHours, ...], night: bool) -> None:
    before = set(open_minutes(week))
    for ladder in hours_ladders(0, Attendee("UTC", week), night=night):
        for change in ladder:
            wider: Any = change.fields["hours"]
            added = set(open_minutes(wider)) - before
            assert before <= set(open_minutes(wider))
            if not night and "working days" not in change.description:
                assert all(7 * 60 <= minute % 1440 < 22 * 60 for minute in added)


def test_short_group_is_relaxed_by_a_members_hours_or_a_smaller_group() -> None:
    panel = (Attendee("UTC", hours(9, 12), required=False), Attendee("UTC", hours(12, 15), required=False))
    query = SlotQuery(window=MONDAY, duration=60, step=60, attendees=panel, rules=Rules(groups=(Group((0, 1), 2),)))
    explanation = find_slots(query).explanation
    assert explanation is not None
    assert explanation.reason == "group"
    assert [(one.change.index, one.change.description, one.gain) for one in explanation.relaxations] == [
        (0, "extend working hours to 13:00", 1),
        (1, "begin working hours at 11:00", 1),
        (None, "let 1 of the attendees 0, 1 be enough", 6),
    ]


def test_only_attendee_required_by_name_can_become_optional_beside_a_group() -> None:
    query = SlotQuery(
        window=MONDAY,
        duration=30,
        step=30,
        attendees=(Attendee("UTC", ()), Attendee("UTC", required=False)),
        rules=Rules(groups=(Group((1,), 1),)),
    )
    explanation = find_slots(query).explanation
    assert explanation is not None
    assert [(one.change.index, one.change.description, one.gain) for one in explanation.relaxations] == [
        (0, OPTIONAL, 16)
    ]


def test_stale_calendar_is_relaxed_only_by_making_it_optional() -> None:
    unread = Attendee("UTC", unknown=Unknown("no connection"))
    query = SlotQuery(window=MONDAY, duration=30, step=30, attendees=(Attendee("UTC"), unread), allow_unknown=False)
    explanation = find_slots(query).explanation
    assert explanation is not None
    assert explanation.reason == "stale_calendar"
    assert [(one.change.index, one.change.description, one.gain) for one in explanation.relaxations] == [
        (1, "make this attendee optional", 16)
    ]


def test_last_required_attendee_is_not_made_optional() -> None:
    alone = (Attendee("UTC", hours=()), Attendee("UTC", required=False))
    explanation = find_slots(SlotQuery(window=MONDAY, duration=30, step=30, attendees=alone)).explanation
    assert explanation is not None
    assert explanation.relaxations == ()


def test_explain_adds_blocking_to_an_answer_with_slots() -> None:
    query = SlotQuery(window=MONDAY, duration=30, step=30, attendees=(Attendee("UTC", hours(9, 12)),))
    assert find_slots(query).explanation is None
    explanation = find_slots(replace(query, explain=True)).explanation
    assert explanation is not None
    assert explanation.reason is None
    assert explanation.relaxations == ()
    assert [(row.index, row.cause, row.starts_lost) for row in explanation.blocking] == [(0, "outside_hours", 42)]


def test_cadence_is_relaxed_by_a_later_last_date() -> None:
    away = Periods.of([Period(utc("2026-06-01 00:00"), utc("2026-06-28 00:00"))])
    query = CadenceQuery(
        starts_on=date(2026, 6, 1),
        ends_on=date(2026, 6, 30),
        every_weeks=1,
        duration=60,
        step=60,
        time_zone="UTC",
        attendees=(Attendee("UTC", busy=away),),
        min_coverage=0.5,
    )
    explanation = find_cadences(query).explanation
    assert explanation is not None
    further = next(one for one in explanation.relaxations if "ends_on" in one.change.fields)
    assert further.change.fields == {"ends_on": query.ends_on + timedelta(weeks=3)}


def test_two_stale_calendars_have_no_relaxation() -> None:
    unread = Attendee("UTC", unknown=Unknown("no connection"))
    for gap in (0, 30):
        query = SlotQuery(
            window=MONDAY,
            duration=30,
            step=30,
            attendees=(unread, unread),
            allow_unknown=False,
            rules=Rules(minimum_gap=gap),
        )
        explanation = find_slots(query).explanation
        assert explanation is not None
        assert explanation.relaxations == ()
