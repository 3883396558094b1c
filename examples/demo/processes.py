"""Starts the CalDAV server and the service on loopback, each in its own folder, and ends what it started."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests

HOST = "127.0.0.1"
FOLDER = Path("var/demo")
SCHEDULER = str(Path(sys.executable).with_name("scheduler"))
PATIENCE = 30.0
"""Seconds that a server may take to answer."""

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
    """A server ended or never answered; its log says why."""


def free_port(wanted: int) -> int:
    """The port, or any free one if something else has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerDied("no free port on loopback")


class Server:
    """A process that serves HTTP on loopback until it is stopped."""

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
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **(environment or {})}, start_new_session=True
            )

    def wait(self) -> None:
        """Waits until it answers. Raises ServerDied."""
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
        """Asks it to end and waits."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_radicale(within: Path = FOLDER) -> Server:
    """A CalDAV server with two users, its collections under a folder."""
    folder = (within / "radicale").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port(5232)
    (folder / "users").write_text("".join(f"{user}:{password}\n" for user, password in CALDAV_LOGINS.items()))
    config = folder / "config"
    config.write_text(RADICALE_CONFIG.format(host=HOST, port=port, folder=folder))
    command = [sys.executable, "-m", "radicale", "--config", str(config)]
    return Server("radicale", command, f"http://{HOST}:{port}/", folder=within)


def service_environment() -> dict[str, str]:
    """The settings of the demo's service; its secret key is made once and kept."""
    secret = FOLDER / "secret-key"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(48))
    return {
        "SCHEDULER_DATABASE_URL": f"sqlite:///{(FOLDER / 'scheduler.db').resolve()}",
        "SCHEDULER_SECRET_KEY": secret.read_text(),
        "SCHEDULER_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


def migrate(environment: Mapping[str, str]) -> None:
    """Makes the database, or brings it to this version."""
    _scheduler(environment, "migrate")


def create_programme(environment: Mapping[str, str], name: str) -> str:
    """A new programme's API key: the last line of what the command prints."""
    return _scheduler(environment, "programmes", "create", name).splitlines()[-1]


def start_service(environment: Mapping[str, str]) -> Server:
    """The service, with its embedded worker."""
    port = free_port(8080)
    command = [SCHEDULER, "serve", "--host", HOST, "--port", str(port)]
    return Server("scheduler", command, f"http://{HOST}:{port}/healthz", environment)


def _scheduler(environment: Mapping[str, str], *arguments: str) -> str:
    result = subprocess.run(
        [SCHEDULER, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise ServerDied(f"scheduler {' '.join(arguments)} failed: {result.stderr.strip()}")
    return result.stdout
