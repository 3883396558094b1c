"""What a server answers in place of a meeting is read where that can be ended, and holds nobody else up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from support.api import Clock, context_of
from support.programme import Programme
from support.reading import ReaderHere
from support.scripted import Asked, Reply, ScriptedServer
from support.service import wait_for
from support.working import claim_next, deliver_next

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.adapters.reader_process import OBJECT_SECONDS, ReaderPool
from scheduler.adapters.reader_process import SECONDS as READING_SECONDS
from scheduler.domain.programme.outbox import COSTLY, LEASE, Outcome, Stored, TryAgain
from scheduler.domain.programme.people import Account, ConnectedCalendar
from scheduler.domain.programme.servers import SECONDS
from scheduler.ical.bounds import MOST_BYTES, MOST_EVENTS, MOST_LINES
from scheduler.ical.reader import MOST_SECONDS, Message, ReaderBusy
from scheduler.ical.render import render_invite
from scheduler.services.calendar_server import LONGEST_CALL
from scheduler.services.delivering import Deliveries, retry_delivery
from scheduler.services.ports import Context
from scheduler.store import DeliveryRow, Store, new_id
from scheduler.worker import Worker

Hold = Callable[[bytes], bytes]
"""From our object to what the server shows in its place."""


def overrides(number: int, ours: bytes) -> bytes:
    uid = ours.partition(b"\r\nUID:")[2].partition(b"\r\n")[0].decode()
    first = datetime(2026, 1, 1)  # a wall time
    times = [f"{first + timedelta(hours=hour):%Y%m%dT%H%M%SZ}" for hour in range(number)]
    added = [
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nRECURRENCE-ID:{at}\r\nDTSTART:{at}\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
        for at in times
    ]
    return ours.replace(b"END:VCALENDAR", "".join(added).encode() + b"END:VCALENDAR")


def lines(number: int, ours: bytes) -> bytes:
    return ours.replace(b"END:VEVENT", b"X:1\r\n" * number + b"END:VEVENT")


def with_sequence(sequence: str, ours: bytes) -> bytes:
    return ours.replace(b"SEQUENCE:0", f"SEQUENCE:{sequence}".encode())


def nested(depth: int, ours: bytes) -> bytes:
    inner = b"BEGIN:X-DEEP\r\n" * depth + b"END:X-DEEP\r\n" * depth
    return ours.replace(b"END:VEVENT", inner + b"END:VEVENT")


def holds(server: ScriptedServer, hold: Hold) -> None:
    """Let the server refuse to create an object, and show what ``hold`` makes of it."""
    sent: list[bytes] = []

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(200, hold(sent[-1]), {"ETag": '"1"'})
        if asked.method == "PUT" and asked.headers["If-None-Match"]:
            sent.append(asked.body)
            return Reply(412)
        return Reply(204, headers={"ETag": '"2"'})

    server.script = answer


@pytest.fixture
def context(store: Store, clock: Clock, loopback_guard: Guard, reader: ReaderPool) -> Context:
    return context_of(store, clock, CalDAVServer(loopback_guard, reader), reader)


@pytest.fixture
def impatient(store: Store, clock: Clock, loopback_guard: Guard) -> Iterator[Context]:
    """A context whose reader gives each question a twentieth of a second."""
    with closing(ReaderPool(seconds=0.05)) as pool:
        yield context_of(store, clock, CalDAVServer(loopback_guard, pool), pool)


def owe(context: Context, server: ScriptedServer) -> Programme:
    """A programme with a meeting that is owed to a calendar on the server."""
    programme = Programme(context)
    calendar = ConnectedCalendar(new_id(), programme.mentor.id, f"{server.url}/calendar/", "greta", publish=True)
    with context.store.write() as tx:
        password = context.vault.seal("correct horse")
        tx.calendars.add(programme.id, calendar, password, context.clock(), auto_schedule=False)
    programme.book_slot()
    return programme


def row_of(programme: Programme) -> DeliveryRow:
    with programme.context.store.read() as tx:
        (stored,) = tx.meetings.list_for_mentorship(programme.id, programme.mentorship.id)
    return programme.delivery(stored.id)


def attempt(programme: Programme) -> DeliveryRow:
    assert deliver_next(programme.context)
    return row_of(programme)


def retry(programme: Programme) -> None:
    with programme.context.store.read() as tx:
        (stored,) = tx.meetings.list_for_mentorship(programme.id, programme.mentorship.id)
    retry_delivery(programme.context, programme.id, stored.id, row_of(programme).id)


def test_hostile_objects_are_refused_while_other_deliveries_go_on(context: Context) -> None:
    """0.4 MiB of overrides and 1 MiB of lines, which took this long to merge, and longer the more there were."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ScriptedServer().running()) for _ in range(6)]
        bad = [partial(overrides, 4000), partial(lines, 200_000)]
        for server, hold in zip(servers, bad, strict=False):
            holds(server, hold)
        for server in servers[len(bad) :]:
            server.answer(Reply(201, headers={"ETag": '"1"'}))
        programmes = [owe(context, server) for server in servers]
        worker = Worker(context, [(Deliveries(context), 16)])
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            wait_for(lambda: all(row_of(each).state not in ("waiting", "delivering") for each in programmes))
        finally:
            worker.stop()
            thread.join()
    rows = [row_of(each) for each in programmes]
    assert [row.state for row in rows] == ["failed"] * 2 + ["delivered"] * 4
    assert f"it has 4,001 events, and at most {MOST_EVENTS:,} are merged" in str(rows[0].reason)
    assert f"lines, and at most {MOST_LINES:,} are merged" in str(rows[1].reason)
    assert all(row.attempts == 1 for row in rows)


@pytest.mark.parametrize(
    ("hold", "words"),
    [
        (partial(overrides, MOST_EVENTS), f"at most {MOST_EVENTS:,} are merged"),
        (partial(lines, MOST_LINES), f"at most {MOST_LINES:,} are merged"),
        (lambda ours: ours.replace(b"END:VEVENT", b"X:" + b"1" * MOST_BYTES + b"\r\nEND:VEVENT"), "bytes, and at most"),
        (partial(with_sequence, "9999999999"), "another object is stored where the meeting belongs"),
        (lambda ours: with_sequence("9999999999", overrides(1, ours).replace(b"SUMMARY:x", b"SEQUENCE:0")), "stored"),
        (lambda ours: overrides(1, ours).replace(b"SUMMARY:x", b"SEQUENCE:9999999999"), "can't be read"),
        (partial(nested, 2000), "can't be read"),
    ],
    ids=["events", "lines", "bytes", "a sequence", "two", "a sequence in an override", "nested"],
)
def test_object_over_a_bound_is_rejected_with_the_reason(
    hold: Hold, words: str, context: Context, scripted: ScriptedServer
) -> None:
    holds(scripted, hold)
    row = attempt(owe(context, scripted))
    assert row.state == "failed"
    assert words in str(row.reason)


def test_object_just_under_the_bounds_is_merged(context: Context, scripted: ScriptedServer) -> None:
    holds(scripted, lambda ours: overrides(MOST_EVENTS // 2, lines(MOST_LINES // 2, ours)))
    assert attempt(owe(context, scripted)).state == "delivered"


def test_object_whose_reading_is_ended_twice_is_rejected(
    impatient: Context, scripted: ScriptedServer, clock: Clock
) -> None:
    holds(scripted, partial(overrides, 900))
    programme = owe(impatient, scripted)
    row = attempt(programme)
    assert (row.state, row.reason) == ("waiting", f"{COSTLY}reading it takes longer than 0.05 seconds")
    clock.advance(minutes=1)
    row = attempt(programme)
    assert (row.state, row.attempts) == ("failed", 2)
    assert "twice in a row; delete it there and retry this delivery" in str(row.reason)
    retry(programme)
    assert attempt(programme).state == "waiting"


def test_attempt_that_ends_with_its_worker_counts_against_nothing(
    impatient: Context, scripted: ScriptedServer, clock: Clock
) -> None:
    holds(scripted, partial(overrides, 900))
    programme = owe(impatient, scripted)
    for state in ("waiting", "failed"):
        for _ in range(2):
            with impatient.store.write() as tx:
                assert claim_next(tx, clock.now)
            clock.now += LEASE
        assert attempt(programme).state == state
        clock.advance(minutes=1)


def test_reading_does_not_count_as_the_servers_time(
    store: Store, clock: Clock, loopback_guard: Guard, scripted: ScriptedServer
) -> None:
    class SlowReader(ReaderHere):
        def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
            left.append(seconds)
            time.sleep(0.6)
            return super().ask(question, message, seconds)

    left: list[float] = []
    holds(scripted, lambda ours: ours.replace(b"SUMMARY:", b"SUMMARY:X").replace(b";SCHEDULE-AGENT=CLIENT", b""))
    programme = owe(context_of(store, clock, CalDAVServer(loopback_guard, SlowReader())), scripted)
    assert deliver_next(programme.context, seconds=0.5)
    assert row_of(programme).state == "delivered"
    assert left[0] == MOST_SECONDS
    assert all(later < earlier - 0.5 for earlier, later in pairwise(left))


def test_attempt_without_time_for_reading_is_tried_again(
    store: Store, clock: Clock, loopback_guard: Guard, scripted: ScriptedServer
) -> None:
    class BusyReader(ReaderHere):
        def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
            raise ReaderBusy

    holds(scripted, lambda ours: ours)
    programme = owe(context_of(store, clock, CalDAVServer(loopback_guard, BusyReader())), scripted)
    for _ in range(3):
        row = attempt(programme)
        assert (row.state, COSTLY in str(row.reason)) == ("waiting", False)
        clock.advance(minutes=1)


def test_attempt_ends_before_its_lease() -> None:
    assert max(SECONDS.values()) <= LONGEST_CALL
    assert max(OBJECT_SECONDS, *READING_SECONDS.values()) < MOST_SECONDS
    assert LEASE.total_seconds() > LONGEST_CALL + MOST_SECONDS + 10


def test_second_attempt_after_a_suspended_machine_is_harmless(
    context: Context, scripted: ScriptedServer, caldav: CalDAVServer
) -> None:
    """The lease ran out between its reading and its writing, and another worker delivered meanwhile."""
    account = Account(f"{scripted.url}/calendar/", "greta", "correct horse")
    programme = owe(context, scripted)
    with context.store.read() as tx:
        (stored,) = tx.meetings.list_for_mentorship(programme.id, programme.mentorship.id)
    (uid,) = stored.meeting.uids
    data = render_invite(stored.meeting, uid)
    versions = [data.replace(b"SUMMARY:", b"SUMMARY:X")]

    def answer(asked: Asked) -> Reply:
        etag = f'"{len(versions)}"'
        if asked.method == "GET":
            shown = Reply(200, versions[-1], {"ETag": etag})
            if len(scripted.asked) == 1:  # the machine sleeps here, and the other worker comes in between
                outcomes.append(caldav.put(account, uid, data, stored_before=True))
            return shown
        if asked.headers["If-Match"] != etag:
            return Reply(412)
        versions.append(asked.body)
        return Reply(204, headers={"ETag": f'"{len(versions)}"'})

    outcomes: list[Outcome] = []
    scripted.script = answer
    outcomes.append(caldav.put(account, uid, data, stored_before=True))
    assert [type(outcome) for outcome in outcomes] == [Stored, TryAgain]
    assert len(versions) == 2
    assert isinstance(caldav.put(account, uid, data, stored_before=True), Stored)
    assert len(versions) == 2
