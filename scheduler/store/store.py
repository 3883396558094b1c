"""The unit of work: one transaction, with a repository for each kind of thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from scheduler.store import checks, schema
from scheduler.store.answers import Answers
from scheduler.store.backups import BackupFailed, back_up, put_back
from scheduler.store.blackouts import Blackouts
from scheduler.store.calendars import Calendars
from scheduler.store.counts import Counts
from scheduler.store.deliveries import Deliveries
from scheduler.store.engine import (
    lock_migrations,
    open_engine,
    prepare_for_migration,
    transaction,
)
from scheduler.store.failures import StoreUnavailable
from scheduler.store.feeds import Feeds
from scheduler.store.lookups import Lookups
from scheduler.store.meetings import Meetings
from scheduler.store.mentorships import Mentorships
from scheduler.store.people import People
from scheduler.store.programmes import Programmes
from scheduler.store.sealed import SealedTexts


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
        self.counts = Counts(connection)
        self.answers = Answers(connection)
        self.sealed = SealedTexts(connection)


_WRITING: ContextVar[Mapping[Store, Transaction]] = ContextVar("_WRITING", default={})  # noqa: B039  # never changed
"""The write transaction of each store that is open in this thread."""


class Store:
    """A database by its URL; any number of threads may share one. Raises InvalidDatabaseUrl.

    A SQLite file is made, with its folder, when it is first used; it has no tables before `migrate`.
    ``connections`` is how many transactions can be open at a time; more wait for their turn.
    """

    def __init__(self, url: str, *, connections: int = 15) -> None:
        self._engine = open_engine(url, connections)
        self.lookups = Lookups(self._engine)

    @property
    def name(self) -> str:
        """Which database it is, without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def is_writing(self) -> bool:
        """Whether this thread has a write transaction open, so that what is committed is not all that it sees."""
        return self in _WRITING.get()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database and changes nothing. Raises StoreUnavailable.

        Inside of `write`, in the same thread, it is that transaction, and sees what that has written.
        """
        joined = _WRITING.get().get(self)
        if joined is not None:
            yield joined
            return
        with transaction(self._engine, write=False) as connection:
            yield Transaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is kept whole at the end, or not at all if an error leaves it.

        On SQLite there is one at a time, from its beginning; elsewhere rows are locked by those
        methods that say so. Inside of another `write` of this store, in the same thread, it is that
        transaction: nothing is kept before the outer one ends, and an error that leaves the inner block
        undoes nothing by itself, so that the outer one decides. Raises StoreUnavailable.
        """
        joined = _WRITING.get().get(self)
        if joined is not None:
            yield joined
            return
        with transaction(self._engine, write=True) as connection:
            opened = Transaction(connection)
            before = _WRITING.set({**_WRITING.get(), self: opened})
            try:
                yield opened
            finally:
                _WRITING.reset(before)

    def write_if_free(self, change: Callable[[Transaction], object]) -> bool:
        """Makes a change that nobody has to rely on, if that can be done at once; whether it could.

        It waits for nobody who writes, and fails nobody who only reads.
        """
        try:
            with transaction(self._engine, write=True, wait=False) as connection:
                change(Transaction(connection))
        except (StoreUnavailable, SQLAlchemyError):
            return False
        return True

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

    def damages(self) -> list[str]:
        """What is wrong with the database itself, a sentence each. Raises StoreUnavailable."""
        return checks.damages(self._engine)

    def backup(self, file: Path, *, overwrite: bool = False) -> None:
        """Copies one state of the whole database to a file, while others use it. Raises BackupFailed."""
        back_up(self._sqlite_file(), file, overwrite=overwrite)

    def restore(self, file: Path) -> None:
        """Makes the database what a backup holds, under those who use it. Raises BackupFailed."""
        put_back(file, self._sqlite_file())

    def _sqlite_file(self) -> Path:
        url = self._engine.url
        if self._engine.dialect.name != "sqlite" or url.database is None:
            raise BackupFailed(f"{self.name} is backed up with pg_dump and restored with pg_restore, not from here")
        return Path(url.database)

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self.lookups.close()
        self._engine.dispose()
