"""Connections to addresses that were judged, and to no others, within the time that a job has.

This is where urllib3 opens a socket and where ``http.client`` reads from it; nothing here knows which
addresses are good.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedReader, RawIOBase
from typing import Any, Protocol

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

SocketAddress = tuple[socket.AddressFamily, Any]


class Closeable(Protocol):
    """What holds a socket."""

    def close(self) -> None:
        """Lets go of it; again does nothing."""


@dataclass(frozen=True)
class Job:
    """What all connections of one session share: who resolves a host, and when it is over (monotonic seconds).

    ``resolve`` takes a host and a port. It gives addresses that may all be connected to, or raises.
    """

    resolve: Callable[[str, int], list[SocketAddress]]
    deadline: float
    opened: list[Closeable] = field(default_factory=list)
    """Connections and answers, some of which an error may have left half read."""

    def close(self) -> None:
        """Closes whatever is still open."""
        while self.opened:
            self.opened.pop().close()

    def at_most(self, seconds: float | None) -> float:
        """What is left of that many seconds. Raises TimeoutError when the job's time is over."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this job is over")
        return left if seconds is None else min(seconds, left)


def pool_classes(job: Job) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools with our connections in them; a class is all that it lets us hand through."""
    bound = {"job": job, "response_class": type("Response", (_Response,), {"job": job})}
    plain = type("Connection", (_Connection,), bound)
    secure = type("TLSConnection", (_TLSConnection,), bound)
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TLSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


class _Connection(HTTPConnection):
    """Resolves its host once and connects to one of those very addresses."""

    job: Job

    def _new_conn(self) -> socket.socket:
        self.job.opened.append(self)
        try:
            candidates = self.job.resolve(self._dns_host, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError = OSError("the name has no address")
        for family, address in candidates:
            try:
                return self._connected(family, address)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from failure
        raise NewConnectionError(self, "no connection") from failure

    def _connected(self, family: socket.AddressFamily, address: Any) -> socket.socket:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in self.socket_options or ():
                connection.setsockopt(*option)
            connection.settimeout(self.job.at_most(self.timeout))
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection


class _TLSConnection(_Connection, HTTPSConnection):
    """The same under TLS, where the certificate has to be for the host in the URL."""


class _Response(http.client.HTTPResponse):
    """Waits for each piece only as long as the job has time, so that a trickle of bytes ends too."""

    job: Job

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.job.opened.append(self)
        self.fp = BufferedReader(_TimedReader(self.fp.detach(), sock, self.job))


class _TimedReader(RawIOBase):
    """A socket's reader whose waits get shorter as the job's time runs out."""

    def __init__(self, raw: RawIOBase, sock: socket.socket, job: Job) -> None:
        self._raw = raw
        self._sock = sock
        self._job = job
        self._wait = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._job.at_most(self._wait))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
