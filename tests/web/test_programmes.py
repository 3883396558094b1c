"""A programme sees only its own: another programme's ids are 404 on every route that takes one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from support.api import Api, problem_of, replacement_of
from support.calendars import RecordingCalendars

from scheduler.web.openapi.description import openapi_document

BODIES: dict[str, Any] = {
    "update_person": {"name": "Mallory"},
    "create_blackout": {"kind": "other", "first_day": "2026-12-01", "last_day": "2026-12-01"},
    "update_blackout": {"title": "Mine"},
    "create_calendar": {"url": "https://dav.example.org/", "username": "m", "password": "p"},
    "create_feed": {"show": "details"},
    "update_mentorship": {"goals": ["Mine"]},
    "create_meeting": {"start": "2026-10-22T08:00:00Z", "duration": "PT45M"},
    "update_meeting": {"title": "Mine"},
    "update_occurrence": {"start": "2026-10-23T08:00:00Z"},
    "resolve_occurrence": {"do": "restore"},
}
"""A body for each operation that takes one and has an id in its path: nothing else is wrong with the request."""

ANY = {"If-Match": "*"}

OF_SERIES = {"find_replacements", "reschedule_meeting"}
"""The operations that want a series, where the others are content with a single meeting."""

QUERIES = {"get_free_busy": "?start=2026-10-01T00:00:00Z&end=2026-10-02T00:00:00Z"}


@pytest.fixture
def operations(app: Flask) -> list[tuple[str, str, str]]:
    """(method, path with its ids, name) of every operation behind a key that has an id in its path."""
    return [
        (method.upper(), path.removeprefix("/v1"), operation["operationId"])
        for path, methods in openapi_document(app)["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/") and "{" in path
    ]


@pytest.fixture
def ids(api: Api) -> dict[str, str]:
    """One of everything."""
    pair = api.pair()
    blackout = api.post(f"/people/{pair.mentor}/blackouts", BODIES["create_blackout"])
    calendar = api.connect(pair.mentor)["id"]
    series = api.book_cadence(pair)["id"]
    meeting = api.book_slot(pair)["id"]
    api.patch(f"/meetings/{meeting}/occurrences/20261008T100000", {"start": "2026-10-08T08:15:00Z"})
    return {
        "person_id": pair.mentor,
        "blackout_id": blackout["id"],
        "calendar_id": calendar,
        "feed_id": api.post(f"/people/{pair.mentor}/feeds", {})["id"],
        "key_id": api.post("/keys", {"name": "Reports", "scopes": ["meetings:read"]})["id"],
        "mentorship_id": pair.mentorship,
        "meeting_id": meeting,
        "series_id": series,
        "recurrence_id": "20261008T100000",
        "delivery_id": api.get(f"/meetings/{meeting}/deliveries")["items"][0]["id"],
    }


def filled(path: str, ids: dict[str, str], name: str = "") -> str:
    if name in OF_SERIES:
        ids = ids | {"meeting_id": ids["series_id"]}
    return re.sub(r"{(\w+)}", lambda match: ids[match[1]], path)


def body_of(api: Api, ids: dict[str, str], name: str) -> Any:
    """A body with which the operation works."""
    if name == "reschedule_meeting":
        return replacement_of(api.get(f"/mentorships/{ids['mentorship_id']}/cadences?from=2026-10-19"))
    return BODIES.get(name)


def state_of(api: Api, ids: dict[str, str]) -> list[Any]:
    """Everything that can be read of what the programme has."""
    person = f"/people/{ids['person_id']}"
    paths = [person, *(f"{person}/{kind}" for kind in ("blackouts", "calendars", "feeds"))]
    paths += [f"/mentorships/{ids['mentorship_id']}", f"/mentorships/{ids['mentorship_id']}/meetings"]
    return [api.get(path) for path in [*paths, f"/meetings/{ids['meeting_id']}/deliveries"]]


def test_operation_on_another_programmes_id_is_404(
    api: Api,
    other_api: Api,
    ids: dict[str, str],
    operations: list[tuple[str, str, str]],
    calendars: RecordingCalendars,
) -> None:
    before = state_of(api, ids)
    calendars.checked.clear()
    assert len(operations) > 25
    for method, path, name in operations:
        address, body = filled(path, ids, name) + QUERIES.get(name, ""), body_of(api, ids, name)
        response = other_api.send(method, address, body, headers=ANY)
        assert response.status_code == 404, f"{method} {path}: {response.text}"
        problem_of(response, 404)
    assert state_of(api, ids) == before
    assert calendars.checked == []


def test_operation_on_own_id_works(api: Api, ids: dict[str, str], operations: list[tuple[str, str, str]]) -> None:
    order = {"GET": 0, "POST": 1, "PATCH": 2, "DELETE": 3}
    for method, path, name in sorted(operations, key=lambda row: (order[row[0]], -len(row[1]))):
        address, body = filled(path, ids, name) + QUERIES.get(name, ""), body_of(api, ids, name)
        response = api.send(method, address, body, headers=ANY)
        assert response.status_code < 300, f"{method} {path}: {response.text}"


def test_another_programmes_item_under_own_person_is_404(
    api: Api, other_api: Api, ids: dict[str, str], operations: list[tuple[str, str, str]]
) -> None:
    mixed = ids | {"person_id": other_api.person("Mallory")}
    nested = [row for row in operations if row[1].startswith("/people/{person_id}/") and row[1].count("{") > 1]
    assert len(nested) > 6
    for method, path, name in nested:
        problem_of(other_api.send(method, filled(path, mixed), BODIES.get(name), headers=ANY), 404)


def test_lists_hold_only_own_items(api: Api, other_api: Api, ids: dict[str, str]) -> None:
    assert other_api.get("/people") == other_api.get("/mentorships") == {"items": [], "next": None}
    assert len(api.get("/people")["items"]) == 2


def test_another_programmes_person_in_a_body_is_not_found(api: Api, other_api: Api, ids: dict[str, str]) -> None:
    foreign, own = ids["person_id"], other_api.person("Mallory")
    span = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
    window = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}
    attendees = [{"person": own}, {"person": foreign}]
    agreed = span | {"goals": ["x"]}
    for path, body, pointer in (
        ("/slots", {"window": window, "duration": "PT45M", "attendees": attendees}, "/attendees/1/person"),
        ("/cadences", span | {"duration": "PT45M", "attendees": attendees}, "/attendees/1/person"),
        ("/mentorships", agreed | {"mentor": foreign, "mentee": own}, "/mentor"),
        ("/mentorships", agreed | {"mentor": own, "mentee": foreign}, "/mentee"),
    ):
        problem_of(other_api.send("POST", path, body), 404, pointer)


def test_guest_email_of_another_programmes_person_shows_nothing(api: Api, other_api: Api) -> None:
    pair = api.pair()
    api.book_slot(pair, guests=[{"name": "Olga", "email": "olga@example.org", "time_zone": "Europe/Kyiv"}])
    feed = other_api.feed(other_api.person("Olga", "Europe/Kyiv"))
    assert "BEGIN:VEVENT" not in other_api.read(feed).text
