"""Whole calendars against recurring-ical-events, a reader that copies events instead of placing numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from support.budget import examples

from scheduler.domain.time.periods import Period, Periods, minute_of
from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.ical.busy import busy_periods

START = datetime(2026, 10, 1, tzinfo=UTC)
END = START + timedelta(days=500)
FORM = "%Y%m%dT%H%M%S"


@st.composite
def calendars(draw: st.DrawFn) -> bytes:
    """A series by day, so that no clock changes during an occurrence, with exceptions that may hit or miss one."""
    zone = draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", None]))
    start = datetime(2026, 6, 1, 8) + draw(st.integers(0, 400)) * timedelta(hours=13, minutes=30)
    start = start.replace(hour=8 + start.hour % 10)
    weekday = WEEKDAYS[start.weekday()]
    rules = [
        "DAILY",
        "DAILY;INTERVAL=3",
        "WEEKLY",
        "WEEKLY;INTERVAL=2",
        f"WEEKLY;BYDAY={weekday},SA",
        "MONTHLY",
        "YEARLY",
    ]
    rule = "RRULE:FREQ=" + draw(st.sampled_from([*rules, f"MONTHLY;BYDAY={(start.day - 1) // 7 + 1}{weekday}"]))
    until = start + timedelta(days=draw(st.integers(0, 300)))
    rule += draw(st.sampled_from(["", f";COUNT={draw(st.integers(1, 30))}", f";UNTIL={until:{FORM}}Z"]))

    def time(name: str, wall: datetime) -> str:
        return f"{name};TZID={zone}:{wall:{FORM}}" if zone else f"{name}:{wall:{FORM}}Z"

    def event(*lines: str) -> list[str]:
        return ["BEGIN:VEVENT", "UID:a", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT"]

    extras = [time("RDATE", start + timedelta(days=draw(st.integers(0, 60)), hours=1))]
    extras += [time("EXDATE", start + timedelta(days=14 * draw(st.integers(0, 3))))]
    chosen = draw(st.lists(st.sampled_from(extras), unique=True))
    lines = event(time("DTSTART", start), time("DTEND", start + timedelta(minutes=45)), rule, *chosen)
    if draw(st.booleans()):
        # An odd week, as of one that is excluded and changed that reader takes neither.
        name = start + timedelta(days=7 + 14 * draw(st.integers(0, 3)))
        changed = [time("DTSTART", name + timedelta(hours=3)), time("DTEND", name + timedelta(hours=4))]
        future = draw(st.sampled_from(["", ";RANGE=THISANDFUTURE"]))
        status = draw(st.sampled_from(["CONFIRMED", "CANCELLED"]))
        lines += event(time(f"RECURRENCE-ID{future}", name), *changed, f"STATUS:{status}")
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *lines, "END:VCALENDAR", ""]).encode()


@settings(max_examples=examples(200), deadline=None)
@given(calendars())
def test_calendar_comes_to_what_recurring_ical_events_finds(data: bytes) -> None:
    found = recurring_ical_events.of(Calendar.from_ical(data)).between(START, END)
    busy = [event for event in found if str(event.get("STATUS")) != "CANCELLED"]
    expected = Periods.of(Period(event["DTSTART"].dt, event["DTEND"].dt) for event in busy)
    assert busy_periods([data], START, END, "UTC") == expected.within(minute_of(START), minute_of(END))
