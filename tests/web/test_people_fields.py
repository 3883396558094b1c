"""What stored people prefer, where they travel and how many meetings they take: kept, shown, and gone by everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Pair, problem_of

EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]
AFTERNOON = [{"days": EVERY_DAY, "start": "15:00", "end": "16:00"}]
TOKYO = [{"from": "2026-10-07", "until": "2026-10-08", "time_zone": "Asia/Tokyo"}]
"""A Wednesday and a Thursday."""
WHILE_AWAY = "2026-10-08T00:00:00Z"
"""A Thursday at 9:00 in Tokyo, 2:00 in Berlin."""
FIELDS: dict[str, Any] = {
    "preferred_hours": AFTERNOON,
    "travel": TOKYO,
    "at_most_per_day": 1,
    "at_most_per_week": 2,
}
BARE: dict[str, Any] = {"preferred_hours": None, "travel": [], "at_most_per_day": None, "at_most_per_week": None}
WEEK = ("2026-10-05T00:00:00Z", "2026-10-10T00:00:00Z")
HOURLY = {"duration": "PT1H", "step": "PT1H"}


def fields_of(api: Api, person: str) -> dict[str, Any]:
    return {name: value for name, value in api.get(f"/people/{person}").items() if name in FIELDS}


def test_optional_fields_are_answered_as_given(api: Api) -> None:
    given, bare = api.person(**FIELDS), api.person()
    assert (fields_of(api, given), fields_of(api, bare)) == (FIELDS, BARE)
    listed = {row["id"]: {name: row[name] for name in FIELDS} for row in api.get("/people")["items"]}
    assert listed == {given: FIELDS, bare: BARE}


@pytest.mark.parametrize("name", list(FIELDS))
def test_update_changes_and_clears_one_optional_field(api: Api, name: str) -> None:
    person = api.person(**FIELDS)
    api.patch(f"/people/{person}", {name: BARE[name]})
    assert fields_of(api, person) == FIELDS | {name: BARE[name]}
    assert api.patch(f"/people/{person}", {name: FIELDS[name]})[name] == FIELDS[name]
    api.patch(f"/people/{person}", {"name": "Gretchen"})
    assert fields_of(api, person) == FIELDS


def test_travel_is_stored_in_order_of_days(api: Api) -> None:
    later = {"from": "2026-12-01", "until": "2026-12-01", "time_zone": "UTC"}
    assert fields_of(api, api.person(travel=[later, *TOKYO]))["travel"] == [*TOKYO, later]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"travel": None}, "/travel"),
        ({"travel": [TOKYO[0] | {"until": "2026-10-06"}]}, "/travel/0/until"),
        ({"travel": [*TOKYO, *TOKYO]}, "/travel"),
        ({"travel": [TOKYO[0] | {"time_zone": "Tokyo"}]}, "/travel/0/time_zone"),
        ({"preferred_hours": []}, "/preferred_hours"),
        ({"at_most_per_day": 0}, "/at_most_per_day"),
        ({"at_most_per_week": 51}, "/at_most_per_week"),
        ({"past_burden": 1}, "/past_burden"),
        ({"meetings": []}, "/meetings"),
    ],
)
def test_invalid_optional_field_is_refused(api: Api, change: dict[str, Any], pointer: str) -> None:
    person = api.person(**FIELDS)
    problem_of(api.change("PATCH", f"/people/{person}", change), 422, pointer)
    assert fields_of(api, person) == FIELDS
    new = {"name": "Asha", "email": "asha@example.org", "time_zone": "UTC"} | change
    problem_of(api.send("POST", "/people", new), 422, pointer)


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        pytest.param({"travel": TOKYO}, ["08T07:00", "08T08:00"], ["08T00:00", "08T01:00"], id="travel"),
        pytest.param({"at_most_per_day": 1}, ["08T07:00", "08T08:00"], [], id="a day's cap"),
        pytest.param({"at_most_per_week": 1}, ["08T07:00", "08T08:00"], [], id="a week's cap"),
        pytest.param({"at_most_per_week": 2}, ["08T07:00", "08T08:00"], ["08T07:00", "08T08:00"], id="room left"),
        pytest.param({"preferred_hours": AFTERNOON}, ["08T11:00", "08T12:00"], ["08T13:00", "08T12:00"], id="wishes"),
    ],
)
def test_next_slots_follow_an_update(
    api: Api, pair: Pair, change: dict[str, Any], before: list[str], after: list[str]
) -> None:
    api.book_slot(pair, "2026-10-08T14:15:00Z")
    window = {"start": "2026-10-07T22:00:00Z", "end": "2026-10-08T22:00:00Z"}
    order = "best" if "preferred_hours" in change else "earliest"
    asked = HOURLY | {"window": window, "attendees": [{"person": pair.mentor}], "limit": 2, "order": order}
    for wanted in (before, after, before):
        assert [slot["start"][8:16] for slot in api.post("/slots", asked)["slots"]] == wanted
        api.patch(f"/people/{pair.mentor}", change if wanted is before else {name: BARE[name] for name in change})


@pytest.mark.parametrize(
    "change", [{"travel": TOKYO}, {"at_most_per_day": 1}, {"at_most_per_week": 1}, {"preferred_hours": AFTERNOON}]
)
def test_next_cadences_follow_an_update(api: Api, pair: Pair, change: dict[str, Any]) -> None:
    api.book_slot(pair, "2026-10-08T14:15:00Z")
    asked = HOURLY | {"starts_on": "2026-10-05", "ends_on": "2026-10-16", "limit": 100, "min_coverage": 0}
    question = asked | {"attendees": [{"person": pair.mentor}]}
    before = api.post("/cadences", question)
    api.patch(f"/people/{pair.mentor}", change)
    assert api.post("/cadences", question) != before
    api.patch(f"/people/{pair.mentor}", {name: BARE[name] for name in change})
    assert api.post("/cadences", question) == before


def taken(response: Any) -> list[tuple[str, str]]:
    return [(("mentor", "mentee")[row["index"]], row["cause"]) for row in problem_of(response, 409)["blocked_by"]]


@pytest.mark.parametrize(
    ("cap", "start", "causes"),
    [
        ({"at_most_per_day": 1}, "2026-10-08T10:00:00Z", [("mentee", "limit")]),
        ({"at_most_per_day": 1}, "2026-10-09T10:00:00Z", []),
        ({"at_most_per_day": 2}, "2026-10-08T10:00:00Z", []),
        ({"at_most_per_week": 1}, "2026-10-05T10:00:00Z", [("mentee", "limit")]),
        ({"at_most_per_week": 1}, "2026-10-12T10:00:00Z", []),
    ],
)
def test_slot_on_full_day_or_week_is_refused(
    api: Api, pair: Pair, cap: dict[str, int], start: str, causes: list[tuple[str, str]]
) -> None:
    api.patch(f"/people/{pair.mentee}", cap)
    api.book_slot(pair, "2026-10-08T08:00:00Z")
    response = api.send("POST", pair.meetings, {"start": start, "duration": "PT45M"})
    assert (taken(response) if causes else []) == causes
    assert response.status_code == (409 if causes else 201)


def test_series_beyond_weekly_limit_is_refused(api: Api, pair: Pair) -> None:
    cadence = api.cadence(pair)
    api.book_slot(pair, "2026-10-08T08:00:00Z")
    api.patch(f"/people/{pair.mentee}", {"at_most_per_week": 1})
    booking = {name: cadence[name] for name in ("dtstart", "time_zone", "rrule")}
    booking |= {"expected": cadence["occurrences"], "duration": "PT45M", "step": "PT30M"}
    plan = problem_of(api.send("POST", pair.meetings, booking), 409)["plan"]
    assert plan[0]["blocked_by"] == [{"index": 1, "cause": "limit", "person": pair.mentee}]
    assert {row["status"] for row in plan[1:]} == {"clear"}


@pytest.mark.parametrize(
    ("cap", "start", "status"),
    [
        ({"at_most_per_week": 1}, "2026-10-15T08:00:00Z", 409),
        ({"at_most_per_week": 1}, "2026-10-08T08:00:00Z", 200),
        ({"at_most_per_week": 2}, "2026-10-15T08:00:00Z", 200),
        ({"at_most_per_day": 1}, "2026-10-13T10:00:00Z", 409),
    ],
)
def test_move_into_full_week_of_own_series_is_refused(
    api: Api, pair: Pair, cap: dict[str, int], start: str, status: int
) -> None:
    booked = api.book_cadence(pair)
    api.patch(f"/people/{pair.mentor}", cap)
    path = f"/meetings/{booked['id']}/occurrences/20261006T100000"
    response = api.change("PATCH", path, {"start": start})
    assert response.status_code == status, response.text
    if status == 409:
        assert taken(response) == [("mentor", "limit")]


def test_booking_uses_the_clock_of_the_travel_zone(api: Api, pair: Pair) -> None:
    api.patch(f"/people/{pair.mentee}", {"working_hours": "any"})
    refused = api.send("POST", pair.meetings, {"start": WHILE_AWAY, "duration": "PT45M"})
    assert taken(refused) == [("mentor", "outside_hours")]
    api.patch(f"/people/{pair.mentor}", {"travel": TOKYO})
    assert api.book_slot(pair, WHILE_AWAY)["status"] == "confirmed"
    at_home = api.send("POST", pair.meetings, {"start": "2026-10-08T10:00:00Z", "duration": "PT45M"})
    assert taken(at_home) == [("mentor", "outside_hours")]


def test_meeting_while_travelling_shows_the_travel_zone(api: Api, pair: Pair) -> None:
    feed = api.feed(pair.mentee)
    booked = api.book_slot(pair, "2026-10-08T08:00:00Z")
    assert "Greta (Europe/Berlin): Thu 2026-10-08 10:00" in unfolded(api.read(feed).text)
    api.patch(f"/people/{pair.mentor}", {"travel": TOKYO, "working_hours": "any"})
    after = api.get(f"/meetings/{booked['id']}")
    assert after["occurrences"][0]["local_starts"] == [
        {"name": "Greta", "start": "2026-10-08T17:00:00+09:00"},
        {"name": "Asha", "start": "2026-10-08T13:30:00+05:30"},
    ]
    assert (after["sequence"], after["revision"]) == (booked["sequence"], booked["revision"] + 1)
    assert "Greta (Asia/Tokyo): Thu 2026-10-08 17:00" in unfolded(api.read(feed).text)
    api.patch(f"/people/{pair.mentor}", {"at_most_per_day": 3, "preferred_hours": AFTERNOON})
    assert api.get(f"/meetings/{booked['id']}")["revision"] == after["revision"]


def unfolded(calendar: str) -> str:
    return calendar.replace("\r\n ", "").replace("\\n", "\n")


def test_free_busy_uses_the_travel_zone(api: Api) -> None:
    person = api.person(travel=TOKYO)
    query = "start=2026-10-06T00:00:00Z&end=2026-10-10T00:00:00Z"
    rows = api.get(f"/people/{person}/free-busy?{query}")["periods"]
    assert {row["fbtype"] for row in rows} == {"BUSY-UNAVAILABLE"}
    assert [(row["start"][8:16], row["end"][8:16]) for row in rows] == [
        ("06T00:00", "06T07:00"),
        ("06T15:00", "07T00:00"),
        ("07T08:00", "08T00:00"),
        ("08T08:00", "09T07:00"),
        ("09T15:00", "10T00:00"),
    ]


def test_leave_while_travelling_is_a_day_of_the_travel_zone(api: Api) -> None:
    person = api.person(travel=[TOKYO[0] | {"until": "2026-10-09"}], working_hours="any")
    api.post(f"/people/{person}/blackouts", {"kind": "leave", "first_day": "2026-10-08", "last_day": "2026-10-08"})
    (row,) = api.get(f"/people/{person}/free-busy?start=2026-10-06T00:00:00Z&end=2026-10-10T00:00:00Z")["periods"]
    assert (row["start"], row["end"]) == ("2026-10-07T15:00:00Z", "2026-10-08T15:00:00Z")
