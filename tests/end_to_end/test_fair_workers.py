"""Two workers, twenty programmes, and one of these with fifty servers that drip, hang and refuse."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from statistics import quantiles

import pytest
from pydantic import SecretStr
from support.budget import tries
from support.crew import Crew
from support.figures import Figures
from support.programme import Programme
from support.scripted import Asked, Raw, Reply, ScriptedServer
from support.service import wait_for

from scheduler.app import create_context
from scheduler.config.settings import Settings
from scheduler.domain.programme.people import ConnectedCalendar
from scheduler.services.booking import Details, book_slot
from scheduler.services.ports import Context
from scheduler.store import new_id

SECRET = "a secret key for tests that is long enough to be one"
LOOPBACK = ip_network("127.0.0.0/8")
OTHERS = 19
HOSTILE_SERVERS = 50
ROUNDS = tries("meetings of each programme beside hostile servers")
PAUSE = 0.25
"""Seconds between two bookings of one programme."""
FIRST = datetime(2026, 10, 5, tzinfo=UTC)
ANSWER_SECONDS = 0.03
LOOK = 0.5
"""Seconds between two looks of a worker at the outbox."""


@dataclass(frozen=True)
class Tenant:
    """A programme whose mentor has a calendar on a server of its own that answers."""

    programme: Programme
    steps: Iterator[int]
    booked: dict[str, float]
    arrived: dict[str, float]

    def book(self) -> None:
        start = FIRST + next(self.steps) * timedelta(hours=1)
        meeting = book_slot(
            self.programme.context, self.programme.id, self.programme.mentorship.id, start, 45, Details()
        )
        (uid,) = meeting.meeting.uids
        self.booked[uid] = time.monotonic()


@contextmanager
def tenant(context: Context) -> Iterator[Tenant]:
    arrived: dict[str, float] = {}

    def answer(asked: Asked) -> Reply:
        time.sleep(ANSWER_SECONDS)
        if asked.method == "PUT":
            arrived.setdefault(asked.path.rpartition("/")[2].removesuffix(".ics"), time.monotonic())
            return Reply(201, headers={"ETag": '"1"'})
        return Reply(207, b'<multistatus xmlns="DAV:"/>', {"Content-Type": "application/xml"})

    with ScriptedServer().running() as server:
        server.script = answer
        programme = programme_at_any_hour(context)
        connect(context, programme, server.url)
        yield Tenant(programme, count(), {}, arrived)


def programme_at_any_hour(context: Context) -> Programme:
    programme = Programme(context)
    with context.store.write() as tx:
        tx.people.update(programme.id, replace(programme.mentor, working_hours=None), context.clock())
    return programme


def connect(context: Context, programme: Programme, url: str) -> None:
    calendar = ConnectedCalendar(new_id(), programme.mentor.id, f"{url}/calendar/", "greta", publish=True)
    password = context.vault.seal("hunter2hunter2")
    with context.store.write() as tx:
        tx.calendars.add(programme.id, calendar, password, context.clock(), auto_schedule=False)


@contextmanager
def hostile_servers(number: int) -> Iterator[list[str]]:
    """The URLs of servers that drip their answers, say nothing, answer 503 and refuse connections, in equal parts."""
    drip = Raw(b"HTTP/1.1 201 Created\r\nX-Slow: " + b"x" * 600, pause=0.1)
    silence = Raw(b"H", pause=60)
    with ExitStack() as stack:
        urls = []
        for index in range(number):
            answer = (drip, silence, Reply(503), None)[index % 4]
            if answer is None:
                closed = stack.enter_context(socket.socket())
                closed.bind(("127.0.0.1", 0))  # bound and not listening, so that nobody else gets the port
                urls.append(f"http://127.0.0.1:{closed.getsockname()[1]}")
            else:
                server = stack.enter_context(ScriptedServer().running())
                server.answer(answer)
                urls.append(server.url)
        yield urls


def measure(tenants: Sequence[Tenant]) -> float:
    """Book meetings of every tenant in turn; return the 99th percentile of the seconds until their delivery."""
    for tenant in tenants:
        tenant.booked.clear()
    for _ in range(ROUNDS):
        for tenant in tenants:
            tenant.book()
            time.sleep(PAUSE / len(tenants))
    wait_for(lambda: all(set(tenant.booked) <= set(tenant.arrived) for tenant in tenants), seconds=120)
    latencies = [tenant.arrived[uid] - booked for tenant in tenants for uid, booked in tenant.booked.items()]
    return quantiles(latencies, n=100)[98]


@pytest.mark.prove
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_hostile_servers_of_one_programme_do_not_delay_others(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, figures: Figures
) -> None:
    url = str(request.getfixturevalue(f"{kind}_url"))
    settings = Settings(database_url=url, secret_key=SecretStr(SECRET), allowed_networks=(LOOPBACK,))
    context = create_context(settings)
    environment = {
        "SCHEDULER_DATABASE_URL": url,
        "SCHEDULER_SECRET_KEY": SECRET,
        "SCHEDULER_ALLOWED_NETWORKS": str(LOOPBACK),
    }
    with ExitStack() as stack:
        stack.callback(context.store.close)
        tenants = [stack.enter_context(tenant(context)) for _ in range(OTHERS)]
        crew = Crew(tmp_path, environment, 2)
        stack.callback(crew.kill_all)  # slow attempts are not waited for
        crew.fill()
        measure(tenants)  # no server is new after that
        alone = measure(tenants)
        hostile = Programme(context)
        for server in stack.enter_context(hostile_servers(HOSTILE_SERVERS)):
            connect(context, hostile, server)
        hostile.book_slot()
        beside = measure(tenants)
    figures(
        f"milliseconds until a delivery at the 99th percentile, on {kind}",
        alone=round(alone * 1000),
        beside_hostile_servers=round(beside * 1000),
    )
    assert beside < 2 * max(alone, LOOK)
