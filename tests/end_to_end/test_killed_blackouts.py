"""A service that SIGKILL ends while a blackout moves meetings: both are stored or neither, and calendars follow."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, event
from support.api import Api, Clock, context_of
from support.budget import tries
from support.calendars import RecordingCalendars
from support.delivering import App
from support.figures import Figures
from support.programme import Programme
from support.radicale import Radicale
from support.reading import ReaderHere
from support.working import deliver_next

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.app import create_app
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.domain.time.periods import Period
from scheduler.services.blackouts import delete_blackout, list_blackouts
from scheduler.services.calendars import connect_calendar
from scheduler.services.mentorships import update_mentorship
from scheduler.store import Store

EXAMS = {"kind": "exam", "title": "Finals", "first_day": "2026-10-13", "last_day": "2026-10-14"}


@dataclass
class Declaring:
    """A process of the service that is about to be asked to store a blackout."""

    pid: int
    gate: int
    answer: int

    @classmethod
    def fork(cls, url: str, programme: Programme, dies_at: int = 0) -> Declaring:
        """Fork it. It kills itself after that many SQL statements of the request, if not 0."""
        waits, gate = os.pipe()
        answer, writes = os.pipe()
        pid = os.fork()
        if pid:
            os.close(waits)
            os.close(writes)
            assert os.read(answer, 1), "the process ended before it was ready"
            return cls(pid, gate, answer)
        try:
            os.close(gate)
            _declare(url, programme, dies_at, waits, writes)
        finally:
            os._exit(0)

    def send(self) -> None:
        """Have it make the request."""
        os.write(self.gate, b".")

    def end(self) -> int:
        """Wait for the end; return how many statements it made, 0 if it was killed."""
        with os.fdopen(self.answer, "rb") as written:
            text = written.read()
        os.close(self.gate)
        os.waitpid(self.pid, 0)
        return int(text or 0)


def _declare(url: str, programme: Programme, dies_at: int, waits: int, writes: int) -> None:
    context = context_of(Store(url), Clock(), RecordingCalendars())
    api = Api(create_app(context), programme.api_key)
    api.get("/people")  # all is compiled and connected
    made = 0

    def count(*_: Any) -> None:
        nonlocal made
        made += 1
        if made == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", count)
    os.write(writes, b".")
    os.read(waits, 1)
    assert api.send("POST", f"/people/{programme.mentee.id}/blackouts", EXAMS).status_code == 201
    os.write(writes, f"{made}".encode())


@pytest.mark.prove
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_service_killed_while_a_blackout_moves_meetings_stores_both_or_neither(
    kind: str, radicale: Radicale, loopback_guard: Guard, request: pytest.FixtureRequest, figures: Figures
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    clock = Clock()
    context = context_of(Store(url), clock, CalDAVServer(loopback_guard, ReaderHere()))
    programme = Programme(context)
    app = App(radicale.new_account())
    connect_calendar(context, programme.id, programme.mentee.id, app.account, publish=True)
    meeting_id = programme.book_tuesdays().id
    booked = programme.meeting(meeting_id).meeting.busy
    update_mentorship(context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    chance, kills, kept, turns, longest, statements = random.Random(13), 0, 0, 0, 0.0, 0
    while kills < tries("kills of declared blackouts"):
        context.store.close()
        is_timed = turns % 3 == 0
        declaring = Declaring.fork(url, programme, 0 if is_timed else chance.randrange(1, statements + 2))
        began = time.monotonic()
        declaring.send()
        if turns and is_timed:
            time.sleep(chance.uniform(0, longest))
            os.kill(declaring.pid, signal.SIGKILL)
        made = declaring.end()
        if not turns:
            statements, longest = made, time.monotonic() - began
        turns += 1
        kills += not made
        kept += check_both_or_neither(programme, meeting_id, booked)
        clock.advance(seconds=1)
        follow(programme, meeting_id, app)
        for blackout in list_blackouts(context, programme.id, programme.mentee.id):
            delete_blackout(context, programme.id, programme.mentee.id, blackout.id)
        assert programme.meeting(meeting_id).meeting.busy == booked
        assert turns < 10 * tries("kills of declared blackouts"), "hardly anybody is killed"
    follow(programme, meeting_id, app)
    context.store.close()
    figures(f"services killed while a blackout moves a meeting ({kind})", kills=kills, stored=kept, halves=0)


def check_both_or_neither(programme: Programme, meeting_id: str, booked: tuple[Period, ...]) -> bool:
    """Whether the blackout is stored; then, and only then, its meeting has moved."""
    is_stored = bool(list_blackouts(programme.context, programme.id, programme.mentee.id))
    present = programme.meeting(meeting_id).meeting.busy
    exams = {date(2026, 10, 13), date(2026, 10, 14)}
    assert (present != booked) == is_stored
    assert is_stored == (not exams & {period.start.date() for period in present})
    with programme.context.store.read() as tx:
        conflicts = tx.conflicts.list_for_meetings(programme.id, [meeting_id])[meeting_id]
    assert any(one.returns for one in conflicts) == is_stored
    return is_stored


def follow(programme: Programme, meeting_id: str, app: App) -> None:
    """Make the deliveries that are due; the calendar then shows the meeting as it is."""
    while deliver_next(programme.context):
        pass
    assert app.shown() == sorted(programme.meeting(meeting_id).meeting.busy)
    (row,) = [row for row in programme.deliveries(meeting_id) if row.uid == programme.meeting(meeting_id).meeting.uid]
    assert row.delivered_revision == programme.meeting(meeting_id).meeting.revision
