"""A real Radicale on loopback, with its own folder and logins, that can be stopped and started again."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from requests.auth import HTTPBasicAuth

from scheduler.domain.people import Account

CONFIG = """
[server]
hosts = 127.0.0.1:{port}
delay_on_error = 0
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = {folder}/collections
[logging]
level = error
"""


class Radicale:
    """The server as a process of its own. ``url`` stays the same from start to start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "users").touch()
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder))

    def start(self) -> None:
        """Starts it if it isn't running, and waits until it answers."""
        if self._process is not None:
            return
        command = [sys.executable, "-m", "radicale", "--config", str(self.folder / "config")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Radicale did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Takes connections and answers nothing, until the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def new_account(self, password: str = "correct horse") -> Account:
        """A fresh user with an empty calendar collection."""
        username = f"user-{uuid.uuid4().hex[:12]}"
        with (self.folder / "users").open("a") as users:
            users.write(f"{username}:{password}\n")
        account = Account(f"{self.url}/{username}/calendar/", username, password)
        assert ask(account, "MKCALENDAR", account.url).status_code == 201
        return account

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/.web/")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True


def ask(
    account: Account, method: str, url: str, data: bytes | None = None, headers: dict[str, str] | None = None
) -> requests.Response:
    """What a person's calendar app does behind our back, with a client that is not ours."""
    auth = HTTPBasicAuth(account.username.encode(), account.password.encode())
    return requests.request(method, url, data=data, auth=auth, headers=headers, timeout=20)


def object_url(account: Account, uid: str) -> str:
    return f"{account.url}{uid}.ics"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
