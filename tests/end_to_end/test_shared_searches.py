"""Eight large searches of one programme at once, in a real process: nobody else waits for them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from support.figures import Figures
from support.service import Service

SEARCHES = 8
YEAR = {"start": "2026-10-19T00:00:00Z", "end": "2027-10-20T00:00:00Z"}
LARGE = {
    "window": YEAR,
    "duration": "PT30M",
    "step": "PT1M",
    "attendees": [{"time_zone": "Europe/Berlin", "working_hours": "any"}] * 50,
    "groups": [{"members": list(range(start, start + 10)), "required": 5} for start in (0, 10, 20, 30)],
    "fair": True,
    "explain": True,
    "limit": 200,
}
WAIT = 1.0
"""Seconds within which everything else has to be answered; without lanes it took as long as the searches."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    try:
        service.serve()
        yield service
    finally:
        service.stop()


def ask(service: Service, method: str, path: str, key: str, body: object = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.request(method, f"{service.base}{path}", json=body, headers=headers, timeout=60)


def test_searches_of_one_programme_hold_nobody_else_up(service: Service, figures: Figures) -> None:
    other_key = service.create_programme()
    feed = _feed(service, other_key)
    with ThreadPoolExecutor(SEARCHES) as threads:
        started = threading.Barrier(SEARCHES + 1)

        def search() -> requests.Response:
            started.wait()
            return ask(service, "POST", "/v1/slots", service.key, LARGE)

        searches = [threads.submit(search) for _ in range(SEARCHES)]
        started.wait()
        time.sleep(0.3)
        waits: dict[str, list[float]] = {"/healthz": [], "/readyz": [], "/v1/people": [], feed: []}
        while not all(one.done() for one in searches):
            for path, seconds in waits.items():
                began = time.monotonic()
                assert ask(service, "GET", path, other_key).status_code == 200
                seconds.append(time.monotonic() - began)
        answers = [one.result() for one in searches]
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}, answers
    assert statuses[429] >= SEARCHES - 4
    refusals = [answer for answer in answers if answer.status_code == 429]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refusals)
    assert "large searches" in refusals[0].json()["detail"]
    worst = max(max(seconds) for seconds in waits.values())
    figures(
        "cheap requests beside eight large searches", requests=sum(map(len, waits.values())), worst_ms=int(worst * 1000)
    )
    assert worst < WAIT


def test_large_search_of_another_programme_finds_a_place(service: Service) -> None:
    other_key = service.create_programme()
    with ThreadPoolExecutor(SEARCHES) as threads:
        searches = [threads.submit(ask, service, "POST", "/v1/slots", service.key, LARGE) for _ in range(SEARCHES)]
        time.sleep(0.3)
        assert ask(service, "POST", "/v1/slots", other_key, LARGE).status_code == 200
        assert 429 in [one.result().status_code for one in searches]


def _feed(service: Service, key: str) -> str:
    """Return the path of a feed of a new person of the key's programme."""
    person = {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}
    person_id = ask(service, "POST", "/v1/people", key, person).json()["id"]
    token = ask(service, "POST", f"/v1/people/{person_id}/feeds", key, {"show": "details"}).json()["token"]
    return f"/feeds/{token}.ics"
