"""What would help when nothing is found: every change offered was tried, and comes to exactly what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from support.strategies import hopeless_cadence_queries, hopeless_slot_queries, ruled

from scheduler.domain.availability import Attendee, Blackout, BlackoutKind, Buffer, Days, Unknown, WorkingHours
from scheduler.domain.cadences import CadenceQuery, find_cadences
from scheduler.domain.explanation import Relaxation
from scheduler.domain.periods import Period, Periods
from scheduler.domain.slots import SlotQuery, find_slots

generated = settings(deadline=None, max_examples=80)
WORKDAYS = ("MO", "TU", "WE", "TH", "FR")


def changed(query: Any, relaxation: Relaxation) -> Any:
    """The question asked again with the change."""
    if relaxation.index is None:
        return replace(query, **relaxation.fields)
    attendees = list(query.attendees)
    attendees[relaxation.index] = replace(attendees[relaxation.index], **relaxation.fields)
    return replace(query, attendees=tuple(attendees))


def assert_sound(query: SlotQuery | CadenceQuery, offered: tuple[Relaxation, ...]) -> None:
    assert [one.asks for one in offered] == sorted(one.asks for one in offered)
    for relaxation in offered:
        if relaxation.index is None or "blackouts" not in relaxation.fields:
            continue
        before = query.attendees[relaxation.index].blackouts
        after: Any = relaxation.fields["blackouts"]
        (softened,) = [old for old, new in zip(before, after, strict=True) if old != new]
        assert softened.firm
        assert softened.kind not in {BlackoutKind.EXAM, BlackoutKind.LEAVE}


@generated
@given(hopeless_slot_queries() | ruled(hopeless_slot_queries()))
def test_a_slot_question_sent_again_with_a_change_has_as_many_starts_as_was_said(query: SlotQuery) -> None:
    answer = find_slots(query)
    if answer.explanation is None:
        return
    assert_sound(query, answer.explanation.relaxations)
    for relaxation in answer.explanation.relaxations:
        assert relaxation.gained > 0
        assert find_slots(changed(query, relaxation)).total == relaxation.gained


@generated
@given(hopeless_cadence_queries() | ruled(hopeless_cadence_queries()))
def test_a_cadence_question_sent_again_with_a_change_reaches_the_coverage_that_was_said(query: CadenceQuery) -> None:
    answer = find_cadences(query)
    if answer.explanation is None:
        return
    assert_sound(query, answer.explanation.relaxations)
    for relaxation in answer.explanation.relaxations:
        assert find_cadences(changed(query, relaxation)).cadences[0].coverage == relaxation.gained > 0


def hours(start: int, end: int, days: tuple[str, ...] = WORKDAYS) -> tuple[WorkingHours, ...]:
    return (WorkingHours(days, start * 60, end * 60),)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


MONDAY = Period(utc("2026-06-01 00:00"), utc("2026-06-02 00:00"))
WEEK = Period(utc("2026-06-01 00:00"), utc("2026-06-08 00:00"))
LEAVE = Blackout(BlackoutKind.LEAVE, "parental leave", Days(date(2026, 6, 1), date(2026, 6, 7)))
EXAM = Blackout(BlackoutKind.EXAM, "finals", Days(date(2026, 6, 1), date(2026, 6, 7)))
BREAK = Blackout(BlackoutKind.BREAK, "spring break", Days(date(2026, 6, 1), date(2026, 6, 7)))
ALL_BUT_HALF_AN_HOUR = Periods.of([Period(utc("2026-06-01 09:30"), utc("2026-06-01 17:00"))])
HALF_PAST = Period(utc("2026-06-01 09:30"), utc("2026-06-01 10:00"))


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
            id="either one's hours can be widened, by half-hours",
        ),
        pytest.param(
            MONDAY,
            60,
            (Attendee("UTC", hours(9, 12)), Attendee("UTC", hours(18, 21))),
            [(0, OPTIONAL, 5), (1, OPTIONAL, 5)],
            id="three hours are the most that hours are widened by",
        ),
        pytest.param(
            MONDAY,
            60,
            (Attendee("UTC", hours(9, 22)), Attendee("UTC", hours(22, 23))),
            [(1, "begin working hours at 21:00", 1), (1, OPTIONAL, 25), (0, OPTIONAL, 1)],
            id="nobody's hours are widened into the night",
        ),
        pytest.param(
            Period(utc("2026-06-06 00:00"), utc("2026-06-07 00:00")),
            480,
            (Attendee("UTC", hours(9, 17)),),
            [(None, "look 2 days further", 1), (0, "add Saturday to the working days", 1)],
            id="another weekday, or a window that ends later",
        ),
        pytest.param(
            WEEK,
            30,
            (Attendee("UTC"), Attendee("UTC", blackouts=(LEAVE,))),
            [(None, "look 1 day further", 16), (1, OPTIONAL, 80)],
            id="nobody's leave",
        ),
        pytest.param(
            WEEK,
            30,
            (Attendee("UTC"), Attendee("UTC", blackouts=(EXAM,))),
            [(None, "look 1 day further", 16), (1, OPTIONAL, 80)],
            id="nobody's exam",
        ),
        pytest.param(
            WEEK,
            480,
            (Attendee("UTC", blackouts=(BREAK,)),),
            [(None, "look 1 day further", 1), (0, SOFTER, 5)],
            id="a break can be made one that is only better avoided",
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
def test_the_least_change_of_each_kind_is_offered_and_the_least_of_all_first(
    window: Period, duration: int, attendees: tuple[Attendee, ...], offered: list[tuple[int | None, str, int]]
) -> None:
    explanation = find_slots(SlotQuery(window, duration, 30, attendees)).explanation
    assert explanation is not None
    assert [(one.index, one.said, one.gained) for one in explanation.relaxations] == offered


def test_hours_go_into_the_night_only_if_asked() -> None:
    query = SlotQuery(MONDAY, 60, 30, (Attendee("UTC", hours(20, 22)), Attendee("UTC", hours(22, 23))))
    for night in (False, True):
        explanation = find_slots(replace(query, relax_into_night=night)).explanation
        assert explanation is not None
        assert ("extend working hours to 23:00" in {one.said for one in explanation.relaxations}) is night


def test_someone_whose_calendar_is_unknown_can_be_made_optional_and_nothing_else_helps() -> None:
    unread = Attendee("UTC", unknown=Unknown("no connection"))
    query = SlotQuery(MONDAY, 30, 30, (Attendee("UTC"), unread), allow_unknown=False)
    explanation = find_slots(query).explanation
    assert explanation is not None
    assert explanation.reason == "stale_calendar"
    assert [(one.index, one.said, one.gained) for one in explanation.relaxations] == [
        (1, "make this attendee optional", 16)
    ]


def test_the_last_who_has_to_come_is_not_made_optional() -> None:
    alone = (Attendee("UTC", hours=()), Attendee("UTC", required=False))
    explanation = find_slots(SlotQuery(MONDAY, 30, 30, alone)).explanation
    assert explanation is not None
    assert explanation.relaxations == ()


def test_what_bars_the_other_starts_is_told_with_slots_too_if_asked() -> None:
    query = SlotQuery(MONDAY, 30, 30, (Attendee("UTC", hours(9, 12)),))
    assert find_slots(query).explanation is None
    explanation = find_slots(replace(query, explain=True)).explanation
    assert explanation is not None
    assert explanation.reason is None
    assert explanation.relaxations == ()
    assert [(row.index, row.cause, row.starts_lost) for row in explanation.blocking] == [(0, "outside_hours", 42)]


def test_a_cadence_can_go_on_for_longer() -> None:
    away = Periods.of([Period(utc("2026-06-01 00:00"), utc("2026-06-28 00:00"))])
    query = CadenceQuery(
        date(2026, 6, 1), date(2026, 6, 30), 1, 60, 60, "UTC", (Attendee("UTC", busy=away),), min_coverage=0.5
    )
    explanation = find_cadences(query).explanation
    assert explanation is not None
    further = next(one for one in explanation.relaxations if "ends_on" in one.fields)
    assert further.fields == {"ends_on": query.ends_on + timedelta(weeks=3)}
