"""Workers killed by SIGKILL at the worst moments, and workers that share the table: nothing lost, nothing twice."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_network
from math import ceil
from operator import itemgetter
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import or_, text
from support.budget import tries
from support.caldav_proxy import CalDAVProxy, Put, pass_on
from support.crew import Crew
from support.figures import Figures
from support.programme import Programme
from support.radicale import Radicale
from support.series import book_series, change_series, differences
from support.service import wait_for

from scheduler.app import create_context
from scheduler.config.settings import Settings
from scheduler.domain.programme.fair_queue import FIRST_LIMIT
from scheduler.domain.programme.outbox import LEASE, DeliveryState
from scheduler.domain.programme.people import Account
from scheduler.services.calendars import connect_calendar
from scheduler.store import DeliveryRow
from scheduler.store.engine import open_engine, transaction
from scheduler.store.tables import outbox

SECRET = "a secret key for tests that is long enough to be one"
LOOPBACK = ip_network("127.0.0.0/8")
SHORT_LEASE = timedelta(seconds=3)

BEFORE = "between claim and PUT"
LINGERING = "with the PUT still on its way"
AFTER = "between PUT and record"
RECORDING = "waiting to record"
IN_TRANSACTION = "in a transaction"
AT_RANDOM = "at random"
KILLS = {BEFORE: 24, LINGERING: 14, AFTER: 24, RECORDING: 12, IN_TRANSACTION: 20, AT_RANDOM: 16}
"""When workers are killed, and how many then, in ``make prove``."""
MEETINGS = tries("meetings that workers deliver")
SHARE = tries("percent of the kills of workers") / 100


class Scene:
    """A programme in a database, both people's calendars on a real server behind a proxy, and meetings owed to them."""

    def __init__(self, url: str, proxy: CalDAVProxy, radicale: Radicale, meetings: int) -> None:
        self.environment = {
            "SCHEDULER_DATABASE_URL": url,
            "SCHEDULER_SECRET_KEY": SECRET,
            "SCHEDULER_ALLOWED_NETWORKS": str(LOOPBACK),
        }
        self.proxy = proxy
        self.chance = random.Random(20261001)
        self.engine = open_engine(url)
        settings = Settings(database_url=url, secret_key=SecretStr(SECRET), allowed_networks=(LOOPBACK,))
        self.context = create_context(settings)
        self.programme = Programme(self.context)
        self.accounts: dict[str, Account] = {}
        for person in (self.programme.mentor, self.programme.mentee):
            account = radicale.new_account()
            self.accounts[person.id] = account
            shown = replace(account, url=account.url.replace(str(radicale.port), str(proxy.port)))
            connect_calendar(self.context, self.programme.id, person.id, shown, publish=True)
        self.meetings = [book_series(self.programme, number) for number in range(meetings)]

    def change(self, meeting_id: str = "") -> int:
        """Changes a meeting, whichever, as a use case does; how many deliveries are owed for that."""
        chosen = meeting_id or self.chance.choice(self.meetings)
        if not change_series(self.programme, chosen, self.chance):
            return 0
        return len(self.programme.deliveries(chosen))

    def deliveries(self) -> list[DeliveryRow]:
        return [row for meeting_id in self.meetings for row in self.programme.deliveries(meeting_id)]

    def is_settled(self) -> bool:
        with self.context.store.read() as tx:
            return tx.outbox.next_due() is None

    def pass_time(self) -> None:
        """Lets leases run out after seconds rather than after LEASE, and what is tried again be due at once.

        It does to the table what time does. Who is alive and slow loses its lease too, which must do no harm.
        """
        now = self.context.clock()
        held, due = outbox.c.state == DeliveryState.DELIVERING, outbox.c.due_at
        over = or_((held & (due < now + LEASE - SHORT_LEASE)), ~held)
        with transaction(self.engine, write=True) as connection:
            connection.execute(outbox.update().where(due > now, over).values(due_at=now))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else can change a delivery meanwhile."""
        with transaction(self.engine, write=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE outbox"))
            yield

    def close(self) -> None:
        self.context.store.close()
        self.engine.dispose()


@pytest.fixture
def proxy(radicale: Radicale) -> Iterator[CalDAVProxy]:
    with CalDAVProxy(radicale.port).running() as running:
        yield running


@pytest.fixture
def on(proxy: CalDAVProxy, radicale: Radicale, request: pytest.FixtureRequest) -> Iterator[Callable[[str, int], Scene]]:
    """Sets the scene on a kind of database, with so many meetings."""
    made: list[Scene] = []

    def make(kind: str, meetings: int) -> Scene:
        made.append(Scene(request.getfixturevalue(f"{kind}_url"), proxy, radicale, meetings))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Killer:
    """Kills whoever makes a PUT, at a moment of which some are left to be tried; others at random, or by themselves."""

    def __init__(self, scene: Scene, crew: Crew, quota: dict[str, int]) -> None:
        self._scene = scene
        self._crew = crew
        self._quota = quota
        self._left = Counter(quota)
        self._last_at_random = 0
        self._chance = random.Random(7)
        self._lock = threading.Lock()
        self._moments = {
            BEFORE: self._before,
            LINGERING: self._lingering,
            AFTER: self._after,
            RECORDING: self._recording,
        }

    def is_done(self) -> bool:
        tried = all(self._crew.killed[moment] >= kills for moment, kills in self._quota.items())
        return tried and not self._crew.commands_to_kill

    def __call__(self, put: Put) -> None:
        with self._lock:
            moments = [moment for moment in self._moments if self._left[moment]]
            moment = self._chance.choice(moments) if moments and self._chance.random() < 0.4 else None
            if moment:
                self._left[moment] -= 1
        if moment is None:
            pass_on(put)
            return
        killed = False
        try:
            killed = self._moments[moment](put)
        finally:
            if not killed:  # somebody else was quicker
                with self._lock:
                    self._left[moment] += 1

    def kill_any(self) -> None:
        """One at a random time, if something got done since the last; then commands that nothing else has killed."""
        made = len(self._scene.proxy.taken)
        if made < self._last_at_random + 5 or self._chance.random() > 0.2:
            return
        self._last_at_random = made
        left = self._left[AT_RANDOM] > 0
        worker = self._crew.any(self._chance.randrange(100)) if left else self._crew.command()
        self._left[AT_RANDOM] -= worker is not None and self._crew.kill(worker, AT_RANDOM)

    def dies_at(self) -> int:
        """After how many changes of a delivery the next worker dies before it commits: 0, never."""
        wanted = self._in_transactions_left() > 0 and self._chance.random() < 0.6
        return self._chance.randrange(1, 4) if wanted else 0

    def _in_transactions_left(self) -> int:
        return self._quota[IN_TRANSACTION] - self._crew.killed[IN_TRANSACTION]

    def _kill(self, put: Put, moment: str) -> bool:
        worker = self._crew.at(put.port, self._scene.proxy.port)
        return worker is not None and self._crew.kill(worker, moment)

    def _before(self, put: Put) -> bool:
        return self._kill(put, BEFORE)

    def _lingering(self, put: Put) -> bool:
        """The server gets it when it has got another worker's, if that comes soon."""
        killed = self._kill(put, LINGERING)
        seen, deadline = len(self._scene.proxy.taken), time.monotonic() + self._chance.choice([0.0, 0.3, 3.0])
        while time.monotonic() < deadline and all(path != put.path for path, _ in self._scene.proxy.taken[seen:]):
            time.sleep(0.02)
        put.forward()
        return killed

    def _after(self, put: Put) -> bool:
        put.forward()
        return self._kill(put, AFTER)

    def _recording(self, put: Put) -> bool:
        answer = put.forward()
        worker = self._crew.at(put.port, self._scene.proxy.port)
        with self._scene.locked():
            put.reply(answer)
            time.sleep(0.1)
            return worker is not None and self._crew.kill(worker, RECORDING)


def keep_killing(scene: Scene, crew: Crew, killer: Killer, deliveries: int) -> None:
    """Changes meetings and replaces the dead until enough is delivered and all are killed; then until all is settled.

    How long that takes is the machine's affair; that it goes on is not.
    """
    made = scene.proxy.taken
    progress, deadline = 0, time.monotonic() + 60
    is_enough = False
    while not (is_enough and scene.is_settled()):
        is_enough = killer.is_done() and len(set(made)) >= deliveries
        if len(made) > progress:
            progress, deadline = len(made), time.monotonic() + 60
        assert time.monotonic() < deadline, f"stuck: {crew.killed}, {progress} PUTs"
        assert progress < 6 * deliveries, f"no end: {crew.killed}"
        crew.fill(killer.dies_at())
        scene.pass_time()
        if not is_enough:
            scene.change()
            killer.kill_any()
        time.sleep(0.05)


@pytest.mark.prove
@pytest.mark.parametrize(("kind", "share"), [("sqlite", SHARE), ("postgresql", 0.3 * SHARE)])
def test_killed_workers_lose_nothing_and_double_nothing(
    kind: str, share: float, on: Callable[[str, int], Scene], tmp_path: Path, figures: Figures
) -> None:
    quota = {moment: ceil(kills * share) for moment, kills in KILLS.items()}
    scene = on(kind, 6 + ceil(40 * share))  # a few to spare: what is cancelled does not change any more
    crew = Crew(tmp_path, scene.environment, size=3, commands=ceil(6 * share))
    killer = Killer(scene, crew, quota)
    scene.proxy.on_put = killer
    try:
        keep_killing(scene, crew, killer, ceil(305 * share))
    finally:
        ended = crew.stop()
    scene.proxy.wait()
    found = differences(scene.programme, scene.meetings, scene.accounts)
    assert ended == [0] * 3
    assert found == {"lost": [], "doubled": []}
    assert crew.killed.total() >= sum(quota.values())
    assert crew.killed_commands == ceil(6 * share)
    figures(
        f"workers killed on {kind}",
        kills=crew.killed.total(),
        of_the_command_itself=crew.killed_commands,
        **{moment.replace(" ", "_"): crew.killed[moment] for moment in KILLS},
        deliveries=len(set(scene.proxy.taken)),
        **{how: len(objects) for how, objects in found.items()},
    )


@pytest.mark.parametrize("stored_before", [False, True])
def test_put_of_a_killed_worker_after_a_newer_one_changes_nothing(
    stored_before: bool, on: Callable[[str, int], Scene], tmp_path: Path
) -> None:
    scene = on("sqlite", 1)
    crew = Crew(tmp_path, scene.environment, size=1)
    held: SimpleQueue[Put] = SimpleQueue()
    is_killed = threading.Event()

    def hold(put: Put) -> None:
        held.put(put)
        is_killed.wait(30)

    scene.proxy.on_put = pass_on if stored_before else hold
    crew.fill()
    if stored_before:
        wait_for(scene.is_settled)
        scene.proxy.on_put = hold
        assert scene.change()
    late = held.get(timeout=30)
    worker = crew.at(late.port, scene.proxy.port)
    assert worker
    assert crew.kill(worker, LINGERING)
    is_killed.set()
    assert scene.change()
    scene.proxy.on_put = pass_on
    while not scene.is_settled():
        crew.fill()
        scene.pass_time()
        time.sleep(0.05)
    assert late.forward().status == HTTPStatus.PRECONDITION_FAILED
    assert crew.stop() == [0]
    assert differences(scene.programme, scene.meetings, scene.accounts) == {"lost": [], "doubled": []}


Attempts = dict[tuple[str, int], list[dict[str, Any]]]
"""What workers logged of their attempts, by delivery and revision, as they were numbered when they were claimed."""


def logged_attempts(folder: Path) -> Attempts:
    lines = [json.loads(line) for line in (folder / "workers.log").read_text().splitlines()]
    found: Attempts = {}
    for line in sorted((line for line in lines if line["event"] == "delivery"), key=itemgetter("revision", "attempt")):
        found.setdefault((line["delivery"], line["revision"]), []).append(line)
    return found


def is_in_turn(attempts: list[dict[str, Any]]) -> bool:
    """Whether each began after the one before had failed: two workers at once would take two numbers, or record one."""
    numbers = [line["attempt"] for line in attempts] == list(range(1, len(attempts) + 1))
    states = [line["state"] for line in attempts] == ["waiting"] * (len(attempts) - 1) + ["delivered"]
    return numbers and states and all(line["recorded"] for line in attempts)


def last_counts(attempts: Attempts) -> dict[str, int]:
    """How many attempts were made at the last revision of each delivery."""
    return {delivery: len(lines) for (delivery, _), lines in attempts.items()}


@pytest.mark.prove
@pytest.mark.parametrize(("kind", "meetings"), [("sqlite", MEETINGS), ("postgresql", MEETINGS // 2)])
def test_workers_sharing_the_table_do_nothing_twice(
    kind: str, meetings: int, on: Callable[[str, int], Scene], tmp_path: Path, figures: Figures
) -> None:
    scene = on(kind, meetings)
    expected = len(scene.deliveries())
    try:
        for size in (2, 6):
            crew = Crew(tmp_path, scene.environment, size)
            for _ in range(2):
                crew.fill()
                wait_for(scene.is_settled, 120)
                assert len(scene.proxy.taken) == expected
                expected += sum(map(scene.change, scene.meetings))
            wait_for(scene.is_settled, 120)
            assert crew.stop() == [0] * size
    finally:
        crew.stop()
    attempts = logged_attempts(tmp_path)
    assert all(is_in_turn(lines) for lines in attempts.values()), attempts
    assert {row.id: row.attempts for row in scene.deliveries()} == last_counts(attempts)
    assert len(attempts) == expected
    assert expected <= scene.proxy.asked <= sum(map(len, attempts.values()))
    assert max(Counter(scene.proxy.taken).values()) == 1
    found = differences(scene.programme, scene.meetings, scene.accounts)
    assert found == {"lost": [], "doubled": []}
    figures(f"workers sharing a table on {kind}", deliveries=expected, puts=scene.proxy.asked)


def test_sigterm_lets_workers_finish_the_current_delivery_only(on: Callable[[str, int], Scene], tmp_path: Path) -> None:
    scene = on("sqlite", 4)
    in_hand, answers = threading.Semaphore(0), threading.Event()

    def hold(put: Put) -> None:
        in_hand.release()
        answers.wait(30)
        pass_on(put)

    scene.proxy.on_put = hold
    crew = Crew(tmp_path, scene.environment, size=2)
    crew.fill()
    for _ in range(2 * FIRST_LIMIT):
        assert in_hand.acquire(timeout=30)
    soon = threading.Timer(0.5, answers.set)
    soon.start()
    assert crew.stop() == [0] * 2
    soon.join()
    states = Counter((row.state, row.attempts) for row in scene.deliveries())
    assert states == {(DeliveryState.DELIVERED, 1): 4, (DeliveryState.WAITING, 0): 4}
