"""Connections to checked addresses only, within a deadline.

urllib3 opens its sockets and ``http.client`` reads from them through these classes. Which addresses are allowed is
decided elsewhere.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BufferedReader, RawIOBase
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection


@dataclass
class Job:
    """What the connections of one session share: the resolver and the deadline (monotonic seconds).

    ``resolve`` takes a host and a port, and returns IP addresses that are all allowed, or raises.
    """

    resolve: Callable[[str, int], list[str]]
    deadline: float
    opened: ExitStack = field(default_factory=ExitStack)
    """Closes the connections and responses, including those that an error left half read."""

    def at_most(self, seconds: float | None) -> float:
        """Return ``seconds``, or what is left until the deadline if that is less. Raises TimeoutError after it."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this job is over")
        return left if seconds is None else min(seconds, left)


def pool_classes(job: Job) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3 pool classes that use guarded connections; urllib3 accepts classes only."""
    bound = {"job": job, "response_class": type("Response", (_Response,), {"job": job})}
    plain = type("Connection", (_Connection,), bound)
    secure = type("TLSConnection", (_TLSConnection,), bound)
    return {
        "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TLSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


class _Connection(HTTPConnection):
    """Resolves its host once and connects to one of the returned addresses."""

    job: Job

    def _new_conn(self) -> socket.socket:
        self.job.opened.callback(self.close)
        try:
            addresses = self.job.resolve(self._dns_host, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError = OSError("the name has no address")
        for address in addresses:
            try:
                seconds = self.job.at_most(self.timeout)
                return create_connection((address, self.port), seconds, socket_options=self.socket_options)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from failure
        raise NewConnectionError(self, "no connection") from failure


class _TLSConnection(_Connection, HTTPSConnection):
    """The same with TLS; the certificate must match the host of the URL."""


class _Response(http.client.HTTPResponse):
    """A response whose reads end at the deadline, so that a trickle of bytes ends too."""

    job: Job

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.job.opened.callback(self.close)
        self.fp = BufferedReader(_TimedReader(self.fp.detach(), sock, self.job))


class _TimedReader(RawIOBase):
    """A socket reader whose timeouts shrink as the deadline approaches."""

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
