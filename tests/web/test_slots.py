"""POST /v1/slots, word for word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.api import Api, Clock, problem_of

from scheduler.web.documents.examples import SLOTS

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

MENTOR: dict[str, Any] = {
    "name": "mentor",
    "time_zone": "Europe/Berlin",
    "working_hours": [{"days": ["MO", "TU", "WE", "TH"], "start": "10:00", "end": "18:00"}],
    "busy": [{"start": "2026-10-20T08:00:00Z", "end": "2026-10-20T09:30:00Z"}],
    "buffer": {"before": "PT5M", "after": "PT10M"},
}
MENTEE: dict[str, Any] = {
    "name": "mentee",
    "time_zone": "Asia/Kolkata",
    "role": "required",
    "blackouts": [
        {"kind": "exam", "title": "Finals", "first_day": "2026-10-26", "last_day": "2026-10-30"},
        {"kind": "other", "title": "Dentist", "start": "2026-11-02T09:00:00Z", "end": "2026-11-02T11:00:00Z"},
    ],
}
TUESDAY = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}


@pytest.fixture
def question(api: Api) -> dict[str, Any]:
    """The contract's example, its third attendee a stored person."""
    return {
        "window": {"start": "2026-10-19T00:00:00Z", "end": "2026-11-16T00:00:00Z"},
        "duration": "PT45M",
        "step": "PT15M",
        "attendees": [MENTOR, MENTEE, {"person": api.person("Olga", "Europe/Kyiv"), "role": "optional"}],
        "minimum_notice": "P1D",
        "order": "best",
        "limit": 20,
    }


def test_contract_example_is_answered_with_contract_members(api: Api, question: dict[str, Any]) -> None:
    answer = api.post("/slots", question)
    assert list(answer) == ["slots", "total", "unknown_attendees", "explanation"]
    assert answer["unknown_attendees"] == []
    assert answer["explanation"] is None
    assert len(answer["slots"]) == 20 < answer["total"]
    for slot in answer["slots"]:
        assert list(slot) == ["start", "end", "score", "attendees"]
        assert INSTANT.fullmatch(slot["start"])
        assert INSTANT.fullmatch(slot["end"])
        assert 0 <= slot["score"] <= 1
        assert [list(row) for row in slot["attendees"]] == [["index", "start", "end", "available"]] * 3


def test_slot_has_local_times_of_every_attendee(api: Api, question: dict[str, Any]) -> None:
    earliest = api.post("/slots", question | {"order": "earliest", "window": TUESDAY})["slots"][0]
    assert (earliest["start"], earliest["end"]) == ("2026-10-20T09:45:00Z", "2026-10-20T10:30:00Z")
    assert earliest["attendees"] == [
        {"index": 0, "start": "2026-10-20T11:45:00+02:00", "end": "2026-10-20T12:30:00+02:00", "available": True},
        {"index": 1, "start": "2026-10-20T15:15:00+05:30", "end": "2026-10-20T16:00:00+05:30", "available": True},
        {"index": 2, "start": "2026-10-20T12:45:00+03:00", "end": "2026-10-20T13:30:00+03:00", "available": True},
    ]


def test_unavailable_optional_attendee_bars_nothing(api: Api) -> None:
    asleep = {"time_zone": "Pacific/Auckland", "role": "optional"}
    slots = api.post("/slots", asked(MENTOR, MENTEE, asleep))["slots"]
    assert slots
    assert {slot["attendees"][2]["available"] for slot in slots} == {False}


def test_order_best_is_by_score_and_earliest_by_start(api: Api, question: dict[str, Any]) -> None:
    best = api.post("/slots", question | {"limit": 3000})["slots"]
    earliest = api.post("/slots", question | {"limit": 3000, "order": "earliest"})["slots"]
    assert [slot["start"] for slot in earliest] == sorted(slot["start"] for slot in best)
    assert best == sorted(best, key=lambda slot: (-slot["score"], slot["start"]))


def test_total_does_not_depend_on_limit(api: Api, question: dict[str, Any]) -> None:
    every = api.post("/slots", question | {"limit": 3000})
    assert len(every["slots"]) == every["total"] == api.post("/slots", question | {"limit": 1})["total"]


def test_answer_has_at_most_10_000_rows_of_attendees(api: Api, question: dict[str, Any]) -> None:
    crowd = question | {"attendees": [{"time_zone": "Europe/Berlin"}] * 50}
    assert api.post("/slots", crowd | {"limit": 200})["total"]
    problem = problem_of(api.send("POST", "/slots", crowd | {"limit": 201}), 422, "/limit")
    assert problem["errors"][0]["detail"].endswith("ask for at most 200")


def test_defaults_are_step_15_order_best_limit_20(api: Api, question: dict[str, Any]) -> None:
    bare = {name: question[name] for name in ("window", "duration", "attendees", "minimum_notice")}
    assert api.send("POST", "/slots", bare).data == api.send("POST", "/slots", question).data


def test_default_hours_are_monday_to_friday_nine_to_five(api: Api) -> None:
    def of_week(attendee: dict[str, Any]) -> list[str]:
        return api.starts(attendee, window=("2026-10-19T00:00:00Z", "2026-10-26T00:00:00Z"))

    weekdays = [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "09:00", "end": "17:00"}]
    assert of_week({"time_zone": "UTC"}) == of_week({"time_zone": "UTC", "working_hours": weekdays})
    assert len(of_week({"time_zone": "UTC", "working_hours": "any"})) == 7 * 96 - 1


def test_same_request_gives_same_bytes_at_any_time(api: Api, question: dict[str, Any], clock: Clock) -> None:
    del question["minimum_notice"]
    before = api.send("POST", "/slots", question).data
    clock.advance(days=500)
    assert api.send("POST", "/slots", question).data == before


@pytest.mark.parametrize(
    ("notice", "now", "first"),
    [
        (None, None, "2026-10-20T09:45:00Z"),
        ("PT0S", None, "2026-10-20T09:45:00Z"),
        ("P19DT1H", None, "2026-10-20T10:00:00Z"),
        ("P1D", "2026-10-19T12:20:00+02:00", "2026-10-20T10:30:00Z"),
        ("P1D", "2026-10-19T10:30:00.000001Z", "2026-10-20T10:45:00Z"),
        (None, "2026-10-20T10:30:00Z", "2026-10-20T09:45:00Z"),
    ],
)
def test_minimum_notice_counts_from_now_or_server_clock(
    api: Api, notice: str | None, now: str | None, first: str
) -> None:
    given = {name: value for name, value in (("minimum_notice", notice), ("now", now)) if value is not None}
    answer = api.post("/slots", asked(MENTOR, MENTEE, order="earliest", **given))
    assert answer["slots"][0]["start"] == first


def test_any_utc_offset_is_accepted(api: Api) -> None:
    local = {"start": "2026-10-20T02:00:00+02:00", "end": "2026-10-20t19:00:00-05:00"}
    assert api.post("/slots", asked(MENTOR, window=local)) == api.post("/slots", asked(MENTOR))


@pytest.mark.parametrize("duration", ["PT90M", "PT1H30M", "P0DT90M", "PT1H30M0S"])
def test_duration_in_any_whole_minute_form_is_accepted(api: Api, duration: str) -> None:
    slot = api.post("/slots", asked(MENTOR, duration=duration))["slots"][0]
    assert slot["attendees"][0]["end"][11:16] != slot["attendees"][0]["start"][11:16]
    assert api.post("/slots", asked(MENTOR, duration=duration)) == api.post("/slots", asked(MENTOR, duration="PT90M"))


DAY = {"time_zone": "UTC", "working_hours": [{"days": ["TU"], "start": "09:00", "end": "17:30"}]}
NEVER: dict[str, Any] = {"time_zone": "Asia/Kolkata", "working_hours": []}
NIGHT = {"time_zone": "UTC", "working_hours": [{"days": ["TU"], "start": "00:00", "end": "07:00"}]}


@pytest.mark.parametrize(
    ("attendees", "more", "reason", "blocking"),
    [
        (
            [MENTOR],
            {"window": {"start": "2026-10-20T10:00:00Z", "end": "2026-10-20T10:30:00Z"}},
            "window_too_short",
            [],
        ),
        ([DAY, NEVER], {}, "no_working_hours", [(1, "no_working_hours", 94), (0, "outside_hours", 62)]),
        ([DAY, NIGHT], {}, "no_common_hours", [(1, "outside_hours", 68), (0, "outside_hours", 62)]),
        (
            [MENTEE],
            {"window": {"start": "2026-10-28T06:00:00Z", "end": "2026-10-28T07:00:00Z"}},
            "blackout",
            [(0, "blackout", 2)],
        ),
        (
            [MENTOR],
            {"minimum_notice": "P30D", "window": {"start": "2026-10-20T10:00:00Z", "end": "2026-10-20T11:00:00Z"}},
            "minimum_notice",
            [(None, "minimum_notice", 2)],
        ),
        (
            [MENTOR],
            {"window": {"start": "2026-10-20T08:00:00Z", "end": "2026-10-20T09:00:00Z"}},
            "busy",
            [(0, "busy", 2)],
        ),
        (
            [MENTOR],
            {"window": {"start": "2026-10-20T09:30:00Z", "end": "2026-10-20T10:15:00Z"}},
            "buffer",
            [(0, "buffer", 1)],
        ),
    ],
)
def test_infeasible_search_is_explained_with_200(
    api: Api,
    attendees: list[dict[str, Any]],
    more: dict[str, Any],
    reason: str,
    blocking: list[tuple[int | None, str, int]],
) -> None:
    answer = api.post("/slots", asked(*attendees, **more))
    assert (answer["slots"], answer["total"]) == ([], 0)
    rows = [{"index": index, "cause": cause, "starts_lost": lost} for index, cause, lost in blocking]
    assert answer["explanation"]["reason"] == reason
    assert answer["explanation"]["blocking"] == rows
    assert list(answer["explanation"]) == ["reason", "blocking", "relaxations"]
    assert isinstance(answer["explanation"]["relaxations"], list)


def test_window_of_366_days_with_50_attendees_is_accepted(api: Api) -> None:
    year = {"start": "2026-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z"}
    assert api.post("/slots", asked(*[{"time_zone": "UTC"}] * 50, window=year))["total"] > 0


@pytest.mark.parametrize(("duration", "total"), [("PT1M", 96), ("PT23H59M", 1), ("P1D", 1), ("PT24H", 1)])
def test_duration_is_one_minute_to_one_day(api: Api, duration: str, total: int) -> None:
    anytime = {"time_zone": "UTC", "working_hours": "any"}
    assert api.post("/slots", asked(anytime, duration=duration))["total"] == total


def test_documented_example_has_slots(api: Api) -> None:
    assert len(api.post("/slots", SLOTS)["slots"]) == 5


def test_inline_search_needs_a_key_only(api: Api) -> None:
    api.key = "mk_wrong"
    problem_of(api.send("POST", "/slots", asked(MENTOR)), 401)


def asked(*attendees: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A question about one Tuesday."""
    return {"window": TUESDAY, "duration": "PT45M", "attendees": list(attendees)} | more


def test_local_time_in_utc_has_an_offset(api: Api) -> None:
    window = {"start": "2026-12-07T09:00:00Z", "end": "2026-12-07T10:00:00Z"}
    question = {"window": window, "duration": "PT1H", "attendees": [{"time_zone": "Europe/London"}]}
    (slot,) = api.post("/slots", question)["slots"]
    assert (slot["start"], slot["attendees"][0]["start"]) == ("2026-12-07T09:00:00Z", "2026-12-07T09:00:00+00:00")
