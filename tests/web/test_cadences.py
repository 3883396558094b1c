"""POST /v1/cadences, word for word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.api import Api

from scheduler.web.documents.examples import CADENCES

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

MENTOR: dict[str, Any] = {
    "name": "mentor",
    "time_zone": "Europe/Berlin",
    "working_hours": [{"days": ["MO", "TU", "WE", "TH"], "start": "10:00", "end": "18:00"}],
}
MENTEE: dict[str, Any] = {
    "name": "mentee",
    "time_zone": "Asia/Kolkata",
    "working_hours": [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "12:00", "end": "21:00"}],
    "blackouts": [{"kind": "exam", "title": "Finals", "first_day": "2026-11-03", "last_day": "2026-11-04"}],
}
NARROW = MENTOR | {"working_hours": [{"days": ["TU", "TH"], "start": "14:30", "end": "16:00"}]}
QUESTION: dict[str, Any] = {
    "starts_on": "2026-10-19",
    "ends_on": "2027-04-16",
    "every_weeks": 2,
    "duration": "PT45M",
    "step": "PT15M",
    "time_zone": "Europe/Berlin",
    "attendees": [MENTOR, MENTEE],
    "min_coverage": 0.7,
    "on_conflict": "move",
    "move_within_days": 3,
    "limit": 5,
}


def tuesday(api: Api, **change: Any) -> dict[str, Any]:
    """The cadence on Tuesdays at 14:30 in Berlin, whose second occurrence is in the exams."""
    found = api.post("/cadences", QUESTION | {"limit": 100, "every_weeks": 2} | change)["cadences"]
    return dict(next(row for row in found if row["dtstart"] == "2026-10-20T14:30:00"))


@pytest.fixture
def cadence(api: Api) -> dict[str, Any]:
    return tuesday(api, attendees=[NARROW, MENTEE])


def test_answer_has_contract_members(api: Api, cadence: dict[str, Any]) -> None:
    answer = api.post("/cadences", QUESTION)
    assert list(answer) == ["cadences", "total", "unknown_attendees", "explanation"]
    assert len(answer["cadences"]) == 5 < answer["total"]
    assert (answer["unknown_attendees"], answer["explanation"]) == ([], None)
    assert list(cadence) == [
        "dtstart",
        "time_zone",
        "rrule",
        "occurrence_count",
        "clear_count",
        "coverage",
        "score",
        "occurrences",
        "local_time_shifts",
        "burdens",
        "burden_spread",
    ]


def test_rule_is_rfc_5545_with_until_in_utc(cadence: dict[str, Any]) -> None:
    assert cadence["dtstart"] == "2026-10-20T14:30:00"
    assert cadence["time_zone"] == "Europe/Berlin"
    assert cadence["rrule"] == "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406T123000Z"
    assert (cadence["occurrence_count"], cadence["clear_count"], cadence["coverage"]) == (13, 12, 0.923)
    assert len(cadence["occurrences"]) == 13


def test_clear_occurrence_has_instants_and_local_starts_only(cadence: dict[str, Any]) -> None:
    assert cadence["occurrences"][0] == {
        "start": "2026-10-20T12:30:00Z",
        "end": "2026-10-20T13:15:00Z",
        "status": "clear",
        "attendees": [
            {"index": 0, "start": "2026-10-20T14:30:00+02:00"},
            {"index": 1, "start": "2026-10-20T18:00:00+05:30"},
        ],
    }


def test_moved_occurrence_has_blocked_by_and_moved_to(cadence: dict[str, Any]) -> None:
    moved = cadence["occurrences"][1]
    assert (moved["start"], moved["end"]) == ("2026-11-03T13:30:00Z", "2026-11-03T14:15:00Z")
    assert moved["status"] == "moved"
    assert moved["blocked_by"] == [{"index": 1, "cause": "blackout", "title": "Finals"}]
    assert moved["moved_to"] == {"start": "2026-11-05T13:30:00Z", "end": "2026-11-05T14:15:00Z"}


def test_cause_without_title_has_no_title_member(api: Api) -> None:
    busy = [{"start": "2026-11-03T13:00:00Z", "end": "2026-11-03T14:00:00Z"}]
    cadence = tuesday(api, attendees=[NARROW | {"busy": busy}])
    assert cadence["occurrences"][1]["blocked_by"] == [{"index": 0, "cause": "busy"}]


@pytest.mark.parametrize("change", [{"on_conflict": "skip"}, {"move_within_days": 1}])
def test_occurrence_without_a_move_is_skipped(api: Api, change: dict[str, Any]) -> None:
    only_tuesday = MENTOR | {"working_hours": [{"days": ["TU"], "start": "10:00", "end": "18:00"}]}
    skipped = tuesday(api, attendees=[only_tuesday, MENTEE], **change)["occurrences"][1]
    assert skipped["status"] == "skipped"
    assert skipped["blocked_by"] == [{"index": 1, "cause": "blackout", "title": "Finals"}]
    assert "moved_to" not in skipped


def test_local_time_shifts_are_listed_from_and_to(cadence: dict[str, Any]) -> None:
    assert cadence["local_time_shifts"] == [
        {"index": 1, "on": "2026-11-03", "from": "18:00", "to": "19:00"},
        {"index": 1, "on": "2027-04-06", "from": "19:00", "to": "18:00"},
    ]


def test_anchor_zone_defaults_to_the_organizers(api: Api) -> None:
    bare = {name: value for name, value in QUESTION.items() if name != "time_zone"}
    assert api.send("POST", "/cadences", bare).data == api.send("POST", "/cadences", QUESTION).data
    named = api.post("/cadences", QUESTION | {"time_zone": "Asia/Kolkata"})["cadences"][0]
    assert named["time_zone"] == "Asia/Kolkata"
    assert {shift["index"] for shift in named["local_time_shifts"]} == {0}


def test_defaults_are_the_contracts(api: Api) -> None:
    needed = {name: QUESTION[name] for name in ("starts_on", "ends_on", "every_weeks", "duration", "attendees")}
    defaults = {"step": "PT15M", "min_coverage": 0.5, "on_conflict": "move", "move_within_days": 3, "limit": 5}
    assert api.send("POST", "/cadences", needed).data == api.send("POST", "/cadences", needed | defaults).data


def test_order_is_coverage_then_score_then_dtstart(api: Api) -> None:
    found = api.post("/cadences", QUESTION | {"limit": 100, "step": "PT1H", "min_coverage": 0})["cadences"]
    assert found == sorted(found, key=lambda row: (-row["coverage"], -row["score"], row["dtstart"]))
    assert len({row["coverage"] for row in found}) > 1


def test_cadences_below_min_coverage_are_left_out(api: Api) -> None:
    some = api.post("/cadences", QUESTION | {"min_coverage": 0, "limit": 100})
    all_clear = api.post("/cadences", QUESTION | {"min_coverage": 1, "limit": 100})
    assert all_clear["total"] < some["total"]
    assert {row["coverage"] for row in all_clear["cadences"]} == {1.0}
    assert all(row["clear_count"] > 0 for row in some["cadences"])


def test_infeasible_cadence_is_explained_in_pairs(api: Api) -> None:
    never: dict[str, Any] = {"time_zone": "UTC", "working_hours": []}
    short = {"starts_on": "2026-10-20", "ends_on": "2026-10-20", "step": "PT1H"}
    answer = api.post("/cadences", QUESTION | short | {"attendees": [never]})
    assert (answer["cadences"], answer["total"]) == ([], 0)
    assert answer["explanation"] == {
        "reason": "no_working_hours",
        "blocking": [{"index": 0, "cause": "no_working_hours", "starts_lost": 24}],
        "relaxations": answer["explanation"]["relaxations"],
    }


def test_dtstart_in_dst_gap_is_the_nominal_wall_time(api: Api) -> None:
    early = {"time_zone": "Europe/Berlin", "working_hours": [{"days": ["SU"], "start": "00:00", "end": "06:00"}]}
    question = {"starts_on": "2027-03-28", "ends_on": "2027-04-18", "duration": "PT45M", "attendees": [early]}
    found = api.post("/cadences", question | {"limit": 100})["cadences"]
    swallowed = next(row for row in found if row["dtstart"] == "2027-03-28T02:30:00")
    assert swallowed["occurrences"][0]["start"] == "2027-03-28T01:30:00Z"
    assert swallowed["occurrences"][0]["attendees"] == [{"index": 0, "start": "2027-03-28T03:30:00+02:00"}]
    assert swallowed["local_time_shifts"] == [{"index": 0, "on": "2027-04-04", "from": "03:30", "to": "02:30"}]


def test_span_of_one_and_of_366_days_is_accepted(api: Api) -> None:
    assert api.post("/cadences", QUESTION | {"starts_on": "2026-01-01", "ends_on": "2027-01-02"})["total"] > 0
    once = api.post("/cadences", QUESTION | {"starts_on": "2026-10-20", "ends_on": "2026-10-20"})["cadences"][0]
    assert once["occurrence_count"] == 1


def test_same_request_gives_same_bytes(api: Api) -> None:
    assert len({api.send("POST", "/cadences", QUESTION).data for _ in range(3)}) == 1
    assert INSTANT.search(api.send("POST", "/cadences", QUESTION).text)


def test_documented_example_has_cadences(api: Api) -> None:
    assert len(api.post("/cadences", CADENCES)["cadences"]) == 3


def test_occurrence_lists_available_group_members(api: Api) -> None:
    away = {"kind": "leave", "title": "away", "first_day": "2026-10-26", "last_day": "2026-11-08"}
    panel = [MENTOR | {"name": "first", "blackouts": [away]}, MENTOR | {"name": "second"}]
    question = QUESTION | {"attendees": [MENTEE | {"blackouts": []}, *panel], "groups": [{"members": [1, 2]}]}
    best, *_ = api.post("/cadences", question)["cadences"]
    coming = [[row.get("available") for row in one["attendees"]] for one in best["occurrences"]]
    assert coming[:3] == [[None, True, True], [None, False, True], [None, True, True]]
    assert best["coverage"] == 1.0
