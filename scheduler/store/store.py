"""The unit of work: one transaction, with a repository for each kind of thing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from scheduler.store import schema
from scheduler.store.blackouts import Blackouts
from scheduler.store.calendars import Calendars
from scheduler.store.deliveries import Deliveries
from scheduler.store.engine import (
    lock_migrations,
    open_engine,
    prepare_for_migration,
    transaction,
)
from scheduler.store.feeds import Feeds
from scheduler.store.meetings import Meetings
from scheduler.store.mentorships import Mentorships
from scheduler.store.people import People
from scheduler.store.programmes import Programmes


class Transaction:
    """Everything that is read and written together. Ids are ``new_id()``; the clock is the caller's."""

    def __init__(self, connection: Connection) -> None:
        self.programmes = Programmes(connection)
        self.people = People(connection)
        self.blackouts = Blackouts(connection)
        self.calendars = Calendars(connection)
        self.feeds = Feeds(connection)
        self.mentorships = Mentorships(connection)
        self.meetings = Meetings(connection)
        self.deliveries = Deliveries(connection)


class Store:
    """A database by its URL; any number of threads may share one. Raises InvalidDatabaseUrl.

    A SQLite file is made, with its folder, when it is first used; it has no tables before `migrate`.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)

    @property
    def name(self) -> str:
        """Which database it is, without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database and changes nothing. Raises StoreUnavailable."""
        with transaction(self._engine, write=False) as connection:
            yield Transaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is kept whole at the end, or not at all if an error leaves it.

        On SQLite there is one at a time, from its beginning; elsewhere rows are locked by those
        methods that say so. Raises StoreUnavailable.
        """
        with transaction(self._engine, write=True) as connection:
            yield Transaction(connection)

    def migrate(self) -> None:
        """Brings the schema to what this code needs; a second process that does the same waits.

        Raises StoreUnavailable.
        """
        prepare_for_migration(self._engine)
        with transaction(self._engine, write=True) as connection:
            lock_migrations(connection)
            schema.upgrade(connection)

    def migrated(self) -> bool:
        """Whether the schema is what this code needs. Raises StoreUnavailable."""
        with transaction(self._engine, write=False) as connection:
            return schema.is_current(connection)

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self._engine.dispose()
