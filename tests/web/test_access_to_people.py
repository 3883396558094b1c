"""Without people:read, what is personal of a stored person is in no answer about slots, cadences and bookings."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from support.api import Api, Pair, booking_of, problem_of
from support.working import read_next

from scheduler.services.calendar_server import CalendarUnreachable
from scheduler.services.ports import Context

SECRET_TITLE = "Chemotherapy"
AWAY = {"kind": "leave", "title": SECRET_TITLE, "first_day": "2026-10-13", "last_day": "2026-10-13"}
CADENCES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "duration": "PT45M", "step": "PT30M", "limit": 100}
WINDOW = {"start": "2026-10-13T00:00:00Z", "end": "2026-10-14T00:00:00Z"}


def key_for(api: Api, app: Flask, *scopes: str) -> Api:
    """The programme's client with a key for no more than that."""
    return Api(app, api.post("/keys", {"name": "x", "scopes": scopes})["key"])


@pytest.fixture
def blackout(api: Api, pair: Pair) -> str:
    """The id of the mentee's day away."""
    return str(api.post(f"/people/{pair.mentee}/blackouts", AWAY)["id"])


@pytest.fixture
def planner(api: Api, app: Flask, blackout: str) -> Api:
    """Who may look for times and book them, and read nothing of people."""
    return key_for(api, app, "slots:read", "meetings:read", "meetings:write")


def blocked(answer: dict[str, Any], start: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = next(
        occurrence["blocked_by"]
        for cadence in answer["cadences"]
        for occurrence in cadence["occurrences"]
        if occurrence["start"] == start and "blocked_by" in occurrence
    )
    return rows


def test_cadence_redacted_names_stored_blackout_by_id_without_title(
    api: Api, planner: Api, pair: Pair, blackout: str
) -> None:
    question = CADENCES | {"attendees": pair.attendees, "min_coverage": 0}
    for client, named in ((planner, {}), (api, {"person": pair.mentee, "title": SECRET_TITLE})):
        response = client.send("POST", "/cadences", question)
        assert (SECRET_TITLE in response.text) is bool(named)
        (row,) = blocked(response.json or {}, "2026-10-13T08:00:00Z")
        assert row == {"index": 1, "cause": "blackout", "blackout": blackout} | named


def test_cadence_with_people_read_shows_title(api: Api, app: Flask, pair: Pair, blackout: str) -> None:
    reader = key_for(api, app, "slots:read", "people:read")
    assert SECRET_TITLE in reader.send("POST", "/cadences", CADENCES | {"attendees": pair.attendees}).text


def test_cadence_with_inline_blackout_shows_its_title_without_id(planner: Api, pair: Pair) -> None:
    attendees = [{"person": pair.mentor}, {"person": pair.mentee, "blackouts": [AWAY | {"title": "Ours"}]}]
    found = planner.post("/cadences", CADENCES | {"attendees": attendees})
    assert blocked(found, "2026-10-13T08:00:00Z") == [{"index": 1, "cause": "blackout", "title": "Ours"}]


def test_explanation_redacted_has_no_title_and_name(planner: Api, pair: Pair) -> None:
    text = planner.send("POST", "/slots", {"window": WINDOW, "duration": "PT45M", "attendees": pair.attendees}).text
    assert '"reason":"blackout"' in text
    for word in (SECRET_TITLE, "Asha", "Greta", "@example.org"):
        assert word not in text


def test_refused_booking_redacted_shows_plan_without_title(api: Api, planner: Api, pair: Pair, blackout: str) -> None:
    cadence = api.cadence(pair)
    changed = booking_of(cadence) | {"expected": cadence["occurrences"][:1]}
    slot = {"start": "2026-10-13T08:00:00Z", "duration": "PT45M"}
    for client, named in ((planner, {}), (api, {"person": pair.mentee, "title": SECRET_TITLE})):
        refused = client.send("POST", pair.meetings, changed)
        planned = {"index": 1, "cause": "blackout", "blackout": blackout} | named
        assert problem_of(refused, 409)["plan"][1]["blocked_by"] == [planned]
        taken = client.send("POST", pair.meetings, slot)
        row = {"index": 1, "cause": "blackout", "blackout": blackout} | named
        assert problem_of(taken, 409)["blocked_by"] == [row]
        assert (SECRET_TITLE in refused.text + taken.text) is bool(named)


def test_redacted_cadence_can_be_booked_as_answered(planner: Api, pair: Pair) -> None:
    question = CADENCES | {"attendees": pair.attendees, "min_coverage": 0}
    found = planner.post("/cadences", question)
    cadence = next(row for row in found["cadences"] if row["dtstart"] == "2026-10-06T10:00:00")
    assert planner.post(pair.meetings, booking_of(cadence))["status"] == "confirmed"


def test_refused_move_redacted_has_no_title(api: Api, planner: Api, pair: Pair, blackout: str) -> None:
    meeting = api.book_slot(pair)
    path = f"/meetings/{meeting['id']}/occurrences/20261008T100000"
    refused = planner.send("PATCH", path, {"start": "2026-10-13T08:00:00Z"}, headers={"If-Match": "*"})
    assert problem_of(refused, 409)["blocked_by"][0]["blackout"] == blackout
    assert SECRET_TITLE not in refused.text


def test_calendar_failure_is_visible_only_with_people_read(
    api: Api, planner: Api, pair: Pair, context: Context, calendars: Any
) -> None:
    api.connect(pair.mentee)
    calendars.refusal = CalendarUnreachable("at dav.example.org/asha did not answer")
    assert read_next(context)
    asked = {"window": WINDOW, "duration": "PT45M", "attendees": pair.attendees}
    cadences = CADENCES | {"attendees": pair.attendees}
    for path, question in (("/slots", asked), ("/cadences", cadences)):
        (told,) = api.post(path, question)["unknown_attendees"]
        (kept,) = planner.post(path, question)["unknown_attendees"]
        assert "dav.example.org/asha" in told["reason"]
        assert kept["reason"] == "the connected calendar has not been read recently enough"
        assert (kept["index"], kept["age"]) == (told["index"], told["age"]) == (1, None)
