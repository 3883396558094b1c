"""Which database errors mean that the database is away for now, and which mean that the code is wrong."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from scheduler.errors import SchedulerError

_SQLITE_AWAY = {
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
_POSTGRESQL_READ_ONLY = "25006"
"""SQLSTATE of a write that the server takes from nobody, a standby for example; or not from a reader."""


class StoreUnavailable(SchedulerError):
    """The database can't be reached, stayed locked for too long, or broke the transaction off.

    Nothing was kept, unless the connection was lost in the moment of committing.
    """

    def __init__(self, reason: str, remedy: str | None = None, database: str | None = None) -> None:
        self.reason = reason
        problem = "did not answer" if remedy is None else "can't be used"
        name = f"the database {database}" if database else "the database"
        super().__init__(f"{name} {problem}: {reason}; {remedy or 'try again'}")


class StatementRefused(SchedulerError):
    """A statement that the database will never carry out: the schema is another one, or the code is wrong."""

    def __init__(self) -> None:
        super().__init__("the database refuses a statement; 'scheduler doctor' says whether it is migrated")


def unavailable(error: DBAPIError, *, write: bool, database: str | None = None) -> StoreUnavailable | None:
    """What the error of a writer's or a reader's statement comes to, if the same one may succeed later."""
    return away(error.orig, write=write, is_lost=error.connection_invalidated, database=database)


def away(
    error: BaseException | None, *, write: bool, is_lost: bool, database: str | None = None
) -> StoreUnavailable | None:
    """The same of a driver's own error; ``is_lost`` is whether the connection has gone."""
    remedy = None
    if isinstance(error, sqlite3.Error):
        is_away = _is_sqlite_away(error, write=write)
        remedy = _SQLITE_REMEDIES.get(_sqlite_code(error))
    else:
        refused = write and getattr(error, "sqlstate", None) == _POSTGRESQL_READ_ONLY
        # The driver's OperationalErrors are SQLSTATE's classes 08, 40 and 53 to 58: connections, deadlocks, limits.
        is_away = "OperationalError" in {kind.__name__ for kind in type(error).__mro__} or is_lost or refused
    return StoreUnavailable(_first_line(error), remedy, database) if is_away else None


def _is_sqlite_away(error: sqlite3.Error, *, write: bool) -> bool:
    code = _sqlite_code(error)
    return code in _SQLITE_AWAY or (write and code == sqlite3.SQLITE_READONLY)


def _sqlite_code(error: sqlite3.Error) -> int:
    """The primary result code; the higher bits of SQLite's own code are a detail of it."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _first_line(error: BaseException | None) -> str:
    """The message without what a server adds to it: statements, and rows that were in the way."""
    return str(error).split("\n", 1)[0]
