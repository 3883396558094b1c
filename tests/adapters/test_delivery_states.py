"""What each answer of a server leads to: one attempt over HTTP, and where the delivery stands then."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from support.api import Clock, context_of
from support.figures import Figures
from support.programme import Programme
from support.reading import ReaderHere
from support.scripted import Asked, Raw, Reply, ScriptedServer
from support.working import deliver_next

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.domain.programme.outbox import LEASE, TryAgain
from scheduler.domain.programme.people import Account
from scheduler.services.calendar_server import LONGEST_CALL
from scheduler.services.calendars import connect_calendar
from scheduler.services.delivering import retry_delivery
from scheduler.services.meetings import update_meeting
from scheduler.services.ports import Context
from scheduler.store import DeliveryRow, Store

MULTISTATUS = Reply(
    207,
    b'<D:multistatus xmlns:D="DAV:"><D:response><D:href>/calendar/</D:href><D:propstat><D:prop><D:resourcetype>'
    b'<C:calendar xmlns:C="urn:ietf:params:xml:ns:caldav"/></D:resourcetype></D:prop>'
    b"<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>",
    {"Content-Type": "application/xml"},
)
OTHER = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTAMP:20260101T000000Z\r\n"
OTHER += b"DTSTART:20260101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
TOO_MANY = b'<D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><C:max-find_occurrences/></D:error>'
GARBAGE = bytes(range(256)) * 4


@pytest.fixture
def owed(real_context: Context, scripted: ScriptedServer) -> Programme:
    """A programme with a single meeting that is owed to the scripted server."""
    programme = Programme(real_context)
    scripted.script = lambda asked: MULTISTATUS if asked.method == "PROPFIND" else Reply(200)
    account = Account(f"{scripted.url}/calendar/", "greta", "correct horse")
    connect_calendar(real_context, programme.id, programme.mentor.id, account, publish=True)
    programme.book_slot()
    return programme


def attempt(programme: Programme) -> DeliveryRow:
    assert deliver_next(programme.context)
    return programme.delivery(meeting_id(programme))


def meeting_id(programme: Programme) -> str:
    with programme.context.store.read() as tx:
        (stored,) = tx.meetings.list_for_mentorship(programme.id, programme.mentorship.id)
    return stored.id


@pytest.mark.parametrize(
    ("put", "get", "state", "words"),
    [
        (Reply(201, headers={"ETag": '"1"'}), None, "delivered", None),
        (Reply(401), None, "failed", "does not accept the login; check the username and the password"),
        (Reply(403), None, "failed", "check that it may write to the calendar"),
        (Reply(403, TOO_MANY), None, "failed", "403 Forbidden: max-find_occurrences"),
        (Reply(404), None, "failed", "has nothing at this address; check the calendar's URL"),
        (Reply(412), Reply(200, OTHER), "failed", "another object is stored where the meeting belongs"),
        (Reply(412), Reply(500), "waiting", "500 Internal Server Error"),
        (Reply(412), Reply(200, b"<html>"), "failed", "another object is stored where the meeting belongs"),
        (Reply(413), None, "failed", "finds it too large"),
        (Reply(423), None, "waiting", "423 Locked"),
        (Reply(429), None, "waiting", "429 Too Many Requests"),
        (Reply(500), None, "waiting", "500 Internal Server Error"),
        (Reply(502), None, "waiting", "502 Bad Gateway"),
        (Reply(503), None, "waiting", "503 Service Unavailable"),
        (Reply(507), None, "failed", "has no room left for this login"),
        (Reply(200, GARBAGE), Reply(404), "waiting", "took the meeting and does not show it"),
        (Raw(GARBAGE), None, "waiting", "can't be reached, or broke the connection off"),
        (Raw(b""), None, "waiting", "can't be reached, or broke the connection off"),
        (Raw(b"HTTP/1.1 20"), None, "waiting", "can't be reached, or broke the connection off"),
        (Raw(b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\nhalf"), None, "waiting", "broke the connection off"),
        (Reply(301, headers={"Location": "/new/"}), None, "failed", "has another address now; give that one"),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Reply) else None,
)
def test_answer_leads_to_state_and_reason(
    put: Reply | Raw,
    get: Reply | None,
    state: str,
    words: str | None,
    owed: Programme,
    scripted: ScriptedServer,
    figures: Figures,
) -> None:
    scripted.script = lambda asked: put if asked.method == "PUT" else get or Reply(404)
    row = attempt(owed)
    assert row.state == state, row.reason
    assert (row.reason or "") == "" if words is None else words in (row.reason or "")
    assert (row.due_at is not None) == (state == "waiting")
    assert "correct horse" not in (row.reason or "")
    figures("answers of CalDAV servers and the state each leads to", cases=1)


@pytest.mark.parametrize("status", [423, 429, 503])
def test_retry_after_is_respected(status: int, owed: Programme, clock: Clock, scripted: ScriptedServer) -> None:
    scripted.script = lambda _: Reply(status, headers={"Retry-After": "120"})
    row = attempt(owed)
    assert (row.state, row.due_at) == ("waiting", clock.now + timedelta(minutes=2))


SLOW = {
    "connects and says nothing": Raw(b" " * 40, pause=0.4),
    "headers in drops": Raw(b"HTTP/1.1 201 Created\r\nX-Slow: " + b"x" * 100, pause=0.05),
    "a body in drops": Raw(b"HTTP/1.1 500 No\r\nContent-Length: 500\r\n\r\n" + b"x" * 100, pause=0.05),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW.keys())
def test_slow_server_is_dropped_after_the_job_limit(
    answer: Raw, owed: Programme, scripted: ScriptedServer, loopback_guard: Guard, store_url: str, clock: Clock
) -> None:
    guard = replace(loopback_guard, connect_seconds=0.3, read_seconds=0.3)
    impatient = context_of(Store(store_url), clock, CalDAVServer(guard, ReaderHere()))
    scripted.script = lambda _: answer
    began = time.monotonic()
    assert deliver_next(impatient, seconds=1)
    assert time.monotonic() - began < 2.5
    impatient.store.close()
    scripted.script = lambda _: Reply(201, headers={"ETag": '"1"'})
    clock.advance(minutes=1)
    assert attempt(owed).attempts == 2


def test_server_without_connection_is_dropped_in_time(loopback_guard: Guard) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with contextlib.ExitStack() as waiting:
            for _ in range(3):  # more than it has room for, so that the next one is not even refused
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
            began = time.monotonic()
            server = CalDAVServer(replace(loopback_guard, connect_seconds=0.3), ReaderHere())
            outcome = server.put(Account(f"http://127.0.0.1:{port}/c/", "g", "p"), "x", OTHER, stored_before=False)
            assert outcome == TryAgain("the calendar server did not answer in time", of_server=True)
            assert 0.2 < time.monotonic() - began < 2


def test_longest_attempt_ends_well_before_its_lease() -> None:
    assert timedelta(seconds=2 * LONGEST_CALL) <= LEASE


def test_invitation_reserved_for_organizer_is_waited_for(
    owed: Programme, scripted: ScriptedServer, clock: Clock
) -> None:
    """As Xandikos answers it, and as RFC 6638 names it."""
    stored: list[bytes] = []
    refusal = '<D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><C:{}/></D:error>'
    names = ["attendee-allowed", "allowed-attendee-scheduling-object-change"]

    def script(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(200, stored[-1], {"ETag": '"1"'})
        if not stored:
            stored.append(asked.body)
            return Reply(201, headers={"ETag": '"1"'})
        return Reply(412 if len(names) == 2 else 403, refusal.format(names.pop(0)).encode())

    scripted.script = script
    attempt(owed)
    stored.append(stored[0].replace(b"SUMMARY:Mentoring", b"SUMMARY:Changed"))
    for _ in range(2):
        retry_delivery(owed.context, owed.id, meeting_id(owed), owed.delivery(meeting_id(owed)).id)
        row = attempt(owed)
        assert (row.state, row.reason) == (
            "delivered",
            "the calendar server shows this version as an invitation, in the organizer's words",
        )
    names.append("attendee-allowed")
    update_meeting(owed.context, owed.id, meeting_id(owed), {"title": "Pairing"})
    row = attempt(owed)
    assert row.state == "waiting"
    assert row.reason == "the calendar server lets nobody but the organizer change this invitation"
