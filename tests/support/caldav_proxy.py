"""An HTTP proxy on loopback in front of a CalDAV server that lets a test intercept each PUT."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.servers import serving

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Put:
    """A PUT on its way. ``port`` is the client's end of the connection."""

    path: str
    body: bytes
    port: int
    forward: Callable[[], Answer]
    """Forwards it to the server and returns the answer."""
    reply: Callable[[Answer], None]
    """Passes an answer on to the client."""


def pass_on(put: Put) -> None:
    """Forward a PUT and return its answer: the default of a proxy."""
    put.reply(put.forward())


class CalDAVProxy:
    """Passes everything on to a server; PUTs with a login as ``on_put`` says, in a thread for each connection.

    ``asked`` counts those PUTs. ``taken`` are the versions that the server stored, in order: the same one twice if it
    was stored twice.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.on_put: Callable[[Put], None] = pass_on
        self.taken: list[tuple[str, str]] = []
        self.asked = 0
        self._under_way = 0
        self._changed = threading.Condition()
        self._http = _Server(self)
        self.port = int(self._http.server_address[1])

    @contextlib.contextmanager
    def running(self) -> Iterator[CalDAVProxy]:
        """Serve; at the end wait for the requests under way."""
        with serving(self._http):
            yield self

    def put(self, put: Put) -> None:
        """Pass a PUT to ``on_put`` and count it."""
        with self._changed:
            self.asked += 1
            self._under_way += 1
        try:
            self.on_put(put)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until no PUT is under way."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._under_way, 30)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 50

    def __init__(self, proxy: CalDAVProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def __getattr__(self, name: str) -> Callable[[], None]:
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self._pass

    def log_message(self, *arguments: object) -> None:
        pass

    def handle_one_request(self) -> None:
        # Tests kill clients on purpose.
        with contextlib.suppress(OSError):
            super().handle_one_request()
            return
        self.close_connection = True

    def _pass(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "PUT" and "Authorization" in self.headers:
            put = Put(self.path, body, self.client_address[1], lambda: self._forward(body), self._reply)
            self.server.proxy.put(put)
        else:
            self._reply(self._forward(body))

    def _forward(self, body: bytes) -> Answer:
        proxy = self.server.proxy
        connection = http.client.HTTPConnection("127.0.0.1", proxy.server_port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        try:
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
        if self.command == "PUT" and answer.status in (200, 201, 204):
            proxy.taken.append((self.path, sha256(body).hexdigest()))
        return answer

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in _HOP | {"server", "date"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
