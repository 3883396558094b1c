"""Lookups find what was last committed, of the right programme, over any connection."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from psycopg import sql
from support.postgres import PostgreSQL

from scheduler.domain.programme.api_keys import ApiKey
from scheduler.domain.programme.people import Person
from scheduler.store import StatementRefused, Store, StoreUnavailable, new_id, query_pool

DIGEST = "d" * 64


@pytest.fixture
def people(store: Store, programme_id: str, now: datetime) -> list[str]:
    added = [Person(new_id(), f"P{index}", f"p{index}@example.org", "UTC") for index in range(50)]
    with store.write() as tx:
        for person in added:
            tx.people.add(programme_id, person, now)
    return [person.id for person in added]


@pytest.mark.parametrize("count", [1, 2, 49, 50])
def test_availability_versions_are_those_that_a_transaction_finds(
    store: Store, programme_id: str, people: list[str], count: int
) -> None:
    ids = people[:count]
    with store.read() as tx:
        expected = tx.people.availability_versions(programme_id, ids)
    assert store.lookups.availability_versions(programme_id, ids) == expected
    assert expected.keys() == set(ids)


def test_availability_versions_of_unknown_people_are_left_out(
    store: Store, programme_id: str, another_programme_id: str, people: list[str], now: datetime
) -> None:
    assert store.lookups.availability_versions(another_programme_id, people) == {}
    assert store.lookups.availability_versions(programme_id, []) == {}
    with store.write() as tx:
        tx.people.erase(programme_id, people[0], now)
    ids = [people[0], people[1], "nobody", "a\0b", "", "' OR ''='", "é" * 64]
    assert store.lookups.availability_versions(programme_id, ids).keys() == {people[1]}


def test_key_is_found_until_it_ends_or_is_deleted(store: Store, programme_id: str, key: ApiKey, now: datetime) -> None:
    ends = now + timedelta(minutes=5)
    with store.write() as tx:
        added = replace(key, expires_at=ends)
        tx.programmes.add_key(added, DIGEST)
    assert store.lookups.key(DIGEST, ends - timedelta(microseconds=1)) == added
    assert store.lookups.key(DIGEST, ends) is None
    assert store.lookups.key("e" * 64, now) is None
    with store.write() as tx:
        tx.programmes.delete_key(programme_id, added.id)
    assert store.lookups.key(DIGEST, now) is None


def test_uncommitted_key_is_not_found(store: Store, key: ApiKey, now: datetime) -> None:
    writing = [store.is_writing]
    with store.write() as tx:
        tx.programmes.add_key(key, DIGEST)
        writing.append(store.is_writing)
        assert store.lookups.key(DIGEST, now) is None
    assert [*writing, store.is_writing] == [False, True, False]
    assert store.lookups.key(DIGEST, now) is not None


def test_lookups_from_many_threads_are_independent(
    store: Store, programme_id: str, people: list[str], now: datetime
) -> None:
    def ask(index: int) -> set[str]:
        return set(store.lookups.availability_versions(programme_id, people[index : index + 3]))

    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(ask, [index % 47 for index in range(300)]))
    assert found == [set(people[index % 47 : index % 47 + 3]) for index in range(300)]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_lookup_over_cut_connections_is_repeated(
    store: Store, postgresql: PostgreSQL, store_url: str, key: ApiKey, now: datetime
) -> None:
    with store.write() as tx:
        tx.programmes.add_key(key, DIGEST)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: store.lookups.key(DIGEST, now), range(40))) == [key] * 40
    database = urlsplit(store_url).path.removeprefix("/")
    cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s")
    postgresql.execute(cut, database)
    assert [store.lookups.key(DIGEST, now) for _ in range(3)] == [key] * 3


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that are sent from now on."""
    made: list[str] = []
    ask = query_pool._Connection.fetch_all  # noqa: SLF001

    def fetch_all(self: Any, text: str, values: Any) -> Any:
        made.append(text)
        return ask(self, text, values)

    monkeypatch.setattr(query_pool._Connection, "fetch_all", fetch_all)  # noqa: SLF001
    return made


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_lookup_is_sent_at_most_twice_however_many_connections_were_cut(
    store: Store, postgresql: PostgreSQL, store_url: str, now: datetime, attempts: list[str]
) -> None:
    together = threading.Barrier(4)

    def ask(_: int) -> None:
        together.wait()
        store.lookups.key(DIGEST, now)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(4)))
    database = urlsplit(store_url).path.removeprefix("/")
    cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s")
    postgresql.execute(cut, database)
    attempts.clear()
    assert store.lookups.key(DIGEST, now) is None
    assert len(attempts) == 2


def test_statement_that_the_database_refuses_is_sent_once(store: Store, now: datetime, attempts: list[str]) -> None:
    store.lookups.key(DIGEST, now)
    with store.write() as tx:
        tx.programmes._connection.exec_driver_sql("ALTER TABLE api_keys RENAME TO keys_of_old")  # noqa: SLF001
    attempts.clear()
    with pytest.raises(StatementRefused, match="scheduler doctor"):
        store.lookups.key(DIGEST, now)
    assert len(attempts) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_file_that_is_no_database_is_store_unavailable(store: Store, database: Path, now: datetime) -> None:
    store.close()
    database.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreUnavailable):
        store.lookups.key(DIGEST, now)
