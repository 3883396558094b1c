"""Transactions are atomic, writers take turns, and readers neither wait nor write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from support.working import claim_next, claim_reading

from scheduler.domain.programme.api_keys import ApiKey
from scheduler.domain.programme.people import Person
from scheduler.errors import NotFound
from scheduler.store import InvalidDatabaseUrl, Store, StoreUnavailable, engine, new_id


def test_failed_write_is_rolled_back(store: Store, key: ApiKey, now: datetime) -> None:
    def write_and_fail() -> None:
        with store.write() as tx:
            half = tx.programmes.add("Half", now)
            tx.programmes.add_key(replace(key, programme_id=half), "d" * 64)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert store.lookups.key("d" * 64, now) is None


def test_write_in_a_read_transaction_is_refused(store: Store, now: datetime) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"), store.read() as tx:
        tx.programmes.add("From a reader", now)
    with store.write() as tx:
        tx.programmes.add("From a writer, after that", now)


def test_read_sees_one_state_during_writes(store: Store, programme_id: str, mentor: Person, now: datetime) -> None:
    with store.read() as reader:
        assert len(reader.people.list_all(programme_id)) == 1
        with store.write() as writer:
            writer.people.add(programme_id, Person(new_id(), "Cleo", "c@example.org", "UTC"), now)
        assert len(reader.people.list_all(programme_id)) == 1
    with store.read() as reader:
        assert len(reader.people.list_all(programme_id)) == 2


def test_second_writer_waits_before_it_reads(store: Store, programme_id: str, mentor: Person, now: datetime) -> None:
    """For the database on SQLite, for the row that it asks to lock elsewhere."""
    first_has_begun = threading.Event()
    second_is_trying = threading.Event()
    second_got_in = threading.Event()
    seen: list[str] = []

    def first() -> None:
        with store.write() as tx:
            tx.people.lock(programme_id, [mentor.id])
            first_has_begun.set()
            assert second_is_trying.wait(10)
            assert not second_got_in.wait(0.3)
            tx.people.update(programme_id, replace(mentor, name="Dot"), now)

    def second() -> None:
        assert first_has_begun.wait(10)
        second_is_trying.set()
        with store.write() as tx:
            (found,) = tx.people.lock(programme_id, [mentor.id])
            second_got_in.set()
            seen.append(found.name)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result(30)
    assert seen == ["Dot"]


def test_twenty_threads_write_without_lock_errors(
    store: Store, programme_id: str, mentor: Person, now: datetime
) -> None:
    rounds = 5

    def rename(_: int) -> None:
        for _turn in range(rounds):
            with store.write() as tx:
                person = tx.people.lock(programme_id, [mentor.id])[0]
                count = int(person.name.removeprefix("Ada") or 0)
                tx.people.update(programme_id, Person(mentor.id, f"Ada{count + 1}", mentor.email, "UTC"), now)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(rename, range(20)))
    with store.read() as tx:
        assert tx.people.get(programme_id, mentor.id).name == f"Ada{20 * rounds}"


def test_database_that_stays_locked_is_store_unavailable(
    store: Store, store_url: str, programme_id: str, mentor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)
    impatient = Store(store_url)
    with store.write() as tx:
        tx.people.lock(programme_id, [mentor.id])
        with pytest.raises(StoreUnavailable, match=r"locked|lock timeout"), impatient.write() as other:
            other.people.lock(programme_id, [mentor.id])
    impatient.close()


def add_person(store: Store, programme_id: str, name: str, now: datetime) -> None:
    with store.write() as tx:
        tx.people.add(programme_id, Person(new_id(), name, f"{name}@example.org", "UTC"), now)


def names(store: Store, programme_id: str) -> list[str]:
    with store.read() as tx:
        return sorted(person.name for person in tx.people.list_all(programme_id))


def test_nested_write_and_read_join_the_outer_write(store: Store, programme_id: str, now: datetime) -> None:
    with store.write():
        add_person(store, programme_id, "Fay", now)
        assert names(store, programme_id) == ["Fay"]
        with ThreadPoolExecutor(1) as another_thread:
            assert another_thread.submit(names, store, programme_id).result(10) == []
    assert names(store, programme_id) == ["Fay"]


def test_failed_outer_write_rolls_back_inner_writes(store: Store, programme_id: str, now: datetime) -> None:
    def write_and_fail() -> None:
        with store.write():
            add_person(store, programme_id, "Gus", now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert names(store, programme_id) == []


def test_error_caught_inside_a_write_does_not_end_it(store: Store, programme_id: str, now: datetime) -> None:
    with store.write():
        add_person(store, programme_id, "Hal", now)
        with pytest.raises(NotFound):
            fail_to_find(store, programme_id)
        add_person(store, programme_id, "Ida", now)
    assert names(store, programme_id) == ["Hal", "Ida"]


def fail_to_find(store: Store, programme_id: str) -> None:
    with store.write() as tx:
        tx.people.get(programme_id, "nobody")


def test_commit_at_end_commits_every_write_when_it_ends(
    store: Store, store_url: str, programme_id: str, now: datetime
) -> None:
    another = Store(store_url)
    with store.commit_at_end():
        writing = [store.is_writing]
        for name in ("Lea", "Mo"):
            add_person(store, programme_id, name, now)
        writing.append(store.is_writing)
        assert (names(store, programme_id), names(another, programme_id)) == (["Lea", "Mo"], [])
    assert [*writing, store.is_writing] == [False, True, False]
    assert names(another, programme_id) == ["Lea", "Mo"]
    another.close()


def test_commit_at_end_undoes_every_write_if_an_error_leaves_it(store: Store, programme_id: str, now: datetime) -> None:
    def write_and_fail() -> None:
        with store.commit_at_end():
            add_person(store, programme_id, "Nia", now)
            add_person(store, programme_id, "Ove", now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    add_person(store, programme_id, "Pia", now)
    assert names(store, programme_id) == ["Pia"]


def test_commit_at_end_without_a_write_blocks_no_writer(
    store: Store, store_url: str, programme_id: str, now: datetime
) -> None:
    another = Store(store_url)
    with store.commit_at_end():
        add_person(another, programme_id, "Quin", now)
        assert names(store, programme_id) == ["Quin"]
    another.close()


def test_action_after_commit_runs_once_the_change_is_seen_by_others(
    store: Store, store_url: str, programme_id: str, now: datetime
) -> None:
    another = Store(store_url)
    seen: list[list[str]] = []
    with store.commit_at_end():
        with store.write() as tx:
            tx.after_commit(lambda: seen.append(names(another, programme_id)))
            add_person(store, programme_id, "Sol", now)
        assert seen == []
    assert seen == [["Sol"]]
    another.close()


def test_action_after_commit_does_not_run_after_a_rollback(store: Store) -> None:
    ran: list[bool] = []

    def write_and_fail() -> None:
        with store.write() as tx:
            tx.after_commit(lambda: ran.append(True))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert ran == []


@pytest.mark.parametrize("outer", [Store.commit_at_end, Store.write])
def test_commit_at_end_inside_another_leaves_the_commit_to_it(
    store: Store, programme_id: str, now: datetime, outer: Callable[[Store], AbstractContextManager[object, None]]
) -> None:
    def write_and_fail() -> None:
        with outer(store):
            with store.commit_at_end():
                add_person(store, programme_id, "Rae", now)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert names(store, programme_id) == []


def test_two_stores_do_not_share_a_transaction(store: Store, store_url: str, programme_id: str, now: datetime) -> None:
    another = Store(store_url)
    with store.write():
        add_person(store, programme_id, "Jo", now)
        assert names(another, programme_id) == []
    assert names(another, programme_id) == ["Jo"]
    another.close()


def test_write_after_a_failed_one_is_separate(store: Store, programme_id: str, now: datetime) -> None:
    with pytest.raises(NotFound):
        fail_to_find(store, programme_id)
    add_person(store, programme_id, "Kim", now)
    with ThreadPoolExecutor(1) as another_thread:
        assert another_thread.submit(names, store, programme_id).result(10) == ["Kim"]


def test_foreign_keys_are_enforced(store: Store, now: datetime) -> None:
    with pytest.raises(IntegrityError), store.write() as tx:
        tx.people.add("no such programme", Person(new_id(), "Eve", "e@example.org", "UTC"), now)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nonsense", "can't be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://root:secret@localhost/x", "names 'mysql', which is neither"),
    ],
)
def test_invalid_database_url_is_refused_without_repeating_it(url: str, problem: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match=problem) as refusal:
        Store(url)
    assert "secret" not in str(refusal.value)


def test_store_name_is_the_url(store: Store, store_url: str) -> None:
    assert make_url(store.name) == make_url(store_url)


def test_database_file_that_can_not_be_opened_is_store_unavailable(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}")
    for use in (store.migrate, store.is_migrated):
        with pytest.raises(StoreUnavailable, match="unable to open database file"):
            use()


def test_unreachable_postgresql_names_what_to_check() -> None:
    store = Store("postgresql://me:canary@127.0.0.1:1/mentors")
    with pytest.raises(StoreUnavailable, match="check that the server runs, and the host, user, password") as refusal:
        store.check_schema()
    assert "postgresql+psycopg://me:***@127.0.0.1:1/mentors" in str(refusal.value)
    assert "canary" not in str(refusal.value)
    store.close()


def test_missing_postgresql_database_names_what_to_check(postgresql_url: str) -> None:
    store = Store(make_url(postgresql_url).set(database="nowhere").render_as_string(hide_password=False))
    with pytest.raises(StoreUnavailable, match=r'"nowhere" does not exist; check that the server runs, and the host'):
        store.check_schema()
    store.close()


@pytest.mark.parametrize(
    "use",
    [
        lambda store, naive: store.programmes.add("x", naive),
        lambda store, naive: claim_next(store, naive),
        lambda store, naive: claim_reading(store, naive),
        lambda store, naive: store.meetings.list_periods("p", ["a"], naive, naive),
    ],
)
def test_naive_datetime_is_refused(store: Store, now: datetime, use: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="needs a UTC offset"), store.write() as tx:
        use(tx, now.replace(tzinfo=None))
