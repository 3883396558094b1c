"""The reverse proxy's configuration, in the real proxy: what it hides, what it holds back, what it tries again."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from support.caddy import Proxy, proxy
from support.servers import free_port, serving
from support.service import wait_for

TOKEN = "S3CR3T-t0ken-0f-a-feed"


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A body that the proxy breaks off is what a test here wants."""


@dataclass
class Upstream:
    """Stands for a web process: notes what reaches it, and drops the connection as often as it is told."""

    port: int = field(default_factory=free_port)
    drops: int = 0
    seen: list[tuple[str, str, dict[str, str], int]] = field(default_factory=list)
    """Method, path, headers, bytes of the body; not the proxy's own questions."""

    @contextmanager
    def running(self) -> Iterator[Upstream]:
        server = _Quiet(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = True
        with serving(server):
            yield self

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path != "/readyz":
                    upstream.seen.append((self.command, self.path, dict(self.headers), len(body)))
                    if upstream.drops:
                        upstream.drops -= 1
                        self.close_connection = True
                        return
                self.send_response(200)
                self.send_header("X-Request-ID", "the-id-of-the-service")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_POST = do_GET  # noqa: N815  # the library's name

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream().running() as running:
        yield running


@pytest.fixture
def front(upstream: Upstream, tmp_path: Path) -> Iterator[Proxy]:
    with proxy(tmp_path, [upstream.port]) as running:
        yield running


def test_feed_token_is_in_no_proxy_log(tmp_path: Path) -> None:
    with ExitStack() as stack:
        alive = ExitStack()
        upstream = alive.enter_context(Upstream().running())
        front = stack.enter_context(proxy(tmp_path, [upstream.port]))
        paths = (f"/feeds/{TOKEN}.ics", f"/FEEDS/{TOKEN}", f"//feeds%2F{TOKEN}.ics", f"/v1/feeds?{TOKEN}")
        for path in paths:
            requests.get(front.url + path, headers={"Referer": front.url + paths[0]}, timeout=10)
        upstream.drops = 1
        requests.post(front.url + paths[0], timeout=30)
        alive.close()
        status = requests.get(front.url + paths[0], timeout=30).status_code
        lines = wait_for(lambda: [row for row in _access(front) if row["status"] == status])

    assert status in (502, 503)
    assert TOKEN not in front.log.read_text()
    assert lines[0]["request"]["uri"] == "/feeds/(token)"


def test_access_log_has_the_request_id_and_no_key(front: Proxy) -> None:
    requests.get(f"{front.url}/v1/people", headers={"Authorization": "Bearer mk_planted_key"}, timeout=10)

    (line,) = wait_for(lambda: _access(front))

    assert line["request_id"] == "the-id-of-the-service"
    assert line["request"]["uri"] == "/v1/people"
    assert "mk_planted" not in front.log.read_text()


def test_client_address_is_the_real_one_whatever_the_client_sends(front: Proxy, upstream: Upstream) -> None:
    requests.get(f"{front.url}/v1/people", headers={"X-Forwarded-For": "203.0.113.9"}, timeout=10)

    ((_, _, headers, _),) = upstream.seen

    assert headers["X-Forwarded-For"] == "127.0.0.1"


def test_body_over_8_mib_is_refused(front: Proxy, upstream: Upstream) -> None:
    taken = requests.post(f"{front.url}/v1/slots", data=b" " * (8 << 20), timeout=30)
    refused = requests.post(f"{front.url}/v1/slots", data=b" " * (8 << 20) + b" ", timeout=30)

    assert taken.status_code == 200
    assert refused.status_code == 413
    # Of the second one a part may have been passed on, and was broken off.
    whole = [size for _, _, headers, size in upstream.seen if size == int(headers["Content-Length"])]
    assert whole == [8 << 20]


def test_slow_client_takes_no_thread_of_the_service(front: Proxy, upstream: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as client:
        client.sendall(b"POST /v1/slots HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n12345")
        time.sleep(0.5)
        before = list(upstream.seen)
        client.sendall(b"67890")
        answer = client.recv(100)

    assert before == []
    assert b" 200 " in answer
    assert [size for *_, size in upstream.seen] == [10]


def test_stopped_web_process_is_passed_over(upstream: Upstream, tmp_path: Path) -> None:
    with proxy(tmp_path, [free_port(), upstream.port]) as front:
        answers = [requests.post(f"{front.url}/v1/people", data=b"{}", timeout=15).status_code for _ in range(6)]

    assert answers == [200] * 6


@pytest.mark.parametrize(
    ("method", "headers", "status", "times"),
    [
        pytest.param("GET", {}, 200, 2, id="a-reading-is-asked-again"),
        pytest.param("POST", {"Idempotency-Key": "k"}, 200, 2, id="a-change-with-its-key-is-made-again"),
        pytest.param("POST", {}, 502, 1, id="a-change-without-one-is-not"),
    ],
)
def test_web_process_killed_during_a_request_is_retried_if_safe(
    method: str, headers: dict[str, str], status: int, times: int, tmp_path: Path
) -> None:
    with (
        Upstream(drops=1).running() as one,
        Upstream(drops=0).running() as other,
        proxy(tmp_path, [one.port, other.port]) as front,
    ):
        answer = None
        while not one.seen:  # either may be the first in the round
            other.seen.clear()
            connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=30)
            body = b"{}" if method == "POST" else None
            connection.request(method, "/v1/people", body, headers)
            answer = connection.getresponse().status
            connection.close()

    assert answer == status
    assert len(one.seen) + len(other.seen) == times
    assert len({size for *_, size in one.seen + other.seen}) == 1


def _access(front: Proxy) -> list[dict[str, Any]]:
    """The lines of the access log so far."""
    rows = [json.loads(line) for line in front.log.read_text().splitlines()]
    return [row for row in rows if str(row.get("logger", "")).startswith("http.log.access")]
