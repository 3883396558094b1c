"""The service as a process, and calendar servers that sleep while people connect to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from support.figures import Figures
from support.radicale import Radicale
from support.scripted import Asked, Forward, Raw, Reply, ScriptedServer
from support.service import Service, wait_for

from scheduler.domain.programme.people import Account

CONNECTS = 10
LONGEST_ANSWER = 1.0
"""Seconds that any other request may take meanwhile, on a machine that does other things too."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.serve()
    yield service
    service.stop()


@pytest.fixture
def awake(scripted: ScriptedServer, radicale: Radicale) -> Iterator[threading.Event]:
    """Once this is set, the scripted server answers as Radicale does; until then it says nothing."""
    awake = threading.Event()
    forward = Forward(radicale.port)

    def answer(asked: Asked) -> Reply | Raw:
        awake.wait(120)
        return forward(asked)

    scripted.script = answer
    yield awake
    awake.set()


def post(service: Service, person: str, account: Account) -> tuple[requests.Response, float]:
    """The answer to connecting the account, and the seconds it took."""
    body = {"url": account.url, "username": account.username, "password": account.password}
    headers = {"Authorization": f"Bearer {service.key}"}
    began = time.monotonic()
    address = f"{service.base}/v1/people/{person}/calendars"
    return requests.post(address, json=body, headers=headers, timeout=90), time.monotonic() - began


def slowest_answer(service: Service, until: list[Future[Any]]) -> float:
    """The longest that another request takes until all of these have ended."""
    slowest = 0.0
    while not all(one.done() for one in until):
        for path in ("/healthz", "/v1/people"):
            began = time.monotonic()
            headers = {"Authorization": f"Bearer {service.key}"}
            assert requests.get(f"{service.base}{path}", headers=headers, timeout=90).ok
            slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)
    return slowest


def test_ten_connects_to_a_silent_server_delay_nobody_and_connect_when_it_wakes(
    service: Service, scripted: ScriptedServer, radicale: Radicale, awake: threading.Event, figures: Figures
) -> None:
    person = {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin", "working_hours": "any"}
    people = [service.ask("POST", "/people", person)["id"] for _ in range(CONNECTS)]
    accounts = [radicale.new_account() for _ in people]
    accounts = [replace(one, url=one.url.replace(radicale.url, scripted.url)) for one in accounts]
    accounts[0] = replace(accounts[0], password="wrong")
    with ThreadPoolExecutor(CONNECTS) as pool:
        asked = [pool.submit(post, service, *each) for each in zip(people, accounts, strict=True)]
        slowest = slowest_answer(service, asked)
    answers = [each.result() for each in asked]
    longest = max(seconds for _, seconds in answers)
    milliseconds = {"longest_connect_ms": round(longest * 1000), "slowest_other_ms": round(slowest * 1000)}
    figures("connecting to a silent server", connects=CONNECTS, **milliseconds)
    assert {(answer.status_code, answer.json()["state"]) for answer, _ in answers} == {(202, "connecting")}
    assert longest < 5 + LONGEST_ANSWER
    assert slowest < LONGEST_ANSWER
    window = {"start": "2030-01-07T00:00:00Z", "end": "2030-01-08T00:00:00Z"}
    attendees = [{"person": person_id} for person_id in people]
    found = service.ask("POST", "/slots", {"window": window, "duration": "PT1H", "attendees": attendees, "limit": 9})
    assert found["unknown_attendees"] == []
    awake.set()

    def calendars() -> list[dict[str, Any]]:
        pages = [service.ask("GET", f"/people/{person_id}/calendars") for person_id in people]
        return [calendar for page in pages for calendar in page["items"]]

    wait_for(lambda: all(one["read_at"] or one["state"] == "failed" for one in calendars()), 90)
    failed, *connected = calendars()
    assert failed["state"] == "failed"
    assert "check the username and the password" in failed["failure"]
    assert {one["state"] for one in connected} == {"connected"}


def test_calendar_of_a_frozen_server_connects_when_it_goes_on(service: Service, radicale: Radicale) -> None:
    person = {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}
    person_id = service.ask("POST", "/people", person)["id"]
    account = radicale.new_account()
    with radicale.frozen():
        answer, seconds = post(service, person_id, account)
        assert (answer.status_code, answer.json()["state"]) == (202, "connecting")
        assert seconds < 5 + LONGEST_ANSWER
    address = answer.headers["Location"].removeprefix("/v1")
    connected = wait_for(lambda: (found := service.ask("GET", address))["read_at"] and found, 60)
    assert (connected["state"], connected["failure"]) == ("connected", None)


def test_wrong_login_is_refused_at_once(service: Service, radicale: Radicale) -> None:
    person = {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}
    person_id = service.ask("POST", "/people", person)["id"]
    account = replace(radicale.new_account(), password="wrong")
    answer, _ = post(service, person_id, account)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems#calendar-refused"
    assert service.ask("GET", f"/people/{person_id}/calendars")["items"] == []
