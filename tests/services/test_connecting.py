"""Connecting calendars whose servers take their time: who waits, and what the calendar is meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.api import Clock
from support.calendars import RecordingCalendars, event_object
from support.programme import Programme
from support.working import deliver_next, read_next

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.people import Account, CalendarState, Person
from scheduler.domain.time.periods import Period
from scheduler.services.attendees import AttendeeSpec, load_attendees
from scheduler.services.calendar_checks import CalendarChecks
from scheduler.services.calendar_server import CalendarRefused, CalendarUnreachable
from scheduler.services.calendars import delete_calendar
from scheduler.services.doctor import Examined, examine
from scheduler.services.ports import Context

WAIT = 0.1
WRONG_LOGIN = CalendarRefused("does not accept the login (it answered 401 Unauthorized)", 401)
SILENCE = CalendarUnreachable("did not answer in time")
DAY = Period(datetime(2026, 10, 8, tzinfo=UTC), datetime(2026, 10, 9, tzinfo=UTC))


@pytest.fixture
def awake(calendars: RecordingCalendars) -> Iterator[threading.Event]:
    """Checks of calendars take until this is set."""
    awake = threading.Event()
    calendars.during_check = lambda: awake.wait(20)
    yield awake
    awake.set()


@pytest.fixture
def programme(context: Context, awake: threading.Event) -> Programme:  # servers sleep
    """A programme whose mentor connects a calendar on a server that is asleep."""
    programme = Programme(replace(context, checks=CalendarChecks(WAIT)))
    programme.connect(programme.mentor)
    return programme


def state(programme: Programme) -> tuple[CalendarState, str | None]:
    calendar = programme.calendar(programme.mentor)
    return calendar.state, calendar.failure


def load(programme: Programme, person: Person) -> Attendee:
    with programme.context.store.read() as tx:
        (attendee,) = load_attendees(programme.context, tx, programme.id, [AttendeeSpec(person.id, {})], DAY)
    return attendee


def test_calendar_of_a_silent_server_is_connecting_and_its_person_known(programme: Programme) -> None:
    calendar = programme.calendar(programme.mentor)
    assert (calendar.state, calendar.failure, calendar.read_at) == (CalendarState.CONNECTING, None, None)
    assert load(programme, programme.mentor).unknown is None


def test_connecting_calendar_is_owed_meetings_once_it_is_connected(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event
) -> None:
    before = programme.book_slot(8)
    assert programme.deliveries(before.id) == []
    assert not deliver_next(programme.context)
    assert list(examine(programme.context, Examined(), offline=True)) == []
    awake.set()
    calendars.auto_schedule = True
    assert read_next(programme.context)
    assert state(programme) == (CalendarState.CONNECTED, None)
    assert calendars.reads == []
    after = programme.book_slot(9)
    for meeting in (before, after):
        assert deliver_next(programme.context)
        assert programme.delivery(meeting.id).calendar.auto_schedule
    assert {put.uid for put in calendars.puts} == {*before.meeting.uids, *after.meeting.uids}
    assert not deliver_next(programme.context)


def test_connected_calendar_is_read_at_once(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event
) -> None:
    calendars.objects = [event_object("dentist", "DTSTART:20261008T080000Z", "DTEND:20261008T093000Z")]
    awake.set()
    assert read_next(programme.context)
    assert load(programme, programme.mentor).unknown is not None
    assert read_next(programme.context)
    attendee = load(programme, programme.mentor)
    assert attendee.unknown is None
    assert len(attendee.busy) == 1


def test_refused_calendar_fails_for_good_and_its_person_stays_known(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event, clock: Clock
) -> None:
    awake.set()
    calendars.refusal = WRONG_LOGIN
    assert read_next(programme.context)
    assert state(programme) == (CalendarState.FAILED, str(WRONG_LOGIN))
    calendars.refusal = None
    clock.advance(days=1)
    assert not read_next(programme.context)
    assert load(programme, programme.mentor).unknown is None
    assert programme.deliveries(programme.book_slot(8).id) == []


def test_silent_server_is_tried_again_until_it_is_given_up(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event, clock: Clock
) -> None:
    awake.set()
    calendars.refusal = SILENCE
    attempts = 0
    while state(programme)[0] is CalendarState.CONNECTING:
        assert read_next(programme.context)
        assert not read_next(programme.context)
        attempts += 1
        clock.advance(hours=1)
    assert 70 <= attempts <= 74
    assert state(programme) == (CalendarState.FAILED, f"gave up after 3 days; the last attempt: {SILENCE}")


def test_server_that_wakes_up_connects_although_it_failed_before(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event, clock: Clock
) -> None:
    awake.set()
    calendars.refusal = SILENCE
    assert read_next(programme.context)
    assert state(programme) == (CalendarState.CONNECTING, str(SILENCE))
    calendars.refusal = None
    clock.advance(seconds=2)
    assert read_next(programme.context)
    assert state(programme) == (CalendarState.CONNECTED, None)


def test_meeting_booked_while_its_calendar_is_checked_is_delivered(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event
) -> None:
    awake.set()
    booked = []
    calendars.during_check = lambda: booked.append(programme.book_slot(8))
    assert read_next(programme.context)
    assert [len(programme.deliveries(meeting.id)) for meeting in booked] == [1]


def test_calendar_deleted_while_it_is_checked_stays_deleted(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event
) -> None:
    awake.set()
    meeting = programme.book_slot(8)
    calendar, person = programme.calendar(programme.mentor), programme.mentor
    calendars.during_check = lambda: delete_calendar(programme.context, programme.id, person.id, calendar.id)
    assert read_next(programme.context)
    with programme.context.store.read() as tx:
        assert tx.calendars.list_for_person(programme.id, person.id) == []
    assert programme.deliveries(meeting.id) == []
    assert not read_next(programme.context)


def test_calendar_that_connects_later_comes_after_the_others(
    programme: Programme, calendars: RecordingCalendars, awake: threading.Event, clock: Clock
) -> None:
    """Of several calendars whose servers invite, the one connected first does, so it must stay the first."""
    late = programme.calendar(programme.mentor)
    awake.set()
    calendars.auto_schedule = True
    wait_for_place(programme)
    clock.advance(seconds=1)
    early = programme.connect(programme.mentor)
    assert early.state is CalendarState.CONNECTED
    clock.advance(seconds=1)
    while read_next(programme.context):
        pass
    with programme.context.store.read() as tx:
        found = tx.calendars.list_published(programme.id, [programme.mentor.id])
    assert [calendar.id for calendar in found] == [early.id, late.id]


def test_one_request_of_a_programme_and_two_of_a_process_wait(
    programme: Programme, calendars: RecordingCalendars
) -> None:
    context = programme.context
    others = [Programme(context) for _ in range(2)]
    asked = []
    for one in (programme, *others):
        began = time.monotonic()
        calendar = one.connect(one.mentee)
        asked.append((calendar.state, time.monotonic() - began >= WAIT, len(calendars.checked)))
    connecting = CalendarState.CONNECTING
    assert asked == [(connecting, False, 1), (connecting, True, 2), (connecting, False, 2)]


def test_place_is_free_again_when_the_check_has_ended(programme: Programme, awake: threading.Event) -> None:
    awake.set()
    wait_for_place(programme)
    for _ in range(3):
        assert programme.connect(programme.mentee).state is CalendarState.CONNECTED


def test_refusal_within_the_wait_is_raised_and_frees_the_place(context: Context, calendars: RecordingCalendars) -> None:
    programme = Programme(context)
    calendars.refusal = WRONG_LOGIN
    for _ in range(3):
        with pytest.raises(CalendarRefused, match="401 Unauthorized"):
            programme.connect(programme.mentor)
    calendars.refusal = None
    assert programme.connect(programme.mentor).state is CalendarState.CONNECTED


def wait_for_place(programme: Programme) -> None:
    """Wait until the check that the programme's first request waited for has ended."""
    deadline = time.monotonic() + 10
    account = Account("https://dav.example.org/", "somebody", "x")
    while programme.context.checks.check(RecordingCalendars(), programme.id, account) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
