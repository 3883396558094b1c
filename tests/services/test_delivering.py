"""deliver_next: from what is owed to what a calendar server holds, through every way in which that fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import icalendar
import pytest
from support.api import THURSDAY, Clock
from support.calendars import Put, RecordingCalendars
from support.programme import Programme
from support.working import deliver_next

from scheduler.domain.programme.outbox import (
    GIVE_UP_AFTER,
    LEASE,
    LONGEST_RETRY,
    CalDAVCalendar,
    DeliveryState,
    Rejected,
    Stored,
    TryAgain,
)
from scheduler.domain.programme.people import Account
from scheduler.errors import NotFound
from scheduler.services.calendars import connect_calendar
from scheduler.services.delivering import retry_delivery
from scheduler.services.meetings import cancel_meeting, update_meeting
from scheduler.services.people import delete_person
from scheduler.services.ports import Context
from scheduler.services.secrets import Vault
from scheduler.store import DeliveryRow

AWAY = TryAgain("the calendar server answered 503 Service Unavailable")
HOUR = timedelta(hours=1)


@pytest.fixture
def meeting_id(programme: Programme) -> str:
    """A single meeting that is owed to the mentor's calendar."""
    programme.connect(programme.mentor)
    return programme.book_slot().id


def test_deliver_next_with_empty_outbox_does_nothing(programme: Programme) -> None:
    programme.book_slot()
    assert deliver_next(programme.context) is False


def test_due_delivery_is_put_with_login_and_stays_delivered(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    assert deliver_next(programme.context) is True
    (put,) = calendars.puts
    assert (put.account.username, put.account.password) == ("Greta", "hunter2hunter2")
    assert (put.uid, put.stored_before) == (programme.meeting(meeting_id).meeting.uid, False)
    (event,) = icalendar.Calendar.from_ical(put.data).walk("VEVENT")
    assert event["UID"] == put.uid
    assert len(event.walk("VALARM")) == 1
    row = programme.delivery(meeting_id)
    assert (row.state, row.attempts, row.delivered_revision, row.due_at) == (DeliveryState.DELIVERED, 1, 1, None)
    assert row.delivered_at == THURSDAY
    assert deliver_next(programme.context) is False


def test_change_is_put_over_stored_object_with_and_without_etags(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    calendars.outcomes = [Stored('"first"'), Stored(None), Stored('"third"')]
    for title in ("One", "Two", "Three"):
        deliver_next(programme.context)
        update_meeting(programme.context, programme.id, meeting_id, {"title": title})
    assert [put.stored_before for put in calendars.puts] == [False, True, True]
    assert programme.delivery(meeting_id).wanted_revision == 4


def test_several_changes_are_one_delivery(programme: Programme, calendars: RecordingCalendars, meeting_id: str) -> None:
    for title in ("One", "Two", "Three"):
        update_meeting(programme.context, programme.id, meeting_id, {"title": title})
    assert deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert b"SUMMARY:Three" in calendars.puts[0].data
    assert programme.delivery(meeting_id).delivered_revision == 4


def test_cancelled_meeting_is_put_as_cancelled(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    deliver_next(programme.context)
    cancel_meeting(programme.context, programme.id, meeting_id)
    deliver_next(programme.context)
    assert b"STATUS:CANCELLED" in calendars.puts[-1].data
    assert b"SEQUENCE:1" in calendars.puts[-1].data


def test_unreachable_server_is_tried_again_later(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    calendars.outcomes = [AWAY]
    assert deliver_next(programme.context)
    row = programme.delivery(meeting_id)
    assert (row.state, row.attempts, row.reason) == (DeliveryState.WAITING, 1, AWAY.reason)
    assert row.due_at is not None
    assert timedelta(seconds=1) <= row.due_at - clock.now <= timedelta(seconds=2)
    assert deliver_next(programme.context) is False
    clock.now = row.due_at
    assert deliver_next(programme.context) is True
    row = programme.delivery(meeting_id)
    assert (row.state, row.attempts, row.reason) == (DeliveryState.DELIVERED, 2, None)


def test_waits_grow_to_an_hour_and_end_after_three_days(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    waits: list[timedelta] = []
    while True:
        calendars.outcomes = [AWAY]
        assert deliver_next(programme.context)
        row = programme.delivery(meeting_id)
        if row.due_at is None:
            break
        waits.append(row.due_at - clock.now)
        clock.now = row.due_at
    assert row.state is DeliveryState.FAILED
    assert row.reason is not None
    assert row.reason.startswith(f"gave up after {len(waits) + 1} attempts in 3 days")
    assert AWAY.reason in row.reason
    assert max(waits) <= LONGEST_RETRY
    assert waits[11] > waits[0] * 100
    assert GIVE_UP_AFTER - timedelta(hours=1) <= clock.now - THURSDAY <= GIVE_UP_AFTER
    clock.advance(days=30)
    assert deliver_next(programme.context) is False


def test_retry_after_is_respected(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    calendars.outcomes = [TryAgain("busy", timedelta(minutes=10))]
    deliver_next(programme.context)
    assert programme.delivery(meeting_id).due_at == clock.now + timedelta(minutes=10)


def test_rejection_is_final_until_the_meeting_changes(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    calendars.outcomes = [Rejected("the calendar server finds it too large")]
    deliver_next(programme.context)
    row = programme.delivery(meeting_id)
    assert (row.state, row.reason, row.due_at) == (DeliveryState.FAILED, "the calendar server finds it too large", None)
    clock.advance(days=1)
    assert deliver_next(programme.context) is False
    update_meeting(programme.context, programme.id, meeting_id, {"title": "Shorter"})
    assert deliver_next(programme.context) is True
    row = programme.delivery(meeting_id)
    assert (row.state, row.attempts, row.reason) == (DeliveryState.DELIVERED, 1, None)


def test_change_during_delivery_is_one_more_delivery(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    def change() -> None:
        calendars.during_put = lambda: None
        update_meeting(programme.context, programme.id, meeting_id, {"title": "Changed meanwhile"})

    calendars.during_put = change
    assert deliver_next(programme.context)
    row = programme.delivery(meeting_id)
    assert (row.state, row.wanted_revision, row.delivered_revision) == (DeliveryState.WAITING, 2, 1)
    assert deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert [b"Changed meanwhile" in put.data for put in calendars.puts] == [False, True]
    assert [put.stored_before for put in calendars.puts] == [False, True]
    assert programme.delivery(meeting_id).delivered_revision == 2


@pytest.mark.parametrize(("outcome", "wait"), [(Rejected("no"), 0), (AWAY, 3), (replace(AWAY, retry_after=HOUR), 3600)])
def test_change_during_delivery_is_tried_once_the_server_answers(
    programme: Programme,
    calendars: RecordingCalendars,
    clock: Clock,
    meeting_id: str,
    outcome: TryAgain | Rejected,
    wait: int,
) -> None:
    def change() -> None:
        calendars.during_put = lambda: None
        update_meeting(programme.context, programme.id, meeting_id, {"title": "Changed meanwhile"})

    calendars.during_put, calendars.outcomes = change, [outcome]
    assert deliver_next(programme.context)
    assert deliver_next(programme.context) is (wait == 0)
    clock.advance(seconds=wait)
    assert deliver_next(programme.context) is (wait > 0)
    assert programme.delivery(meeting_id).state is DeliveryState.DELIVERED


def test_retry_ignores_retry_after_and_a_change_does_not(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    calendars.outcomes = [replace(AWAY, retry_after=HOUR)]
    assert deliver_next(programme.context)
    update_meeting(programme.context, programme.id, meeting_id, {"title": "Changed meanwhile"})
    assert deliver_next(programme.context) is False
    delivery = programme.delivery(meeting_id)
    assert delivery.wanted_revision == 2
    retry_delivery(programme.context, programme.id, meeting_id, delivery.id)
    assert deliver_next(programme.context)
    assert programme.delivery(meeting_id).delivered_revision == 2


def test_unreachable_server_does_not_delay_other_servers(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor, server="down.example.org")
    late = [programme.book_slot(day) for day in (8, 9, 12, 13)]
    clock.advance(seconds=1)
    programme.connect(programme.mentee, server="up.example.org")
    calendars.outcomes = [replace(AWAY, of_server=True)]
    assert deliver_next(programme.context)
    for _ in late:
        assert deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert ["up.example.org" in put.account.url for put in calendars.puts] == [False, True, True, True, True]


def test_unexpected_error_is_recorded_and_tried_again(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    def fail() -> None:
        calendars.during_put = lambda: None
        raise RuntimeError

    calendars.during_put = fail
    assert deliver_next(programme.context)
    delivery = programme.delivery(meeting_id)
    assert (delivery.state, delivery.attempts) == (DeliveryState.WAITING, 1)
    assert "the service itself failed" in (delivery.reason or "")
    clock.advance(seconds=3)
    assert deliver_next(programme.context)
    assert programme.delivery(meeting_id).state is DeliveryState.DELIVERED


def test_worker_slower_than_its_lease_records_nothing(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    def overtake() -> None:
        calendars.during_put = lambda: None
        assert deliver_next(programme.context) is False
        clock.now += LEASE
        assert deliver_next(programme.context) is True

    calendars.during_put = overtake
    calendars.outcomes = [Stored('"in time"'), Stored('"too late"')]
    assert deliver_next(programme.context)
    assert len(calendars.puts) == 2
    row = programme.delivery(meeting_id)
    assert (row.state, row.attempts) == (DeliveryState.DELIVERED, 2)
    assert deliver_next(programme.context) is False


def test_lease_of_dead_worker_expires(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    calendars.during_put = die
    with pytest.raises(KeyboardInterrupt):
        deliver_next(programme.context)
    calendars.during_put = lambda: None
    assert programme.delivery(meeting_id).state is DeliveryState.DELIVERING
    assert deliver_next(programme.context) is False
    clock.now += LEASE
    assert deliver_next(programme.context) is True
    assert programme.delivery(meeting_id).state is DeliveryState.DELIVERED


def test_delivery_under_another_secret_key_fails_with_reason(
    programme: Programme, context: Context, calendars: RecordingCalendars, meeting_id: str
) -> None:
    assert deliver_next(replace(context, vault=Vault("another secret key, long enough to be one")))
    row = programme.delivery(meeting_id)
    assert row.state is DeliveryState.FAILED
    assert "it was stored under another SCHEDULER_SECRET_KEY" in (row.reason or "")
    assert calendars.puts == []


def test_person_deleted_during_delivery_causes_no_error(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    calendars.during_put = lambda: delete_person(programme.context, programme.id, programme.mentor.id)
    assert deliver_next(programme.context)
    assert programme.deliveries(meeting_id) == []
    assert deliver_next(programme.context) is False


def test_each_calendar_gets_its_own_delivery(programme: Programme, calendars: RecordingCalendars) -> None:
    for person in (programme.mentor, programme.mentee):
        programme.connect(person)
    meeting_id = programme.book_slot().id
    calendars.outcomes = [AWAY]
    while deliver_next(programme.context):
        pass
    assert {put.account.username for put in calendars.puts} == {"Greta", "Asha"}
    assert sorted(row.state for row in programme.deliveries(meeting_id)) == ["delivered", "waiting"]


def test_longest_overdue_is_delivered_first(programme: Programme, calendars: RecordingCalendars, clock: Clock) -> None:
    programme.connect(programme.mentor)
    first = programme.book_slot(9, "First")
    clock.advance(seconds=1)
    programme.book_slot(8, "Second")
    clock.advance(seconds=1)
    update_meeting(programme.context, programme.id, first.id, {"title": "First again"})
    while deliver_next(programme.context):
        pass
    summaries = [str(icalendar.Calendar.from_ical(put.data).walk("VEVENT")[0]["SUMMARY"]) for put in calendars.puts]
    assert summaries == ["Second", "First again"]


def retried(programme: Programme, meeting_id: str) -> DeliveryRow:
    return retry_delivery(programme.context, programme.id, meeting_id, programme.delivery(meeting_id).id)


def test_retried_failed_delivery_is_due_and_may_create_again(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    deliver_next(programme.context)
    update_meeting(programme.context, programme.id, meeting_id, {"title": "Next"})
    calendars.outcomes = [Rejected("somebody deleted the meeting")]
    deliver_next(programme.context)
    row = retried(programme, meeting_id)
    assert (row.state, row.reason, row.delivered_revision) == (DeliveryState.WAITING, None, None)
    assert deliver_next(programme.context)
    assert [put.stored_before for put in calendars.puts] == [False, True, False]
    row = programme.delivery(meeting_id)
    assert (row.state, row.delivered_revision) == (DeliveryState.DELIVERED, 2)


def test_retried_waiting_delivery_is_due_and_does_not_recreate(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    deliver_next(programme.context)
    update_meeting(programme.context, programme.id, meeting_id, {"title": "Next"})
    calendars.outcomes = [TryAgain("busy", timedelta(minutes=50))]
    deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert retried(programme, meeting_id).attempts == 0
    assert deliver_next(programme.context)
    assert calendars.puts[-1].stored_before is True


def test_retried_delivered_delivery_is_checked_again(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    deliver_next(programme.context)
    assert retried(programme, meeting_id).state is DeliveryState.WAITING
    assert deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert [put.stored_before for put in calendars.puts] == [False, True]


def test_retry_of_leased_delivery_lets_it_end(
    programme: Programme, calendars: RecordingCalendars, meeting_id: str
) -> None:
    def retry() -> None:
        assert retried(programme, meeting_id).state is DeliveryState.DELIVERING

    calendars.during_put = retry
    assert deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert programme.delivery(meeting_id).state is DeliveryState.DELIVERED
    assert len(calendars.puts) == 1


def test_retry_of_another_meetings_delivery_is_not_found(programme: Programme, meeting_id: str) -> None:
    other = programme.book_slot(9).id
    with pytest.raises(NotFound, match="no delivery has the id"):
        retry_delivery(programme.context, programme.id, other, programme.delivery(meeting_id).id)
    with pytest.raises(NotFound, match="no delivery has the id"):
        retry_delivery(programme.context, programme.id, meeting_id, "unknown")


@pytest.mark.parametrize(
    ("auto_schedule", "both", "organizer", "attendee"),
    [
        (False, False, "nothing", "CLIENT"),
        (False, True, "nothing", "CLIENT"),
        (True, False, "nothing", "nothing"),
        (True, True, "nothing", "CLIENT"),
    ],
)
def test_mentors_server_invites_only_unreached_attendees(
    programme: Programme, calendars: RecordingCalendars, auto_schedule: bool, both: bool, organizer: str, attendee: str
) -> None:
    calendars.auto_schedule = auto_schedule
    programme.connect(programme.mentor)
    calendars.auto_schedule = False
    if both:
        programme.connect(programme.mentee)
    programme.book_slot()
    while deliver_next(programme.context):
        pass
    of_mentor = next(put for put in calendars.puts if put.account.username == "Greta")
    assert (agent_of(of_mentor, "ORGANIZER"), agent_of(of_mentor, "ATTENDEE")) == (organizer, attendee)
    if both:
        of_mentee = next(put for put in calendars.puts if put.account.username == "Asha")
        assert (agent_of(of_mentee, "ORGANIZER"), agent_of(of_mentee, "ATTENDEE")) == ("CLIENT", "CLIENT")


def agent_of(put: Put, name: str) -> str:
    (event,) = icalendar.Calendar.from_ical(put.data).walk("VEVENT")
    return str(event[name].params.get("SCHEDULE-AGENT", "nothing"))


def test_only_one_of_the_mentors_calendars_sends_invitations(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    for name, auto_schedule in (("plain", False), ("first", True), ("second", True)):
        clock.advance(seconds=1)
        calendars.auto_schedule = auto_schedule
        account = Account(f"https://dav.example.org/{name}/", name, "hunter2hunter2")
        connect_calendar(programme.context, programme.id, programme.mentor.id, account, publish=True)
    meeting_id = programme.book_slot().id
    while deliver_next(programme.context):
        pass
    agents = {"plain": "CLIENT", "first": "nothing", "second": "CLIENT"}
    assert {put.account.username: agent_of(put, "ATTENDEE") for put in calendars.puts} == agents
    update_meeting(programme.context, programme.id, meeting_id, {"title": "Next"})
    while deliver_next(programme.context):
        pass
    assert {put.account.username: agent_of(put, "ATTENDEE") for put in calendars.puts[3:]} == agents


def test_once_after_its_deadline_fails_without_an_attempt(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, meeting_id: str
) -> None:
    target = CalDAVCalendar(programme.calendar(programme.mentor).id)
    uid = programme.meeting(meeting_id).meeting.detached_uid(programme.meeting(meeting_id).meeting.occurrences[0])
    deliver_next(programme.context)
    with programme.context.store.write() as tx:
        deadline = clock.now + timedelta(minutes=5)
        assert tx.outbox.enqueue_once(
            programme.id, target, uid, {"any": 1}, clock.now, meeting_id=meeting_id, not_after=deadline
        )
    clock.advance(minutes=6)
    assert deliver_next(programme.context)
    assert deliver_next(programme.context) is False
    assert len(calendars.puts) == 1
    reasons = {row.uid: (row.state, row.reason) for row in programme.deliveries(meeting_id)}
    assert reasons[uid] == (DeliveryState.FAILED, "expired: it was to be sent by 2026-10-01T09:05Z")
