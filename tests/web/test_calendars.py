"""Connecting a person's own CalDAV calendar under /v1/people/{id}/calendars."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.api import Api, Clock, Pair, problem_of
from support.calendars import RecordingCalendars
from support.working import deliver_next

from scheduler.adapters.caldav_server import CalDAVServer
from scheduler.adapters.guarded_http import Guard
from scheduler.app import create_app
from scheduler.domain.programme.people import Account
from scheduler.services.calendar_checks import CalendarChecks
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.ports import Context

SECOND = "https://dav.example.org/second/"
CALENDAR: dict[str, Any] = {"url": "https://dav.example.org/cal/", "username": "greta", "password": "hunter2hunter2"}


@pytest.fixture
def path(pair: Pair) -> str:
    return f"/people/{pair.mentor}/calendars"


def test_connected_calendar_is_checked_and_answered_without_password(
    api: Api, path: str, calendars: RecordingCalendars
) -> None:
    response = api.send("POST", path, CALENDAR)
    assert response.status_code == 201
    connected = response.json or {}
    assert calendars.checked == [Account(CALENDAR["url"], "greta", "hunter2hunter2")]
    assert connected == {
        "id": connected["id"],
        "url": CALENDAR["url"],
        "username": "greta",
        "publish": True,
        "state": "connected",
        "read_at": None,
        "failure": None,
    }
    assert response.headers["Location"] == f"/v1{path}/{connected['id']}"
    assert api.get(f"{path}/{connected['id']}") == connected
    assert api.get(path) == {"items": [connected], "next": None}


def test_calendar_of_a_silent_server_is_202_and_can_be_deleted(
    context: Context, pair: Pair, api: Api, path: str, calendars: RecordingCalendars
) -> None:
    awake = Event()
    calendars.during_check = lambda: awake.wait(20)
    impatient = Api(create_app(replace(context, checks=CalendarChecks(0.05))), api.key)
    response = impatient.send("POST", path, CALENDAR)
    other = impatient.send("POST", path, CALENDAR | {"url": SECOND})
    awake.set()
    assert response.status_code == other.status_code == 202
    connecting = response.json or {}
    assert (connecting["state"], connecting["read_at"], connecting["failure"]) == ("connecting", None, None)
    assert "ETag" not in response.headers
    assert len(calendars.checked) == 1
    address = f"{path}/{connecting['id']}"
    assert response.headers["Location"] == f"/v1{address}"
    assert api.get(address) == connecting
    again = problem_of(api.send("POST", path, CALENDAR), 409)
    assert connecting["id"] in again["detail"]
    asked = {"window": {"start": "2026-10-08T08:00:00Z", "end": "2026-10-08T10:00:00Z"}, "duration": "PT45M"}
    assert api.post("/slots", asked | {"attendees": pair.attendees})["unknown_attendees"] == []
    assert api.send("DELETE", address).status_code == 204
    assert [row["id"] for row in api.get(path)["items"]] == [(other.json or {})["id"]]


def test_password_is_stored_encrypted(api: Api, path: str, database: Path) -> None:
    api.post(path, CALENDAR)
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT * FROM calendars").fetchall()
    connection.close()
    assert "dav.example.org" in repr(rows)
    assert "hunter2" not in repr(rows)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (CalendarRefused("does not accept the login (it answered 401 Unauthorized)", 401), "answered 401 Unauthorized"),
        (CalendarUnreachable("did not answer within 5 seconds"), "did not answer within 5 seconds"),
        (AddressRefused("10.1.2.3"), "'10.1.2.3' is not on the public internet"),
    ],
)
def test_refused_calendar_is_422_with_the_servers_words(
    api: Api, path: str, calendars: RecordingCalendars, refusal: Exception, words: str
) -> None:
    calendars.refusal = refusal
    problem = problem_of(api.send("POST", path, CALENDAR), 422, "/url")
    assert problem["type"] == "/problems#calendar-refused"
    assert words in problem["errors"][0]["detail"]
    assert api.get(path) == {"items": [], "next": None}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "192.168.1.1", "0.0.0.0"])
def test_private_address_is_refused_unless_allowed(api: Api, context: Context, path: str, host: str) -> None:
    guarded = Context(
        context.store,
        context.vault,
        CalDAVServer(Guard(connect_seconds=1, read_seconds=1), context.reader),
        context.reader,
        context.clock,
        context.refresh,
        context.stale_after,
    )
    asked = Api(create_app(guarded), api.key)
    problem = problem_of(asked.send("POST", path, CALENDAR | {"url": f"http://{host}:9/cal/"}), 422, "/url")
    assert "SCHEDULER_ALLOWED_NETWORKS" in problem["detail"]


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"url": "ftp://dav.example.org/"}, "/url", "begins with https:// or http://"),
        ({"url": "https:///cal/"}, "/url", "names a host"),
        ({"url": "https://greta:hunter2hunter2@dav.example.org/"}, "/url", "holds a login"),
        ({"url": "https://dav.example.org/a b"}, "/url", "begins with"),
        ({"url": "https://[dav/"}, "/url", "can't be read"),
        ({"username": ""}, "/username", "can't be empty"),
        ({"password": ""}, "/password", "can't be empty"),
        ({"password": "hunter2hunter2" * 100}, "/password", "1000 is the most"),
        ({"password": ["hunter2hunter2"]}, "/password", "no text"),
        ({"token": "x"}, "/token", "no such field"),
    ],
)
def test_invalid_field_is_refused_without_repeating_the_password(
    api: Api, path: str, calendars: RecordingCalendars, change: dict[str, Any], pointer: str, words: str
) -> None:
    response = api.send("POST", path, CALENDAR | change)
    assert words in problem_of(response, 422, pointer)["errors"][0]["detail"]
    assert "hunter2" not in response.text
    assert calendars.checked == []


def test_unknown_person_is_404_without_asking_the_server(api: Api, calendars: RecordingCalendars) -> None:
    problem_of(api.send("POST", "/people/nobody/calendars", CALENDAR), 404)
    assert calendars.checked == []


def test_booking_is_queued_for_every_published_calendar_of_both(api: Api, pair: Pair) -> None:
    connected = {
        api.connect(pair.mentor)["id"],
        api.connect(pair.mentor, url=SECOND)["id"],
        api.connect(pair.mentee)["id"],
    }
    api.connect(pair.mentee, url=SECOND, publish=False)
    meeting = api.book_slot(pair)
    rows = api.get(f"/meetings/{meeting['id']}/deliveries")["items"]
    assert {row["calendar"] for row in rows} == connected
    assert [list(row) for row in rows] == [
        [
            "id",
            "calendar",
            "person",
            "uid",
            "state",
            "attempts",
            "wanted_revision",
            "delivered_revision",
            "due_at",
            "delivered_at",
            "reason",
        ]
    ] * 3
    assert {(row["state"], row["uid"], row["attempts"], row["wanted_revision"]) for row in rows} == {
        ("waiting", meeting["uid"], 0, 1)
    }


def test_connecting_later_queues_future_meetings_only(api: Api, pair: Pair, clock: Clock) -> None:
    past, running = api.book_slot(pair), api.book_cadence(pair)
    ahead, cancelled = api.book_slot(pair, "2026-10-23T08:00:00Z"), api.book_slot(pair, "2026-10-22T08:00:00Z")
    api.delete(f"/meetings/{cancelled['id']}")
    clock.set("2026-10-21T12:00:00+00:00")
    api.connect(pair.mentor)
    owed = {
        name: len(api.get(f"/meetings/{meeting['id']}/deliveries")["items"])
        for name, meeting in (("past", past), ("running", running), ("ahead", ahead), ("cancelled", cancelled))
    }
    assert owed == {"past": 0, "running": 1, "ahead": 1, "cancelled": 0}


def test_read_only_calendar_gets_no_deliveries(api: Api, pair: Pair, context: Context) -> None:
    api.connect(pair.mentee)
    meeting = api.book_slot(pair)
    assert deliver_next(context)
    before = api.get(f"/meetings/{meeting['id']}/deliveries")
    api.connect(pair.mentor, url=SECOND, publish=False)
    assert api.get(f"/meetings/{meeting['id']}/deliveries") == before


def test_same_address_twice_for_one_person_is_409(api: Api, pair: Pair, path: str) -> None:
    first = api.connect(pair.mentor)
    again = {"url": first["url"], "username": "second", "password": "x"}
    problem = problem_of(api.send("POST", path, again, headers={"Idempotency-Key": "ignored"}), 409)
    assert first["id"] in problem["detail"]
    api.connect(pair.mentee, url=first["url"])
    assert len(api.get(f"/meetings/{api.book_slot(pair)['id']}/deliveries")["items"]) == 2
    api.delete(f"{path}/{first['id']}")
    assert api.post(path, again)["url"] == first["url"]


def test_disconnected_calendar_gets_no_deliveries(api: Api, pair: Pair, path: str) -> None:
    calendar = api.connect(pair.mentor)
    meeting = api.book_slot(pair)
    assert api.send("DELETE", f"{path}/{calendar['id']}").status_code == 204
    assert api.get(f"/meetings/{meeting['id']}/deliveries") == {"items": [], "next": None}
    problem_of(api.send("GET", f"{path}/{calendar['id']}"), 404)
    problem_of(api.send("DELETE", f"{path}/{calendar['id']}"), 404)


def test_second_calendar_gets_deliveries_and_the_first_no_new_ones(api: Api, pair: Pair, context: Context) -> None:
    first = api.connect(pair.mentor)["id"]
    meeting = api.book_slot(pair)
    assert deliver_next(context)
    second = api.connect(pair.mentor, url=SECOND)["id"]
    rows = api.get(f"/meetings/{meeting['id']}/deliveries")["items"]
    assert {row["calendar"]: row["state"] for row in rows} == {first: "delivered", second: "waiting"}
