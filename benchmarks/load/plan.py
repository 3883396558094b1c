"""What a load run does, in order: the race for one calendar, then the mix on a small and on a large programme."""

from __future__ import annotations

import math
import os
import platform
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.load.client import Request, Tally
from benchmarks.load.contest import NAMES, Rates, contenders, fill_radicale, race
from benchmarks.load.deliveries import Delivered, deliver_all
from benchmarks.load.mix import Mix
from benchmarks.load.processes import Postgres, Server, get, start_radicale, start_web
from benchmarks.load.seed import Seeded, open_database, seed_calendar, seed_programme
from benchmarks.load.service import Service

Say = Callable[[str], None]

ANY_NUMBER = str(10**9)
"""Of requests in a minute: each is counted, none is refused."""
PHASES = {"render": 0, "mix": 0.5, "poll": 0.05, "search": 0.1, "change": 0.1}
"""What is requested, and for which share of ``Plan.seconds``, twice; 0: once, until each feed is rendered."""


@dataclass(frozen=True)
class Plan:
    """The sizes of a run; ``seconds`` is how long each mix runs."""

    server: str = "granian"
    seconds: float = 60
    small: int = 100
    large: int = 1000
    workers: int = 2
    connections: int = 8
    rounds: int = 15
    events: int = 200
    databases: tuple[str, ...] = ("postgresql", "sqlite")


@dataclass
class Found:
    """The results of a run: by database, by size of the programme, and by phase."""

    plan: Plan
    machine: str = field(default_factory=lambda: f"{os.cpu_count()} cores, Python {platform.python_version()}")
    races: dict[str, dict[str, Rates]] = field(default_factory=dict)
    deliveries: dict[str, Delivered] = field(default_factory=dict)
    mixes: dict[int, dict[str, Tally]] = field(default_factory=dict)


def run(plan: Plan, folder: Path, say: Say) -> Found:
    """Run everything and return what was measured; processes are ended in any case. Raises ServerDied, ServiceStuck."""
    found = Found(plan)
    folder.chmod(0o755)  # another user's PostgreSQL has its folder in it
    with ExitStack() as stack:
        postgres_folder = folder / "postgres"
        postgres_folder.mkdir()
        say("starting PostgreSQL and Radicale")
        postgres = Postgres(postgres_folder)
        stack.callback(postgres.stop)
        urls: dict[str, Callable[[str], str]] = {"postgresql": postgres.create, "sqlite": partial(_file, folder)}
        web = _Web(plan, folder, {"postgresql": (postgres.server,), "sqlite": ()})
        _race_all(plan, folder, found, {name: urls[name]("calendar") for name in plan.databases}, web, say)
        url_of = urls[plan.databases[0]]
        _mix_all(plan, found, {size: url_of(f"mentorships_{size}") for size in (plan.small, plan.large)}, web, say)
    return found


@dataclass(frozen=True)
class _Web:
    """Starts web processes. ``behind`` names the servers behind each database, whose processor time counts too."""

    plan: Plan
    folder: Path
    behind: dict[str, tuple[Server, ...]]

    def start(self, stack: ExitStack, name: str, url: str) -> Service:
        """Start the service on that database, and return it; its web processes end with the stack."""
        environment = {
            "SCHEDULER_DATABASE_URL": url,
            "SCHEDULER_SECRET_KEY": secrets.token_urlsafe(48),
            "SCHEDULER_PUBLIC_URL": "https://scheduler.example.org",  # no feed is asked for by its whole address
            "SCHEDULER_KEY_REQUESTS_PER_MINUTE": ANY_NUMBER,
            "SCHEDULER_FEED_REQUESTS_PER_MINUTE": ANY_NUMBER,
            "SCHEDULER_ADDRESS_REQUESTS_PER_MINUTE": ANY_NUMBER,
        }
        server, port = start_web(name, self.plan.server, self.folder, environment, self.plan.workers)
        stack.callback(server.stop)
        return Service(port, (server, *self.behind[url.partition(":")[0].partition("+")[0]]))


def _race_all(plan: Plan, folder: Path, found: Found, urls: dict[str, str], web: _Web, say: Say) -> None:
    with ExitStack() as stack:
        server, radicale_port = start_radicale(folder)
        stack.callback(server.stop)
        radicale = Service(radicale_port, (server,))
        for name, url in urls.items():
            context = open_database(url)
            stack.callback(context.store.close)
            calendar = seed_calendar(context, plan.events)
            ours = web.start(stack, f"calendar-{name}", url)
            feed = get(ours.port, f"/feeds/{calendar.token}.ics")
            fill_radicale(radicale_port, f"/{name}/calendar/", feed)
            say(f"one calendar of {plan.events} events on {name}: {', '.join(NAMES)}")
            entered = contenders(ours, calendar.token, radicale, f"/{name}/calendar/", plan.events)
            race(entered, plan.seconds / 240, 1, plan.connections)  # warms everything up
            found.races[name] = race(entered, plan.seconds / 180, plan.rounds, plan.connections)
            say(f"{plan.events} deliveries to Radicale")
            found.deliveries[name] = deliver_all(context, calendar, radicale)


def _mix_all(plan: Plan, found: Found, urls: dict[int, str], web: _Web, say: Say) -> None:
    """The mix on both programmes in turn, half the time each; then each kind by itself."""
    with ExitStack() as stack:
        asked: dict[int, tuple[Service, Mix]] = {}
        for size, url in urls.items():
            mix = Mix(_seed(url, size, say), seed=size)
            asked[size] = web.start(stack, f"mix-{size}", url), mix
            found.mixes[size] = {phase: Tally() for phase in PHASES}
        for size, (service, mix) in asked.items():
            say(f"each feed of {size:,} mentorships is rendered once")
            found.mixes[size]["render"].add(service.drive(mix.each_feed(), math.inf, plan.connections))
        for phase, share in PHASES.items():
            for _ in range(2 if share else 0):
                for size, (service, mix) in asked.items():
                    say(f"{phase} of {size:,} mentorships")
                    tally = service.drive(_chooser(mix, phase), plan.seconds * share, plan.connections)
                    found.mixes[size][phase].add(tally)


def _chooser(mix: Mix, phase: str) -> Callable[[], Request]:
    return {"mix": mix.any, "poll": mix.poll, "search": mix.search, "change": mix.change}[phase]


def _file(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


def _seed(url: str, size: int, say: Say) -> Seeded:
    context = open_database(url)
    began = time.monotonic()

    def progress(made: int) -> None:
        if made % 100 == 0 or made == size:
            say(f"seeded {made:,} of {size:,} mentorships in {time.monotonic() - began:.0f} s")

    try:
        return seed_programme(context, size, progress)
    finally:
        context.store.close()
