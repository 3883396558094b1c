"""Error messages for fields: the value, shortened and never a secret, and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Pair, problem_of

BERLIN = {"time_zone": "Europe/Berlin"}
WINDOW = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}
BACKWARD = {"start": WINDOW["end"], "end": "2026-10-20T02:00:00+02:00"}
NOT_AFTER = (
    "ends at 2026-10-20T00:00:00Z, which is not after its start 2026-10-21T00:00:00Z; "
    "give a later end or an earlier start"
)
REQUIRE_ONE = "has to be required; give one of them the role 'required', or leave their role out"
SLOTS: dict[str, Any] = {"window": WINDOW, "duration": "PT45M", "attendees": [BERLIN] * 3}
CADENCES: dict[str, Any] = {
    "starts_on": "2026-10-19",
    "ends_on": "2026-11-16",
    "duration": "PT45M",
    "attendees": [BERLIN],
}
SESSION: dict[str, Any] = {"duration": "PT45M", "attendees": [0]}
SEQUENCE: dict[str, Any] = {"window": WINDOW, "attendees": [BERLIN] * 3, "sessions": [SESSION]}
CUT = "x" * 60


def attendee(**more: Any) -> dict[str, Any]:
    return {"attendees": [BERLIN | more]}


def second_session(**more: Any) -> dict[str, Any]:
    return {"sessions": [SESSION, SESSION | more]}


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        # Durations say their bounds as they are written.
        ({"duration": "P2D"}, "/duration", "P2D is too long; P1D is the most"),
        ({"duration": "PT25H"}, "/duration", "PT25H is too long; P1D is the most"),
        ({"duration": "PT0S"}, "/duration", "PT0S is too short; PT1M is the least"),
        ({"step": "PT0M"}, "/step", "PT0M is too short; PT1M is the least"),
        ({"minimum_gap": "P14DT1M"}, "/minimum_gap", "P14DT1M is too long; P14D is the most"),
        ({"minimum_notice": "P367D"}, "/minimum_notice", "P367D is too long; P366D is the most"),
        (attendee(buffer={"after": "PT25H"}), "/attendees/0/buffer/after", "PT25H is too long; P1D is the most"),
        # What is no duration, date or instant.
        (
            {"duration": ["PT45M"]},
            "/duration",
            "a list is no duration in whole minutes; write it like PT45M, PT1H30M, P1D or P1W",
        ),
        (
            {"duration": "x" * 61},
            "/duration",
            f"'{CUT}'… is no duration in whole minutes; write it like PT45M, PT1H30M, P1D or P1W",
        ),
        (
            {"duration": None},
            "/duration",
            "null is no duration in whole minutes; write it like PT45M, PT1H30M, P1D or P1W",
        ),
        (
            attendee(blackouts=[{"kind": "exam", "first_day": "2026-02-30", "last_day": "2026-03-01"}]),
            "/attendees/0/blackouts/0/first_day",
            "'2026-02-30' is no date that exists (day is out of range for month); give one that does",
        ),
        (
            {"window": WINDOW | {"end": "2026-10-21T24:01:00Z"}},
            "/window/end",
            "'2026-10-21T24:01:00Z' is no date and time that exists (hour must be in 0..23); give one that does",
        ),
        # What has to end after it starts.
        ({"window": BACKWARD}, "/window/end", f"the window {NOT_AFTER}"),
        (attendee(busy=[WINDOW, BACKWARD]), "/attendees/0/busy/1/end", f"the period {NOT_AFTER}"),
        (attendee(meetings=[BACKWARD]), "/attendees/0/meetings/0/end", f"the meeting {NOT_AFTER}"),
        # Who has to come.
        (attendee(role="optional"), "/attendees", f"at least one attendee {REQUIRE_ONE}"),
        ({"groups": [{"members": [0, 50]}]}, "/groups/0/members/1", "there is no attendee 50; the last is 2"),
        ({"groups": [{"members": [-1]}]}, "/groups/0/members/0", "-1 is too small; 0 is the least"),
        # Other types and lengths.
        ({"limit": "x"}, "/limit", "'x' is no whole number; write it like 15"),
        ({"limit": 1.5}, "/limit", "1.5 is no whole number; write it like 15"),
        ({"limit": True}, "/limit", "true is no whole number; write it like 15"),
        ({"limit": 0}, "/limit", "0 is too small; 1 is the least"),
        ({"limit": 5001}, "/limit", "5001 is too large; 5000 is the most"),
        ({"limit": 10**400}, "/limit", f"1{'0' * 59}… is too large; 5000 is the most"),
        (
            attendee(past_burden=10_000_001),
            "/attendees/0/past_burden",
            "10000001 is too large; 10000000 is the most",
        ),
        ({"explain": 1}, "/explain", "1 is neither true nor false; write one of them, without quotes"),
        ({"explain": "yes"}, "/explain", "'yes' is neither true nor false; write one of them, without quotes"),
        ({"order": "worst"}, "/order", "'worst' is not known here; give 'best' or 'earliest'"),
        (
            attendee(role="x" * 100),
            "/attendees/0/role",
            f"'{CUT}'… is not known here; give 'required' or 'optional'",
        ),
        (attendee(name=7), "/attendees/0/name", "7 is no text; write one in quotes"),
        (attendee(name="x" * 201), "/attendees/0/name", "201 characters are too many; 200 is the most"),
        (attendee(name=""), "/attendees/0/name", "this can't be empty"),
        (attendee(time_zone="x" * 100), "/attendees/0/time_zone", f"unknown time zone '{CUT}'; use an IANA name"),
        ({"attendees": {}}, "/attendees", "an object is no list; write one in brackets, like [...]"),
        ({"attendees": [7]}, "/attendees/0", "7 is no object; write one in braces, like {...}"),
        ({"attendees": [BERLIN] * 51}, "/attendees", "51 are too many; 50 is the most"),
    ],
)
def test_message_for_a_field_of_a_slot_search(api: Api, change: dict[str, Any], pointer: str, said: str) -> None:
    problem = problem_of(api.send("POST", "/slots", SLOTS | change), 422, pointer)
    assert problem["errors"][0]["detail"].startswith(said)
    assert len(problem["detail"]) < 250


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        ({"ends_on": "2026-02-30"}, "/ends_on", "'2026-02-30' is no date that exists"),
        ({"min_coverage": 1.1}, "/min_coverage", "1.1 is too large; 1 is the most"),
        ({"min_coverage": "half"}, "/min_coverage", "'half' is no number; write it like 0.5"),
        ({"every_weeks": 9}, "/every_weeks", "9 is too large; 8 is the most"),
    ],
)
def test_message_for_a_field_of_a_cadence_search(api: Api, change: dict[str, Any], pointer: str, said: str) -> None:
    problem = problem_of(api.send("POST", "/cadences", CADENCES | change), 422, pointer)
    assert problem["errors"][0]["detail"].startswith(said)


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        (second_session(at_least="P367D"), "/sessions/1/at_least", "P367D is too long; P366D is the most"),
        (second_session(at_most="P367D"), "/sessions/1/at_most", "P367D is too long; P366D is the most"),
        (second_session(attendees=[50]), "/sessions/1/attendees/0", "there is no attendee 50; the last is 2"),
        (
            {"attendees": [BERLIN | {"role": "optional"}, BERLIN]},
            "/sessions/0/attendees",
            f"at least one attendee of a session {REQUIRE_ONE}",
        ),
    ],
)
def test_message_for_a_field_of_a_sequence_search(api: Api, change: dict[str, Any], pointer: str, said: str) -> None:
    problem = problem_of(api.send("POST", "/sequences", SEQUENCE | change), 422, pointer)
    assert problem["errors"][0]["detail"].startswith(said)


@pytest.mark.parametrize(
    ("query", "said"),
    [("x", "'x' is no whole number; write it like 50"), ("201", "'201' is too large; 200 is the most")],
)
def test_message_for_a_query_parameter(api: Api, query: str, said: str) -> None:
    problem = problem_of(api.send("GET", f"/people?limit={query}"), 422, "/limit")
    assert problem["errors"][0]["detail"] == said


def test_message_for_a_backward_span_in_a_query(api: Api, pair: Pair) -> None:
    span = f"?start={BACKWARD['start']}&end={BACKWARD['end'].replace('+', '%2B')}"
    for what in ("burden", "free-busy"):
        problem = problem_of(api.send("GET", f"/people/{pair.mentor}/{what}{span}"), 422, "/end")
        assert problem["errors"][0]["detail"] == f"the span {NOT_AFTER}"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", 4711, "this is no text; write one in quotes"),
        ("password", ["4711"], "this is no text; write one in quotes"),
        ("password", "4711" * 400, "1600 characters are too many; 1000 is the most"),
        ("password", "", "this can't be empty"),
        ("url", 4711, "this is no text; write one in quotes"),
        ("url", f"https://dav.example.org/4711{'x' * 2000}", "2028 characters are too many; 2000 is the most"),
        ("publish", {"password": "4711"}, "an object is neither true nor false; write one of them, without quotes"),
        ("token", "4711", "no such field is known here; leave it out or check its spelling"),
    ],
)
def test_message_never_repeats_a_secret(api: Api, pair: Pair, field: str, value: Any, said: str) -> None:
    calendar = {"url": "https://dav.example.org/", "username": "greta", "password": "hunter2", field: value}
    response = api.send("POST", f"/people/{pair.mentor}/calendars", calendar)
    assert problem_of(response, 422, f"/{field}")["errors"][0]["detail"] == said
    assert "4711" not in response.text
