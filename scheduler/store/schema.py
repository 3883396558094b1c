"""The schema's version, and the migrations in the package that change it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from scheduler.errors import SchedulerError

_SCRIPTS = Path(__file__).resolve().parent / "migrations"


class SchemaMismatch(SchedulerError):
    """The database's schema is not the one that this code needs."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}; {remedy}")


class NotMigrated(SchemaMismatch):
    """The database is older than the code, or there is none yet."""

    def __init__(self, problem: str = "the database is not at this version") -> None:
        super().__init__(problem, "run 'scheduler migrate' first")


class NewerDatabase(SchemaMismatch):
    """A newer version of the code has migrated the database."""

    def __init__(self, revisions: Iterable[str]) -> None:
        self.revisions = tuple(sorted(revisions))
        super().__init__(
            f"the database is at revision {', '.join(self.revisions)}, which this version of the scheduler does not "
            "know, because a newer version migrated it",
            "run the newer version, or restore a backup from before the upgrade",
        )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that are missing, inside the connection's transaction. Raises NewerDatabase."""
    check_known(_current(connection))
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Undo the migrations after ``revision``, and lose the data that only they have; "base" undoes all."""
    command.downgrade(_config(connection), revision)


def check(connection: Connection) -> None:
    """Raise NotMigrated or NewerDatabase unless every migration of this code has run, and no other."""
    current = _current(connection)
    check_known(current)
    if current != heads():
        raise NotMigrated


def check_known(revisions: AbstractSet[str]) -> None:
    """Raise NewerDatabase if this code lacks a migration that made one of the revisions."""
    if unknown := revisions - _known():
        raise NewerDatabase(unknown)


@cache
def heads() -> frozenset[str]:
    """The revisions of a database that has every migration."""
    return frozenset(ScriptDirectory.from_config(_config(None)).get_heads())


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions())


def _current(connection: Connection) -> AbstractSet[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
