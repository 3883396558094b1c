"""Servers of the demo, as processes on loopback."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

HOST = "127.0.0.1"
SERVICE_PORT = int(os.environ.get("SCHEDULER_PORT", "8080"))
"""Where the service listens, if nothing else does."""
FOLDER = Path("var/demo")
SCHEDULER = str(Path(sys.executable).with_name("scheduler"))
PATIENCE = 30.0
"""Seconds within which a server that was started has to answer."""

CALDAV_LOGINS = {"mentor": "mentor-password", "mentee": "mentee-password"}

RADICALE_CONFIG = """\
[server]
hosts = {host}:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/collections
[logging]
level = warning
"""


class ServerDied(Exception):
    """A server ended, or did not answer in time; its log says why."""


def free_port(wanted: int = 0) -> int:
    """Return the wanted port of loopback if it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerDied("no free port on loopback")


class Server:
    """A process that serves HTTP on loopback; it runs from the start, and again after ``start()``."""

    def __init__(
        self,
        name: str,
        command: list[str],
        url: str,
        environment: Mapping[str, str] | None = None,
        folder: Path = FOLDER,
    ) -> None:
        self.name = name
        self.url = url
        self.log = folder / f"{name}.log"
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self.log.unlink(missing_ok=True)
        self.start()

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    def wait(self) -> None:
        """Wait until it answers. Raises ServerDied."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                requests.get(self.url, timeout=5, allow_redirects=False)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return
        raise ServerDied(f"{self.name} does not answer at {self.url}; {self.log} says why")

    def stop(self) -> None:
        """Ask the process to end, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """Send SIGKILL to the process and to those that it started, as when a container is killed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_radicale(within: Path = FOLDER) -> Server:
    """Start a CalDAV server with two users, its collections below a folder."""
    folder = (within / "radicale").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "users").write_text("".join(f"{user}:{password}\n" for user, password in CALDAV_LOGINS.items()))
    config = folder / "config"
    config.write_text(RADICALE_CONFIG.format(host=HOST, port=port, folder=folder))
    command = [sys.executable, "-m", "radicale", "--config", str(config)]
    return Server("radicale", command, f"http://{HOST}:{port}/", folder=within)


def service_environment() -> dict[str, str]:
    """The settings of the demo's service, as environment variables; its secret key is made once and kept."""
    secret = FOLDER / "secret-key"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(48))
    return {
        "SCHEDULER_DATABASE_URL": f"sqlite:///{(FOLDER / 'scheduler.db').resolve()}",
        "SCHEDULER_SECRET_KEY": secret.read_text(),
        "SCHEDULER_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SCHEDULER_ENVIRONMENT": "development",  # feeds are then at whichever port was free
    }


def migrate(environment: Mapping[str, str]) -> None:
    """Make the database, or migrate it to this version."""
    _scheduler(environment, "migrate")


def create_programme(environment: Mapping[str, str], name: str) -> str:
    """Create a programme and return its API key, the last line of what the command prints."""
    return _scheduler(environment, "programmes", "create", name).splitlines()[-1]


def start_service(environment: Mapping[str, str]) -> Server:
    """Start the service with its worker in the same process."""
    port = free_port(SERVICE_PORT)
    command = [SCHEDULER, "serve", "--host", HOST, "--port", str(port)]
    return Server("scheduler", command, f"http://{HOST}:{port}/healthz", environment)


def _scheduler(environment: Mapping[str, str], *arguments: str) -> str:
    result = subprocess.run(
        [SCHEDULER, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise ServerDied(f"scheduler {' '.join(arguments)} failed: {result.stderr.strip()}")
    return result.stdout
