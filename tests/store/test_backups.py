"""A backup is one state of the database, and restoring it brings all of that back, or changes nothing."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.api import SECRET
from support.logs import quiet_logs
from support.working import claim_next

from scheduler.cli import main
from scheduler.domain.programme.outbox import LEASE, CalDAVCalendar, DeliveryState, Stored, Verdict
from scheduler.domain.programme.people import ConnectedCalendar, Person
from scheduler.store import BackupFailed, Store, engine, new_id, schema


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "backup.db"


@pytest.fixture
def backup(store: Store, programme_id: str, mentor: Person, file: Path) -> Path:
    """A backup of a database with one person."""
    file.parent.mkdir()
    store.backup(file)
    return file


def add(store: Store, programme_id: str, name: str, now: datetime) -> None:
    with store.write() as tx:
        tx.people.add(programme_id, Person(new_id(), name, f"{name}@example.org", "UTC"), now)


def names(store: Store, programme_id: str) -> list[str]:
    with store.read() as tx:
        return sorted(person.name for person in tx.people.list_all(programme_id))


def test_restore_drops_later_changes_and_the_store_goes_on(
    store: Store, programme_id: str, backup: Path, now: datetime
) -> None:
    add(store, programme_id, "Late", now)
    store.restore(backup)
    assert names(store, programme_id) == ["Ada"]
    add(store, programme_id, "Next", now)
    assert names(store, programme_id) == ["Ada", "Next"]
    store.backup(backup, overwrite=True)
    store.restore(backup)
    assert names(store, programme_id) == ["Ada", "Next"]


def test_reader_keeps_its_state_during_a_restore(store: Store, programme_id: str, backup: Path, now: datetime) -> None:
    add(store, programme_id, "Late", now)
    with store.read() as reader:
        before = reader.people.list_all(programme_id)
        store.restore(backup)
        assert reader.people.list_all(programme_id) == before
    assert names(store, programme_id) == ["Ada"]


def test_backup_holds_committed_state_without_waiting_for_a_writer(
    store: Store, programme_id: str, mentor: Person, tmp_path: Path, now: datetime
) -> None:
    with store.write() as tx:
        tx.people.add(programme_id, Person(new_id(), "Half", "half@example.org", "UTC"), now)
        store.backup(tmp_path / "backup.db")
    store.restore(tmp_path / "backup.db")
    assert names(store, programme_id) == ["Ada"]


def test_restore_waits_for_the_writer_with_a_timeout(
    store: Store, programme_id: str, backup: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    with store.write() as tx:
        tx.people.add(programme_id, Person(new_id(), "Kept", "kept@example.org", "UTC"), now)
        with pytest.raises(BackupFailed, match="stayed locked"):
            store.restore(backup)
    assert names(store, programme_id) == ["Ada", "Kept"]


def test_backup_is_restored_without_an_existing_database(
    backup: Path, programme_id: str, tmp_path: Path, now: datetime
) -> None:
    fresh = Store(f"sqlite:///{tmp_path / 'fresh' / 'scheduler.db'}")
    fresh.restore(backup)
    assert fresh.is_migrated()
    with fresh.read() as reader:
        before = reader.people.list_all(programme_id)
        add(fresh, programme_id, "Next", now)  # readers don't stop the writer
        assert reader.people.list_all(programme_id) == before
    fresh.close()


def test_delivery_leased_at_backup_is_made_again_after_its_lease(
    store: Store, programme_id: str, calendar: ConnectedCalendar, meeting_id: str, tmp_path: Path, now: datetime
) -> None:
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar.id)], ["series@scheduler"], 1, now)
        lost = claim_next(tx, now)
    store.backup(tmp_path / "backup.db")
    assert lost
    done = Verdict(DeliveryState.DELIVERED, None, None)
    with store.write() as tx:
        assert tx.outbox.record(lost, Stored('"1"'), done, now)
    store.restore(tmp_path / "backup.db")
    with store.write() as tx:
        assert claim_next(tx, now) is None
        again = claim_next(tx, now + LEASE)
        assert again
        assert not tx.outbox.record(lost, Stored('"1"'), done, now + LEASE)
        assert tx.outbox.record(again, Stored('"1"'), done, now + LEASE)


def test_backup_is_one_file_readable_by_its_owner_only(backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [path.name for path in backup.parent.iterdir()] == ["backup.db"]
    with closing(sqlite3.connect(f"{backup.as_uri()}?mode=ro&immutable=1", uri=True)) as alone:
        assert alone.execute("SELECT name FROM people").fetchall() == [("Ada",)]


def test_existing_file_is_overwritten_only_with_force(store: Store, backup: Path) -> None:
    backup.write_bytes(b"something else")
    with pytest.raises(BackupFailed, match="exists already; give another file, or --force"):
        store.backup(backup)
    assert backup.read_bytes() == b"something else"
    store.backup(backup, overwrite=True)
    store.restore(backup)


def test_failed_backup_leaves_no_file(store: Store, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    for file in (tmp_path / "no folder" / "backup.db", Path("/proc/backup.db")):
        with pytest.raises(BackupFailed, match="can't be copied to"):
            store.backup(file, overwrite=True)
    assert sorted(tmp_path.iterdir()) == before


def cut_short(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-8192])


def scribble(backup: Path) -> None:
    held = bytearray(backup.read_bytes())
    for page in range(4096, len(held), 4096):
        held[page : page + 8] = b"scribble"
    backup.write_bytes(held)


def run(*statements: str) -> Callable[[Path], None]:
    def change(backup: Path) -> None:
        with closing(sqlite3.connect(backup)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return change


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda backup: backup.unlink(), "unable to open database file"),
        (lambda backup: backup.write_bytes(b""), "is not a database of this service"),
        (lambda backup: backup.write_bytes(b"not a database" * 500), "file is not a database"),
        (cut_short, "malformed|is damaged"),
        (scribble, "malformed|is damaged"),
        (run("DROP TABLE alembic_version"), "is not a database of this service"),
        (run("UPDATE alembic_version SET version_num = '0001'"), "is at version 0001 of the schema, not 0007"),
        (run("UPDATE alembic_version SET version_num = '9999'"), "9999 of the schema, which this version .* not know"),
        (
            run("PRAGMA foreign_keys = OFF", "DELETE FROM programmes"),
            "a row of people refers to a row that is not there",
        ),
    ],
    ids=["missing", "empty", "text", "cut short", "scribbled over", "unversioned", "older", "newer", "incoherent"],
)
def test_restore_of_invalid_file_is_refused(
    store: Store, programme_id: str, backup: Path, now: datetime, spoil: Callable[[Path], None], words: str
) -> None:
    add(store, programme_id, "Late", now)
    spoil(backup)
    with pytest.raises(BackupFailed, match=words):
        store.restore(backup)
    assert names(store, programme_id) == ["Ada", "Late"]


def test_older_backup_is_restored_after_migration(store: Store, programme_id: str, backup: Path) -> None:
    copy = Store(f"sqlite:///{backup}")
    with engine.transaction(copy._engine, write=True) as connection:  # noqa: SLF001  # nothing else goes back
        schema.downgrade(connection, "0001")
    copy.close()
    with pytest.raises(BackupFailed, match="SCHEDULER_DATABASE_URL=sqlite:///COPY scheduler migrate"):
        store.restore(backup)
    copy.migrate()
    copy.close()
    store.restore(backup)
    assert names(store, programme_id) == ["Ada"]


def test_backup_of_postgresql_is_refused(postgresql_url: str, tmp_path: Path) -> None:
    elsewhere = Store(postgresql_url)
    for use in (elsewhere.backup, elsewhere.restore):
        with pytest.raises(BackupFailed, match="pg_dump and restored with pg_restore"):
            use(tmp_path / "backup.db")
    elsewhere.close()


def test_backup_commands_print_one_line(store: Store, store_url: str, programme_id: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    environment = {"SCHEDULER_DATABASE_URL": store_url, "SCHEDULER_SECRET_KEY": SECRET}

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, arguments, env=environment)
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        return result.exit_code, result.stderr

    for arguments, status, words in (
        (["backup", str(file)], 0, f"backed up {store_url} to {file} ("),
        (["backup", str(file)], 1, f"scheduler: {file} exists already"),
        (["backup", str(file), "--force"], 0, "backed up"),
        (["restore", str(file)], 0, f"restored {store_url} from {file}"),
        (["restore", "missing.db"], 1, "scheduler: missing.db can't be restored: unable to open"),
    ):
        done, said = run(*arguments)
        assert (done, said[: len(words)]) == (status, words)
    quiet_logs()
