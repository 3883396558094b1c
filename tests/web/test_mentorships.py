"""Mentorships under /v1/mentorships."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Clock, Pair, problem_of, statuses


@pytest.fixture
def body(api: Api) -> dict[str, Any]:
    return {
        "mentor": api.person(),
        "mentee": api.person("Asha", "Asia/Kolkata"),
        "goals": ["First paper", "A talk"],
        "expectations": "Both prepare.",
        "starts_on": "2026-10-05",
        "ends_on": "2027-03-31",
    }


def test_new_mentorship_has_goals_and_dates_and_is_active(api: Api, body: dict[str, Any]) -> None:
    response = api.send("POST", "/mentorships", body)
    assert response.status_code == 201
    agreed = response.json or {}
    assert agreed == body | {"id": agreed["id"], "status": "active", "when_blocked": "ask"}
    assert response.headers["Location"] == f"/v1/mentorships/{agreed['id']}"
    assert api.get(f"/mentorships/{agreed['id']}") == agreed
    assert api.get("/mentorships") == {"items": [agreed], "next": None}


@pytest.mark.parametrize(
    ("change", "status", "pointer", "words"),
    [
        ({"goals": []}, 422, "/goals", "can't be empty"),
        ({"goals": ["x", ""]}, 422, "/goals/1", "can't be empty"),
        ({"ends_on": "2026-10-04"}, 422, "/ends_on", "before it starts"),
        ({"ends_on": "2029-11-05"}, 422, "/ends_on", "more than three years"),
        ({"ends_on": "never"}, 422, "/ends_on", "write it like"),
        ({"status": "asleep"}, 422, "/status", "'active'"),
        ({"mentor": "nobody"}, 404, "/mentor", "no person"),
        ({"mentee": "nobody"}, 404, "/mentee", "no person"),
        ({"expectations": "x" * 4001}, 422, "/expectations", "4000 is the most"),
    ],
)
def test_mentorship_with_invalid_field_is_refused(
    api: Api, body: dict[str, Any], change: dict[str, Any], status: int, pointer: str, words: str
) -> None:
    problem = problem_of(api.send("POST", "/mentorships", body | change), status, pointer)
    assert words in problem["errors"][0]["detail"]
    assert api.get("/mentorships") == {"items": [], "next": None}


def test_mentor_equal_to_mentee_is_refused(api: Api, body: dict[str, Any]) -> None:
    problem_of(api.send("POST", "/mentorships", body | {"mentee": body["mentor"]}), 422, "/mentee")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"goals": ["A talk"]},
        {"expectations": ""},
        {"starts_on": "2026-10-06", "ends_on": "2027-02-01"},
        {"status": "paused"},
    ],
)
def test_update_replaces_sent_fields(api: Api, body: dict[str, Any], change: dict[str, Any]) -> None:
    agreed = api.post("/mentorships", body)
    assert api.patch(f"/mentorships/{agreed['id']}", change) == agreed | change
    assert api.get(f"/mentorships/{agreed['id']}") == agreed | change


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"goals": None}, "/goals"),
        ({"ends_on": None}, "/ends_on"),
        ({"ends_on": "2026-10-01"}, "/ends_on"),
        ({"starts_on": "2027-04-01"}, "/ends_on"),
        ({"mentor": "x"}, "/mentor"),
        ({"ends_on": "2029-11-05"}, "/ends_on"),
    ],
)
def test_invalid_update_is_refused(api: Api, body: dict[str, Any], change: dict[str, Any], pointer: str) -> None:
    agreed = api.post("/mentorships", body)
    problem_of(api.send("PATCH", f"/mentorships/{agreed['id']}", change), 422, pointer)
    assert api.get(f"/mentorships/{agreed['id']}") == agreed


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_ending_cancels_future_meetings_only(api: Api, pair: Pair, clock: Clock, status: str) -> None:
    series, past, ahead = api.book_cadence(pair), api.book_slot(pair), api.book_slot(pair, "2026-10-23T08:00:00Z")
    clock.set("2026-10-21T12:00:00+00:00")
    api.patch(f"/mentorships/{pair.mentorship}", {"status": status})
    assert statuses(api.get(f"/meetings/{series['id']}")) == ["scheduled"] * 3 + ["cancelled"] * 3
    assert api.get(f"/meetings/{past['id']}")["status"] == "confirmed"
    assert api.get(f"/meetings/{ahead['id']}")["status"] == "cancelled"


def test_ended_mentorship_stays_ended(api: Api, pair: Pair) -> None:
    path = f"/mentorships/{pair.mentorship}"
    api.patch(path, {"status": "completed"})
    for status in ("active", "paused", "cancelled"):
        problem = problem_of(api.send("PATCH", path, {"status": status}), 409)
        assert "is completed and can't be reopened" in problem["detail"]
    assert api.patch(path, {"status": "completed", "expectations": "It went well."})["status"] == "completed"


@pytest.mark.parametrize("status", ["paused", "completed", "cancelled"])
def test_inactive_mentorship_takes_no_bookings(api: Api, pair: Pair, status: str) -> None:
    cadence = api.cadence(pair)
    api.patch(f"/mentorships/{pair.mentorship}", {"status": status})
    for booking in (
        {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"},
        {name: cadence[name] for name in ("dtstart", "time_zone", "rrule")}
        | {"expected": cadence["occurrences"], "duration": "PT45M"},
    ):
        problem = problem_of(api.send("POST", pair.meetings, booking), 409)
        assert f"the mentorship is {status}" in problem["detail"]


@pytest.mark.parametrize("ends_on", ["2026-10-06", "2026-11-08", "2026-11-09"])
def test_end_before_booked_meeting_is_refused(api: Api, pair: Pair, ends_on: str) -> None:
    assert api.book_cadence(pair)["occurrences"][-1]["start"] == "2026-11-10T09:00:00Z"
    problem = problem_of(api.send("PATCH", f"/mentorships/{pair.mentorship}", {"ends_on": ends_on}), 422, "/ends_on")
    assert "cancel or move it first" in problem["detail"]


def test_end_on_day_of_last_meeting_is_accepted(api: Api, pair: Pair) -> None:
    meeting = api.book_cadence(pair)
    path = f"/mentorships/{pair.mentorship}"
    assert api.patch(path, {"ends_on": "2026-11-10"})["ends_on"] == "2026-11-10"
    api.patch(f"/meetings/{meeting['id']}/occurrences/20261110T100000", {"status": "cancelled"})
    assert api.patch(path, {"ends_on": "2026-11-03"})["ends_on"] == "2026-11-03"


def test_changed_goals_reach_feeds_without_new_sequence(api: Api, pair: Pair) -> None:
    meeting, feed = api.book_slot(pair), api.feed(pair.mentor)
    assert "First paper" in api.read(feed).text
    api.patch(f"/mentorships/{pair.mentorship}", {"goals": ["Second paper"]})
    assert "Second paper" in api.read(feed).text
    after = api.get(f"/meetings/{meeting['id']}")
    assert (after["sequence"], after["revision"]) == (0, 2)


def test_update_not_shown_in_invites_leaves_meetings_unchanged(api: Api, pair: Pair) -> None:
    before = api.book_slot(pair)
    api.patch(f"/mentorships/{pair.mentorship}", {"expectations": "Both prepare.", "goals": ["First paper"]})
    assert api.get(f"/meetings/{before['id']}") == before


def test_start_after_booked_meeting_is_refused(api: Api, pair: Pair) -> None:
    assert api.book_cadence(pair)["occurrences"][0]["start"] == "2026-10-06T08:00:00Z"
    path = f"/mentorships/{pair.mentorship}"
    problem_of(api.send("PATCH", path, {"starts_on": "2026-10-07"}), 422, "/starts_on")
    assert api.patch(path, {"starts_on": "2026-10-06"})["starts_on"] == "2026-10-06"
