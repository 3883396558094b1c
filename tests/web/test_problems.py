"""Every refusal is a problem document (RFC 9457) that points to the invalid field; a 500 holds no details."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask import Flask
from support.api import Api, Pair, problem_of

from scheduler.web.feeds import views as feeds
from scheduler.web.http import requests

MEBIBYTE = 1 << 20
BERLIN = {"time_zone": "Europe/Berlin"}
WINDOW = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}
SLOTS: dict[str, Any] = {"window": WINDOW, "duration": "PT45M", "attendees": [BERLIN]}
CADENCES: dict[str, Any] = {
    "starts_on": "2026-10-19",
    "ends_on": "2026-11-16",
    "duration": "PT45M",
    "attendees": [BERLIN],
}


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        (
            {"attendees": [BERLIN, {"time_zone": "Europe/Berlim"}]},
            "/attendees/1/time_zone",
            "did you mean 'Europe/Berlin'",
        ),
        ({"attendees": [{"time_zone": "Calcutta"}]}, "/attendees/0/time_zone", "did you mean 'Asia/Calcutta'"),
        ({"attendees": [{"time_zone": "new york"}]}, "/attendees/0/time_zone", "did you mean 'America/New_York'"),
        ({"attendees": [{"time_zone": "EST5"}]}, "/attendees/0/time_zone", "unknown time zone 'EST5'"),
        ({"attendees": [{"time_zone": "?" * 200}]}, "/attendees/0/time_zone", "use an IANA name"),
        ({"attendees": [{}]}, "/attendees/0/time_zone", "needs a time_zone"),
        ({"attendees": []}, "/attendees", "can't be empty"),
        ({"attendees": [BERLIN] * 51}, "/attendees", "50 is the most"),
        ({"attendees": [BERLIN | {"role": "optional"}]}, "/attendees", "has to be required"),
        ({"attendees": [BERLIN | {"role": "boss"}]}, "/attendees/0/role", "'required' or 'optional'"),
        ({"window": {"start": WINDOW["end"], "end": WINDOW["start"]}}, "/window/end", "not after its start"),
        ({"window": {"start": WINDOW["end"], "end": WINDOW["end"]}}, "/window/end", "not after its start"),
        ({"window": {"start": "2026-01-01T00:00:00Z", "end": "2027-01-02T00:01:00Z"}}, "/window/end", "366 days"),
        ({"window": {"start": "2026-10-20T00:00:00", "end": WINDOW["end"]}}, "/window/start", "with an offset"),
        (
            {"window": {"start": "2026-02-30T00:00:00Z", "end": WINDOW["end"]}},
            "/window/start",
            "no date and time that exists",
        ),
        (
            {"window": {"start": "1960-01-01T00:00:00Z", "end": WINDOW["end"]}},
            "/window/start",
            "outside the supported dates",
        ),
        ({"window": {"start": "0001-01-01T00:00:00+14:00", "end": WINDOW["end"]}}, "/window/start", "0001-01-01"),
        ({"window": {"start": 1792454400, "end": WINDOW["end"]}}, "/window/start", "1792454400 is no instant"),
        ({"window": {"start": WINDOW["start"]}}, "/window/end", "needed"),
        ({"duration": "45"}, "/duration", "write it like PT45M"),
        ({"duration": "PT0S"}, "/duration", "PT1M is the least"),
        ({"duration": "PT24H1M"}, "/duration", "P1D is the most"),
        ({"duration": "PT45M30S"}, "/duration", "whole minutes"),
        ({"duration": "P1M"}, "/duration", "write it like PT45M"),
        ({"step": "PT0S"}, "/step", "PT1M is the least"),
        ({"limit": 0}, "/limit", "1 is the least"),
        ({"limit": 5001}, "/limit", "5000 is the most"),
        ({"limit": True}, "/limit", "no whole number"),
        ({"order": "worst"}, "/order", "'best' or 'earliest'"),
        ({"minimum_notice": "-P1D"}, "/minimum_notice", "no duration"),
        ({"attendes": []}, "/attendes", "no such field"),
        ({"a/b~c": 1}, "/a~1b~0c", "no such field"),
        ({"attendees": [BERLIN | {"mood": "good"}]}, "/attendees/0/mood", "no such field"),
        (
            {"attendees": [BERLIN | {"working_hours": [{"days": ["MO", "XX"], "start": "09:00", "end": "17:00"}]}]},
            "/attendees/0/working_hours/0/days/1",
            "'XX' is no weekday",
        ),
        (
            {"attendees": [BERLIN | {"working_hours": [{"days": ["MO"], "start": "09:00", "end": "24:00"}]}]},
            "/attendees/0/working_hours/0/end",
            "from 00:00 to 23:59",
        ),
        (
            {"attendees": [BERLIN | {"busy": [WINDOW, {"start": WINDOW["end"], "end": WINDOW["start"]}]}]},
            "/attendees/0/busy/1/end",
            "not after its start",
        ),
        (
            {
                "attendees": [
                    BERLIN | {"blackouts": [{"kind": "exam", "first_day": "2026-10-22", "last_day": "2026-10-21"}]}
                ]
            },
            "/attendees/0/blackouts/0/last_day",
            "comes before the first day",
        ),
        (
            {"attendees": [BERLIN | {"blackouts": [{"kind": "exam", "start": WINDOW["end"], "end": WINDOW["start"]}]}]},
            "/attendees/0/blackouts/0/end",
            "not after its start",
        ),
        (
            {"attendees": [BERLIN | {"blackouts": [{"kind": "exam"}]}]},
            "/attendees/0/blackouts/0",
            "either first_day and last_day, or start and end",
        ),
        (
            {"attendees": [BERLIN | {"blackouts": [{"kind": "exam", "first_day": "2026-10-22"}]}]},
            "/attendees/0/blackouts/0/last_day",
            "needed",
        ),
        (
            {
                "attendees": [
                    BERLIN | {"blackouts": [{"kind": "nap", "first_day": "2026-10-22", "last_day": "2026-10-22"}]}
                ]
            },
            "/attendees/0/blackouts/0/kind",
            "'exam'",
        ),
        ({"attendees": [BERLIN | {"buffer": {"before": "PT25H"}}]}, "/attendees/0/buffer/before", "P1D is the most"),
        ({"attendees": [BERLIN | {"name": "Greta\u0000"}]}, "/attendees/0/name", "control characters"),
    ],
)
def test_slot_search_with_one_invalid_field_points_to_it(
    api: Api, change: dict[str, Any], pointer: str, words: str
) -> None:
    problem = problem_of(api.send("POST", "/slots", SLOTS | change), 422, pointer)
    assert words in problem["errors"][0]["detail"]
    assert problem["type"] == "/problems#invalid-fields"
    assert pointer in problem["detail"]


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"time_zone": "Europe/Berlim"}, "/time_zone", "did you mean 'Europe/Berlin'"),
        ({"ends_on": "2026-10-18"}, "/ends_on", "is before starts_on 2026-10-19"),
        ({"ends_on": "2027-10-21"}, "/ends_on", "366 days"),
        ({"ends_on": "2027-02-29"}, "/ends_on", "no date that exists"),
        ({"starts_on": "19.10.2026"}, "/starts_on", "write it like 2026-10-20"),
        ({"every_weeks": 9}, "/every_weeks", "8 is the most"),
        ({"every_weeks": 0}, "/every_weeks", "1 is the least"),
        ({"min_coverage": 1.1}, "/min_coverage", "1 is the most"),
        ({"on_conflict": "shrug"}, "/on_conflict", "'move' or 'skip'"),
        ({"every_weeks": 2, "move_within_days": 14}, "/move_within_days", "over 13"),
        ({"window": WINDOW}, "/window", "no such field"),
    ],
)
def test_cadence_search_with_one_invalid_field_points_to_it(
    api: Api, change: dict[str, Any], pointer: str, words: str
) -> None:
    problem = problem_of(api.send("POST", "/cadences", CADENCES | change), 422, pointer)
    assert words in problem["errors"][0]["detail"]


def test_all_invalid_fields_are_named_at_once(api: Api) -> None:
    wrong = {"window": WINDOW, "duration": "long", "attendees": [{"time_zone": "Mars"}], "limit": "many"}
    problem = problem_of(api.send("POST", "/slots", wrong), 422, "/attendees/0/time_zone", "/duration", "/limit")
    assert problem["detail"].startswith("/attendees/0/time_zone: ")
    assert problem["detail"].endswith("(and 2 more)")


def test_problem_lists_a_hundred_invalid_fields_and_counts_all(api: Api) -> None:
    response = api.send("POST", "/slots", SLOTS | {f"unknown_{number}": number for number in range(1000)})
    problem = response.get_json()
    assert response.status_code == 422
    assert len(problem["errors"]) == 100
    assert problem["detail"].endswith("(and 999 more)")


def test_busy_periods_are_read_up_to_the_first_invalid_one(api: Api) -> None:
    busy = [{"start": "2026-10-20T14:00:00Z", "end": "2026-10-20T15:00:00Z"}, *[{"start": "soon"}] * 1000]
    wrong = SLOTS | {"attendees": [{"time_zone": "Europe/Berlin", "busy": busy}]}
    pointers = ("/attendees/0/busy/1/start", "/attendees/0/busy/1/end")
    problem_of(api.send("POST", "/slots", wrong), 422, *pointers)


@pytest.mark.parametrize(
    ("wall", "words"),
    [
        ("2027-03-28T02:30:00", "does not exist in Europe/Berlin"),
        ("2026-10-25T02:30:00", "occurs twice in Europe/Berlin"),
    ],
    ids=["a gap", "a repeated hour"],
)
def test_local_time_in_a_gap_or_fold_is_refused_everywhere(api: Api, pair: Pair, wall: str, words: str) -> None:
    booked = api.book_slot(pair)
    name = booked["occurrences"][0]["recurrence_id"]
    away = {"kind": "other", "end": "2027-03-29T09:00:00Z"}
    for method, path, body in (
        ("POST", f"/people/{pair.mentor}/blackouts", away | {"start": wall}),
        ("POST", pair.meetings, {"start": wall, "duration": "PT45M"}),
        ("PATCH", f"/meetings/{booked['id']}/occurrences/{name}", {"start": wall}),
    ):
        problem = problem_of(api.send(method, path, body, headers={"If-Match": "*"}), 422, "/start")
        assert words in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"window": }', b"\xff\xfe", b'"\\ud800"', b"[" * 10_000, b'{"limit": 01}', b"{} {}"],
    ids=["nothing", "cut off", "a hole", "no UTF-8", "half a character", "very deep", "a leading zero", "two values"],
)
def test_body_that_is_not_json_is_400(api: Api, body: bytes) -> None:
    problem = problem_of(api.send("POST", "/slots", body), 400)
    assert problem["type"] == "/problems#bad-request"
    assert "not JSON" in problem["detail"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7"])
def test_json_that_is_no_object_points_to_the_whole_body(api: Api, body: bytes) -> None:
    problem_of(api.send("POST", "/slots", body), 422, "")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_body_of_another_content_type_is_415(api: Api, content_type: str) -> None:
    problem_of(api.send("POST", "/slots", SLOTS, content_type=content_type), 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.programme+json"])
def test_json_content_type_with_suffix_is_accepted(api: Api, content_type: str) -> None:
    assert api.send("POST", "/slots", SLOTS, content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "mebibytes"),
    [
        ("/slots", SLOTS, 8),
        ("/cadences", CADENCES, 8),
        ("/people", {"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}, 1),
        ("/mentorships", {}, 1),
    ],
)
def test_body_over_the_size_limit_is_413(api: Api, path: str, body: dict[str, Any], mebibytes: int) -> None:
    problem = problem_of(api.send("POST", path, padded(body, mebibytes * MEBIBYTE + 1)), 413)
    assert f"over {mebibytes} MiB" in problem["detail"]
    assert api.send("POST", path, padded(body, mebibytes * MEBIBYTE)).status_code != 413


def test_searches_accept_bodies_up_to_eight_mebibytes(api: Api) -> None:
    hours = [
        {"start": f"2026-{month:02}-{day:02}T{hour:02}:00:00Z", "end": f"2026-{month:02}-{day:02}T{hour:02}:30:00Z"}
        for month in range(1, 13)
        for day in range(1, 29)
        for hour in range(24)
    ]
    busy = [BERLIN | {"busy": hours * 4}]
    assert len(padded({"attendees": busy}, 0)) > 2 * MEBIBYTE
    assert api.post("/slots", SLOTS | {"attendees": busy})["explanation"]["reason"] == "busy"
    assert api.post("/cadences", CADENCES | {"attendees": busy})["explanation"]["reason"] == "busy"


def test_chunked_body_over_the_size_limit_is_413(api: Api) -> None:
    response = api.app.test_client().post(
        "/v1/people",
        input_stream=io.BytesIO(padded({"name": "Greta"}, MEBIBYTE + 1)),
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.key}"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    problem_of(response, 413)


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer ", "Bearer mk_wrong", "Basic {key}", "{key}", "Bearer {key}x", "Token {key}"],
)
def test_request_without_valid_key_is_401_with_challenge(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.format(key=api.key)}
    response = api.app.test_client().get("/v1/people", headers=headers)
    assert problem_of(response, 401)["type"] == "/problems#unauthorized"
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_bearer_scheme_is_case_insensitive(api: Api) -> None:
    response = api.app.test_client().get("/v1/people", headers={"Authorization": f"bearer {api.key}"})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/people", "/feeds/x", "/v1/people/", "/docs/nothing.js", "/%ff"])
def test_unknown_address_is_404(api: Api, path: str) -> None:
    problem_of(api.app.test_client().get(path), 404)


def test_wrong_method_is_405_with_allow(api: Api) -> None:
    response = api.send("PUT", "/people", {})
    problem_of(response, 405)
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/people/nobody", "person"),
        ("/meetings/none", "meeting"),
        ("/mentorships/none", "mentorship"),
        ("/people/%00", "person"),
    ],
)
def test_unknown_id_is_404_and_names_its_kind(api: Api, path: str, kind: str) -> None:
    assert f"no {kind} has the id" in problem_of(api.send("GET", path), 404)["detail"]


def test_unknown_person_in_a_body_is_404_with_pointer(api: Api) -> None:
    problem_of(api.send("POST", "/slots", SLOTS | {"attendees": [BERLIN, {"person": "x"}]}), 404, "/attendees/1/person")
    problem_of(api.send("POST", "/cadences", CADENCES | {"attendees": [{"person": "x"}]}), 404, "/attendees/0/person")


def test_same_person_twice_is_refused(api: Api, pair: Pair) -> None:
    twice = [{"person": pair.mentor}, BERLIN, {"person": pair.mentor, "role": "optional"}]
    for path, question in (("/slots", SLOTS), ("/cadences", CADENCES)):
        problem = problem_of(api.send("POST", path, question | {"attendees": twice}), 422, "/attendees/2/person")
        assert "there twice" in problem["detail"]


def test_unexpected_error_is_500_with_the_request_id_alone(
    api: Api, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("inside information")

    monkeypatch.setattr(requests, "find_key", fail)
    monkeypatch.setattr(feeds, "read_feed", fail)
    for response in (api.send("GET", "/people"), api.read("/feeds/token.ics")):
        problem = problem_of(response, 500)
        assert problem["type"] == "/problems#internal-error"
        assert "inside information" not in response.text


def test_answers_have_request_id_and_nosniff(api: Api) -> None:
    first, second = api.send("GET", "/people"), api.send("GET", "/nothing")
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert first.headers["X-Content-Type-Options"] == second.headers["X-Content-Type-Options"] == "nosniff"


def padded(body: dict[str, Any], size: int) -> bytes:
    """The body as JSON, brought to a size by white space."""
    return json.dumps(body).encode().ljust(size)
