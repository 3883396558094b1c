"""The unit of work: one transaction, with a repository for each kind of thing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from scheduler.store import checks, engine, schema
from scheduler.store.answers import Answers
from scheduler.store.backups import BackupFailed, back_up, restore
from scheduler.store.blackouts import Blackouts
from scheduler.store.calendars import Calendars
from scheduler.store.changes import Changes
from scheduler.store.conflicts import Conflicts
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
from scheduler.store.outbox import Outbox
from scheduler.store.people import People
from scheduler.store.programmes import Programmes
from scheduler.store.sealed import SealedTexts
from scheduler.store.servers import Servers
from scheduler.store.wakeups import listen
from scheduler.store.writers import WriterLine


class Transaction:
    """The repositories over one connection. Ids are ``new_id()``; the caller passes the time."""

    def __init__(self, connection: Connection) -> None:
        self.programmes = Programmes(connection)
        self.people = People(connection)
        self.blackouts = Blackouts(connection)
        self.calendars = Calendars(connection)
        self.feeds = Feeds(connection)
        self.mentorships = Mentorships(connection)
        self.meetings = Meetings(connection)
        self.conflicts = Conflicts(connection)
        self.changes = Changes(connection)
        self.outbox = Outbox(connection)
        self.servers = Servers(connection)
        self.answers = Answers(connection)
        self.sealed = SealedTexts(connection)
        self._after_commit: list[Callable[[], object]] = []

    def after_commit(self, action: Callable[[], object]) -> None:
        """Have an action, which must not raise, run once this transaction is committed."""
        self._after_commit.append(action)

    def run_after_commit(self) -> None:
        """Run the actions that wait for the commit."""
        for action in self._after_commit:
            action()


class _ThreadState(threading.local):
    """A thread's open write transaction, and the stack that ends it inside `Store.commit_at_end`."""

    writing: Transaction | None = None
    ending: ExitStack | None = None


class Store:
    """A database by its URL; any number of threads may share one. Raises InvalidDatabaseUrl.

    A SQLite file is created, with its folder, by `migrate` and `restore` alone.
    At most ``connections`` transactions are open at a time; more wait. On SQLite the writers of a process wait in line,
    no more than ``writers`` of them for long (None: any number).
    """

    def __init__(self, url: str, *, connections: int = 15, writers: int | None = None) -> None:
        self._engine = open_engine(url, connections)
        self._line = WriterLine(writers, engine.BUSY_SECONDS) if self.is_sqlite else None
        self._thread = _ThreadState()
        self.lookups = Lookups(self._engine)

    @property
    def name(self) -> str:
        """The database's URL without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self._engine.dialect.name == "sqlite"

    @property
    def is_writing(self) -> bool:
        """Whether this thread has a write transaction open, and so sees changes that are not committed."""
        return self._thread.writing is not None

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database and changes nothing. Raises StoreUnavailable.

        Inside `write`, in the same thread, it is that transaction and sees its changes.
        """
        if self._thread.writing is not None:
            yield self._thread.writing
            return
        with transaction(self._engine, write=False) as connection:
            yield Transaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is committed at the end, or rolled back if an error leaves it. Raises StoreUnavailable.

        On SQLite there is one at a time, from its beginning, and others wait in line; on PostgreSQL rows are locked by
        the methods that say so. Inside another `write` of this store, in the same thread, it is that transaction: only
        the outer block commits, and an error that leaves the inner block rolls nothing back by itself.
        """
        if self._thread.writing is not None:
            yield self._thread.writing
        elif self._thread.ending is not None:
            yield self._thread.ending.enter_context(self._begin_write())
        else:
            with self._begin_write() as opened:
                yield opened

    @contextmanager
    def commit_at_end(self) -> Iterator[None]:
        """Commits what `write` does inside, in the same thread, when this block ends; an error rolls all of it back.

        The transaction begins with the first `write`, so that nobody waits for what comes before it. Inside
        `write`, that block commits. Raises StoreUnavailable.
        """
        if self._thread.ending is not None:
            yield
            return
        with ExitStack() as ending:
            self._thread.ending = ending
            try:
                yield
            finally:
                self._thread.ending = None

    @contextmanager
    def _begin_write(self) -> Iterator[Transaction]:
        with self._line.turn() if self._line else nullcontext(), transaction(self._engine, write=True) as connection:
            if self._line:
                self._line.has_begun()
            opened = self._thread.writing = Transaction(connection)
            try:
                yield opened
            finally:
                self._thread.writing = None
        opened.run_after_commit()

    def listen(self, woken: Callable[[], object], stopped: Callable[[], bool]) -> None:
        """Call ``woken`` when something is enqueued, until ``stopped``; on SQLite return at once.

        Raises StoreUnavailable.
        """
        if not self.is_sqlite:
            listen(self._engine, woken, stopped)

    def write_if_free(self, change: Callable[[Transaction], object]) -> bool:
        """Make a change that may be lost, without waiting for locks; return whether it was made."""
        try:
            with transaction(self._engine, write=True, wait=False) as connection:
                change(Transaction(connection))
        except (StoreUnavailable, SQLAlchemyError):
            return False
        return True

    def migrate(self) -> None:
        """Bring the schema to what this code needs; a second process that migrates waits.

        Raises StoreUnavailable, NewerDatabase.
        """
        prepare_for_migration(self._engine)
        with transaction(self._engine, write=True) as connection:
            lock_migrations(connection)
            schema.upgrade(connection)

    def check_schema(self) -> None:
        """Raise NotMigrated or NewerDatabase unless the schema is what this code needs. Raises StoreUnavailable."""
        file = self._engine.url.database if self.is_sqlite else None
        if file is not None and not Path(file).exists():
            raise schema.NotMigrated(f"there is no database at {file}")
        with transaction(self._engine, write=False) as connection:
            schema.check(connection)

    def is_migrated(self) -> bool:
        """Whether the schema is what this code needs. Raises StoreUnavailable."""
        try:
            self.check_schema()
        except schema.SchemaMismatch:
            return False
        return True

    def find_damage(self) -> list[str]:
        """What is wrong with the database itself, a sentence each. Raises StoreUnavailable."""
        return checks.find_damage(self._engine)

    def backup(self, file: Path, *, overwrite: bool = False) -> None:
        """Copy one state of the whole database to a file, while others use it. Raises BackupFailed."""
        back_up(self._sqlite_file(), file, overwrite=overwrite)

    def restore(self, file: Path) -> None:
        """Replace the database's content by a backup, while others use it. Raises BackupFailed."""
        restore(file, self._sqlite_file())

    def _sqlite_file(self) -> Path:
        url = self._engine.url
        if not self.is_sqlite or url.database is None:
            raise BackupFailed(f"{self.name} is backed up with pg_dump and restored with pg_restore, not from here")
        return Path(url.database)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.lookups.close()
        self._engine.dispose()
