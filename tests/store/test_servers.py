"""Due work in fair turns, what is kept of servers, wrong clocks, and waking workers."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from support.working import claim_next

from scheduler.domain.programme.fair_queue import HIGHEST_LIMIT
from scheduler.domain.programme.outbox import LEASE, LONGEST_RETRY, CalDAVCalendar, DeliveryState, TryAgain, Verdict
from scheduler.domain.programme.people import ConnectedCalendar, Person
from scheduler.domain.programme.servers import SLOW_FOR, Exchange, Lane, Server
from scheduler.store import Store, Transaction, new_id

LANES = list(Lane)
SECOND = timedelta(seconds=1)
MONTH = timedelta(days=30)


def connect(tx: Transaction, programme_id: str, person_id: str, host: str, now: datetime) -> CalDAVCalendar:
    calendar = ConnectedCalendar(new_id(), person_id, f"https://{host}/{new_id()}/", "n", publish=True)
    tx.calendars.add(programme_id, calendar, "t", now, auto_schedule=False)
    return CalDAVCalendar(calendar.id)


def origin(host: str) -> str:
    return f"https://{host}:443"


@pytest.fixture
def person_id(store: Store, programme_id: str, now: datetime) -> str:
    return add_person(store, programme_id, now)


def add_person(store: Store, programme_id: str, now: datetime) -> str:
    with store.write() as tx:
        person = Person(new_id(), "Grace", f"{new_id()}@example.org", "Europe/Berlin")
        tx.people.add(programme_id, person, now)
    return person.id


def test_due_work_goes_round_the_programmes_whoever_waits_longer(
    store: Store, programme_id: str, another_programme_id: str, now: datetime
) -> None:
    with store.write() as tx:
        for programme, count, due_at in ((programme_id, 100, now), (another_programme_id, 3, now + SECOND)):
            person = Person(new_id(), "Grace", f"{new_id()}@example.org", "Europe/Berlin")
            tx.people.add(programme, person, now)
            for number in range(count):
                target = connect(tx, programme, person.id, f"server{number}.example", now)
                tx.outbox.enqueue_ordered(programme, target, "key", "payload", due_at)
        found = tx.outbox.find_due(now + SECOND, LANES, [])
    assert [due.programme_id for due in found[:6]] == [programme_id, another_programme_id] * 3
    assert len(found) == 64


def test_due_work_for_one_server_is_not_all_that_is_found(
    store: Store, programme_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        crowded = connect(tx, programme_id, person_id, "crowded.example", now)
        quiet = connect(tx, programme_id, person_id, "quiet.example", now)
        for number in range(100):
            tx.outbox.enqueue_ordered(programme_id, crowded, f"key {number}", "payload", now)
        tx.outbox.enqueue_ordered(programme_id, quiet, "key", "payload", now + SECOND)
        found = [due.origin for due in tx.outbox.find_due(now + SECOND, LANES, [])]
        without = [due.origin for due in tx.outbox.find_due(now + SECOND, LANES, [origin("crowded.example")])]
    assert sorted(found) == [origin("crowded.example")] * HIGHEST_LIMIT + [origin("quiet.example")]
    assert without == [origin("quiet.example")]


@pytest.mark.parametrize(
    ("seconds", "failed", "after", "lane"),
    [
        (1, False, SECOND, Lane.QUICK),
        (9, False, SECOND, Lane.SLOW),
        (9, False, SLOW_FOR * 2, Lane.QUICK),
        (1, True, timedelta(minutes=1), Lane.SLOW),
        (1, True, SLOW_FOR * 2, Lane.NEW),
    ],
)
def test_due_work_is_in_the_lane_of_its_server(
    store: Store,
    programme_id: str,
    person_id: str,
    now: datetime,
    seconds: int,
    *,
    failed: bool,
    after: timedelta,
    lane: Lane,
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_ordered(programme_id, target, "key", "payload", now)
        exchange = Exchange(origin("dav.example"), now, now + seconds * SECOND, failed)
        tx.servers.record([exchange], 0.5)
        later = exchange.ended + after
        (due,) = tx.outbox.find_due(later, LANES, [])
        assert due.lane is lane
        assert tx.servers.find([due.origin])[due.origin].lane(later) is lane
        assert tx.outbox.find_due(later, [each for each in Lane if each is not lane], []) == []
        assert tx.outbox.oldest_due(later) == {lane: now}


def test_paused_server_gets_neither_deliveries_nor_readings_and_the_delivery_says_until_when(
    store: Store, programme_id: str, meeting_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [target], ["uid"], 1, now)
        tx.servers.record(
            [Exchange(origin("dav.example"), now, now, failed=True, retry_after=timedelta(minutes=5))], 0.5
        )
        until = now + timedelta(minutes=5)
        assert tx.outbox.find_due(until - SECOND, LANES, []) == []
        assert tx.calendars.find_due(until - SECOND, MONTH, LANES, []) == []
        (row,) = tx.outbox.list_for_meeting(programme_id, meeting_id)
        assert row.due_at == until
        assert len(tx.outbox.find_due(until, LANES, [])) == 1
        assert len(tx.calendars.find_due(until, MONTH, LANES, [])) == 1


def test_retry_ends_the_pause_of_the_server(
    store: Store, programme_id: str, meeting_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [target], ["uid"], 1, now)
        tx.servers.record([Exchange(origin("dav.example"), now, now, failed=True)], 0.5)
        (row,) = tx.outbox.list_for_meeting(programme_id, meeting_id)
        retried = tx.outbox.retry(programme_id, meeting_id, row.id, now)
        assert retried.due_at == now
        assert claim_next(tx, now) is not None


def test_servers_without_calendars_are_forgotten_and_not_kept_again(
    store: Store, programme_id: str, person_id: str, now: datetime
) -> None:
    exchange = Exchange(origin("dav.example"), now, now, failed=True)
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.servers.record([exchange], 0.5)
        assert tx.servers.find([exchange.origin])
        tx.calendars.delete(programme_id, person_id, target.id)
        assert tx.servers.find([exchange.origin]) == {}
        tx.servers.record([exchange], 0.5)
        assert tx.servers.find([exchange.origin]) == {}


def test_failures_of_racing_workers_are_all_kept(
    store: Store, programme_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        for host in "ab":
            connect(tx, programme_id, person_id, f"{host}.example", now)

    def fail(number: int) -> None:
        with store.write() as tx:
            started = now + number * timedelta(hours=2)
            tx.servers.record(
                [Exchange(origin(f"{host}.example"), started, started, failed=True) for host in "ab"], 0.5
            )

    threads = [threading.Thread(target=fail, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        found = tx.servers.find([origin("a.example"), origin("b.example")])
    assert {server.failures for server in found.values()} <= set(range(1, 11))
    assert len(found) == 2


def test_unchanged_server_is_not_written(store: Store, programme_id: str, person_id: str, now: datetime) -> None:
    answer = Exchange(origin("dav.example"), now, now + SECOND, failed=False)
    with store.write() as tx:
        connect(tx, programme_id, person_id, "dav.example", now)
        tx.servers.record([answer], 0.5)
        before = tx.servers.find([answer.origin])
        tx.servers.record([replace(answer, started=now + SECOND, ended=now + 2 * SECOND)], 0.5)
        assert (
            tx.servers.find([answer.origin])
            == before
            == {answer.origin: Server(answer.origin, answered_at=now + SECOND)}
        )


def test_lease_of_a_clock_a_little_ahead_is_respected(
    store: Store, programme_id: str, meeting_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [target], ["uid"], 1, now)
        assert claim_next(tx, now + SECOND) is not None
        assert claim_next(tx, now) is None


def test_lease_of_a_clock_a_month_ahead_is_taken_over(
    store: Store, programme_id: str, meeting_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [target], ["uid"], 1, now)
        assert claim_next(tx, now + MONTH) is not None
        found = claim_next(tx, now)
        assert found is not None
        assert found.since <= now
        assert claim_next(tx, now + LEASE - SECOND) is None


@pytest.mark.parametrize("change", ["retry", "cancel"])
def test_retry_and_cancellation_take_effect_under_a_lease_of_a_clock_a_month_ahead(
    store: Store, programme_id: str, meeting_id: str, person_id: str, now: datetime, change: str
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [target], ["uid"], 1, now)
        held = claim_next(tx, now + MONTH)
        assert held is not None
        if change == "retry":
            tx.outbox.retry(programme_id, meeting_id, held.delivery_id, now)
        else:
            tx.outbox.enqueue_latest(programme_id, meeting_id, [target], ["uid"], 2, now)
        (row,) = tx.outbox.list_for_meeting(programme_id, meeting_id)
        assert (row.state, row.due_at) == (DeliveryState.WAITING, now)


def test_wait_and_pause_of_a_clock_a_month_ahead_are_over(
    store: Store, programme_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_ordered(programme_id, target, "key", "payload", now)
        held = claim_next(tx, now)
        assert held is not None
        ahead = Verdict(DeliveryState.WAITING, now + MONTH, "503")
        tx.outbox.record(held, TryAgain("503"), ahead, now + MONTH)
        tx.servers.record([Exchange(origin("dav.example"), now + MONTH, now + MONTH, failed=True)], 0.5)
        assert claim_next(tx, now) is not None


def test_once_waits_for_its_time_however_far_ahead(
    store: Store, programme_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        target = connect(tx, programme_id, person_id, "dav.example", now)
        tx.outbox.enqueue_once(programme_id, target, "key", "payload", now, not_before=now + MONTH)
        assert claim_next(tx, now + LONGEST_RETRY) is None
        assert claim_next(tx, now + MONTH) is not None


def test_calendar_whose_reading_was_postponed_by_a_clock_a_month_ahead_is_due(
    store: Store, programme_id: str, person_id: str, now: datetime
) -> None:
    with store.write() as tx:
        connect(tx, programme_id, person_id, "dav.example", now + MONTH)
        assert len(tx.calendars.find_due(now, timedelta(minutes=15), LANES, [])) == 1


def test_enqueueing_wakes_workers_on_postgresql_once_it_is_committed(
    postgresql_url: str,
) -> None:
    store = Store(postgresql_url)
    woken, listening, stopped = threading.Event(), threading.Event(), threading.Event()

    def is_stopped() -> bool:
        listening.set()
        return stopped.is_set()

    listener = threading.Thread(target=store.listen, args=(woken.set, is_stopped))
    listener.start()
    now = datetime.fromisoformat("2026-10-01T09:30Z")
    try:
        assert listening.wait(10)
        with store.write() as tx:
            programme_id = tx.programmes.add("Women in Science", now)
        person_id = add_person(store, programme_id, now)
        with store.write() as tx:
            target = connect(tx, programme_id, person_id, "dav.example", now)
            tx.outbox.enqueue_ordered(programme_id, target, "key", "payload", now)
            assert not woken.wait(1.5)
        assert woken.wait(10)
    finally:
        stopped.set()
        listener.join()
        store.close()
