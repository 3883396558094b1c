"""The migrations make exactly the tables that the code uses, from any folder, however often, and can be undone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from support.postgres import PostgreSQL

from scheduler.store import Store, schema
from scheduler.store.engine import open_engine, transaction
from scheduler.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that has no table yet; on SQLite not even a file."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = f"test_{uuid4().hex}"
    yield server.create(name, "template0")
    server.drop(name)


def migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    assert store.is_migrated()
    store.close()


def test_the_migrated_schema_is_the_one_in_the_tables(store_url: str) -> None:
    engine = open_engine(store_url)
    with transaction(engine, write=False) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_every_constraint_is_named_as_in_the_tables(store_url: str) -> None:
    engine = open_engine(store_url)
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        keys = {constraint["name"] for constraint in inspector.get_foreign_keys(table.name)}
        assert keys == {constraint.name for constraint in table.foreign_key_constraints}
        assert inspector.get_pk_constraint(table.name)["name"] == table.primary_key.name
    engine.dispose()


def test_a_new_database_is_not_migrated_and_then_is(empty_url: str) -> None:
    store = Store(empty_url)
    assert not store.is_migrated()
    store.migrate()
    assert store.is_migrated()
    store.close()


def test_a_new_file_is_made_with_its_folder(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'a folder' / '100%' / 'new.db'}")
    assert (tmp_path / "a folder" / "100%" / "new.db").is_file()


def test_migrating_again_changes_nothing(store: Store, programme_id: str) -> None:
    store.migrate()
    with store.read() as tx:
        assert tx.programmes.get(programme_id).name == "Women in Science"


def test_downgrading_leaves_no_table_of_ours(store_url: str) -> None:
    engine = open_engine(store_url)
    with transaction(engine, write=True) as connection:
        schema.downgrade(connection)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engine = open_engine(empty_url)

    def migrate_and_fail() -> None:
        with transaction(engine, write=True) as connection:
            schema.upgrade(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        migrate_and_fail()
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_migrations_run_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    migrate("sqlite:///var/scheduler.db")
    assert (elsewhere / "var" / "scheduler.db").is_file()


def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    spawned = multiprocessing.get_context("spawn")
    processes = [spawned.Process(target=_migrate_in_process, args=(empty_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]


def _migrate_in_process(url: str) -> None:
    migrate(url)
