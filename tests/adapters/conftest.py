from __future__ import annotations

import socket
from typing import Any

import pytest
from support.names import NameServer

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard


@pytest.fixture
def caldav(loopback_guard: Guard) -> CalDAVServer:
    return CalDAVServer(loopback_guard)


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
