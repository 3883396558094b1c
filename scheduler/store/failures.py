"""Which database errors mean that the database is unavailable for now, and which that the code is wrong."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from scheduler.errors import SchedulerError

_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
_SQLITE_REMEDIES = {
    sqlite3.SQLITE_CANTOPEN: "check that the file and its folder exist and that this user may write to both",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user",
    sqlite3.SQLITE_NOTADB: "give the path of a database, or of a file that does not exist yet",
    sqlite3.SQLITE_CORRUPT: "restore a backup; 'scheduler doctor' says what is damaged",
    sqlite3.SQLITE_IOERR: "check the disk and the rights of the file",
    sqlite3.SQLITE_FULL: "make room on the disk",
}
"""What to do about the errors that do not pass by themselves."""
_CONNECTION_REMEDY = "check that the server runs, and the host, user, password and database of the URL; then try again"
_POSTGRESQL_READ_ONLY = "25006"
"""SQLSTATE of a write to a server that takes none, such as a standby, or in a read-only transaction."""
_POSTGRESQL_DEADLOCK = "40P01"


class StoreUnavailable(SchedulerError):
    """The database can't be reached, stayed locked for too long, or aborted the transaction.

    Nothing was committed, unless the connection was lost during the commit.
    """

    def __init__(self, reason: str, remedy: str | None = None, database: str | None = None) -> None:
        self.reason = reason
        problem = "did not answer" if remedy is None else "can't be used"
        name = f"the database {database}" if database else "the database"
        super().__init__(f"{name} {problem}: {reason}; {remedy or 'try again'}")


class Deadlocked(StoreUnavailable):
    """The database ended this transaction, because it and another one waited for each other; it can be repeated."""


class StatementRefused(SchedulerError):
    """The database rejects a statement for good: its schema is another one, or the code is wrong."""

    def __init__(self) -> None:
        super().__init__("the database refuses a statement; 'scheduler doctor' says whether it is migrated")


def statement_unavailable(error: DBAPIError, *, write: bool, database: str | None = None) -> StoreUnavailable | None:
    """Return the error of a statement as StoreUnavailable, if the same statement may succeed later; else None."""
    return as_unavailable(error.orig, write=write, is_lost=error.connection_invalidated, database=database)


def as_unavailable(
    error: BaseException | None, *, write: bool, is_lost: bool, database: str | None = None
) -> StoreUnavailable | None:
    """The same for a driver's own error; ``is_lost``: the connection is gone."""
    remedy = None
    named: type[StoreUnavailable] = StoreUnavailable
    if isinstance(error, sqlite3.Error):
        code = _sqlite_code(error)
        is_unavailable = code in _SQLITE_UNAVAILABLE or (write and code == sqlite3.SQLITE_READONLY)
        remedy = _SQLITE_REMEDIES.get(code)
    else:
        state = getattr(error, "sqlstate", None)
        if state is None:  # the server has run no statement
            remedy = _CONNECTION_REMEDY
        refused = write and state == _POSTGRESQL_READ_ONLY
        named = Deadlocked if state == _POSTGRESQL_DEADLOCK else StoreUnavailable
        # The driver's OperationalErrors are SQLSTATE's classes 08, 40 and 53 to 58: connections, deadlocks, limits.
        is_unavailable = "OperationalError" in {kind.__name__ for kind in type(error).__mro__} or is_lost or refused
    return named(_first_line(error), remedy, database) if is_unavailable else None


def _sqlite_code(error: sqlite3.Error) -> int:
    """The primary result code; the higher bits of SQLite's own code are a detail of it."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _first_line(error: BaseException | None) -> str:
    """The first line of the message; a server adds statements and rows below it."""
    return str(error).split("\n", 1)[0]
