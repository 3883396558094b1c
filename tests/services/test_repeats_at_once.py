"""Requests over HTTP that come at the same moment: repeats of one, and changes of one version; on each database."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from support.api import Api, Clock, Pair, context_of, json_of
from support.budget import tries
from support.calendars import RecordingCalendars
from support.figures import Figures
from werkzeug.test import TestResponse

from scheduler.app import create_app
from scheduler.services.secrets import Vault
from scheduler.store import Store

AT_ONCE = 12
RACES = tries("races of repeated requests")
SLOT = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}

pytestmark = pytest.mark.prove


def at_once(requests: Sequence[Callable[[], TestResponse]]) -> list[TestResponse]:
    """The answers to requests that are all made together."""
    together = Barrier(len(requests))

    def ask(request: Callable[[], TestResponse]) -> TestResponse:
        together.wait(10)
        return request()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(ask, requests))


def test_concurrent_repeats_of_a_booking_book_once_and_get_one_answer(api: Api, pair: Pair, figures: Figures) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    answers = at_once([partial(api.send, "POST", pair.meetings, SLOT, headers=key)] * AT_ONCE)
    assert {answer.status_code for answer in answers} == {201}
    assert len({(answer.data, answer.headers["Location"], answer.headers["ETag"]) for answer in answers}) == 1
    assert sum(answer.headers.get("Idempotency-Replayed") == "true" for answer in answers) == AT_ONCE - 1
    booked = api.get(pair.meetings)["items"]
    owed = api.get(f"/meetings/{booked[0]['id']}/deliveries")["items"]
    figures("repeats at once under one Idempotency-Key", requests=AT_ONCE, booked=len(booked), doubled=len(booked) - 1)
    assert (len(booked), len(owed)) == (1, 2)


def test_concurrent_different_requests_with_one_key_one_is_refused(api: Api, pair: Pair) -> None:
    for turn in range(RACES):
        key = {"Idempotency-Key": str(uuid4())}
        people = [{"name": name, "email": f"{name}{turn}@example.org", "time_zone": "UTC"} for name in ("Mia", "Eve")]
        answers = at_once([partial(api.send, "POST", "/people", body, headers=key) for body in people])
        assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert len(api.get("/people")["items"]) == 2 + RACES


def test_booking_killed_before_its_answer_is_made_once_by_its_repeat(
    api: Api, pair: Pair, store_url: str, figures: Figures
) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    kills = tries("kills of bookings")
    for _ in range(kills):
        assert killed_when_booked(store_url, api.key, pair, key) == -signal.SIGKILL
        assert api.get(pair.meetings)["items"] == []
    first, again = (api.send("POST", pair.meetings, SLOT, headers=key) for _ in range(2))
    booked = api.get(pair.meetings)["items"]
    figures(
        "bookings killed before their answer, then repeated",
        kills=kills,
        lost=1 - len(booked[:1]),
        doubled=len(booked) - 1,
    )
    assert booked == [json_of(first)] == [json_of(again)]
    assert again.headers["Idempotency-Replayed"] == "true"


def killed_when_booked(url: str, key: str, pair: Pair, headers: dict[str, str]) -> int:
    """How a process ends that gets killed when all is written and nothing kept yet."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        context = context_of(Store(url), Clock(), RecordingCalendars())
        Vault.seal = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,method-assign]  # in the child alone
        Api(create_app(context), key).send("POST", pair.meetings, SLOT, headers=headers)
    finally:
        os._exit(1)


CHANGES: dict[str, Callable[[Api, Pair], tuple[str, Callable[[int], dict[str, Any]]]]] = {
    "a person": lambda api, pair: (f"/people/{pair.mentor}", lambda turn: {"name": f"Greta {turn}"}),
    "a blackout": lambda api, pair: (
        f"/people/{pair.mentor}/blackouts/{blackout_of(api, pair)}",
        lambda turn: {"title": f"Dentist {turn}"},
    ),
    "a mentorship": lambda api, pair: (f"/mentorships/{pair.mentorship}", lambda turn: {"goals": [f"Paper {turn}"]}),
    "a meeting": lambda api, pair: (f"/meetings/{api.book_slot(pair)['id']}", lambda turn: {"title": f"About {turn}"}),
    "an occurrence": lambda api, pair: (
        f"/meetings/{api.book_slot(pair)['id']}/occurrences/20261008T100000",
        lambda turn: {"start": f"2026-10-09T{turn % 3 + 8:02}:{turn % 60:02}:00Z"},
    ),
}


def blackout_of(api: Api, pair: Pair) -> str:
    away = {"kind": "other", "title": "Dentist", "first_day": "2026-12-01", "last_day": "2026-12-01"}
    return str(api.post(f"/people/{pair.mentor}/blackouts", away)["id"])


@pytest.mark.parametrize("kind", CHANGES)
def test_concurrent_changes_of_one_version_one_wins_and_the_others_get_412(
    api: Api, pair: Pair, kind: str, figures: Figures
) -> None:
    path, body = CHANGES[kind](api, pair)
    rounds, together, wins = RACES, 6, 0
    for turn in range(rounds):
        version = {"If-Match": api.send("GET", path).headers["ETag"]}
        bodies = [body(turn * together + place) for place in range(together)]
        answers = at_once([partial(api.send, "PATCH", path, body, headers=version) for body in bodies])
        (won,) = [answer for answer in answers if answer.status_code == 200]
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * (together - 1)
        wins += 1
        assert api.get(path).items() <= json_of(won).items()
        present = api.send("GET", path).headers["ETag"]
        assert {answer.headers["ETag"] for answer in answers} == {present}
    figures("changes of one version at once", changes=rounds * together, won=wins, overwritten=wins - rounds)


def test_concurrent_change_and_deletion_of_one_version_one_wins(api: Api, pair: Pair) -> None:
    for _ in range(RACES):
        path = f"/people/{pair.mentor}/blackouts/{blackout_of(api, pair)}"
        version = {"If-Match": api.send("GET", path).headers["ETag"]}
        changed, deleted = at_once(
            [
                partial(api.send, "PATCH", path, {"title": "Choir"}, headers=version),
                partial(api.send, "DELETE", path, headers=version),
            ]
        )
        assert (changed.status_code, deleted.status_code) in {(200, 412), (404, 200)}
