"""Real servers that several suites need. Each listens on loopback and is ended by its own process or thread."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from support.radicale import Radicale
from support.scripted import ScriptedServer

from scheduler.adapters.guarded_http import Guard
from scheduler.domain.people import Account


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
    return Guard(allowed_networks=(ip_network("127.0.0.0/8"),), connect_seconds=2, read_seconds=2, job_seconds=20)
