"""A request whose answer can't be made has stored nothing: an answer exists before its transaction is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from structlog.testing import capture_logs
from support.api import Api, Clock, Pair, booking_of, problem_of, replacement_of

from scheduler.store import Deadlocked
from scheduler.store.people import People
from scheduler.web.http.preconditions import REPEATS

MIA = {"name": "Mia", "email": "mia@example.org", "time_zone": "UTC"}
AWAY = {"kind": "other", "title": "Dentist", "first_day": "2026-12-01", "last_day": "2026-12-01"}
CALENDAR = {"url": "https://dav.example.org/cal/", "username": "greta", "password": "hunter2hunter2"}
DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
SLOT = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}
SEARCHES = {"/v1/slots", "/v1/cadences", "/v1/cadences/rotations", "/v1/sequences"}
"""What is posted and stores nothing."""

Request = Callable[[Api, Pair], tuple[str, Any]]


def made(api: Api, path: str, body: Any) -> str:
    """The path of a new resource."""
    return f"{path}/{api.post(path, body)['id']}"


def blackout_of(api: Api, pair: Pair) -> str:
    return made(api, f"/people/{pair.mentor}/blackouts", AWAY)


def feed_of(api: Api, pair: Pair) -> str:
    return made(api, f"/people/{pair.mentor}/feeds", {})


def key_of(api: Api) -> str:
    return made(api, "/keys", {"name": "y", "scopes": ["slots:read"]})


def meeting_of(api: Api, pair: Pair) -> str:
    return f"/meetings/{api.book_slot(pair)['id']}"


def delivery_of(api: Api, pair: Pair) -> str:
    api.connect(pair.mentor)
    path = f"{meeting_of(api, pair)}/deliveries"
    return f"{path}/{api.get(path)['items'][0]['id']}"


def conflict_of(api: Api, pair: Pair) -> str:
    """The path of an occurrence with an open conflict."""
    occurrence = f"{meeting_of(api, pair)}/occurrences/20261008T100000"
    exam = {"kind": "exam", "title": "Finals", "first_day": "2026-10-08", "last_day": "2026-10-08"}
    api.post(f"/people/{pair.mentee}/blackouts", exam)
    return occurrence


CHANGES: dict[str, Request] = {
    "POST /v1/people": lambda api, pair: ("/people", MIA),
    "PATCH /v1/people/<person_id>": lambda api, pair: (f"/people/{pair.mentor}", {"name": "Mia"}),
    "DELETE /v1/people/<person_id>": lambda api, pair: (f"/people/{pair.mentor}", None),
    "POST /v1/people/<person_id>/blackouts": lambda api, pair: (f"/people/{pair.mentor}/blackouts", AWAY),
    "PATCH /v1/people/<person_id>/blackouts/<blackout_id>": lambda api, pair: (blackout_of(api, pair), {"title": "x"}),
    "DELETE /v1/people/<person_id>/blackouts/<blackout_id>": lambda api, pair: (blackout_of(api, pair), None),
    "POST /v1/people/<person_id>/calendars": lambda api, pair: (f"/people/{pair.mentor}/calendars", CALENDAR),
    "DELETE /v1/people/<person_id>/calendars/<calendar_id>": lambda api, pair: (
        f"/people/{pair.mentor}/calendars/{api.connect(pair.mentor)['id']}",
        None,
    ),
    "POST /v1/people/<person_id>/feeds": lambda api, pair: (f"/people/{pair.mentor}/feeds", {"show": "details"}),
    "POST /v1/people/<person_id>/feeds/<feed_id>/rotate": lambda api, pair: (f"{feed_of(api, pair)}/rotate", None),
    "DELETE /v1/people/<person_id>/feeds/<feed_id>": lambda api, pair: (feed_of(api, pair), None),
    "POST /v1/mentorships": lambda api, pair: (
        "/mentorships",
        {"mentor": pair.mentee, "mentee": pair.mentor, "goals": ["x"], **DATES},
    ),
    "PATCH /v1/mentorships/<mentorship_id>": lambda api, pair: (f"/mentorships/{pair.mentorship}", {"goals": ["y"]}),
    "POST /v1/mentorships/<mentorship_id>/meetings": lambda api, pair: (pair.meetings, booking_of(api.cadence(pair))),
    "PATCH /v1/meetings/<meeting_id>": lambda api, pair: (meeting_of(api, pair), {"title": "About the paper"}),
    "DELETE /v1/meetings/<meeting_id>": lambda api, pair: (meeting_of(api, pair), None),
    "PATCH /v1/meetings/<meeting_id>/occurrences/<recurrence_id>": lambda api, pair: (
        f"{meeting_of(api, pair)}/occurrences/20261008T100000",
        {"start": "2026-10-09T08:30:00Z"},
    ),
    "POST /v1/meetings/<meeting_id>/occurrences/<recurrence_id>/resolve": lambda api, pair: (
        f"{conflict_of(api, pair)}/resolve",
        {"do": "keep"},
    ),
    "POST /v1/meetings/<meeting_id>/reschedule": lambda api, pair: (
        f"/meetings/{api.book_cadence(pair)['id']}/reschedule",
        replacement_of(api.get(f"/mentorships/{pair.mentorship}/cadences?from=2026-10-19")),
    ),
    "POST /v1/meetings/<meeting_id>/deliveries/<delivery_id>/retry": lambda api, pair: (
        f"{delivery_of(api, pair)}/retry",
        None,
    ),
    "POST /v1/keys": lambda api, pair: ("/keys", {"name": "x", "scopes": ["slots:read"]}),
    "POST /v1/keys/<key_id>/rotate": lambda api, pair: (f"{key_of(api)}/rotate", {"overlap": "PT0S"}),
    "DELETE /v1/keys/<key_id>": lambda api, pair: (key_of(api), None),
}
"""A request for each route that stores something, by its method and rule."""


def test_all_writing_routes_are_covered(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if str(rule) not in SEARCHES]
    changing = {
        f"{method} {rule}" for rule in rules for method in (rule.methods or set()) & {"POST", "PATCH", "DELETE"}
    }
    assert changing == CHANGES.keys()


@pytest.mark.parametrize("headers", [{"If-Match": "*"}, {"Idempotency-Key": "x"}], ids=["plain", "with a key"])
@pytest.mark.parametrize("change", CHANGES)
def test_change_whose_answer_fails_stores_nothing_and_can_be_repeated(
    api: Api, pair: Pair, clock: Clock, database: Path, change: str, headers: dict[str, str]
) -> None:
    method = change.partition(" ")[0]
    path, body = CHANGES[change](api, pair)
    if method == "PATCH":
        headers = headers | {"If-Match": api.send("GET", path).headers["ETag"]}
    elif ("meetings" in path and method == "DELETE") or path.endswith(("/reschedule", "/resolve")):
        headers = headers | {"If-Match": "*"}
    clock.advance(seconds=30)  # a delivery is due again at another moment than it was made for
    before = contents(database)
    with failing_answer(), capture_logs():
        problem_of(api.send(method, path, body, headers=headers), 500)
    assert contents(database) == before
    assert api.send(method, path, body, headers=headers).status_code in {200, 201, 202, 204}
    assert contents(database) != before


@contextmanager
def failing_answer() -> Iterator[None]:
    """The next response that is made can't be made; the one after it says so."""
    make = Response.__init__

    def fail_once(*_: object, **__: object) -> None:
        Response.__init__ = make  # type: ignore[method-assign]  # put back
        raise RuntimeError

    Response.__init__ = fail_once  # type: ignore[method-assign]  # whatever answers makes one
    try:
        yield
    finally:
        Response.__init__ = make  # type: ignore[method-assign]  # put back


def contents(database: Path) -> list[str]:
    """Everything that is stored."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("path", ["/people/{mentor}/feeds", "{feed}/rotate"])
def test_feed_whose_address_can_not_be_written_keeps_its_token(
    api: Api, app: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch, database: Path, path: str
) -> None:
    feed = feed_of(api, pair)
    before = contents(database)
    monkeypatch.setitem(app.config, "PUBLIC_URL", "scheduler.example.org")
    with capture_logs():
        problem_of(api.send("POST", path.format(mentor=pair.mentor, feed=feed), {}), 500)
    assert contents(database) == before


@pytest.mark.parametrize(("deadlocks", "status"), [(1, 201), (REPEATS, 201), (REPEATS + 1, 503)])
def test_change_ended_by_a_deadlock_is_made_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, deadlocks: int, status: int
) -> None:
    left, add = [None] * deadlocks, People.add

    def add_or_fail(people: People, *arguments: Any) -> None:
        add(people, *arguments)
        if left:
            left.pop()
            raise Deadlocked("deadlock detected")

    monkeypatch.setattr(People, "add", add_or_fail)
    with capture_logs() as logged:
        answer = api.send("POST", "/people", MIA, headers={"Idempotency-Key": "mia"})
    assert answer.status_code == status
    assert len(api.get("/people")["items"]) == (status == 201)
    repeated = [line for line in logged if line["event"] == "a change is repeated"]
    assert [line["route"] for line in repeated] == ["/v1/people"] * min(deadlocks, REPEATS)


def test_change_is_answered_though_its_log_line_can_not_be_written(
    api: Api, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "write", fail)
    assert api.send("POST", "/people", MIA).status_code == 201
    assert len(api.get("/people")["items"]) == 1
