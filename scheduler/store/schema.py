"""The schema's version, and the migrations in the package that change it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_SCRIPTS = Path(__file__).resolve().parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that the database lacks, inside the connection's transaction."""
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Undo the migrations after ``revision``, and lose the data that only they have; "base" undoes all."""
    command.downgrade(_config(connection), revision)


def is_current(connection: Connection) -> bool:
    """Whether the database has every migration of this code and no other."""
    return set(MigrationContext.configure(connection).get_current_heads()) == heads()


@cache
def heads() -> frozenset[str]:
    """The revisions of a database that has every migration."""
    return frozenset(ScriptDirectory.from_config(_config(None)).get_heads())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
