"""What every act uses: the service and a CalDAV server as processes, and a client with a new programme's key."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from examples.demo import processes, readback
from examples.demo.client import Client
from examples.demo.show import console, step

DELIVERY_SECONDS = 30.0


@dataclass
class Stage:
    """Starts each part when an act first uses it, and ends what it started with ``stack``."""

    stack: ExitStack
    hints: list[str] = field(default_factory=list)
    """What there is to look at while the processes stay up, a line each."""

    @cached_property
    def environment(self) -> dict[str, str]:
        """The settings of the service, whose database is migrated."""
        environment = processes.service_environment()
        with step("making the database (var/demo/scheduler.db)"):
            processes.migrate(environment)
        return environment

    @cached_property
    def radicale(self) -> processes.Server:
        """A CalDAV server, running."""
        server = processes.start_radicale()
        self.stack.callback(server.stop)
        return server

    @cached_property
    def service(self) -> processes.Server:
        """The service with its worker, running."""
        server = processes.start_service(self.environment)
        self.stack.callback(server.stop)
        return server

    @cached_property
    def client(self) -> Client:
        """A client with the key of a new programme."""
        servers = [self.radicale]  # starts while the database is made
        environment = self.environment
        with step("starting a CalDAV server (Radicale) and the service"):
            servers.append(self.service)
            for server in servers:
                server.wait()
        with step("creating a programme and its API key"):
            key = processes.create_programme(environment, "Open Source Mentors")
            key_file = processes.FOLDER / "api-key"
            key_file.touch(mode=0o600)
            key_file.write_text(key)
        return Client(self.service.url.removesuffix("/healthz"), key)


def connect_calendars(client: Client, radicale: str, people: list[str]) -> list[str]:
    """Make a calendar on the CalDAV server for each of two people, connect them, and return their URLs."""
    urls = []
    for person, (user, password) in zip(people, processes.CALDAV_LOGINS.items(), strict=True):
        url = readback.make_calendar(radicale, user, password, f"demo-{uuid4().hex[:8]}")
        account = {"url": url, "username": user, "password": password, "publish": True}
        client.post(f"/people/{person}/calendars", account)
        urls.append(url)
    return urls


def _are_all_delivered(rows: list[dict[str, Any]]) -> bool:
    """Whether each of the two people's calendars has everything; one that is still connecting has no rows yet."""
    calendars = {row["calendar"] for row in rows}
    return len(calendars) == len(processes.CALDAV_LOGINS) and all(row["state"] == "delivered" for row in rows)


def wait_for_delivery(client: Client, meeting: dict[str, Any]) -> bool:
    """Wait until every connected calendar has the meeting; False, with the reasons printed, if that takes too long."""

    def rows() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get(f"/meetings/{meeting['id']}/deliveries")["items"]
        return found

    with step("waiting until both calendars have it"):
        delivered = readback.wait_until(lambda: True if _are_all_delivered(rows()) else None, DELIVERY_SECONDS)
    if delivered is None:
        reasons = [row["reason"] for row in rows()]
        console.print(f"[red]not delivered within {DELIVERY_SECONDS:.0f} seconds:[/] {reasons}")
    return delivered is not None
