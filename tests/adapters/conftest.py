from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.api import Clock, context_of
from support.delivering import Delivering, Server
from support.names import Connections, NameServer
from support.programme import Programme

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.adapters.reader_process import ReaderPool
from scheduler.services.ports import Context
from scheduler.store import Store


@pytest.fixture(scope="session")
def reader() -> Iterator[ReaderPool]:
    """The reader that the service uses."""
    pool = ReaderPool()
    yield pool
    pool.close()


@pytest.fixture
def caldav(loopback_guard: Guard, reader: ReaderPool) -> CalDAVServer:
    return CalDAVServer(loopback_guard, reader)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    """Makes a name resolve to the next of several answers each time; gives the list of lookups."""
    real = socket.getaddrinfo
    answers: dict[str, list[list[str]]] = {}
    looked_up: list[str] = []

    def lookup(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in answers:
            return real(host, port, *args, **kwargs)
        looked_up.append(host)
        addresses = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [row for address in addresses for row in real(address, port, *args, **kwargs)]

    def define(name: str, *in_turn: list[str]) -> list[str]:
        answers[name] = list(in_turn)
        return looked_up

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return define


@pytest.fixture(params=["radicale", "xandikos"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the real servers in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def real_context(store: Store, clock: Clock, caldav: CalDAVServer, reader: ReaderPool) -> Context:
    """A context whose calendars are real ones."""
    return context_of(store, clock, caldav, reader)


@pytest.fixture
def delivering(server: Server, real_context: Context, clock: Clock) -> Delivering:
    return Delivering(Programme(real_context), clock, server, server.new_account())


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens on every address of this machine and accepts nobody by itself."""
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.settimeout(0)
        yield server


@pytest.fixture
def port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@pytest.fixture
def connections(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Connections:
    """Counts the connections that anything in this process tries, and those that reach the listener."""
    connect = socket.socket.connect
    tried: list[object] = []
    taken: list[object] = []

    def note(made: socket.socket, address: Any) -> None:
        tried.append(address)
        connect(made, address)

    def count() -> int:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, address = listener.accept()
                connection.close()
                taken.append(address)
        return max(len(tried), len(taken))

    monkeypatch.setattr(socket.socket, "connect", note)
    return count
