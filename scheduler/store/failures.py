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
_POSTGRESQL_READ_ONLY = "25006"
"""SQLSTATE of a write that the server takes from nobody, a standby for example; or not from a reader."""


class StoreUnavailable(SchedulerError):
    """The database can't be reached, stayed locked for too long, or broke the transaction off.

    Nothing was kept, unless the connection was lost in the moment of committing.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the database did not answer: {reason}; try again")


class StatementRefused(SchedulerError):
    """A statement that the database will never carry out: the schema is another one, or the code is wrong."""

    def __init__(self) -> None:
        super().__init__("the database refuses a statement; 'scheduler doctor' says whether it is migrated")


def unavailable(error: DBAPIError, *, write: bool) -> StoreUnavailable | None:
    """What the error of a writer's or a reader's statement comes to, if the same one may succeed later."""
    return away(error.orig, write=write, is_lost=error.connection_invalidated)


def away(error: BaseException | None, *, write: bool, is_lost: bool) -> StoreUnavailable | None:
    """The same of a driver's own error; ``is_lost`` is whether the connection has gone."""
    if isinstance(error, sqlite3.Error):
        is_away = _is_sqlite_away(error, write=write)
    else:
        refused = write and getattr(error, "sqlstate", None) == _POSTGRESQL_READ_ONLY
        # The driver's OperationalErrors are SQLSTATE's classes 08, 40 and 53 to 58: connections, deadlocks, limits.
        is_away = "OperationalError" in {kind.__name__ for kind in type(error).__mro__} or is_lost or refused
    return StoreUnavailable(_first_line(error)) if is_away else None


def _is_sqlite_away(error: sqlite3.Error, *, write: bool) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest says more about it
    return code in _SQLITE_AWAY or (write and code == sqlite3.SQLITE_READONLY)


def _first_line(error: BaseException | None) -> str:
    """The message without what a server adds to it: statements, and rows that were in the way."""
    return str(error).split("\n", 1)[0]
