"""The line that a process's writers wait in on SQLite: in their order, and few of them for long."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from support.service import wait_for

from scheduler.domain.programme.people import Person
from scheduler.store import Store, StoreUnavailable, new_id, writers
from scheduler.store.writers import SLOW_SECONDS, STALLED_SECONDS, WriterLine

PLACES = 3


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def small(store_url: str) -> Iterator[Store]:
    """A store with few places in line."""
    opened = Store(store_url, connections=50, writers=PLACES)
    yield opened
    opened.close()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another connection, as another process has it, writes meanwhile."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def add(store: Store, programme_id: str, name: str, now: datetime) -> str:
    try:
        with store.write() as tx:
            tx.people.add(programme_id, Person(new_id(), name, f"{name}@example.org", "UTC"), now)
    except StoreUnavailable as error:
        return error.reason
    return "stored"


def test_writers_without_place_are_refused_at_once_while_another_process_writes(
    small: Store, programme_id: str, database: Path, now: datetime
) -> None:
    with ThreadPoolExecutor(20) as pool:
        with locked(database):
            asked = [pool.submit(add, small, programme_id, f"p{number}", now) for number in range(20)]
            wait_for(lambda: sum(one.done() for one in asked) == 20 - PLACES, 10)
            began = time.perf_counter()
            assert "writers of this process wait for it already" in add(small, programme_id, "late", now)
            assert time.perf_counter() - began < STALLED_SECONDS
        outcomes = [one.result(30) for one in asked]
    assert outcomes.count("stored") == PLACES
    with small.read() as tx:
        assert len(tx.people.list_all(programme_id)) == PLACES


def test_writers_write_in_the_order_in_which_they_came(
    small: Store, programme_id: str, database: Path, now: datetime
) -> None:
    with ThreadPoolExecutor(PLACES) as pool, locked(database):
        asked: list[Future[str]] = []
        for number in range(PLACES):
            asked.append(pool.submit(add, small, programme_id, f"p{number}", now))
            time.sleep(0.05)
    assert [one.result() for one in asked] == ["stored"] * PLACES
    with small.read() as tx:
        rows = tx.people._connection.exec_driver_sql("SELECT name FROM people ORDER BY rowid")  # noqa: SLF001
        assert list(rows.scalars()) == ["p0", "p1", "p2"]


def test_many_quick_writers_of_one_process_all_succeed(
    small: Store, programme_id: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the line of 20 threads may stand still for longer than it may elsewhere.
    monkeypatch.setattr(writers, "STALLED_SECONDS", 10.0)
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(lambda number: add(small, programme_id, f"p{number}", now), range(200)))
    assert outcomes == ["stored"] * 200


def test_writer_waits_no_longer_than_the_line_allows() -> None:
    line = WriterLine(None, 0.2)
    began = time.perf_counter()
    with line.turn(), ThreadPoolExecutor(1) as other:
        with pytest.raises(StoreUnavailable, match="1 writers of this process"):
            other.submit(take_turn, line).result(10)
        assert 0.2 <= time.perf_counter() - began < 5
    take_turn(line)


def test_slow_transaction_keeps_writers_without_place_for_a_moment_only() -> None:
    line = WriterLine(1, 20)
    began = time.perf_counter()
    with line.turn(), ThreadPoolExecutor(1) as other:
        line.has_begun()
        with pytest.raises(StoreUnavailable):
            other.submit(take_turn, line).result(10)
        assert SLOW_SECONDS * 0.9 <= time.perf_counter() - began < 10


def test_writer_that_fails_or_gives_up_leaves_the_line() -> None:
    line = WriterLine(1, 20)
    entered, released = threading.Event(), threading.Event()

    def hold() -> None:
        with line.turn():
            entered.set()
            assert released.wait(10)
            raise RuntimeError

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert entered.wait(10)
        assert isinstance(pool.submit(take_turn, line).exception(10), StoreUnavailable)
        released.set()
        assert isinstance(first.exception(10), RuntimeError)
        assert pool.submit(take_turn, line).exception(10) is None


def take_turn(line: WriterLine) -> None:
    with line.turn():
        pass
