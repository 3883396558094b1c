"""The outbox: policies, claims that are exclusive, and records that only the holder of a lease can make."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue

import pytest
from support.working import claim_next

from scheduler.domain.programme.outbox import LEASE, CalDAVCalendar, DeliveryState, Rejected, Stored, TryAgain, Verdict
from scheduler.domain.programme.people import ConnectedCalendar, Person
from scheduler.store import Claim, DeliveryRow, Store, Transaction

UID = "series@scheduler"
DONE = Verdict(DeliveryState.DELIVERED)
SECOND = timedelta(seconds=1)


@pytest.fixture
def calendar_id(store: Store, programme_id: str, meeting_id: str, calendar: ConnectedCalendar, now: datetime) -> str:
    """The id of a calendar for which the first revision of one UID is enqueued."""
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar.id)], [UID], 1, now)
    return calendar.id


def claim(store: Store, now: datetime) -> Claim:
    with store.write() as tx:
        found = claim_next(tx, now)
    assert found is not None
    return found


def the_row(store: Store, programme_id: str, meeting_id: str) -> DeliveryRow:
    with store.read() as tx:
        (row,) = tx.outbox.list_for_meeting(programme_id, meeting_id)
    return row


def test_claim_names_target_key_and_revision(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    found = claim(store, now)
    assert (found.programme_id, found.meeting_id, found.key) == (programme_id, meeting_id, UID)
    assert found.target == CalDAVCalendar(calendar_id)
    assert (found.revision, found.delivered_revision, found.sequence, found.payload) == (1, None, None, None)
    assert (found.attempts, found.since, found.not_after) == (1, now, None)


def test_claim_before_due_returns_none(store: Store, calendar_id: str, now: datetime) -> None:
    with store.write() as tx:
        assert claim_next(tx, now - SECOND) is None
        assert tx.outbox.next_due() == now


def test_claim_is_exclusive_until_lease_ends(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    first = claim(store, now)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at) == (DeliveryState.DELIVERING, now + LEASE)
    with store.write() as tx:
        assert claim_next(tx, now + LEASE - SECOND) is None
        assert tx.outbox.next_due() == now + LEASE
    second = claim(store, now + LEASE)
    assert second.lease != first.lease
    assert second.attempts == 2


def test_record_stored_ends_row_and_keeps_revision(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        assert tx.outbox.record(held, Stored('"e1"'), DONE, now + SECOND)
        assert tx.outbox.next_due() is None
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at, row.reason) == (DeliveryState.DELIVERED, None, None)
    assert (row.delivered_revision, row.delivered_at) == (1, now + SECOND)
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 2, now + 2 * SECOND)
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
def test_record_failure_keeps_verdict(
    store: Store,
    programme_id: str,
    meeting_id: str,
    calendar_id: str,
    now: datetime,
    outcome: TryAgain | Rejected,
    verdict: Verdict,
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        assert tx.outbox.record(held, outcome, verdict, now)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at, row.reason) == (verdict.state, verdict.due_at, verdict.reason)
    assert (row.attempts, row.delivered_revision, row.delivered_at) == (1, None, None)


@pytest.mark.parametrize("outcome", [Stored('"old"'), Rejected("412"), TryAgain("timeout")])
def test_record_with_lost_lease_changes_nothing(
    store: Store,
    programme_id: str,
    meeting_id: str,
    calendar_id: str,
    now: datetime,
    outcome: Stored | Rejected | TryAgain,
) -> None:
    lost = claim(store, now)
    held = claim(store, now + LEASE)
    before = the_row(store, programme_id, meeting_id)
    with store.write() as tx:
        assert not tx.outbox.record(lost, outcome, DONE, now + LEASE)
    assert the_row(store, programme_id, meeting_id) == before
    with store.write() as tx:
        assert tx.outbox.record(held, Stored('"new"'), DONE, now + LEASE)
        assert not tx.outbox.record(held, outcome, DONE, now + LEASE)


def test_record_with_ended_lease_succeeds_if_not_taken_over(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    late = claim(store, now)
    with store.write() as tx:
        assert tx.outbox.record(late, Stored('"e"'), DONE, now + 2 * LEASE)
    assert the_row(store, programme_id, meeting_id).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("outcome", "verdict", "delivered"),
    [(Stored('"e1"'), DONE, 1), (Rejected("403"), Verdict(DeliveryState.FAILED, None, "403"), None)],
)
def test_newer_revision_while_leased_is_sent_afterwards(
    store: Store,
    programme_id: str,
    meeting_id: str,
    calendar_id: str,
    now: datetime,
    outcome: Stored | Rejected,
    verdict: Verdict,
    delivered: int | None,
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 2, now + SECOND)
        assert claim_next(tx, now + 2 * SECOND) is None
    assert the_row(store, programme_id, meeting_id).state is DeliveryState.DELIVERING
    with store.write() as tx:
        assert tx.outbox.record(held, outcome, verdict, now + 2 * SECOND)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.due_at, row.reason) == (DeliveryState.WAITING, now + 2 * SECOND, None)
    assert (row.delivered_revision, row.wanted_revision) == (delivered, 2)
    again = claim(store, now + 2 * SECOND)
    assert (again.revision, again.attempts, again.since) == (2, 1, now + SECOND)


def test_enqueue_after_failure_starts_afresh(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        tx.outbox.record(held, Rejected("403"), Verdict(DeliveryState.FAILED, None, "403"), now)
        assert claim_next(tx, now + timedelta(days=9)) is None
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 1, now + SECOND)
    row = the_row(store, programme_id, meeting_id)
    assert (row.state, row.attempts, row.reason, row.due_at) == (DeliveryState.WAITING, 0, None, now + SECOND)


def test_enqueue_after_worker_died_is_due_at_once(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    dead = claim(store, now)
    after = now + LEASE + SECOND
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 2, after)
        assert not tx.outbox.record(dead, Stored('"e"'), DONE, after)
    assert claim(store, after).revision == 2


def test_older_revision_does_not_supersede_newer(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 5, now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 3, now)
    assert the_row(store, programme_id, meeting_id).wanted_revision == 5


def test_claim_takes_longest_due_first(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    with store.write() as tx:
        for name, ago in (("b", 1), ("c", 3), ("d", 2)):
            tx.outbox.enqueue_latest(
                programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [name], 1, now - ago * SECOND
            )
    assert [claim(store, now).key for _ in range(4)] == ["c", "d", "b", UID]


def test_erase_person_deletes_their_deliveries(
    store: Store, programme_id: str, meeting_id: str, mentor: Person, mentee: Person, calendar_id: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        tx.people.erase(programme_id, mentee.id, now)
        assert len(tx.outbox.list_for_meeting(programme_id, meeting_id)) == 1
        tx.people.erase(programme_id, mentor.id, now)
        assert tx.outbox.list_for_meeting(programme_id, meeting_id) == []
        assert not tx.outbox.record(held, Stored(None), DONE, now)


@pytest.mark.parametrize(
    ("state", "known"),
    [(DeliveryState.FAILED, None), (DeliveryState.DELIVERED, 1), (DeliveryState.WAITING, 1)],
)
def test_retry_is_due_at_once_and_forgets_storage_after_failure(
    store: Store,
    programme_id: str,
    meeting_id: str,
    calendar_id: str,
    now: datetime,
    state: DeliveryState,
    known: int | None,
) -> None:
    with store.write() as tx:
        tx.outbox.record(_claimed(tx, now), Stored('"e"'), DONE, now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 2, now)
        tx.outbox.record(_claimed(tx, now), TryAgain("no"), Verdict(state, None, "no"), now)
        (row,) = tx.outbox.list_for_meeting(programme_id, meeting_id)
        retried = tx.outbox.retry(programme_id, meeting_id, row.id, now + SECOND)
    assert (retried.state, retried.due_at, retried.attempts) == (DeliveryState.WAITING, now + SECOND, 0)
    assert retried.reason is None
    assert claim(store, now + SECOND).delivered_revision == known


def test_retry_while_leased_keeps_lease(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    held = claim(store, now)
    with store.write() as tx:
        row = tx.outbox.retry(programme_id, meeting_id, held.delivery_id, now)
        assert (row.state, row.due_at) == (DeliveryState.DELIVERING, now + LEASE)
        assert tx.outbox.record(held, Stored(None), DONE, now)
        assert tx.outbox.next_due() is None


def test_record_stored_keeps_last_known_sequence(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    for stored in (Stored('"1"', sequence=4), Stored('"2"')):
        with store.write() as tx:
            tx.outbox.record(_claimed(tx, now), stored, DONE, now)
            tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], [UID], 9, now)
    assert claim(store, now).sequence == 4


def payloads(store: Store, now: datetime) -> list[object]:
    """The payloads that can be claimed at once, in the order of their claims; none is recorded."""
    found: list[object] = []
    while True:
        with store.write() as tx:
            held = claim_next(tx, now)
        if held is None:
            return found
        found.append(held.payload)


@pytest.fixture
def target(calendar: ConnectedCalendar) -> CalDAVCalendar:
    return CalDAVCalendar(calendar.id)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [(Stored(None), DONE), (Rejected("410 Gone"), Verdict(DeliveryState.FAILED, None, "410 Gone"))],
)
def test_ordered_next_begins_when_the_one_before_has_ended(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime, outcome: Stored | Rejected, verdict: Verdict
) -> None:
    with store.write() as tx:
        for number in range(3):
            tx.outbox.enqueue_ordered(programme_id, target, "meeting", {"event": number}, now)
        tx.outbox.enqueue_ordered(programme_id, target, "another", {"event": "other"}, now)
    first = claim(store, now)
    assert first.payload in ({"event": 0}, {"event": "other"})
    second = claim(store, now)
    assert {str(held.payload) for held in (first, second)} == {"{'event': 0}", "{'event': 'other'}"}
    head = first if first.key == "meeting" else second
    assert payloads(store, now) == []
    with store.write() as tx:
        waits = Verdict(DeliveryState.WAITING, now + 5 * SECOND, "503")
        assert tx.outbox.record(head, TryAgain("503"), waits, now)
    assert payloads(store, now + SECOND) == []
    head = claim(store, now + 5 * SECOND)
    assert head.payload == {"event": 0}
    with store.write() as tx:
        assert tx.outbox.record(head, outcome, verdict, now + 5 * SECOND)
    assert payloads(store, now + 5 * SECOND) == [{"event": 1}]


def test_ordered_next_due_is_that_of_the_first_unfinished(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime
) -> None:
    with store.write() as tx:
        for number in range(2):
            tx.outbox.enqueue_ordered(programme_id, target, "meeting", number, now)
        waits = Verdict(DeliveryState.WAITING, now + 60 * SECOND, "503")
        tx.outbox.record(_claimed(tx, now), TryAgain("503"), waits, now)
        assert tx.outbox.next_due() == now + 60 * SECOND


def test_ordered_after_all_have_ended_begins_at_once(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime
) -> None:
    for number in range(3):
        with store.write() as tx:
            tx.outbox.enqueue_ordered(programme_id, target, "meeting", number, now)
        held = claim(store, now)
        assert held.payload == number
        with store.write() as tx:
            tx.outbox.record(held, Stored(None), DONE, now)


def test_ordered_is_given_up_by_its_own_attempts_and_not_by_its_wait(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime
) -> None:
    with store.write() as tx:
        for number in range(2):
            tx.outbox.enqueue_ordered(programme_id, target, "meeting", number, now)
        tx.outbox.record(_claimed(tx, now), Stored(None), DONE, now)
    assert claim(store, now + 10_000_000 * SECOND).since == now + 10_000_000 * SECOND


def test_ordered_is_never_claimed_out_of_order_by_racing_threads(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime
) -> None:
    with store.write() as tx:
        for number in range(20):
            for key in ("a", "b", "c"):
                tx.outbox.enqueue_ordered(programme_id, target, key, number, now)
    sent: dict[str, list[object]] = {"a": [], "b": [], "c": []}

    def send_all() -> None:
        while any(len(each) < 20 for each in sent.values()):
            with store.write() as tx:
                held = claim_next(tx, now)
            if held is not None:
                sent[held.key].append(held.payload)
                with store.write() as tx:
                    assert tx.outbox.record(held, Stored(None), DONE, now)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(send_all) for _ in range(4)]:
            done.result(60)
    assert list(sent.values()) == [list(range(20))] * 3


def test_once_is_claimed_from_not_before_on_and_says_its_deadline(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime
) -> None:
    with store.write() as tx:
        begins, ends = now + 60 * SECOND, now + 90 * SECOND
        assert tx.outbox.enqueue_once(
            programme_id, target, "reminder", {"n": 1}, now, not_before=begins, not_after=ends
        )
        assert tx.outbox.next_due() == begins
        assert claim_next(tx, begins - SECOND) is None
    held = claim(store, begins)
    assert (held.payload, held.since, held.not_after) == ({"n": 1}, begins, ends)


def test_once_under_the_same_key_is_enqueued_once(
    store: Store, programme_id: str, target: CalDAVCalendar, now: datetime
) -> None:
    with store.write() as tx:
        assert tx.outbox.enqueue_once(programme_id, target, "reminder", "first", now)
        assert not tx.outbox.enqueue_once(programme_id, target, "reminder", "second", now)
        tx.outbox.record(_claimed(tx, now), Stored(None), DONE, now)
        assert not tx.outbox.enqueue_once(programme_id, target, "reminder", "third", now)
    assert payloads(store, now) == []


def _claimed(tx: Transaction, now: datetime) -> Claim:
    found = claim_next(tx, now)
    assert found is not None
    return found


def claim_all(store: Store, now: datetime) -> list[str]:
    uids: list[str] = []
    while True:
        with store.write() as tx:
            found = claim_next(tx, now)
        if found is None:
            return uids
        uids.append(found.key)


def test_claim_by_racing_threads_is_exclusive(
    store: Store, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    uids = [f"{number}@scheduler" for number in range(60)]
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], uids, 1, now)
    with ThreadPoolExecutor(8) as pool:
        claimed = [uid for some in pool.map(lambda _: claim_all(store, now), range(8)) for uid in some]
    assert sorted(claimed) == sorted([UID, *uids])


def test_claim_by_racing_processes_is_exclusive(
    store: Store, store_url: str, programme_id: str, meeting_id: str, calendar_id: str, now: datetime
) -> None:
    uids = [f"{number}@scheduler" for number in range(60)]
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar_id)], uids, 1, now)
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
