"""A closed loop of HTTP requests: as many as there are connections are under way, each followed by the next.

Raw sockets and one thread, because what the client costs is taken from the servers: they share the machine.
"""

from __future__ import annotations

import selectors
import socket
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from benchmarks.load.processes import HOST

_END_OF_HEAD = b"\r\n\r\n"
_MOST_AT_ONCE = 1 << 18
_STUCK = 30.0
"""Seconds without an answer after which the run is given up."""


class ServiceStuck(Exception):
    """The service has answered nothing for a long time."""


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    head: bytes
    body: bytes

    @property
    def ends_connection(self) -> bool:
        """Whether the server closes the connection after it (RFC 9112 §9.3)."""
        option = (self.field(b"connection") or b"").lower()
        return option == b"close" or (self.head.startswith(b"HTTP/1.0") and option != b"keep-alive")

    def field(self, name: bytes) -> bytes | None:
        """A header field's value; the name is in lower case."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip()
        return None


@dataclass(frozen=True)
class Request:
    """A request: its bytes, the statuses of good answers, and what is called with the answer (None: it was cut off)."""

    kind: str
    data: bytes
    expected: frozenset[int]
    then: Callable[[Answer | None], None] | None = None


@dataclass
class Tally:
    """The result of a loop: milliseconds and statuses by kind of request, counts of errors, and processor time."""

    milliseconds: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    client_seconds: float = 0.0
    """Processor time of the client."""
    server_seconds: float = 0.0
    """Processor time of the servers, where it was measured."""
    received: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Bytes, heads included, by kind and status."""

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return sum(len(times) for times in self.milliseconds.values())

    @property
    def rate(self) -> float:
        """Answers a second, of all kinds."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def cost(self) -> float:
        """The servers' processor time for one answer, in microseconds."""
        return self.server_seconds / self.requests * 1e6 if self.requests else 0.0

    def percentile(self, kind: str, share: float) -> float:
        """The milliseconds within which that share (0-100) of the kind's requests were answered."""
        return float(np.percentile(self.milliseconds[kind], share))

    def add(self, other: Tally) -> None:
        """Add the result of another loop."""
        for kind, times in other.milliseconds.items():
            self.milliseconds[kind].extend(times)
            self.statuses[kind].update(other.statuses[kind])
        self.errors.update(other.errors)
        self.seconds += other.seconds
        self.client_seconds += other.client_seconds
        self.server_seconds += other.server_seconds
        self.received.update(other.received)


def encode(method: str, path: str, fields: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request (RFC 9112)."""
    named = {"Host": HOST, **fields}
    if body:
        named |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


def drive(port: int, choose: Callable[[], Request | None], seconds: float, connections: int) -> Tally:
    """Send requests from ``choose`` for so many seconds, or until it returns None, and wait for the answers.

    Raises ServiceStuck, OSError.
    """
    tally = Tally()
    began, cpu = time.perf_counter(), time.process_time()
    ends = began + seconds
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        under_way = 0
        for _ in range(connections):
            connection = _Connection(port, selector)
            stack.callback(connection.close)
            under_way += connection.send(choose())
        while under_way:
            ready = selector.select(_STUCK)
            if not ready:
                raise ServiceStuck(f"nothing was answered for {_STUCK:.0f} seconds")
            for key, _ in ready:
                connection = key.data
                if connection.receive(tally) and not (time.perf_counter() < ends and connection.send(choose())):
                    under_way -= 1
    tally.seconds = time.perf_counter() - began
    tally.client_seconds = time.process_time() - cpu
    return tally


class _Connection:
    """A persistent connection with one request under way."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self._open()

    def send(self, request: Request | None) -> bool:
        """Send the request, if there is one, and return whether there was."""
        if request is None:
            return False
        self._request = request
        self._got = bytearray()
        self._began = time.perf_counter()
        self._socket.sendall(request.data)
        return True

    def receive(self, tally: Tally) -> bool:
        """Receive what has arrived, and return whether the request has ended."""
        part = self._socket.recv(_MOST_AT_ONCE)
        self._got += part
        answer = _parsed(self._got) if part else None
        if part and answer is None:
            return False
        request = self._request
        if answer is None:
            tally.errors[f"{request.kind}: the connection was cut"] += 1
        else:
            tally.milliseconds[request.kind].append((time.perf_counter() - self._began) * 1000)
            tally.statuses[request.kind][answer.status] += 1
            tally.received[request.kind, answer.status] += len(self._got)
            if answer.status not in request.expected:
                tally.errors[f"{request.kind}: {answer.status} {answer.body[:200]!r}"] += 1
        if answer is None or answer.ends_connection:
            self.close()
            self._open()
        if request.then is not None:
            request.then(answer)
        return True

    def close(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()

    def _open(self) -> None:
        self._socket = socket.create_connection((HOST, self._port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ, self)


def _parsed(got: bytearray) -> Answer | None:
    """Return the answer once all of it has arrived; every server here states its length."""
    end = got.find(_END_OF_HEAD)
    if end < 0:
        return None
    head = bytes(got[:end])
    status = int(head[9:12])
    start = end + len(_END_OF_HEAD)
    length = 0 if status in {204, 304} else int(Answer(status, head, b"").field(b"content-length") or 0)
    if len(got) < start + length:
        return None
    return Answer(status, head, bytes(got[start : start + length]))
