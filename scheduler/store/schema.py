"""Bringing a database to the schema that this code needs, with the migrations in the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_SCRIPTS = Path(__file__).resolve().parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Runs every migration that this database has not seen, inside the connection's transaction."""
    command.upgrade(_config(connection), "head")


def downgrade(connection: Connection) -> None:
    """Undoes every migration, data included."""
    command.downgrade(_config(connection), "base")


def is_current(connection: Connection) -> bool:
    """Whether the database has seen every migration, and none that this code does not know."""
    seen = MigrationContext.configure(connection).get_current_heads()
    return set(seen) == set(ScriptDirectory.from_config(_config(connection)).get_heads())


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
