"""A service whose database is written to by others: readers are answered, and changes that cross all succeed."""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from support.budget import tries
from support.figures import Figures
from support.servers import free_port
from support.service import Service, wait_for

POSTS, LOCKED_SECONDS = 20, 3.0
CLIENTS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service with its embedded worker, on each database."""
    started = Service(tmp_path)
    if request.param == "postgresql":
        started.environment["SCHEDULER_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
        started.key = started.create_programme()
    started.serve()
    yield started
    started.stop()


@pytest.fixture
def bases(service: Service) -> list[str]:
    """The addresses of two processes of the service."""
    port = str(free_port())
    service.environment = service.environment | {"SCHEDULER_PORT": port}
    service.start("serve")
    second = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{second}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    wait_for(answers)
    return [service.base, second]


def send(
    service: Service, method: str, path: str, body: Any = None, base: str = "", **headers: str
) -> requests.Response:
    named = {"Authorization": f"Bearer {service.key}"} | {name.replace("_", "-"): row for name, row in headers.items()}
    return requests.request(method, f"{base or service.base}/v1{path}", json=body, headers=named, timeout=60)


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_reading_is_answered_while_another_process_writes_and_twenty_posts_wait(
    service: Service, tmp_path: Path, figures: Figures
) -> None:
    person = {"name": "Ada", "email": "ada@example.org", "time_zone": "UTC"}
    service.ask("POST", "/people", person)
    with ThreadPoolExecutor(POSTS) as pool, closing(sqlite3.connect(tmp_path / "scheduler.db")) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        ends = time.monotonic() + LOCKED_SECONDS
        posts = [pool.submit(send, service, "POST", "/people", person) for _ in range(POSTS)]
        waits = []
        while time.monotonic() < ends:
            began = time.perf_counter()
            assert send(service, "GET", "/people").status_code == 200
            waits.append(time.perf_counter() - began)
            time.sleep(0.02)
        other.execute("ROLLBACK")
        answers = [post.result() for post in posts]
    statuses = Counter(answer.status_code for answer in answers)
    figures(
        "reads while another process writes and twenty posts wait (SQLite)",
        reads=len(waits),
        median_ms=round(statistics.median(waits) * 1000),
        longest_ms=round(max(waits) * 1000),
        stored=statuses[201],
        refused=statuses[503],
    )
    assert statistics.median(waits) < 0.1
    assert max(waits) < 1
    assert statuses.keys() == {201, 503}
    assert statuses[201] >= 2
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 503)
    assert len(service.ask("GET", "/people")["items"]) == 1 + statuses[201]


@pytest.mark.prove
def test_crossing_changes_of_the_same_people_end_without_503(
    service: Service, bases: list[str], figures: Figures
) -> None:
    people = [
        service.ask("POST", "/people", {"name": name, "email": f"{name}@example.org", "time_zone": "UTC"})["id"]
        for name in ("ada", "bo")
    ]
    dates = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "goals": ["x"]}
    pairs = [dict(zip(("mentor", "mentee"), order, strict=True)) for order in (people, people[::-1])]
    mentorships = [service.ask("POST", "/mentorships", dates | pair)["id"] for pair in pairs]

    def change(seed: int) -> Counter[int]:
        chance, statuses, base = random.Random(seed), Counter[int](), bases[seed % 2]
        for turn in range(tries("crossing changes of two people by a client")):
            person, mentorship = chance.choice(people), chance.choice(mentorships)
            renamed = {"name": f"{seed} {turn}"}
            etag = send(service, "GET", f"/people/{person}", base=base).headers["ETag"]
            away = {"kind": "other", "first_day": "2026-12-01", "last_day": "2026-12-01"}
            guest = {"name": "Guest", "email": f"{chance.choice(('ada', 'bo'))}@example.org", "time_zone": "UTC"}
            start = f"2026-10-{chance.randint(6, 30):02}T{chance.randint(9, 15):02}:00:00Z"
            slot = {"start": start, "duration": "PT45M", "guests": [guest]}
            method, path, body, if_match = chance.choice(
                [
                    ("PATCH", f"/people/{person}", renamed, etag),
                    ("PATCH", f"/people/{person}", renamed, "*"),
                    ("PATCH", f"/mentorships/{mentorship}", {"goals": [f"{turn}"]}, "*"),
                    ("POST", "/mentorships", dates | chance.choice(pairs), ""),
                    ("POST", f"/people/{person}/blackouts", away, ""),
                    ("POST", f"/mentorships/{mentorship}/meetings", slot, ""),
                ]
            )
            headers = {"If_Match": if_match} if if_match else {}
            answer = send(service, method, path, body, base, **headers)
            statuses[answer.status_code] += 1
            if answer.status_code == 201 and path.endswith("/meetings"):
                meeting = f"/meetings/{answer.json()['id']}"
                statuses[send(service, "PATCH", meeting, {"title": "x"}, base, If_Match="*").status_code] += 1
        return statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = sum(pool.map(change, range(CLIENTS)), Counter[int]())
    figures("crossing changes of two people", changes=statuses.total(), unavailable=statuses[503], failed=statuses[500])
    assert statuses.keys() <= {200, 201, 409, 412}
    assert statuses[200] > 0 < statuses[201]
