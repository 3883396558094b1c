"""WSGI servers side by side: feeds polled while other clients are slow, and a SIGTERM during a request.

``python -m benchmarks.servers [NAME …]``; each server is one process with eight threads and one SQLite feed behind it.
``granian+caddy`` is granian behind the reverse proxy as it is deployed.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scheduler.app import create_context, create_service
from scheduler.config.environment import load_settings
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import Person, Show
from scheduler.services.booking import Details, book_slot
from scheduler.services.mentorships import create_mentorship
from scheduler.services.people import create_person
from scheduler.services.programmes import create_programme, find_key
from scheduler.services.secrets import digest
from scheduler.store import new_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
SECONDS = 4.0
"""How long each case is measured."""
CADDYFILE = Path(__file__).parents[1] / "deploy" / "Caddyfile"
TOKEN = "a-token-for-measuring"  # noqa: S105  # of a database that lives for a minute
SERVERS = {
    "waitress": "waitress-serve --call --threads 8 --connection-limit 4000 --asyncore-use-poll "
    "--host {host} --port {port} benchmarks.servers:create",
    "gunicorn": "gunicorn --worker-class gthread --workers 1 --threads 8 --keep-alive 75 --worker-connections 4000 "
    "--bind {host}:{port} --log-level warning benchmarks.servers:create()",
    "granian": "granian --interface wsgi --no-ws --http 1 --workers 1 --blocking-threads 8 --backlog 4096 "
    "--backpressure 4096 --host {host} --port {port} --log-level warning --factory benchmarks.servers:create",
}


def create() -> WSGIApplication:
    """The service with one address more, which takes two seconds."""
    settings = load_settings()
    app = create_service(settings, create_context(settings)).wsgi_app

    def with_slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/slow":
            return app(environ, start_response)
        time.sleep(2)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    return with_slow


def seed() -> str:
    """Makes a person with a feed of 100 meetings; an API key of the programme."""
    context = create_context(load_settings())
    context.store.migrate()
    key = create_programme(context, "Measured")
    found = find_key(context, key)
    assert found is not None
    mentor, mentee = (
        create_person(context, found.programme_id, Person(new_id(), name, f"{name}@example.org", "Europe/Berlin"))
        for name in ("greta", "asha")
    )
    dates = date(2026, 11, 30), date(2027, 5, 28)
    agreed = Mentorship(new_id(), mentor.id, mentee.id, ("First paper",), "", *dates)
    mentorship = create_mentorship(context, found.programme_id, agreed)
    for number in range(100):
        day, hour = divmod(number, 4)
        start = datetime(2026, 11, 30, 9 + hour, tzinfo=UTC) + timedelta(weeks=day)
        book_slot(context, found.programme_id, mentorship.id, start, 60, Details())
    with context.store.write() as tx:
        tx.feeds.add(found.programme_id, mentor.id, Show.DETAILS, digest(TOKEN), context.clock())
    context.store.close()
    return key


@contextmanager
def server(name: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server as a process, and the port at which it is reached."""
    port = _free_port()
    name, _, proxy = name.partition("+")
    with _running(SERVERS[name].format(host=HOST, port=port), folder) as process:
        if not proxy:
            _wait(port)
            yield process, port
            return
        front = _free_port()
        os.environ |= {
            "PROXY_ADDRESS": f"http://{HOST}:{front}",
            "WEB": f"{HOST}:{port}",
            "CALENDAR_ADDRESS": f"http://{HOST}:{_free_port()}",
            "CALENDARS": f"{HOST}:{_free_port()}",
        }
        with _running(f"caddy run --config {CADDYFILE} --adapter caddyfile", folder):
            _wait(front)
            yield process, front


@contextmanager
def _running(line: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    program, *rest = line.split()
    command = [str(Path(sys.executable).with_name(program)), *rest]
    with (folder / f"{program}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603  # the command lines above
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while not poll(port) and time.monotonic() < deadline:
        time.sleep(0.1)


def poll(port: int) -> bool:
    """Whether the feed was answered within five seconds, over a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", f"/feeds/{TOKEN}.ics")
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return response.status == 200


FEED = f"GET /feeds/{TOKEN}.ics HTTP/1.1\r\nHost: x\r\n\r\n".encode()
Slow = Callable[[str], tuple[bytes, bytes, bool]]
"""Of an API key: what a client sends at once, what it sends byte by byte, and whether it reads byte by byte."""
CASES: dict[str, tuple[int, Slow]] = {
    "nobody else": (0, lambda _: (b"", b"", False)),
    "200 send a header byte by byte": (200, lambda _: (b"GET / HTTP/1.1\r\n", b"X-Long: " + b"x" * 4000, False)),
    "200 send a body byte by byte": (
        200,
        lambda key: (
            f"POST /v1/slots HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n".encode(),
            b" " * 4000,
            False,
        ),
    ),
    "200 read 20 feeds byte by byte": (200, lambda _: (FEED * 20, b"", True)),
    "200 idle after one request": (200, lambda _: (FEED, b"", False)),
    "1,100 idle after one request": (1100, lambda _: (FEED, b"", False)),
}


@contextmanager
def slow_clients(port: int, count: int, at_once: bytes, slowly: bytes, *, reads_slowly: bool) -> Iterator[None]:
    """That many connections, each sending or reading a byte five times a second."""
    ended = threading.Event()
    sockets = []
    for _ in range(count):
        one = socket.socket()
        if reads_slowly:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(2)
        with suppress(OSError):
            one.connect((HOST, port))
            one.sendall(at_once)
            one.setblocking(False)
            sockets.append(one)

    def go_on() -> None:
        for place in range(len(slowly) + 10**6):
            for one in sockets:
                with suppress(OSError):
                    one.recv(1) if reads_slowly else one.send(slowly[place : place + 1])
            if ended.wait(0.2):
                return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for one in sockets:
            one.close()


def measure(port: int) -> str:
    """Polls for some seconds, one after the other."""
    times, failed = [], 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        began = time.perf_counter()
        if poll(port):
            times.append((time.perf_counter() - began) * 1000)
        else:
            failed += 1
    if not times:
        return f"no answer, {failed} failed"
    median, late = np.percentile(times, [50, 99])
    return f"{len(times) / SECONDS:6.0f}/s  p50 {median:6.1f} ms  p99 {late:7.1f} ms  {failed} failed"


def ends_well(name: str, folder: Path) -> str:
    """What a request that is being worked on comes to when the server is told to end."""
    with server(name, folder) as (process, port):
        connection = http.client.HTTPConnection(HOST, port, timeout=15)
        connection.request("GET", "/slow")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        try:
            said = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException) as error:
            said = type(error).__name__
        status = process.wait(30)
    return f"the request in hand: {said}; exit status {status}"


def main() -> None:
    """Prints a line for each server and case."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        os.environ |= {
            "SCHEDULER_DATABASE_URL": f"sqlite:///{folder / 'scheduler.db'}",
            "SCHEDULER_ENVIRONMENT": "development",
            "SCHEDULER_ADDRESS_REQUESTS_PER_MINUTE": "0",
            "SCHEDULER_FEED_REQUESTS_PER_MINUTE": "0",
        }
        key = seed()
        for name in sys.argv[1:] or [*SERVERS, "granian+caddy"]:
            for case, (count, slow) in CASES.items():
                at_once, slowly, reads_slowly = slow(key)
                with (
                    server(name, folder) as (_, port),
                    slow_clients(port, count, at_once, slowly, reads_slowly=reads_slowly),
                ):
                    time.sleep(1)
                    print(f"{name:13} {case:32} {measure(port)}", flush=True)
            print(f"{name:13} {'SIGTERM':32} {ends_well(name, folder)}", flush=True)


if __name__ == "__main__":
    main()
