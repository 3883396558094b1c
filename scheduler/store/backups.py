"""Backups of a SQLite database, made and restored while others use it.

SQLite copies all pages in one step. A backup reads under a reader's lock and holds one state of the database;
a restore writes under the writer's lock, so that others see the old state or the new one.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from scheduler.errors import SchedulerError
from scheduler.store import engine, schema


class BackupFailed(SchedulerError):
    """A backup that can't be made or restored; the database is unchanged."""


def back_up(database: Path, file: Path, *, overwrite: bool) -> None:
    """Copy the database to a file that only its owner can read; the file appears complete or not at all.

    Raises BackupFailed, also if the file exists, unless it may be overwritten.
    """
    if file.exists() and not overwrite:
        raise BackupFailed(f"{file} exists already; give another file, or --force to overwrite it")
    with _wrap_errors(f"{database} can't be copied to {file}"), _temporary_file_for(file) as made:
        with closing(_open(database, "ro")) as source, closing(sqlite3.connect(made)) as target:
            _copy(source, target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, which can be read where nothing can be written
        with made.open("rb") as written:
            os.fsync(written.fileno())
        made.replace(file)


def restore(file: Path, database: Path) -> None:
    """Replace the database's content by the file's; open connections go on with the new content.

    Raises BackupFailed, also for a file that is damaged or has another schema version.
    """
    with _wrap_errors(f"{file} can't be restored"), closing(_open(file, "ro")) as source:
        _check_backup(source, file)
        database.parent.mkdir(parents=True, exist_ok=True)
        with closing(_open(database, "rwc")) as target:
            target.execute("PRAGMA journal_mode = WAL")
            _copy(source, target)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=engine.BUSY_SECONDS)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    deadline = time.monotonic() + engine.BUSY_SECONDS

    def give_up_in_time(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > deadline:
            raise BackupFailed(f"the database stayed locked for {engine.BUSY_SECONDS} seconds; try again")

    source.backup(target, pages=-1, progress=give_up_in_time, sleep=0.05)


def _check_backup(source: sqlite3.Connection, file: Path) -> None:
    """Raises BackupFailed for a file that would be no working database."""
    problems = [str(row[0]) for row in source.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
    problems += [
        f"a row of {row[0]} refers to a row that is not there"
        for row in source.execute("PRAGMA foreign_key_check").fetchmany(3)
    ]
    if problems:
        raise BackupFailed(f"{file} is damaged ({'; '.join(problems)}); take another backup")
    known = source.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    found = {str(row[0]) for row in source.execute("SELECT version_num FROM alembic_version")} if known else set()
    if not known:
        raise BackupFailed(f"{file} is not a database of this service; give a file made by 'scheduler backup'")
    try:
        schema.check_known(found)
    except schema.NewerDatabase as error:
        raise BackupFailed(
            f"{file} is at version {', '.join(error.revisions)} of the schema, which this version of the "
            "scheduler does not know: restore it with the version that made it"
        ) from error
    if found != schema.heads():
        raise BackupFailed(
            f"{file} is at version {', '.join(sorted(found))} of the schema, not {', '.join(sorted(schema.heads()))}; "
            f"bring a copy of it to this one with SCHEDULER_DATABASE_URL=sqlite:///COPY scheduler migrate"
        )


@contextmanager
def _temporary_file_for(file: Path) -> Iterator[Path]:
    """A new file beside ``file``, readable by its owner only, and deleted at the end unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    os.close(handle)
    made = Path(name)
    try:
        yield made
    finally:
        made.unlink(missing_ok=True)


@contextmanager
def _wrap_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(f"{what}: {error}") from error
