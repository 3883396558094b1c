"""A server that invites attendees by itself (calendar-auto-schedule, RFC 6638): everybody has a meeting once.

Xandikos does a part of it: it delivers invitations to the inbox and the default calendar of its own users, sends
answers back and refuses changes of an invitation by an attendee. It invites also whom SCHEDULE-AGENT tells it to
leave alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import icalendar
import pytest
from support.api import Clock
from support.delivering import App, Delivering, tuesday
from support.programme import Programme
from support.radicale import Radicale, ask
from support.xandikos import Xandikos

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.meetings import Party
from scheduler.domain.programme.people import Account
from scheduler.domain.time.periods import Period
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout
from scheduler.services.booking import Details, book_slot
from scheduler.services.delivering import retry_delivery
from scheduler.services.meetings import cancel_meeting, cancel_occurrence, move_occurrence, update_meeting
from scheduler.services.ports import Context


@pytest.fixture
def mentee(xandikos: Xandikos) -> Account:
    """Asha, whom the server knows by her address."""
    return xandikos.new_account(email="asha@example.org")


@pytest.fixture
def delivering(xandikos: Xandikos, real_context: Context, clock: Clock, mentee: Account) -> Delivering:
    """Greta's calendar on the same server, which knows her by her address."""
    greta = xandikos.new_account(email="greta@example.org")
    return Delivering(Programme(real_context), clock, xandikos, greta)


@pytest.fixture(autouse=True)
def forgotten_again(xandikos: Xandikos, mentee: Account, delivering: Delivering) -> None:
    """Addresses belong to this test's accounts alone."""
    xandikos.forget_addresses_but(mentee, delivering.account)


def inbox(account: Account) -> list[bytes]:
    """What the server has delivered to somebody."""
    app = App(replace(account, url=account.url.replace("calendars/calendar/", "inbox/")))
    return app.objects()


def promised(delivering: Delivering) -> list[Period]:
    return sorted(delivering.meeting.meeting.busy)


def retitle(delivering: Delivering) -> None:
    programme = delivering.programme
    update_meeting(programme.context, programme.id, delivering.meeting_id, {"title": "Pairing on the parser"})


def test_connect_calendar_detects_auto_schedule(
    caldav: CalDAVServer, delivering: Delivering, radicale: Radicale
) -> None:
    assert caldav.check(delivering.account) is True
    assert caldav.check(radicale.new_account()) is False


def test_server_invites_mentee_without_calendar_once(delivering: Delivering, mentee: Account) -> None:
    uid = delivering.book()
    app = App(mentee)
    assert app.shown() == promised(delivering)
    assert [b"METHOD:REQUEST" in data for data in inbox(mentee)] == [True]
    assert "SCHEDULE-AGENT" not in delivering.app.text(uid)
    assert 'SCHEDULE-STATUS="2.0;Success"' in delivering.app.text(uid)
    assert delivering.row.reason is None
    assert b"First paper" in app.objects()[0]


def test_change_updates_invitation_and_cancellation_cancels_it(delivering: Delivering, mentee: Account) -> None:
    delivering.book()
    programme, app = delivering.programme, App(mentee)
    (name,) = app.names()
    retitle(delivering)
    delivering.deliver()
    move_occurrence(
        programme.context, programme.id, delivering.meeting_id, tuesday(1), datetime(2026, 10, 14, 9, tzinfo=UTC)
    )
    delivering.deliver()
    cancel_occurrence(programme.context, programme.id, delivering.meeting_id, tuesday(2))
    delivering.deliver()
    assert app.names() == [name]
    assert b"SUMMARY:Pairing on the parser" in app.objects()[0]
    assert app.shown() == promised(delivering)
    cancel_meeting(programme.context, programme.id, delivering.meeting_id)
    delivering.deliver()
    assert app.names() == [name]
    assert app.shown() == []


def test_repeated_delivery_invites_nobody_again(delivering: Delivering, mentee: Account) -> None:
    delivering.book()
    delivering.deliver()
    programme = delivering.programme
    retry_delivery(programme.context, programme.id, delivering.meeting_id, delivering.row.id)
    assert delivering.deliver().state == "delivered"
    assert len(inbox(mentee)) == 1


def test_mentees_answer_reaches_mentor_and_stays(delivering: Delivering, mentee: Account) -> None:
    uid = delivering.book()
    app = App(mentee)
    accept(app)
    assert "PARTSTAT=ACCEPTED" in delivering.app.text(uid)
    retitle(delivering)
    row = delivering.deliver()
    assert (row.state, row.reason) == ("delivered", None)
    assert "PARTSTAT=ACCEPTED" in delivering.app.text(uid)
    assert b"PARTSTAT=ACCEPTED" in app.objects()[0]


def test_conflict_leaves_the_mentees_answer_and_invitation(delivering: Delivering, mentee: Account) -> None:
    uid = delivering.book()
    programme, app = delivering.programme, App(mentee)
    accept(app)
    day = date(2026, 10, 13)
    exams = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=day, last_day=day)
    blackout, _ = create_blackout(programme.context, programme.id, programme.mentee.id, exams)
    for end in (False, True):
        if end:
            delete_blackout(programme.context, programme.id, programme.mentee.id, blackout.id)
        row = delivering.deliver()
        assert (row.state, row.reason) == ("delivered", None)
        (shown,) = app.objects()
        for text in (delivering.app.text(uid), shown.replace(b"\r\n ", b"").decode()):
            assert text.count("PARTSTAT=ACCEPTED") == text.count("\nATTENDEE") == (1 if end else 2)
            assert ("STATUS:TENTATIVE" in text, "To be moved: exams" in text) == (not end, not end)
            assert set(re.findall("SEQUENCE:.*", text.replace("\r", ""))) == {"SEQUENCE:0"}
        assert app.shown() == promised(delivering)


def accept(app: App) -> None:
    (name,) = app.names()
    data = app.objects()[0].replace(b"\r\n ", b"").replace(b"PARTSTAT=NEEDS-ACTION", b"PARTSTAT=ACCEPTED")
    answer = ask(app.account, "PUT", app.account.url + name, data, {"Content-Type": "text/calendar"})
    assert answer.status_code == 204


@pytest.mark.parametrize("first", ["mentor", "mentee"])
def test_mentee_with_connected_calendar_has_meeting_once(first: str, delivering: Delivering, mentee: Account) -> None:
    programme, app = delivering.programme, App(mentee)
    accounts = [(programme.mentor, delivering.account), (programme.mentee, mentee)]
    for person, account in accounts if first == "mentor" else reversed(accounts):
        delivering.connect(person, account)
    delivering.meeting_id = programme.book_tuesdays().id
    deliver_all(delivering)
    assert len(app.names()) == 1
    assert app.shown() == delivering.app.shown() == promised(delivering)
    assert "SCHEDULE-AGENT=CLIENT" in delivering.app.text(delivering.meeting.meeting.uid)

    retitle(delivering)
    move_occurrence(
        programme.context, programme.id, delivering.meeting_id, tuesday(1), datetime(2026, 10, 14, 9, tzinfo=UTC)
    )
    deliver_all(delivering)
    assert len(app.names()) == 1
    assert app.shown() == delivering.app.shown() == promised(delivering)
    cancel_meeting(programme.context, programme.id, delivering.meeting_id)
    deliver_all(delivering)
    assert len(app.names()) == 1
    assert app.shown() == delivering.app.shown() == []
    assert inbox(mentee)  # Xandikos goes by its own users alone


def deliver_all(delivering: Delivering) -> None:
    """Waits as often as one waits for the other."""
    delivering.deliver()
    for _ in range(3):
        delivering.wait_and_deliver()
    rows = delivering.programme.deliveries(delivering.meeting_id)
    assert {row.state.value for row in rows} == {"delivered"}, [row.reason for row in rows]


def test_calendar_connected_later_withdraws_no_invitation(delivering: Delivering, mentee: Account) -> None:
    uid = delivering.book()
    app = App(mentee)
    accept(app)
    delivering.connect(delivering.programme.mentee, mentee)
    retitle(delivering)
    deliver_all(delivering)
    assert "SCHEDULE-AGENT" not in delivering.app.text(uid)
    assert len(app.names()) == 1
    assert app.shown() == promised(delivering)
    assert b"PARTSTAT=ACCEPTED" in app.objects()[0]
    assert not [data for data in inbox(mentee) if b"METHOD:CANCEL" in data]


def test_mentees_copy_is_a_plain_event_that_can_be_changed(
    delivering: Delivering, mentee: Account, radicale: Radicale
) -> None:
    """Greta's lies elsewhere; as an invitation Asha's server would let nobody change it but her organizer's."""
    programme, app = delivering.programme, App(mentee)
    delivering.connect(programme.mentor, radicale.new_account())
    delivering.connect(programme.mentee, mentee)
    delivering.meeting_id = programme.book_tuesdays().id
    deliver_all(delivering)
    assert b"ORGANIZER" not in app.objects()[0]
    assert b"ATTENDEE" not in app.objects()[0]
    assert b"Greta (Europe/Berlin)" in app.objects()[0].replace(b"\r\n ", b"")
    move_occurrence(
        programme.context, programme.id, delivering.meeting_id, tuesday(1), datetime(2026, 10, 14, 9, tzinfo=UTC)
    )
    deliver_all(delivering)
    assert app.shown() == promised(delivering)
    assert inbox(mentee) == []
    assert inbox(delivering.account) == []


def test_failed_invitation_is_reported_without_names(
    delivering: Delivering, xandikos: Xandikos, mentee: Account
) -> None:
    xandikos.forget_addresses_but(delivering.account)
    delivering.book()
    row = delivering.row
    assert (row.state, row.reason) == (
        "delivered",
        "the calendar server could not invite everybody (SCHEDULE-STATUS 3.7)",
    )


def test_guests_are_invited_without_goals(delivering: Delivering, xandikos: Xandikos, mentee: Account) -> None:
    guest = xandikos.new_account(email="kim@example.org")
    xandikos.forget_addresses_but(delivering.account, mentee, guest)
    delivering.connect(delivering.programme.mentor, delivering.account)
    programme = delivering.programme
    start = datetime(2026, 10, 8, 8, tzinfo=UTC)
    details = Details(guests=(Party("Kim", "kim@example.org", "Asia/Tokyo"),))
    delivering.meeting_id = book_slot(programme.context, programme.id, programme.mentorship.id, start, 60, details).id
    assert delivering.deliver().state == "delivered"
    (invited,) = App(guest).objects()
    (event,) = icalendar.Calendar.from_ical(invited).walk("VEVENT")
    assert "Local times:" in str(event["DESCRIPTION"])
    assert "First paper" not in invited.decode().replace("\r\n ", "")
    assert App(guest).shown() == App(mentee).shown() == promised(delivering)
