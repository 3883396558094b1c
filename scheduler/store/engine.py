"""Engines, and how a transaction begins on each database.

A write transaction may write from its beginning: on SQLite it waits for that in BEGIN IMMEDIATE, so that what it
reads still holds when it writes. A read transaction sees one state of the database and can change nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry

from scheduler.errors import InvalidValue
from scheduler.store.failures import StoreUnavailable, as_unavailable, statement_unavailable

BUSY_SECONDS = 20
"""How long a transaction waits for another one: to write on SQLite, for a locked row, for a free connection."""
STATEMENT_SECONDS = 30
"""After how long PostgreSQL cancels a statement."""
IDLE_SECONDS = 60
"""After how long PostgreSQL ends an idle transaction: its process hangs, and others wait for its locks."""
CONNECT_SECONDS = 5
_READ: dict[str, dict[str, Any]] = {
    "sqlite": {"sqlite_begin": "BEGIN"},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
_WRITE: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "postgresql": {"isolation_level": "READ COMMITTED"},  # a read after a lock sees what its last holder committed
}
_POSTGRESQL = {"postgresql", "postgres"}
"""What operators type; libpq takes both."""
_POSTGRESQL_DRIVER = "postgresql+psycopg"
_POSTGRESQL_EXAMPLE = "postgresql://user:password@host/database"
_EITHER = f"sqlite:///var/scheduler.db' or '{_POSTGRESQL_EXAMPLE}"
_MIGRATION_LOCK = 0x7363686564756C65


class InvalidDatabaseUrl(InvalidValue):
    """A database URL that can't be used. It may hold a password, so it is not repeated."""

    def __init__(self, problem: str, example: str = "sqlite:///var/scheduler.db") -> None:
        super().__init__(f"the database URL {problem}; give one such as '{example}'")


def open_engine(url: str, connections: int = 15) -> Engine:
    """Return the engine for a database URL, with at most ``connections`` connections; no SQLite file is made.

    Raises InvalidDatabaseUrl.
    """
    parsed = _parsed(url)
    pool = {"pool_size": connections, "max_overflow": 0, "pool_timeout": BUSY_SECONDS, "hide_parameters": True}
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, pool)
    return _open_postgresql(parsed, pool)


def database_name(url: str) -> str:
    """Return the database URL without its password. Raises InvalidDatabaseUrl."""
    return _parsed(url).render_as_string(hide_password=True)


@contextmanager
def transaction(engine: Engine, *, write: bool, wait: bool = True) -> Iterator[Connection]:
    """A connection in a transaction, committed at the end or rolled back on an error.

    With ``wait`` False it fails on SQLite while another writer is at work. Raises StoreUnavailable.
    """
    options = (_WRITE if write else _READ)[engine.dialect.name] | ({} if wait else {"no_wait": True})
    try:
        with _begun(engine, options) as connection:
            yield connection
            _check_not_failed(connection)
            connection.commit()
    except DBAPIError as error:
        refusal = statement_unavailable(error, write=write, database=engine.url.render_as_string(hide_password=True))
        if refusal is None:
            raise
        raise refusal from error
    except NoConnectionFree as error:
        raise StoreUnavailable("every connection is in use") from error


def _begun(engine: Engine, options: dict[str, Any]) -> Connection:
    connection = engine.connect().execution_options(**options)
    try:
        connection.begin()
    except DBAPIError:
        connection.close()
        raise
    return connection


def _check_not_failed(connection: Connection) -> None:
    """Raise StoreUnavailable if a statement has failed: PostgreSQL would answer COMMIT with a rollback."""
    if connection.dialect.name == "postgresql":
        status = connection.connection.driver_connection.info.transaction_status  # type: ignore[union-attr]  # psycopg's
        if status.name == "INERROR":
            raise StoreUnavailable("a statement of the transaction had failed")


def prepare_for_migration(engine: Engine) -> None:
    """Make a SQLite file and its folder, and set what is set once, outside of any transaction.

    Raises StoreUnavailable.
    """
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return
    name = engine.url.render_as_string()
    make_folder(Path(engine.url.database).parent, name)
    try:
        with closing(sqlite3.connect(engine.url.database, timeout=BUSY_SECONDS)) as connection:
            # Readers then never wait for the writer. The file remembers it.
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise (as_unavailable(error, write=True, is_lost=False, database=name) or error) from error


def make_folder(folder: Path, database: str) -> None:
    """Make the folder of a SQLite database. Raises StoreUnavailable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"its folder can't be made ({error.strerror})"
        raise StoreUnavailable(
            reason, "give another path, or make a folder that this user may write to", database
        ) from error


def lock_migrations(connection: Connection) -> None:
    """Make a second process that migrates wait for this transaction; on SQLite every writer does.

    A migration may take longer than anything else may.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidDatabaseUrl("can't be read", _EITHER) from error
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", *_POSTGRESQL}:
        raise InvalidDatabaseUrl(f"names {backend!r}, which is neither sqlite nor postgresql", _EITHER)
    if backend in _POSTGRESQL and parsed.drivername not in {*_POSTGRESQL, _POSTGRESQL_DRIVER}:
        driver = parsed.get_driver_name()
        raise InvalidDatabaseUrl(f"names the driver {driver!r}, which is not used here", _POSTGRESQL_EXAMPLE)
    name = parsed.database or ""
    if backend == "sqlite" and (name in {"", ":memory:"} or name.startswith("file:")):
        raise InvalidDatabaseUrl("names no file, and threads can't share a SQLite database in memory")
    return parsed


def _open_postgresql(url: URL, pool: dict[str, Any]) -> Engine:
    url = url.set(drivername=_POSTGRESQL_DRIVER)
    timeouts = {
        "lock_timeout": BUSY_SECONDS,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    limits = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": STATEMENT_SECONDS * 1000,
        "options": " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in timeouts.items()),
        "application_name": "mentorship-scheduler",
    }
    chosen = {name: value for name, value in limits.items() if name not in url.query}
    return create_engine(url, pool_pre_ping=True, connect_args=chosen, **pool)


def _open_sqlite(url: URL, pool: dict[str, Any]) -> Engine:
    path = Path(url.database or "").absolute()

    def connect() -> sqlite3.Connection:
        """A connection to the file, which is not made if it is missing."""
        # The pool gives a connection to one thread at a time.
        return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    engine = create_engine(url.set(database=str(path)), creator=connect, **pool)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    connection.cursor().execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    begin = options.get("sqlite_begin", "BEGIN IMMEDIATE")
    query_only = "ON" if begin == "BEGIN" else "OFF"
    if connection.info.get("query_only") != query_only:  # it holds for the connection, until it is said otherwise
        connection.exec_driver_sql(f"PRAGMA query_only = {query_only}")
        connection.info["query_only"] = query_only
    if not options.get("no_wait"):
        connection.exec_driver_sql(begin)
        return
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        connection.exec_driver_sql(begin)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
