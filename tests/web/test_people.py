"""People under /v1/people."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Pair, problem_of, statuses

WEEK = [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "09:00", "end": "17:00"}]
NIGHT = [{"days": ["SA"], "start": "22:00", "end": "02:00"}]
GRETA: dict[str, Any] = {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}


def test_created_person_is_answered_with_defaults(api: Api) -> None:
    response = api.send("POST", "/people", GRETA)
    assert response.status_code == 201
    person = response.json or {}
    assert person == GRETA | {
        "id": person["id"],
        "working_hours": WEEK,
        "buffer": {"before": "PT0S", "after": "PT0S"},
        "preferred_hours": None,
        "travel": [],
        "at_most_per_day": None,
        "at_most_per_week": None,
    }
    assert response.headers["Location"] == f"/v1/people/{person['id']}"
    assert api.get(f"/people/{person['id']}") == person
    assert api.get("/people") == {"items": [person], "next": None}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, WEEK),
        ({"working_hours": "any"}, "any"),
        ({"working_hours": []}, []),
        ({"working_hours": NIGHT}, NIGHT),
    ],
)
def test_working_hours_left_out_null_and_empty_differ(api: Api, given: dict[str, Any], stored: Any) -> None:
    person = api.post("/people", GRETA | given)
    assert person["working_hours"] == stored
    assert api.get(f"/people/{person['id']}")["working_hours"] == person["working_hours"]


def test_country_with_one_zone_sets_the_zone(api: Api) -> None:
    assert (
        api.post("/people", {"name": "Asha", "email": "a@example.org", "country": "in"})["time_zone"] == "Asia/Kolkata"
    )


def test_country_with_several_zones_is_422_with_choices(api: Api) -> None:
    body = {"name": "Ana", "email": "a@example.org", "country": "BR"}
    problem = problem_of(api.send("POST", "/people", body), 422, "/country")
    assert "time zones; send the one that applies as time_zone" in problem["detail"]
    choices = problem["errors"][0]["choices"]
    assert {"America/Sao_Paulo", "America/Manaus"} <= set(choices)
    del body["country"]
    assert api.post("/people", body | {"time_zone": choices[0]})["time_zone"] == choices[0]


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"country": "DE"}, "/time_zone", "either time_zone or country"),
        ({"time_zone": None}, "/time_zone", "either time_zone or country"),
        ({"time_zone": None, "country": "XX"}, "/country", "unknown country 'XX'"),
        ({"time_zone": "Europe/Berlim"}, "/time_zone", "did you mean 'Europe/Berlin'"),
        ({"email": "greta"}, "/email", "no mail address"),
        ({"email": "greta@example.org\r\nBCC:x@y.z"}, "/email", "no mail address"),
        ({"name": ""}, "/name", "can't be empty"),
        ({"name": "   "}, "/name", "can't be empty"),
        ({"name": "x" * 201}, "/name", "200 is the most"),
        ({"name": None}, "/name", "no text"),
        ({"role": "mentor"}, "/role", "no such field"),
        ({"buffer": {"before": "P2D"}}, "/buffer/before", "P1D is the most"),
    ],
)
def test_person_with_invalid_field_is_refused(api: Api, change: dict[str, Any], pointer: str, words: str) -> None:
    problem = problem_of(api.send("POST", "/people", GRETA | change), 422, pointer)
    assert words in problem["errors"][0]["detail"]
    assert api.get("/people") == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"name": "Grete"}, {"name": "Grete"}),
        (
            {"email": "new@example.org", "time_zone": "Asia/Tokyo"},
            {"email": "new@example.org", "time_zone": "Asia/Tokyo"},
        ),
        ({"working_hours": "any"}, {"working_hours": "any"}),
        ({"working_hours": []}, {"working_hours": []}),
        ({"buffer": {"after": "PT90M"}}, {"buffer": {"before": "PT0S", "after": "PT1H30M"}}),
        ({"buffer": None}, {"buffer": {"before": "PT0S", "after": "PT0S"}}),
    ],
)
def test_update_replaces_sent_fields_only(api: Api, change: dict[str, Any], expected: dict[str, Any]) -> None:
    before = api.post("/people", GRETA | {"buffer": {"before": "PT5M"}})
    after = api.patch(f"/people/{before['id']}", change)
    assert after == before | expected | {"conflicts": [], "total": 0}
    assert api.get(f"/people/{before['id']}") == before | expected


@pytest.mark.parametrize("field", ["name", "email", "time_zone"])
def test_update_with_null_in_required_field_is_refused(api: Api, field: str) -> None:
    person = api.person()
    problem_of(api.send("PATCH", f"/people/{person}", {field: None}), 422, f"/{field}")


def test_update_with_country_is_refused(api: Api) -> None:
    problem_of(api.send("PATCH", f"/people/{api.person()}", {"country": "DE"}), 422, "/country")


def test_zone_change_keeps_the_zone_of_series(api: Api, pair: Pair) -> None:
    before = api.book_cadence(pair)
    api.patch(f"/people/{pair.mentor}", {"time_zone": "America/New_York"})
    after = api.get(f"/meetings/{before['id']}")
    assert (after["time_zone"], after["dtstart"]) == ("Europe/Berlin", "2026-10-06T10:00:00")
    assert [row["start"] for row in after["occurrences"]] == [row["start"] for row in before["occurrences"]]
    assert after["sequence"] == before["sequence"]
    assert after["occurrences"][0]["local_starts"][0] == {"name": "Greta", "start": "2026-10-06T04:00:00-04:00"}


def test_new_name_shows_in_default_titles_only(api: Api, pair: Pair) -> None:
    default, own = api.book_slot(pair), api.book_slot(pair, "2026-10-09T08:00:00Z", title="About the paper")
    assert default["title"] == "Mentoring: Greta & Asha"
    api.patch(f"/people/{pair.mentee}", {"name": "Asha Rao"})
    assert api.get(f"/meetings/{default['id']}")["title"] == "Mentoring: Greta & Asha Rao"
    assert api.get(f"/meetings/{own['id']}")["title"] == "About the paper"


def test_update_not_shown_in_invites_leaves_meetings_unchanged(api: Api, pair: Pair) -> None:
    before = api.book_cadence(pair)
    api.patch(f"/people/{pair.mentor}", {"working_hours": "any", "buffer": {"before": "PT5M"}})
    assert api.get(f"/meetings/{before['id']}") == before


def test_person_can_be_mentor_and_mentee(api: Api, pair: Pair) -> None:
    olga = api.person("Olga", "Europe/Kyiv")
    upwards = api.mentorship(olga, pair.mentor)
    meeting = api.post(f"/mentorships/{upwards}/meetings", {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"})
    assert meeting["title"] == "Mentoring: Olga & Greta"
    assert statuses(meeting) == ["scheduled"]


def test_deleted_person_is_404(api: Api) -> None:
    person = api.person()
    assert api.send("DELETE", f"/people/{person}").status_code == 204
    for method, body in (("GET", None), ("PATCH", {"name": "X"}), ("DELETE", None)):
        problem_of(api.send(method, f"/people/{person}", body), 404)
    assert api.get("/people") == {"items": [], "next": None}


TO_WRITE = 'this can\'t be null; write "any" for any time, or leave it out'


def test_working_hours_null_is_refused_with_what_to_write(api: Api) -> None:
    person = {"name": "Kim", "email": "kim@example.org", "time_zone": "UTC"}
    stored = api.post("/people", person)["id"]
    slots = {"window": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}, "duration": "PT1H"}
    null: dict[str, Any] = {"working_hours": None}
    for method, path, body, pointer in (
        ("POST", "/people", person | null, "/working_hours"),
        ("PATCH", f"/people/{stored}", null, "/working_hours"),
        ("POST", "/slots", slots | {"attendees": [{"time_zone": "UTC"} | null]}, "/attendees/0/working_hours"),
        ("POST", "/slots", slots | {"attendees": [{"person": stored} | null]}, "/attendees/0/working_hours"),
    ):
        problem = problem_of(api.send(method, path, body), 422, pointer)
        assert problem["errors"][0]["detail"] == TO_WRITE


def test_working_hours_of_another_word_are_refused_with_what_to_write(api: Api) -> None:
    person = {"name": "Kim", "email": "kim@example.org", "time_zone": "UTC", "working_hours": "all"}
    problem = problem_of(api.send("POST", "/people", person), 422, "/working_hours")
    assert problem["errors"][0]["detail"] == "'all' is not known here; give a list of hours, or \"any\" for any time"


def test_working_hours_of_any_time_are_answered_as_any(api: Api) -> None:
    person = api.person("Kim", "UTC", working_hours="any")
    assert api.get(f"/people/{person}")["working_hours"] == "any"
    assert api.patch(f"/people/{person}", {"working_hours": []})["working_hours"] == []
    assert api.patch(f"/people/{person}", {"working_hours": "any"})["working_hours"] == "any"
