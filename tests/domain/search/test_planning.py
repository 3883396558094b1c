"""Plans of series that a search for cadences would not offer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from support.contract import between

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Buffer, Days, WorkingHours
from scheduler.domain.search.planning import PlannedOccurrence, Planner
from scheduler.domain.time.periods import Periods
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime

MONDAY = LocalTime(datetime(2026, 6, 1), "UTC")


def planned(attendee: Attendee, ends_on: date, move_within_days: int) -> tuple[PlannedOccurrence, ...]:
    """Return the plan of a meeting of two hours every Monday at midnight."""
    until = datetime(ends_on.year, ends_on.month, ends_on.day, tzinfo=UTC)
    planner = Planner(
        attendees=(attendee,),
        dates=Days(date(2026, 6, 1), ends_on),
        time_zone="UTC",
        duration=120,
        step=60,
        move_within_days=move_within_days,
    )
    return planner.plan(Series(MONDAY, WeeklyRule(1, ("MO",), until), 120))


@pytest.mark.parametrize(
    ("ends_on", "days", "moved_to"),
    [
        (date(2026, 6, 6), 6, None),  # the first free time is after the last day
        (date(2026, 6, 7), 5, None),  # or too many days away
        (date(2026, 6, 7), 6, between("2026-06-07 23:00", "2026-06-08 01:00")),
        (date(2026, 6, 8), 6, None),  # it would run into the next occurrence, at midnight
    ],
)
def test_move_stays_within_the_dates_and_off_other_occurrences(ends_on: date, days: int, moved_to: object) -> None:
    busy = Periods.of([between("2026-05-31 00:00", "2026-06-07 23:00")])
    first = planned(Attendee("UTC", hours=None, busy=busy), ends_on, days)[0]
    assert first.moved_to == moved_to
    assert first.status == ("moved" if moved_to else "skipped")


@pytest.mark.parametrize(
    ("closes", "second"),
    [
        (3, None),  # 01:00 would be free, but for the first one that moved to midnight
        (4, between("2026-06-04 02:00", "2026-06-04 04:00")),
        (5, between("2026-06-04 03:00", "2026-06-04 05:00")),
    ],
)
def test_move_keeps_off_an_earlier_move(closes: int, second: object) -> None:
    thursday = Attendee("UTC", hours=(WorkingHours(("TH",), 0, closes * 60),))
    moves = [one.moved_to for one in planned(thursday, date(2026, 6, 8), 4)]
    assert moves == [between("2026-06-04 00:00", "2026-06-04 02:00"), second]


def test_blocked_occurrence_names_every_cause_and_blackout_titles() -> None:
    blackouts = (
        Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 6, 1), date(2026, 6, 1))),
        Blackout(BlackoutKind.OTHER, "Dentist", between("2026-06-01 01:59:59", "2026-06-01 03:00:00")),
        Blackout(BlackoutKind.OTHER, "Lunch", between("2026-06-01 02:00:00", "2026-06-01 03:00:00")),
        Blackout(BlackoutKind.HOLIDAY, "Wishes", Days(date(2026, 6, 1), date(2026, 6, 1)), firm=False),
    )
    busy = Periods.of([between("2026-06-01 02:05", "2026-06-01 02:30")])
    hours = (WorkingHours(("MO",), 9 * 60, 17 * 60),)
    one = Attendee("UTC", hours=hours, blackouts=blackouts, busy=busy, buffer=Buffer(after=10))
    rows = [(row.index, str(row.cause), row.title) for row in planned(one, date(2026, 6, 1), 0)[0].blocked_by]
    assert rows == [
        (0, "outside_hours", None),
        (0, "blackout", "Finals"),
        (0, "blackout", "Dentist"),
        (0, "buffer", None),
    ]


def test_blackout_declared_twice_is_named_once() -> None:
    exam = Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 6, 1), date(2026, 6, 1)))
    first = planned(Attendee("UTC", hours=None, blackouts=(exam, exam)), date(2026, 6, 8), 0)[0]
    assert [(block.index, block.title) for block in first.blocked_by] == [(0, "Finals")]
