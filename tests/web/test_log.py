"""The log holds what happened, and no secrets, titles, names or addresses."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from support.api import Api, Clock, Pair
from support.calendars import RecordingCalendars
from support.logs import quiet_logs
from support.working import deliver_next, read_next

from scheduler.domain.programme.outbox import TryAgain
from scheduler.logs import configure_logs
from scheduler.services.calendar_server import CalendarUnreachable
from scheduler.services.ports import Context

CANARIES = {
    "name": "Canaryname",
    "email": "canary@mail.example",
    "title": "Canarytitle",
    "goal": "Canarygoal",
    "password": "canarypassword",
    "conference": "https://canary-meet.example/x",
}


class Log(io.StringIO):
    """What the service writes to stderr."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The log set up as it is in production."""
    written = Log()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        configure_logs("json")
    yield written
    quiet_logs()


def leaks(log: Log, *more: str) -> list[str]:
    """Which of the canaries, and of more words, the log holds."""
    return [word for word in (*CANARIES.values(), *more) if word.lower() in log.getvalue().lower()]


def test_request_is_logged_with_id_route_and_status(api: Api, log: Log) -> None:
    response = api.send("GET", "/people/nobody")
    (line,) = log.lines
    assert line.pop("ms") >= 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/v1/people/<person_id>",
        "status": 404,
        "request_id": response.headers["X-Request-ID"],
    }


def test_requests_and_a_failing_delivery_log_no_secret(
    api: Api, context: Context, clock: Clock, calendars: RecordingCalendars, log: Log
) -> None:
    mentor = api.person(CANARIES["name"], email=CANARIES["email"])
    pair = Pair(mentor, mentee := api.person("Asha"), api.mentorship(mentor, mentee, goals=[CANARIES["goal"]]))
    api.connect(mentor, username=CANARIES["email"], password=CANARIES["password"])
    exam = {"kind": "exam", "title": CANARIES["title"], "first_day": "2026-12-01", "last_day": "2026-12-02"}
    api.post(f"/people/{mentor}/blackouts", exam)
    guest = {"name": CANARIES["name"], "email": CANARIES["email"], "time_zone": "UTC"}
    api.book_slot(pair, title=CANARIES["title"], conference_url=CANARIES["conference"], guests=[guest])
    feed = api.feed(mentor)
    api.read(feed)
    api.read(feed + "x")
    api.send("GET", f"/{CANARIES['name']}")
    api.send("POST", "/people", {"name": CANARIES["name"], "email": CANARIES["name"], "time_zone": CANARIES["title"]})
    api.send("POST", "/slots", f'{{"{CANARIES["title"]}"'.encode())
    calendars.outcomes = [TryAgain("the calendar server answered 503 Service Unavailable")]
    assert deliver_next(context)
    calendars.refusal = CalendarUnreachable("did not answer")
    assert read_next(context)
    events = {line["event"] for line in log.lines}
    assert {"request", "delivery", "calendar not read"} <= events
    assert leaks(log, api.key, feed.removeprefix("/feeds/").removesuffix(".ics")) == []


def test_failing_delivery_is_logged_with_ids_state_and_reason(
    api: Api, pair: Pair, context: Context, calendars: RecordingCalendars, log: Log
) -> None:
    api.connect(pair.mentor)
    meeting = api.book_slot(pair)
    calendars.outcomes = [TryAgain("the calendar server answered 503 Service Unavailable")]
    deliver_next(context)
    line = next(line for line in log.lines if line["event"] == "delivery")
    assert (line["meeting"], line["attempt"], line["state"], line["recorded"]) == (meeting["id"], 1, "waiting", True)
    assert "503" in line["reason"]


def test_unexpected_database_error_is_logged_without_its_values(api: Api, database: Path, log: Log) -> None:
    connection = sqlite3.connect(database)
    connection.execute("ALTER TABLE people RENAME TO elsewhere")
    connection.close()
    person = {"name": CANARIES["name"], "email": CANARIES["email"], "time_zone": "UTC"}
    response = api.send("POST", "/people", person)
    assert response.status_code == 500
    assert any(line["event"] == "unexpected error" and "Traceback" in line["exception"] for line in log.lines)
    assert leaks(log) == []


def test_request_id_of_a_problem_is_the_one_in_the_log(api: Api, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr("scheduler.services.people.create_person", fail)
    response = api.send("POST", "/people", {"name": "Greta", "email": "greta@example.org", "time_zone": "UTC"})
    found = {line["request_id"] for line in log.lines}
    assert found == {(response.json or {})["request_id"]}


def test_log_context_of_a_request_ends_with_it(api: Api, log: Log) -> None:
    ids = [api.send("GET", "/people").headers["X-Request-ID"] for _ in range(3)]
    assert [line["request_id"] for line in log.lines] == ids
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize("odd", ["\udce9t\udce9", 1 << 70, float("nan"), object()])
def test_line_with_odd_values_is_written(log: Log, odd: object) -> None:
    structlog.get_logger().warning("odd", value=odd)
    (line,) = log.lines
    assert line["event"] == "odd"
    assert "value" in line
