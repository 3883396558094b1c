"""The migrations make exactly the tables that the code uses, from any folder, however often, and can be undone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from support.postgres import PostgreSQL

from scheduler.store import NewerDatabase, NotMigrated, Store, StoreUnavailable, schema
from scheduler.store.engine import open_engine, prepare_for_migration, transaction
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


def test_migrated_schema_equals_the_tables(store_url: str) -> None:
    engine = open_engine(store_url)
    with transaction(engine, write=False) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_constraint_names_equal_the_tables(store_url: str) -> None:
    engine = open_engine(store_url)
    inspector = inspect(engine)
    for table in metadata.sorted_tables:
        keys = {constraint["name"] for constraint in inspector.get_foreign_keys(table.name)}
        assert keys == {constraint.name for constraint in table.foreign_key_constraints}
        assert inspector.get_pk_constraint(table.name)["name"] == table.primary_key.name
    engine.dispose()


def test_new_database_is_migrated_after_migrate(empty_url: str) -> None:
    store = Store(empty_url)
    assert not store.is_migrated()
    store.migrate()
    assert store.is_migrated()
    store.close()


def test_new_file_is_created_with_its_folder(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'a folder' / '100%' / 'new.db'}")
    assert (tmp_path / "a folder" / "100%" / "new.db").is_file()


def test_second_migrate_changes_nothing(store: Store, programme_id: str) -> None:
    store.migrate()
    with store.read() as tx:
        assert tx.programmes.get(programme_id).name == "Women in Science"


def test_downgrade_leaves_no_table(store_url: str) -> None:
    engine = open_engine(store_url)
    with transaction(engine, write=True) as connection:
        schema.downgrade(connection)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_failed_migration_is_rolled_back(empty_url: str) -> None:
    engine = open_engine(empty_url)
    prepare_for_migration(engine)

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


def test_concurrent_migrations_wait_for_each_other(empty_url: str) -> None:
    spawned = multiprocessing.get_context("spawn")
    processes = [spawned.Process(target=_migrate_in_process, args=(empty_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_newer_database_is_refused_with_its_revision(empty_url: str) -> None:
    migrate(empty_url)
    engine = open_engine(empty_url)
    with transaction(engine, write=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    store = Store(empty_url)
    for use in (store.migrate, store.check_schema):
        with pytest.raises(NewerDatabase, match="at revision 9999, which this version of the scheduler does not know"):
            use()
    assert not store.is_migrated()
    store.close()


def test_checking_a_missing_database_makes_no_file(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'folder' / 'new.db'}")
    assert not store.is_migrated()
    with pytest.raises(NotMigrated, match=r"there is no database at .*new\.db; run 'scheduler migrate' first"):
        store.check_schema()
    with pytest.raises(StoreUnavailable, match="check that the file and its folder exist"), store.write():
        pass
    assert list(tmp_path.iterdir()) == []


def test_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"its folder can't be made \(.*\); give another path") as refusal:
        Store(f"sqlite:///{tmp_path / 'file' / 'new.db'}").migrate()
    assert "try again" not in str(refusal.value)


def test_folder_that_can_not_be_written_is_named() -> None:
    with TemporaryDirectory() as locked:  # every folder above it can be entered by all users
        Path(locked).chmod(0o555)
        with without_root(), pytest.raises(StoreUnavailable) as refusal:
            Store(f"sqlite:///{locked}/new.db").migrate()
    assert f"the database sqlite:///{locked}/new.db can't be used: unable to open" in str(refusal.value)
    assert "this user may write to both" in str(refusal.value)
    assert "try again" not in str(refusal.value)


@pytest.mark.parametrize("use", [Store.migrate, Store.check_schema])
def test_file_that_is_no_database_is_named(tmp_path: Path, use: Callable[[Store], None]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database" * 500)
    with pytest.raises(StoreUnavailable, match=r"notes\.txt can't be used: file is not a database; give the path of a"):
        use(Store(f"sqlite:///{file}"))
    assert file.read_text() == "not a database" * 500


@contextmanager
def without_root() -> Iterator[None]:
    """Runs as an ordinary user, whom the rights of files bind; not all tests are run by root."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def _migrate_in_process(url: str) -> None:
    migrate(url)
