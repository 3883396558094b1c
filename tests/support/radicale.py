"""A real Radicale on loopback, with its own folder and logins, that can be stopped and started again."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import requests
from requests.auth import HTTPBasicAuth
from support.servers import ServerProcess

from scheduler.domain.programme.people import Account

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


class Radicale(ServerProcess):
    """The server as a process of its own. ``url`` stays the same from start to start."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "users").touch()
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder))

    def command(self) -> list[str]:
        return [sys.executable, "-m", "radicale", "--config", str(self.folder / "config")]

    def answers(self) -> bool:
        return self.answers_http("/.web/")

    def new_account(self, password: str = "correct horse") -> Account:
        """A fresh user with an empty calendar collection."""
        username = f"user-{uuid.uuid4().hex[:12]}"
        with (self.folder / "users").open("a") as users:
            users.write(f"{username}:{password}\n")
        account = Account(f"{self.url}/{username}/calendar/", username, password)
        assert ask(account, "MKCALENDAR", account.url).status_code == 201
        return account


def ask(
    account: Account, method: str, url: str, data: bytes | None = None, headers: dict[str, str] | None = None
) -> requests.Response:
    """What a person's calendar app does behind our back, with a client that is not ours."""
    auth = HTTPBasicAuth(account.username.encode(), account.password.encode())
    return requests.request(method, url, data=data, auth=auth, headers=headers, timeout=20)


def object_url(account: Account, uid: str) -> str:
    return f"{account.url}{uid}.ics"
