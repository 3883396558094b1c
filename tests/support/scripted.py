"""An HTTP server on loopback that answers by a script and records its requests."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.servers import serving


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A well-formed answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Bytes as they are, after which the connection is closed; ``pause`` seconds between any two of them."""

    data: bytes
    pause: float = 0


Script = Callable[[Asked], Reply | Raw]


_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Forward:
    """A script that forwards to another server on loopback; if that can't be reached, the connection is closed."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, asked: Asked, **more: str) -> Reply | Raw:
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in _HOP | {"host"}}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(asked.method, asked.path, asked.body, headers | more)
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            return Raw(b"")
        finally:
            connection.close()
        return Reply(answer.status, body, {k: v for k, v in answer.getheaders() if k.lower() not in _HOP})


class ScriptedServer:
    """Answers every request as ``script`` says."""

    def __init__(self, certificate: Path | None = None) -> None:
        """Serve over TLS if a file with key and certificate is given; ``server_names`` are those that clients sent."""
        self.script: Script = lambda _: Reply(404)
        self.asked: list[Asked] = []
        self.server_names: list[str] = []
        self._http = _Server(self)
        self.port = int(self._http.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            tls.set_servername_callback(lambda _, name, __: self.server_names.append(str(name)))
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def methods(self) -> list[str]:
        return [asked.method for asked in self.asked]

    def answer(self, *replies: Reply | Raw) -> None:
        """Answer with these in turn, and then always with the last one."""
        waiting = list(replies)
        self.script = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    @contextlib.contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        with serving(self._http):
            yield self


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, scripted: ScriptedServer) -> None:
        self.scripted = scripted
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self._answer

    def handle_one_request(self) -> None:
        # Clients that hang up are what some tests are about.
        with contextlib.suppress(OSError):
            super().handle_one_request()
            return
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, self.path, self.headers, body)
        self.server.scripted.asked.append(asked)
        reply = self.server.scripted.script(asked)
        if isinstance(reply, Raw):
            self.close_connection = True
            self._write(reply)
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _write(self, reply: Raw) -> None:
        pieces = [bytes([byte]) for byte in reply.data] if reply.pause else [reply.data]
        for piece in pieces:
            self.wfile.write(piece)
            time.sleep(reply.pause)
