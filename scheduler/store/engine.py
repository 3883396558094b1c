"""Connections: how a transaction begins on each database. All that differs between databases is here.

A write transaction has the right to write from its first moment on: on SQLite it waits for that
in BEGIN IMMEDIATE, so that what it reads is still true when it writes. A read transaction sees one
state of the database and can change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from scheduler.errors import InvalidValue, SchedulerError

BUSY_SECONDS = 20
"""How long a transaction on SQLite waits for another one to finish writing."""
_READ: dict[str, dict[str, Any]] = {
    "sqlite": {"sqlite_begin": "BEGIN"},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
_MIGRATION_LOCK = 0x7363686564756C65


class InvalidDatabaseUrl(InvalidValue):
    """A database URL that can't be used. It may hold a password, so it is not repeated."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the database URL {problem}; give one such as 'sqlite:///var/scheduler.db'")


class StoreUnavailable(SchedulerError):
    """The database can't be reached, or stayed locked for too long."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the database did not answer: {reason}; try again")


def open_engine(url: str) -> Engine:
    """The engine for a database URL; a SQLite file's folder is made. Raises InvalidDatabaseUrl."""
    parsed = _parsed(url)
    return _open_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _open_postgresql(parsed)


def database_name(url: str) -> str:
    """The database URL without its password. Raises InvalidDatabaseUrl."""
    return _parsed(url).render_as_string(hide_password=True)


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """A connection in a transaction: committed at the end, rolled back on an error.

    Raises StoreUnavailable if it can't begin.
    """
    with _begun(engine, {} if write else _READ[engine.dialect.name]) as connection:
        yield connection
        connection.commit()


def _begun(engine: Engine, options: dict[str, Any]) -> Connection:
    try:
        connection = engine.connect().execution_options(**options)
    except OperationalError as error:
        raise StoreUnavailable(str(error.orig)) from error
    try:
        connection.begin()
    except OperationalError as error:
        connection.close()
        raise StoreUnavailable(str(error.orig)) from error
    return connection


def prepare_for_migration(engine: Engine) -> None:
    """Sets what has to be set once in a database, outside of any transaction. Raises StoreUnavailable."""
    if engine.dialect.name == "sqlite":
        with _begun(engine, {"sqlite_begin": None}) as connection:
            # Readers then never wait for the writer. The file remembers it.
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            except DatabaseError as error:
                raise StoreUnavailable(str(error.orig)) from error


def lock_migrations(connection: Connection) -> None:
    """Makes a second process that migrates wait for this transaction; SQLite's writers already do."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidDatabaseUrl("can't be read") from error
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise InvalidDatabaseUrl(f"names {backend!r}, which is neither sqlite nor postgresql")
    return parsed


def _open_postgresql(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise InvalidDatabaseUrl(f"needs the package {error.name!r}, which is not installed") from error


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise InvalidDatabaseUrl("names no file, and threads can't share a SQLite database in memory")
    path = Path(url.database).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidDatabaseUrl(f"names a file in a folder that can't be made ({error.strerror})") from error
    engine = create_engine(url.set(database=str(path)), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    connection.cursor().execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE")
    connection.exec_driver_sql("PRAGMA query_only = ON" if begin == "BEGIN" else "PRAGMA query_only = OFF")
    if begin is not None:
        connection.exec_driver_sql(begin)
