"""Hours and blackouts as UTC periods against the oracle's minutes, blackouts that come again among them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.oracle import Diary, is_blacked_out
from support.strategies import WEEKDAYS, blackouts_near, hours, starting_dates, zones

from scheduler.domain.availability.attendees import (
    DEFAULT_HOURS,
    Attendee,
    BackwardDays,
    Blackout,
    BlackoutKind,
    Days,
    WorkingHours,
)
from scheduler.domain.availability.open_time import blackout_periods, closed_hours
from scheduler.domain.time.periods import Period, Periods, instant_of, minute_of
from scheduler.domain.time.recurrence import BlackoutRule


def minutes_in(periods: Periods) -> set[int]:
    return {minute for one in periods for minute in range(minute_of(one.start), minute_of(one.end))}


def open_hours(hours: tuple[WorkingHours, ...] | None, zone: str, start: int, end: int) -> Periods:
    """What is left of [start, end), touching pieces made one."""
    closed = closed_hours(hours, zone, start, end)
    return Periods.merged(closed.starts, closed.ends).gaps(start, end)


@settings(max_examples=examples(300), deadline=None)
@given(starting_dates(), hours | st.just(()), st.integers(0, 1439), st.integers(1, 3000))
def test_hours_equal_the_oracle_in_every_minute(
    where: tuple[str, date], entries: tuple[WorkingHours, ...] | None, late: int, length: int
) -> None:
    zone, day = where
    start = minute_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) + late
    diary = Diary(Attendee(zone, hours=entries))
    found = minutes_in(open_hours(entries, zone, start, start + length))
    assert found == {minute for minute in range(start, start + length) if diary.in_hours(minute)}


@settings(max_examples=examples(300), deadline=None)
@given(starting_dates(), st.integers(1, 3000), st.data())
def test_blackouts_equal_the_oracle_in_every_minute(where: tuple[str, date], length: int, data: st.DataObject) -> None:
    zone, day = where
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start = minute_of(begin)
    some = data.draw(st.lists(blackouts_near(begin, timedelta(minutes=length)), max_size=3))
    found = minutes_in(blackout_periods(some, zone, start, start + length))
    window = range(start, start + length)
    assert found == {minute for minute in window if any(is_blacked_out(minute, one, zone) for one in some)}


RULES = (
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=WEEKLY;COUNT=3",
    "FREQ=WEEKLY;INTERVAL=3;COUNT=2",
    "FREQ=YEARLY",
    "FREQ=YEARLY;COUNT=2",
)


@settings(max_examples=examples(150), deadline=None)
@given(starting_dates(), st.sampled_from(RULES), st.integers(0, 400), st.integers(0, 1439), st.data())
def test_recurring_blackout_keeps_its_wall_times(
    where: tuple[str, date], rule: str, days_ago: int, late: int, data: st.DataObject
) -> None:
    zone, day = where
    first = day - timedelta(days=days_ago // 7 * 7)
    if data.draw(st.booleans()):
        span: Days | Period = Days(first, first + timedelta(days=data.draw(st.integers(0, 2))))
    else:
        # Away from the clock change itself, where a span's wall times could run backwards.
        begin = datetime(first.year, first.month, first.day, 9, tzinfo=UTC) + timedelta(minutes=late)
        span = Period(begin, begin + timedelta(minutes=data.draw(st.integers(1, 600))))
    anchor = data.draw(st.none() | zones)
    blackout = Blackout(BlackoutKind.OTHER, "choir", span, rule=BlackoutRule(rule), time_zone=anchor)
    start = minute_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) - 600
    window = range(start, start + 2500)
    found = minutes_in(blackout_periods([blackout], zone, window.start, window.stop))
    assert found == {minute for minute in window if is_blacked_out(minute, blackout, zone)}


NEW_YORK = "America/New_York"
CHOIR = Period(datetime(2026, 10, 27, 22, tzinfo=UTC), datetime(2026, 10, 27, 23, 30, tzinfo=UTC))
"""Tuesday 18:00 to 19:30 in New York, the week before the clock goes back there."""


def test_weekly_blackout_follows_the_clock_over_a_change() -> None:
    choir = Blackout(BlackoutKind.OTHER, "choir", CHOIR, rule=BlackoutRule("FREQ=WEEKLY"), time_zone=NEW_YORK)
    start = minute_of(CHOIR.start)
    found = list(blackout_periods([choir], "Asia/Kolkata", start, start + 15 * 1440))
    assert [f"{one.start:%m-%d %H:%M}-{one.end:%H:%M}" for one in found] == [
        "10-27 22:00-23:30",
        "11-03 23:00-00:30",
        "11-10 23:00-00:30",
    ]


def test_recurring_blackout_rounds_its_seconds_outwards() -> None:
    span = Period(datetime(2026, 11, 3, 6, 30, 40, tzinfo=UTC), datetime(2026, 11, 3, 7, 0, 20, tzinfo=UTC))
    choir = Blackout(BlackoutKind.OTHER, "choir", span, rule=BlackoutRule("FREQ=WEEKLY"), time_zone=NEW_YORK)
    (found,) = blackout_periods([choir], NEW_YORK, minute_of(span.start) - 600, minute_of(span.end) + 600)
    assert f"{found.start:%H:%M}-{found.end:%H:%M}" == "06:30-07:01"


def test_all_day_blackout_is_read_on_the_persons_clock() -> None:
    exams = Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 10, 26), date(2026, 10, 30)))
    start = minute_of(datetime(2026, 10, 20, tzinfo=UTC))
    (away,) = blackout_periods([exams], "Asia/Kolkata", start, start + 20 * 1440)
    assert away == Period(datetime(2026, 10, 25, 18, 30, tzinfo=UTC), datetime(2026, 10, 30, 18, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "day", "entry", "expected"),
    [
        # The hours of a day with a gap are shorter, with a repeated hour longer.
        ("Europe/Berlin", "2026-03-29", (60, 240), "00:00-02:00"),
        ("Europe/Berlin", "2026-10-25", (60, 240), "23:00-03:00"),
        # Inside the repeated hour: both passes count.
        ("Europe/Berlin", "2026-10-25", (120, 150), "00:00-00:30 01:00-01:30"),
        # Inside the gap: never.
        ("Europe/Berlin", "2026-03-29", (120, 180), ""),
        ("Australia/Lord_Howe", "2026-10-04", (105, 180), "15:15-16:00"),
        ("Africa/Cairo", "2026-04-24", (0, 120), "22:00-23:00"),
        # Past midnight, into the day without a midnight.
        ("America/Santiago", "2026-09-05", (22 * 60, 120), "02:00-05:00"),
    ],
)
def test_hours_on_the_day_of_a_clock_change_fit_the_clock(
    zone: str, day: str, entry: tuple[int, int], expected: str
) -> None:
    local_day = date.fromisoformat(day)
    hours = (WorkingHours((WEEKDAYS[local_day.weekday()],), *entry),)
    midnight = minute_of(datetime(local_day.year, local_day.month, local_day.day, tzinfo=UTC))
    found = open_hours(hours, zone, midnight - 1440, midnight + 2 * 1440)
    assert " ".join(f"{one.start:%H:%M}-{one.end:%H:%M}" for one in found) == expected


@pytest.mark.parametrize(
    ("start", "end", "length"), [(540, 1020, 480), (1320, 120, 240), (540, 540, 1440), (0, 0, 1440)]
)
def test_hours_ending_at_or_before_their_start_run_past_midnight(start: int, end: int, length: int) -> None:
    assert WorkingHours(("MO",), start, end).length == length


def test_default_hours_are_monday_to_friday_nine_to_five() -> None:
    monday = minute_of(datetime(2026, 6, 1, tzinfo=UTC))
    found = list(open_hours(DEFAULT_HOURS, "UTC", monday, monday + 7 * 1440))
    assert [f"{one.start:%a %H:%M}-{one.end:%H:%M}" for one in found] == [
        f"{day} 09:00-17:00" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")
    ]


def test_any_time_is_the_whole_window_and_no_hours_none_of_it() -> None:
    assert list(open_hours(None, "UTC", 0, 10)) == [Period(instant_of(0), instant_of(10))]
    assert len(open_hours((), "UTC", 0, 10)) == 0


def test_backward_days_are_refused() -> None:
    with pytest.raises(BackwardDays, match="comes before the first day"):
        Days(date(2026, 6, 2), date(2026, 6, 1))
