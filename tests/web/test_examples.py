"""Every operation's examples in the description succeed when they are sent as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from support.api import Api, Clock

from scheduler.web.fields.example_ids import EXAMPLE_IDS, MENTEE, MENTOR

ID_SOURCES = {
    "mentor": "scheduler.web.api.people.new_id",
    "mentee": "scheduler.web.api.people.new_id",
    "blackout_id": "scheduler.store.blackouts.new_id",
    "calendar_id": "scheduler.services.calendars.new_id",
    "feed_id": "scheduler.store.feeds.new_id",
    "token": "scheduler.services.feed_tokens.new_token",
    "mentorship_id": "scheduler.web.api.mentorships.new_id",
    "meeting_id": "scheduler.store.meetings.new_id",
    "delivery_id": "scheduler.store.outbox.new_id",
    "key_id": "scheduler.services.programmes.new_id",
}
"""The function that makes each id, as the module that stores the thing names it."""
ORDER = {"get": 0, "post": 1, "patch": 2, "delete": 3}
"""Reading comes first, and deleting last."""


@dataclass(frozen=True)
class Example:
    """A request that the description gives as an example."""

    operation: str
    method: str
    path: str
    body: Any
    headers: dict[str, str]


def resolve(part: Any, document: dict[str, Any]) -> Any:
    """The part of the description that a reference names, or the part itself."""
    while "$ref" in part:
        kind, name = part["$ref"].split("/")[-2:]
        part = document["components"][kind][name]
    return part


def bodies_of(operation: dict[str, Any], document: dict[str, Any]) -> list[Any]:
    """The example bodies of an operation; None stands for no body."""
    if "requestBody" not in operation:
        return [None]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return [body for one in schema.get("oneOf", [schema]) for body in resolve(one, document)["examples"]]


def examples_of(document: dict[str, Any]) -> Iterator[Example]:
    """Every example request, made of what the description says alone."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [resolve(row, document) for row in operation["parameters"]]
            query, headers, address = {}, {}, path
            for row in parameters:
                match row["in"]:
                    case "path":
                        address = address.replace(f"{{{row['name']}}}", row["example"])
                    case "query" if row["required"] or "examples" in row["schema"]:
                        query[row["name"]] = row["schema"]["examples"][0]
                    case "header" if row.get("required"):
                        headers[row["name"]] = "*"
            for body in bodies_of(operation, document):
                where = f"{address}?{urlencode(query)}" if query else address
                yield Example(operation["operationId"], method, where, body, headers)


def in_order(examples: list[Example]) -> list[Example]:
    """The examples in an order in which each finds what it names: people are deleted last."""
    deleting = [one for one in examples if one.method == "delete"]
    others = [one for one in examples if one.method != "delete"]
    return sorted(others, key=lambda one: ORDER[one.method]) + deleting[::-1]


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(api.app.test_client().get("/openapi.yaml").text)
    return described


@pytest.fixture(params=["2026-10-01T09:00:00+00:00", "2035-12-31T09:00:00+00:00"])
def stored_api(request: pytest.FixtureRequest, api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A client of a programme in which everything is stored that the examples name, at an early and at a late date."""
    clock.set(request.param)
    ids = EXAMPLE_IDS | {"mentor": MENTOR, "mentee": MENTEE}

    def post(name: str, path: str, body: Any, *others: str) -> None:
        with monkeypatch.context() as patch:
            for one in (name, *others):
                patch.setattr(ID_SOURCES[one], lambda one=one: ids[one])
            api.post(path, body)

    post("mentor", "/people", {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"})
    post("mentee", "/people", {"name": "Asha", "email": "asha@example.org", "time_zone": "Asia/Kolkata"})
    days = {"first_day": "2036-11-17", "last_day": "2036-11-18"}
    post("blackout_id", f"/people/{MENTOR}/blackouts", {"kind": "other", "title": "Field trip"} | days)
    account = {"url": "https://dav.example.org/greta/", "username": "greta", "password": "an app password"}
    post("calendar_id", f"/people/{MENTOR}/calendars", account)
    post("feed_id", f"/people/{MENTOR}/feeds", {}, "token")
    people = {"mentor": MENTOR, "mentee": MENTEE, "goals": ["First paper"]}
    post("mentorship_id", "/mentorships", people | {"starts_on": "2036-11-03", "ends_on": "2036-12-19"})
    occurrences = [
        {"start": f"2036-11-{day}T09:00:00Z", "end": f"2036-11-{day}T09:45:00Z", "status": "clear"}
        for day in ("04", "07", "11", "14")
    ]
    series = {"dtstart": "2036-11-04T10:00:00", "time_zone": "Europe/Berlin", "duration": "PT45M"}
    rule = {"rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU,FR;UNTIL=20361114T090000Z", "expected": occurrences}
    dates = {"starts_on": "2036-11-03", "ends_on": "2036-11-14"}
    post("meeting_id", f"/mentorships/{ids['mentorship_id']}/meetings", series | rule | dates, "delivery_id")
    exam = {"kind": "exam", "first_day": "2036-11-04", "last_day": "2036-11-04"}
    api.post(f"/people/{MENTEE}/blackouts", exam)
    post("key_id", "/keys", {"name": "a web site", "scopes": ["slots:read"]})
    return api


def test_every_example_succeeds_as_it_stands(stored_api: Api, document: dict[str, Any]) -> None:
    sent = set()
    for example in in_order(list(examples_of(document))):
        path = example.path.removeprefix("/v1")
        if path == example.path:
            response = stored_api.read(path)
        else:
            response = stored_api.send(example.method.upper(), path, example.body, headers=example.headers)
        assert response.status_code in {200, 201, 202, 204}, f"{example}: {response.text}"
        sent.add(example.operation)
    described = {row["operationId"] for methods in document["paths"].values() for row in methods.values()}
    assert sent == described
