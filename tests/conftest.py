"""What several suites need: real servers on loopback, each ended by its own process or thread, and a
database of its own for each test, with a clock that stands still and a stand-in for everybody's calendars."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from support.api import Clock, context_of
from support.calendars import RecordingCalendars
from support.logs import quiet_logs
from support.radicale import Radicale
from support.scripted import ScriptedServer
from support.xandikos import Xandikos

from scheduler.adapters.guarded_http import Guard
from scheduler.domain.programme.people import Account
from scheduler.services.ports import Context
from scheduler.store import Store


@event.listens_for(Engine, "connect")
def _do_not_sync(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """No test takes the power away, so SQLite need not wait for the disk."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


quiet_logs()

pytest_plugins = ["support.budget", "support.figures", "support.postgres"]


@pytest.fixture(scope="session")
def _radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    server = Radicale(tmp_path_factory.mktemp("radicale"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def radicale(_radicale: Radicale) -> Iterator[Radicale]:
    """A running Radicale; a test that stops it finds it running again afterwards."""
    yield _radicale
    _radicale.start()


@pytest.fixture(scope="session")
def _xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Xandikos]:
    with Xandikos(tmp_path_factory.mktemp("xandikos")).running() as server:
        yield server


@pytest.fixture
def xandikos(_xandikos: Xandikos) -> Iterator[Xandikos]:
    """A running Xandikos; a test that stops it finds it running again afterwards."""
    yield _xandikos
    _xandikos.start()


@pytest.fixture
def account(radicale: Radicale) -> Account:
    """A fresh user with an empty calendar on the real server."""
    return radicale.new_account()


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as server:
        yield server


@pytest.fixture(scope="session")
def loopback_guard() -> Guard:
    """Lets loopback through, and waits for no one long."""
    return Guard(allowed_networks=(ip_network("127.0.0.0/8"),), connect_seconds=2, read_seconds=2)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "scheduler.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture(scope="session")
def _database_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("database")


@pytest.fixture
def database(migrated_file: Path, _database_folder: Path) -> Path:
    """The test's own SQLite database, migrated and empty. Each test has it at the same path, as `store` needs it."""
    for left in _database_folder.iterdir():
        left.unlink()
    return Path(shutil.copy(migrated_file, _database_folder / "scheduler.db"))


@pytest.fixture
def sqlite_url(database: Path) -> str:
    return f"sqlite:///{database}"


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """The test's own database, migrated and empty; suites that hold on every database ask for each."""
    return sqlite_url


@pytest.fixture(scope="session")
def _stores() -> dict[str, Store]:
    return {}


@pytest.fixture
def store(store_url: str, _stores: dict[str, Store]) -> Iterator[Store]:
    """The test's own database, opened. Tests share the store of a URL, because it keeps the SQL it has compiled."""
    if store_url not in _stores:
        _stores[store_url] = Store(store_url)
    opened = _stores[store_url]
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calendars() -> RecordingCalendars:
    return RecordingCalendars()


@pytest.fixture
def context(store: Store, clock: Clock, calendars: RecordingCalendars) -> Context:
    return context_of(store, clock, calendars)
