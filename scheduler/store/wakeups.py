"""Waking workers when something is enqueued: LISTEN and NOTIFY of PostgreSQL. On SQLite workers look by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from scheduler.store.failures import StoreUnavailable

CHANNEL = "scheduler_outbox"


def notify(connection: Connection) -> None:
    """Wake all workers once the transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {CHANNEL}"))


def listen(engine: Engine, woken: Callable[[], object], stopped: Callable[[], bool]) -> None:
    """Call ``woken`` whenever workers are woken, until ``stopped``, which is called every second.

    Holds one connection of the engine. Raises StoreUnavailable when it is lost.
    """
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"LISTEN {CHANNEL}"))
            driver = cast("psycopg.Connection", connection.connection.driver_connection)
            while not stopped():
                for _ in driver.notifies(timeout=1, stop_after=1):
                    woken()
            connection.execute(text(f"UNLISTEN {CHANNEL}"))
    except (SQLAlchemyError, psycopg.Error) as error:
        raise StoreUnavailable("the connection that wakes workers is lost") from error
