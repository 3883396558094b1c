"""HEAD, OPTIONS, 405 and Location: the rules of HTTP that hold at every address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from support.api import Api, Pair, booking_of, problem_of

ROUTES_AT_LEAST = 25


@pytest.fixture
def no_queries() -> Iterator[list[str]]:
    """The queries sent to the database during the test."""
    queries: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield queries
    event.remove(Engine, "before_cursor_execute", note)


def test_options_lists_methods_without_key_or_query(app: Flask, no_queries: list[str]) -> None:
    methods: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", "x", rule.rule)
        methods.setdefault(path, set()).update(rule.methods or set())
    assert len(methods) > ROUTES_AT_LEAST
    for path, taken in methods.items():
        response = app.test_client().options(path)
        assert (response.status_code, response.data) == (200, b""), path
        assert set(response.headers["Allow"].split(", ")) == taken, path
    assert no_queries == []


def test_wrong_method_is_405_with_allow_everywhere(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", "x", rule.rule)
        allowed = set(app.test_client().options(path).headers["Allow"].split(", "))
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
            response = app.test_client().open(path, method=method)
            problem_of(response, 405)
            assert set(response.headers["Allow"].split(", ")) == allowed, f"{method} {path}"


def test_head_is_get_without_the_body(api: Api, pair: Pair) -> None:
    meeting = f"/meetings/{api.book_cadence(pair)['id']}"
    feed = api.feed(pair.mentor)
    paths = [
        "/people",
        f"/people/{pair.mentor}",
        f"/people/{pair.mentor}/free-busy?start=2026-10-01T00:00:00Z&end=2026-10-02T00:00:00Z",
        "/people?limit=1",
        "/mentorships",
        meeting,
        f"{meeting}/occurrences",
        "/people/nobody",
    ]
    client = api.app.test_client()
    for path in [*(f"/v1{path}" for path in paths), feed, "/healthz", "/openapi.yaml", "/feeds/x.ics", "/nothing"]:
        got, headed = (
            client.open(path, method=method, headers={"Authorization": f"Bearer {api.key}"})
            for method in ("GET", "HEAD")
        )
        assert (headed.status_code, headed.data) == (got.status_code, b""), path
        assert fields(headed) == fields(got), path
        assert got.data
    spared = api.send("HEAD", meeting, headers={"If-None-Match": api.send("GET", meeting).headers["ETag"]})
    assert spared.status_code == 304


def fields(response: Any) -> dict[str, str]:
    """An answer's headers, but for its own id, which may have another length written out."""
    passing = {"X-Request-ID", "Date"}
    return {name: value for name, value in response.headers if name not in passing}


def test_location_of_a_new_resource_answers_it_with_the_same_etag(api: Api, pair: Pair) -> None:
    person = f"/people/{pair.mentor}"
    feed = f"{person}/feeds"
    posts: list[tuple[str, Any]] = [
        ("/people", {"name": "Mia", "email": "mia@example.org", "country": "IN", "working_hours": []}),
        (f"{person}/blackouts", {"kind": "other", "start": "2026-12-01T09:00:00", "end": "2026-12-01T16:00:00+05:30"}),
        (f"{person}/blackouts", {"kind": "break", "first_day": "2026-12-24", "last_day": "2026-12-24"}),
        (f"{person}/calendars", {"url": "https://dav.example.org/", "username": "g", "password": "p"}),
        (feed, {"show": "free_busy"}),
        ("/mentorships", {"mentor": pair.mentee, "mentee": pair.mentor, "goals": ["x"], **DATES}),
        (pair.meetings, {"start": "2026-10-08T10:00:00", "duration": "PT45M"}),
        (pair.meetings, booking_of(api.cadence(pair))),
        ("/keys", {"name": "x", "scopes": ["slots:read", "people:read"]}),
        (f"/keys/{api.post('/keys', {'name': 'y', 'scopes': ['slots:read']})['id']}/rotate", {}),
    ]
    for path, body in posts:
        answer = api.send("POST", path, body)
        assert answer.status_code == 201, answer.text
        location = answer.headers["Location"]
        assert location.startswith("/v1/")
        read = api.send("GET", location.removeprefix("/v1"))
        secrets = {"token", "url", "webcal_url", "key"} if path.endswith(("feeds", "keys", "rotate")) else set()
        aside = secrets | {"conflicts", "total"}  # what a blackout did to meetings is no part of it
        shown = {name: value for name, value in (answer.json or {}).items() if name not in aside}
        assert (read.status_code, read.json) == (200, shown), path
        assert read.headers["ETag"] == answer.headers["ETag"], path


DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}


def test_answers_that_show_no_stored_resource_have_no_etag(api: Api, pair: Pair) -> None:
    window = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}
    slots = api.send("POST", "/slots", {"window": window, "duration": "PT45M", "attendees": pair.attendees})
    feed = api.post(f"/people/{pair.mentor}/feeds", {})
    rotated = api.send("POST", f"/people/{pair.mentor}/feeds/{feed['id']}/rotate")
    for answer in (slots, rotated, api.send("GET", "/people/nobody")):
        assert "ETag" not in answer.headers
