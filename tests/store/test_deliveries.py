"""A delivery is claimed by one worker at a time, and only who holds the lease records what came of it."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue

import pytest

from scheduler.domain.programme.outbox import LEASE, DeliveryState, Rejected, Stored, TryAgain, Verdict
from scheduler.domain.programme.people import ConnectedCalendar, Person
from scheduler.store import Claim, DeliveryRow, Store, Transaction

UID = "series@scheduler"
DONE = Verdict(DeliveryState.DELIVERED)
SECOND = timedelta(seconds=1)


@pytest.fixture
def owed(store: Store, programme_id: str, meeting_id: str, calendar: ConnectedCalendar, now: datetime) -> str:
    """The id of the calendar that is owed the first revision of one UID."""
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, [UID], [calendar.id], 1, now)
    return calendar.id


def claim(store: Store, now: datetime) -> Claim:
    with store.write() as tx:
        found = tx.deliveries.claim(now)
    assert found is not None
    return found


def the_row(store: Store, programme_id: str, meeting_id: str) -> DeliveryRow:
    with store.read() as tx:
        (row,) = tx.deliveries.of_meeting(programme_id, meeting_id)
    return row


def test_a_claim_has_all_that_an_attempt_needs(
    store: Store, programme_id: str, meeting_id: str, mentor: Person, owed: str, now: datetime
) -> None:
    found = claim(store, now)
    assert (found.programme_id, found.meeting_id, found.uid) == (programme_id, meeting_id, UID)
    assert (found.calendar_id, found.person_id) == (owed, mentor.id)
    assert (found.url, found.username, found.password_token) == ("https://dav.example.org/ada/", "ada", "gAAAA-token")
    assert (found.revision, found.delivered_revision, found.auto_schedule) == (1, None, False)
    assert (found.attempts, found.since) == (1, now)


def test_nothing_is_claimed_before_it_is_due(store: Store, owed: str, now: datetime) -> None:
    with store.write() as tx:
        assert tx.deliveries.claim(now - SECOND) is None
        assert tx.deliveries.next_due() == now


def test_a_claimed_delivery_is_nobody_else_s_until_its_lease_runs_out(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    first = claim(store, now)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at) == (DeliveryState.DELIVERING, now + LEASE)
    with store.write() as tx:
        assert tx.deliveries.claim(now + LEASE - SECOND) is None
        assert tx.deliveries.next_due() == now + LEASE
    second = claim(store, now + LEASE)
    assert second.lease != first.lease
    assert second.attempts == 2


def test_a_stored_object_is_delivered_and_known_the_next_time(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        assert tx.deliveries.record(held, Stored('"e1"'), DONE, now + SECOND)
        assert tx.deliveries.next_due() is None
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at, row.reason) == (DeliveryState.DELIVERED, None, None)
    assert (row.delivered_revision, row.delivered_at) == (1, now + SECOND)
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 2, now + 2 * SECOND)
    again = claim(store, now + 2 * SECOND)
    assert (again.revision, again.delivered_revision) == (2, 1)
    assert (again.attempts, again.since) == (1, now + 2 * SECOND)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (TryAgain("no answer in 10 s"), Verdict(DeliveryState.WAITING, datetime(2026, 10, 2, tzinfo=UTC), "no answer")),
        (Rejected("403 Forbidden"), Verdict(DeliveryState.FAILED, None, "403 Forbidden")),
        (TryAgain("no answer in 10 s"), Verdict(DeliveryState.FAILED, None, "gave up")),
    ],
)
def test_a_failed_attempt_leaves_its_verdict(
    store: Store,
    programme_id: str,
    meeting_id: str,
    owed: str,
    now: datetime,
    outcome: TryAgain | Rejected,
    verdict: Verdict,
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        assert tx.deliveries.record(held, outcome, verdict, now)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at, row.reason) == (verdict.state, verdict.due_at, verdict.reason)
    assert (row.attempts, row.delivered_revision, row.delivered_at) == (1, None, None)


@pytest.mark.parametrize("outcome", [Stored('"old"'), Rejected("412"), TryAgain("timeout")])
def test_who_lost_the_lease_records_nothing(
    store: Store,
    programme_id: str,
    meeting_id: str,
    owed: str,
    now: datetime,
    outcome: Stored | Rejected | TryAgain,
) -> None:
    lost = claim(store, now)
    held = claim(store, now + LEASE)
    before = the_row(store, programme_id, meeting_id)
    with store.write() as tx:
        assert not tx.deliveries.record(lost, outcome, DONE, now + LEASE)
    assert the_row(store, programme_id, meeting_id) == before
    with store.write() as tx:
        assert tx.deliveries.record(held, Stored('"new"'), DONE, now + LEASE)
        assert not tx.deliveries.record(held, outcome, DONE, now + LEASE)


def test_a_lease_that_ran_out_still_records_if_nobody_took_over(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    late = claim(store, now)
    with store.write() as tx:
        assert tx.deliveries.record(late, Stored('"e"'), DONE, now + 2 * LEASE)
    assert the_row(store, programme_id, meeting_id).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("outcome", "verdict", "delivered"),
    [(Stored('"e1"'), DONE, 1), (Rejected("403"), Verdict(DeliveryState.FAILED, None, "403"), None)],
)
def test_what_is_owed_while_a_delivery_is_under_way_leads_to_one_more(
    store: Store,
    programme_id: str,
    meeting_id: str,
    owed: str,
    now: datetime,
    outcome: Stored | Rejected,
    verdict: Verdict,
    delivered: int | None,
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 2, now + SECOND)
        assert tx.deliveries.claim(now + 2 * SECOND) is None
    assert the_row(store, programme_id, meeting_id).state is DeliveryState.DELIVERING
    with store.write() as tx:
        assert tx.deliveries.record(held, outcome, verdict, now + 2 * SECOND)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at, row.reason) == (DeliveryState.WAITING, now + 2 * SECOND, None)
    assert (row.delivered_revision, row.wanted_revision) == (delivered, 2)
    again = claim(store, now + 2 * SECOND)
    assert (again.revision, again.attempts, again.since) == (2, 1, now + SECOND)


def test_a_failed_delivery_is_owed_afresh(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        tx.deliveries.record(held, Rejected("403"), Verdict(DeliveryState.FAILED, None, "403"), now)
        assert tx.deliveries.claim(now + timedelta(days=9)) is None
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 1, now + SECOND)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.attempts, row.reason, row.due_at) == (DeliveryState.WAITING, 0, None, now + SECOND)


def test_what_is_owed_after_a_worker_died_is_due_at_once_and_the_dead_lease_is_worth_nothing(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    dead = claim(store, now)
    after = now + LEASE + SECOND
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 2, after)
        assert not tx.deliveries.record(dead, Stored('"e"'), DONE, after)
    assert claim(store, after).revision == 2


def test_an_older_revision_never_replaces_a_newer_one(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 5, now)
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 3, now)
    assert the_row(store, programme_id, meeting_id).wanted_revision == 5


def test_the_delivery_that_waits_longest_is_claimed_first(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    with store.write() as tx:
        for name, ago in (("b", 1), ("c", 3), ("d", 2)):
            tx.deliveries.owe(programme_id, meeting_id, [name], [owed], 1, now - ago * SECOND)
    assert [claim(store, now).uid for _ in range(4)] == ["c", "d", "b", UID]


def test_a_person_s_deliveries_can_be_dropped(
    store: Store, programme_id: str, meeting_id: str, mentor: Person, mentee: Person, owed: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        tx.deliveries.drop_of_person(programme_id, mentee.id)
        assert len(tx.deliveries.of_meeting(programme_id, meeting_id)) == 1
        tx.deliveries.drop_of_person(programme_id, mentor.id)
        assert tx.deliveries.of_meeting(programme_id, meeting_id) == []
        assert not tx.deliveries.record(held, Stored(None), DONE, now)


@pytest.mark.parametrize(
    ("state", "known"),
    [(DeliveryState.FAILED, None), (DeliveryState.DELIVERED, 1), (DeliveryState.WAITING, 1)],
)
def test_a_delivery_that_is_retried_is_owed_at_once_and_after_a_failure_as_if_never_stored(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime, state: DeliveryState, known: int | None
) -> None:
    with store.write() as tx:
        tx.deliveries.record(_claimed(tx, now), Stored('"e"'), DONE, now)
        tx.deliveries.owe(programme_id, meeting_id, [UID], [owed], 2, now)
        tx.deliveries.record(_claimed(tx, now), TryAgain("no"), Verdict(state, None, "no"), now)
        (row,) = tx.deliveries.of_meeting(programme_id, meeting_id)
        retried = tx.deliveries.retry(programme_id, meeting_id, row.id, now + SECOND)
    assert (retried.state, retried.due_at, retried.attempts) == (DeliveryState.WAITING, now + SECOND, 0)
    assert retried.reason is None
    assert claim(store, now + SECOND).delivered_revision == known


def test_one_under_way_keeps_its_lease_when_it_is_retried(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        row = tx.deliveries.retry(programme_id, meeting_id, held.delivery_id, now)
        assert (row.state, row.due_at) == (DeliveryState.DELIVERING, now + LEASE)
        assert tx.deliveries.record(held, Stored(None), DONE, now)
        assert tx.deliveries.next_due() is None


def _claimed(tx: Transaction, now: datetime) -> Claim:
    found = tx.deliveries.claim(now)
    assert found is not None
    return found


def claim_all(store: Store, now: datetime) -> list[str]:
    uids: list[str] = []
    while True:
        with store.write() as tx:
            found = tx.deliveries.claim(now)
        if found is None:
            return uids
        uids.append(found.uid)


def test_threads_that_race_claim_each_delivery_once(
    store: Store, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    uids = [f"{number}@scheduler" for number in range(60)]
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, uids, [owed], 1, now)
    with ThreadPoolExecutor(8) as pool:
        claimed = [uid for some in pool.map(lambda _: claim_all(store, now), range(8)) for uid in some]
    assert sorted(claimed) == sorted([UID, *uids])


def test_processes_that_race_claim_each_delivery_once(
    store: Store, store_url: str, programme_id: str, meeting_id: str, owed: str, now: datetime
) -> None:
    uids = [f"{number}@scheduler" for number in range(60)]
    with store.write() as tx:
        tx.deliveries.owe(programme_id, meeting_id, uids, [owed], 1, now)
    spawned = multiprocessing.get_context("spawn")
    answers: Queue[list[str]] = spawned.Queue()
    processes = [spawned.Process(target=_claim_in_process, args=(store_url, now, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    claimed = [uid for _ in processes for uid in answers.get(timeout=60)]
    for process in processes:
        process.join(60)
    assert sorted(claimed) == sorted([UID, *uids])


def _claim_in_process(url: str, now: datetime, answers: Queue[list[str]]) -> None:
    store = Store(url)
    answers.put(claim_all(store, now))
    store.close()
