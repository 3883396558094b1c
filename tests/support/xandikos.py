"""A real Xandikos on loopback, which invites attendees by itself (RFC 6638), behind a proxy that requires a login."""

from __future__ import annotations

import base64
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.radicale import ask
from support.scripted import Asked, Forward, Raw, Reply, ScriptedServer
from support.servers import ServerProcess

from scheduler.domain.programme.people import Account

COMMAND = str(Path(sys.executable).with_name("xandikos"))
ADDRESSES = (
    '<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
    "<C:calendar-user-address-set>{addresses}</C:calendar-user-address-set></D:prop></D:set></D:propertyupdate>"
)
ADDRESS = "<D:href>mailto:{email}</D:href>"


class Xandikos(ServerProcess):
    """The server as a process of its own. It trusts the user name that the proxy sends, which checks the passwords."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._passwords: dict[str, str] = {}
        self._with_address: list[Account] = []
        self._forward = Forward(self.port)
        self._proxy = ScriptedServer()
        self._proxy.script = self._check_login
        self.url = self._proxy.url

    @contextmanager
    def running(self) -> Iterator[Xandikos]:
        with self._proxy.running():
            try:
                self.start()
                yield self
            finally:
                self.stop()

    def command(self) -> list[str]:
        folders = ["-d", str(self.folder / "data"), "--state-dir", str(self.folder / "state"), "--defaults"]
        trust = ["--no-detect-systemd", "--trust-x-remote-user-from", "127.0.0.1"]
        return [COMMAND, "multi-user", *folders, "-l", "127.0.0.1", "-p", str(self.port), *trust]

    def answers(self) -> bool:
        return self.answers_http("/")

    def new_account(self, password: str = "correct horse", email: str | None = None) -> Account:
        """A fresh user with the calendar that everybody has; ``email`` is the address by which it invites them."""
        username = f"user-{uuid.uuid4().hex[:12]}"
        self._passwords[username] = password
        home = Account(f"{self.url}/{username}/", username, password)
        assert ask(home, "PROPFIND", home.url, headers={"Depth": "0"}).status_code == 207
        if email:
            self._set_addresses(home, ADDRESS.format(email=email))
            self._with_address.append(home)
        return Account(f"{home.url}calendars/calendar/", username, password)

    def forget_addresses_but(self, *accounts: Account) -> None:
        """Leaves these accounts alone with an address, so that nobody else is invited by it."""
        kept = {account.username for account in accounts}
        for home in self._with_address:
            if home.username not in kept:
                self._set_addresses(home, "")
        self._with_address = [home for home in self._with_address if home.username in kept]

    def _set_addresses(self, home: Account, addresses: str) -> None:
        body = ADDRESSES.format(addresses=addresses).encode()
        assert ask(home, "PROPPATCH", home.url, body, {"Content-Type": "application/xml"}).status_code == 207

    def _check_login(self, asked: Asked) -> Reply | Raw:
        scheme, _, login = asked.headers.get("Authorization", "").partition(" ")
        username, _, password = base64.b64decode(login).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if not username or self._passwords.get(username) != password:
            return Reply(401, headers={"WWW-Authenticate": 'Basic realm="Xandikos"'})
        return self._forward(asked, **{"X-Remote-User": username})
