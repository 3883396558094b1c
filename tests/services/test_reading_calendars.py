"""read_next: busy time out of connected calendars, and what stays known when reading fails."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.api import THURSDAY, Clock
from support.calendars import RecordingCalendars, event_object
from support.programme import Programme
from support.working import read_next

from scheduler.adapters.reader_process import ReaderProcess
from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.outbox import LEASE
from scheduler.domain.time.periods import Period
from scheduler.ical.render import render_invite
from scheduler.services.attendees import AttendeeSpec, load_attendees
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.meetings import move_occurrence
from scheduler.services.ports import Context
from scheduler.services.secrets import Vault

DENTIST = event_object("dentist", "DTSTART:20261008T080000Z", "DTEND:20261008T093000Z")
DENTIST_AT = [(datetime(2026, 10, 8, 8, tzinfo=UTC), datetime(2026, 10, 8, 9, 30, tzinfo=UTC))]


def busy(programme: Programme) -> list[tuple[datetime, datetime]]:
    """What is known of the mentor's calendar."""
    return [(period.start, period.end) for period in programme.calendar(programme.mentor).busy]


def load_pair(programme: Programme) -> tuple[Attendee, ...]:
    """The mentor and the mentee as a search for a meeting finds them."""
    specs = [AttendeeSpec(person.id, {}) for person in (programme.mentor, programme.mentee)]
    with programme.context.store.read() as tx:
        day = datetime(2026, 10, 8, tzinfo=UTC)
        return load_attendees(programme.context, tx, programme.id, specs, Period(day, day + timedelta(days=1)))


def test_read_next_without_calendars_does_nothing(programme: Programme) -> None:
    assert read_next(programme.context) is False


def test_new_calendar_is_read_at_once_for_the_whole_span(programme: Programme, calendars: RecordingCalendars) -> None:
    programme.connect(programme.mentor)
    calendars.objects = [DENTIST]
    assert read_next(programme.context) is True
    ((account, start, end),) = calendars.reads
    assert (account.username, account.password) == ("Greta", "hunter2hunter2")
    assert start == datetime(2026, 9, 30, tzinfo=UTC)
    assert end - THURSDAY > timedelta(days=366)
    assert busy(programme) == DENTIST_AT
    calendar = programme.calendar(programme.mentor)
    assert (calendar.read_at, calendar.failure) == (THURSDAY, None)


def test_calendar_is_read_again_and_deleted_events_are_free(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor)
    calendars.objects = [DENTIST]
    read_next(programme.context)
    clock.advance(minutes=14, seconds=59)
    assert read_next(programme.context) is False
    clock.advance(seconds=1)
    calendars.objects = []
    assert read_next(programme.context) is True
    assert busy(programme) == []


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (CalendarRefused("does not accept the login (it answered 401 Unauthorized)", 401), "401 Unauthorized"),
        (CalendarUnreachable("did not answer"), "did not answer"),
        (AddressRefused("intranet"), "SCHEDULER_ALLOWED_NETWORKS"),
    ],
)
def test_failed_reading_keeps_busy_time_and_is_tried_again(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, refusal: Exception, words: str
) -> None:
    programme.connect(programme.mentor)
    calendars.objects = [DENTIST]
    read_next(programme.context)
    clock.advance(minutes=15)
    calendars.refusal = refusal
    assert read_next(programme.context) is True
    calendar = programme.calendar(programme.mentor)
    assert words in (calendar.failure or "")
    assert calendar.read_at == THURSDAY
    assert busy(programme) == DENTIST_AT
    assert read_next(programme.context) is False
    clock.advance(minutes=1)
    calendars.refusal = None
    assert read_next(programme.context) is True
    assert programme.calendar(programme.mentor).failure is None


def test_unreadable_calendar_is_a_failure_not_free_time(programme: Programme, calendars: RecordingCalendars) -> None:
    programme.connect(programme.mentor)
    calendars.objects = [DENTIST, DENTIST[:-40]]
    assert read_next(programme.context) is True
    calendar = programme.calendar(programme.mentor)
    assert calendar.read_at is None
    assert "can't be read" in (calendar.failure or "")


def test_calendar_that_expands_too_slowly_is_unknown(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor)
    calendars.objects = [DENTIST]
    with ReaderProcess(seconds=1) as reader:
        assert read_next(programme.context, reader.busy_periods) is True
        assert busy(programme) == DENTIST_AT
        clock.advance(hours=4)
        never = "DTSTART:20260101T000000Z", "DURATION:PT30M", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"
        calendars.objects = [event_object(f"never {number}", *never) for number in range(40)]
        began = time.monotonic()
        assert read_next(programme.context, reader.busy_periods) is True
        assert time.monotonic() - began < 20
        calendar = programme.calendar(programme.mentor)
        assert "takes longer than 1 seconds" in (calendar.failure or "")
        assert calendar.read_at == THURSDAY
        assert busy(programme) == DENTIST_AT
        (mentor, mentee) = load_pair(programme)
        assert mentor.unknown is not None
        assert "takes longer than 1 seconds" in mentor.unknown.reason
        assert mentee.unknown is None
        clock.advance(minutes=14)
        assert read_next(programme.context, reader.busy_periods) is False
        clock.advance(minutes=1)
        calendars.objects = [DENTIST]
        assert read_next(programme.context, reader.busy_periods) is True
    assert programme.calendar(programme.mentor).failure is None
    assert load_pair(programme)[0].unknown is None


def test_reading_under_another_secret_key_fails_with_reason(
    programme: Programme, context: Context, calendars: RecordingCalendars
) -> None:
    programme.connect(programme.mentor)
    assert read_next(replace(context, vault=Vault("another secret key, long enough to be one"))) is True
    assert "SCHEDULER_SECRET_KEY" in (programme.calendar(programme.mentor).failure or "")
    assert calendars.reads == []


def test_own_meetings_in_the_calendar_are_not_counted_twice(
    programme: Programme, calendars: RecordingCalendars
) -> None:
    """Else a series could never be moved where it already is."""
    series = programme.book_tuesdays()
    passing = datetime(2026, 10, 21, 8, tzinfo=UTC)
    moved = move_occurrence(programme.context, programme.id, series.id, datetime(2026, 10, 13, 10), passing).meeting
    assert len(moved.uids) == 2
    programme.connect(programme.mentor)
    calendars.objects = [*(render_invite(moved, uid) for uid in moved.uids), DENTIST]
    assert read_next(programme.context)
    assert busy(programme) == DENTIST_AT


def test_all_day_and_floating_events_are_read_in_the_persons_zone(
    programme: Programme, calendars: RecordingCalendars
) -> None:
    programme.connect(programme.mentor)
    floating = event_object("floating", "DTSTART:20261008T100000", "DTEND:20261008T110000")
    calendars.objects = [floating, event_object("day", "DTSTART;VALUE=DATE:20261012", "DTEND;VALUE=DATE:20261013")]
    read_next(programme.context)
    assert busy(programme) == [
        (datetime(2026, 10, 8, 8, tzinfo=UTC), datetime(2026, 10, 8, 9, tzinfo=UTC)),
        (datetime(2026, 10, 11, 22, tzinfo=UTC), datetime(2026, 10, 12, 22, tzinfo=UTC)),
    ]


def test_calendar_is_leased_to_one_reader_at_a_time(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor)
    calendars.refusal = KeyboardInterrupt()  # type: ignore[assignment]  # no Exception: it ends a process
    with pytest.raises(KeyboardInterrupt):
        read_next(programme.context)
    calendars.refusal = None
    assert read_next(programme.context) is False
    clock.now += LEASE
    assert read_next(programme.context) is True


def test_calendar_due_for_longest_is_read_first(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentee)
    clock.advance(seconds=1)
    programme.connect(programme.mentor)
    while read_next(programme.context):
        pass
    assert [account.username for account, _, _ in calendars.reads] == ["Asha", "Greta"]
