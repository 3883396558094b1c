"""A database that is unreachable, full or aborts a transaction is a named error, and the next transaction works."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import IntegrityError
from support.postgres import PostgreSQL

from scheduler.domain.programme.people import Person
from scheduler.store import Deadlocked, Store, StoreUnavailable, engine, new_id


def person(name: str = "Zoe") -> Person:
    return Person(new_id(), name, f"{name}@example.org", "UTC")


def works(store: Store, programme_id: str, now: datetime) -> bool:
    """Whether a change can be committed and read."""
    added = person()
    with store.write() as tx:
        tx.people.add(programme_id, added, now)
    with store.read() as tx:
        return tx.people.get(programme_id, added.id) == added


class TestOnEveryDatabase:
    def test_other_database_error_is_not_store_unavailable(
        self, store: Store, programme_id: str, now: datetime
    ) -> None:
        with pytest.raises(IntegrityError), store.write() as tx:
            tx.people.add("no such programme", person(), now)
        assert works(store, programme_id, now)

    def test_transaction_without_free_connection_waits_then_fails(
        self, store_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
        small = Store(store_url, connections=1)
        with small.read(), pytest.raises(StoreUnavailable, match="every connection is in use"), small.read():
            pass
        with small.read():
            pass
        small.close()


class TestOnSQLite:
    @pytest.fixture
    def store_url(self, sqlite_url: str) -> str:
        return sqlite_url

    def test_full_disk_is_store_unavailable(
        self, store: Store, database: Path, programme_id: str, now: datetime
    ) -> None:
        def fill() -> None:
            with store.write() as tx:
                pages = tx.people._connection.exec_driver_sql("PRAGMA page_count").scalar_one()  # noqa: SLF001
                tx.people._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")  # noqa: SLF001
                for _ in range(200):
                    tx.people.add(programme_id, person("x" * 2000), now)

        with pytest.raises(StoreUnavailable, match="database or disk is full"):
            fill()
        with closing(sqlite3.connect(database)) as elsewhere:
            assert elsewhere.execute("SELECT count(*) FROM people").fetchone() == (0,)

    def test_damaged_file_is_store_unavailable(
        self, store: Store, store_url: str, database: Path, programme_id: str
    ) -> None:
        store.close()
        database.write_bytes(b"no database at all" * 1000)
        spoilt = Store(store_url)
        for begin in (spoilt.read, spoilt.write):
            with pytest.raises(StoreUnavailable, match="not a database"), begin() as tx:
                tx.people.list_all(programme_id)
        spoilt.close()


class TestOnPostgreSQL:
    @pytest.fixture
    def store_url(self, postgresql_url: str) -> str:
        return postgresql_url

    def test_plain_postgresql_url_uses_psycopg(self, store_url: str, programme_id: str) -> None:
        store = Store(store_url.replace("postgresql+psycopg://", "postgresql://"))
        with store.read() as tx:
            assert tx.programmes.get(programme_id)
        store.close()

    def test_the_server_does_not_run_as_root(self, postgresql: PostgreSQL) -> None:
        assert postgresql.pid is not None
        assert Path(f"/proc/{postgresql.pid}").stat().st_uid != 0

    @pytest.mark.parametrize("write", [True, False])
    def test_connection_cut_in_a_transaction_is_store_unavailable(
        self, store: Store, postgresql: PostgreSQL, programme_id: str, now: datetime, write: bool
    ) -> None:
        def be_cut() -> None:
            with (store.write if write else store.read)() as tx:
                tx.people.list_all(programme_id)
                cut(postgresql, store)
                tx.people.list_all(programme_id)

        with pytest.raises(StoreUnavailable, match="connection"):
            be_cut()
        assert works(store, programme_id, now)

    def test_idle_connection_that_was_cut_is_replaced(
        self, store: Store, postgresql: PostgreSQL, programme_id: str, now: datetime
    ) -> None:
        cut(postgresql, store)
        assert works(store, programme_id, now)

    def test_slow_statement_is_cancelled(self, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine, "STATEMENT_SECONDS", 0.1)
        hasty = Store(store_url)
        with pytest.raises(StoreUnavailable, match="statement timeout"), hasty.read() as tx:
            tx.people._connection.exec_driver_sql("SELECT pg_sleep(5)")  # noqa: SLF001
        hasty.close()

    def test_idle_transaction_is_ended_so_that_others_go_on(
        self, store: Store, store_url: str, programme_id: str, mentor: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "IDLE_SECONDS", 0.2)
        hanging = Store(store_url)

        def hang() -> None:
            with hanging.write() as tx:
                tx.people.lock(programme_id, [mentor.id])
                with ThreadPoolExecutor(1) as other:
                    assert other.submit(lock, store, programme_id, mentor.id).result(10)
                tx.people.list_all(programme_id)

        with pytest.raises(StoreUnavailable):
            hang()
        hanging.close()

    def test_deadlock_fails_one_transaction(
        self, store: Store, programme_id: str, mentor: Person, mentee: Person, now: datetime
    ) -> None:
        together = threading.Barrier(2)

        def cross(first: str, second: str) -> str:
            try:
                with store.write() as tx:
                    tx.people.lock(programme_id, [first])
                    together.wait(10)
                    tx.people.lock(programme_id, [second])
            except Deadlocked as error:
                return error.reason
            return "done"

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(cross, [mentor.id, mentee.id], [mentee.id, mentor.id]))
        assert sorted(outcomes) == ["deadlock detected", "done"]
        assert works(store, programme_id, now)

    def test_commit_after_a_failed_statement_is_store_unavailable(
        self, store: Store, programme_id: str, now: datetime
    ) -> None:
        def go_on_regardless() -> None:
            with store.write() as tx:
                tx.people.add(programme_id, person("Lost"), now)
                with pytest.raises(IntegrityError):
                    tx.people.add("no such programme", person(), now)

        with pytest.raises(StoreUnavailable, match="a statement of the transaction had failed"):
            go_on_regardless()
        with store.read() as tx:
            assert tx.people.list_all(programme_id) == []

    def test_server_restart_is_survived(self, now: datetime) -> None:
        with tempfile.TemporaryDirectory() as folder:  # a short path: it holds a socket
            server = PostgreSQL(Path(folder))
            server.start()
            try:
                store = Store(server.create("alone"))
                with store.write() as tx:
                    programme_id = tx.programmes.add("Women in Science", now)
                server.stop()
                for begin in (store.read, store.write):
                    with pytest.raises(StoreUnavailable, match="connection"), begin():
                        pass
                server.start()
                assert works(store, programme_id, now)
                store.close()
            finally:
                server.stop()


def cut(postgresql: PostgreSQL, store: Store) -> None:
    """Ends every connection to the store's database, as a server does that is stopped."""
    name = sql.Literal(make_url(store.name).database)
    query = sql.SQL("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}")
    assert postgresql.execute(query.format(name))


def lock(store: Store, programme_id: str, person_id: str) -> bool:
    with store.write() as tx:
        return bool(tx.people.lock(programme_id, [person_id]))
