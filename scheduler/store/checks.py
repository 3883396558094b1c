"""Integrity checks that the database itself offers; what the rows mean is checked elsewhere."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from scheduler.store.engine import transaction
from scheduler.store.failures import StoreUnavailable

_CORRUPTION = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
MOST = 20
"""How many problems of a kind are listed: a broken file can have one for each page."""


def find_damage(engine: Engine) -> list[str]:
    """What is wrong, a sentence each; nothing on PostgreSQL, which is checked with its own tools.

    Raises StoreUnavailable.
    """
    if engine.dialect.name != "sqlite":
        return []
    found: list[str] = []
    try:
        with transaction(engine, write=False) as connection:
            found += _find_broken_pages(connection)
            found += _find_broken_references(connection)
    except StoreUnavailable as error:
        if not _is_corruption(error.__cause__):
            raise
        found.append(f"SQLite can't read the file ({error.reason})")
    return found


def _is_corruption(error: BaseException | None) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else None
    return isinstance(original, sqlite3.Error) and getattr(original, "sqlite_errorcode", 0) & 0xFF in _CORRUPTION


def _find_broken_pages(connection: Connection) -> list[str]:
    found = connection.exec_driver_sql(f"PRAGMA integrity_check({MOST})").scalars()
    return [f"the file is damaged: {problem}" for problem in found if problem != "ok"]


def _find_broken_references(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(MOST)
    return [f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in rows]
