"""Fields of slot and cadence requests: travel, within, groups, fairness, limits and gaps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from support.api import Api

from scheduler.cli import main

EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]
BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
HOURLY = {"duration": "PT1H", "step": "PT1H"}
ANY_TIME = {"time_zone": "UTC", "working_hours": "any"}
IN_NEW_YORK = [{"from": "2027-03-15", "until": "2027-03-16", "time_zone": NEW_YORK}]
"""Monday and Tuesday; New York has summer time since the day before, Berlin only two weeks later."""
TRAVELLER = {
    "time_zone": BERLIN,
    "working_hours": [{"days": EVERY_DAY, "start": "09:00", "end": "10:00"}],
    "travel": IN_NEW_YORK,
}


def person(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"time_zone": "UTC", "working_hours": [{"days": EVERY_DAY, "start": start, "end": end}]} | more


def meeting(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


def window(first: str, last: str) -> dict[str, dict[str, str]]:
    return {"window": {"start": f"{first}T00:00:00Z", "end": f"{last}T00:00:00Z"}}


def occurrences(api: Api, question: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the occurrences of the only cadence."""
    answer = api.post("/cadences", {"limit": 100, "min_coverage": 0.01, "on_conflict": "skip"} | HOURLY | question)
    (cadence,) = answer["cadences"]
    found: list[dict[str, Any]] = cadence["occurrences"]
    return found


SLOTS_OF_TRAVELLER = HOURLY | window("2027-03-12", "2027-03-18") | {"attendees": [TRAVELLER], "order": "earliest"}


def test_traveller_works_in_local_time_of_stay(api: Api) -> None:
    found = api.post("/slots", SLOTS_OF_TRAVELLER)
    assert [(slot["start"], slot["attendees"][0]["start"]) for slot in found["slots"]] == [
        ("2027-03-12T08:00:00Z", "2027-03-12T09:00:00+01:00"),
        ("2027-03-15T13:00:00Z", "2027-03-15T09:00:00-04:00"),
        ("2027-03-16T13:00:00Z", "2027-03-16T09:00:00-04:00"),
        ("2027-03-17T08:00:00Z", "2027-03-17T09:00:00+01:00"),
    ]
    assert found["slots"][1]["attendees"][0]["end"] == "2027-03-15T10:00:00-04:00"


MONDAYS_OF_TRAVELLER = HOURLY | {
    "starts_on": "2027-03-08",
    "ends_on": "2027-03-22",
    "on_conflict": "skip",
    "attendees": [
        {"time_zone": BERLIN, "working_hours": [{"days": ["MO"], "start": "14:00", "end": "15:00"}]},
        {"time_zone": BERLIN, "working_hours": "any", "travel": IN_NEW_YORK},
    ],
}


def test_cadence_shows_travellers_local_times_during_stay(api: Api) -> None:
    (cadence,) = api.post("/cadences", MONDAYS_OF_TRAVELLER)["cadences"]
    assert [[row["start"] for row in one["attendees"]] for one in cadence["occurrences"]] == [
        ["2027-03-08T14:00:00+01:00", "2027-03-08T14:00:00+01:00"],
        ["2027-03-15T14:00:00+01:00", "2027-03-15T09:00:00-04:00"],
        ["2027-03-22T14:00:00+01:00", "2027-03-22T14:00:00+01:00"],
    ]
    assert cadence["local_time_shifts"] == [
        {"index": 1, "on": "2027-03-15", "from": "14:00", "to": "09:00"},
        {"index": 1, "on": "2027-03-22", "from": "09:00", "to": "14:00"},
    ]


def test_occurrence_at_home_hours_is_blocked_during_stay(api: Api) -> None:
    at_home = [{"days": ["MO"], "start": "14:00", "end": "15:00"}]
    attendees = [{"time_zone": BERLIN, "working_hours": at_home, "travel": IN_NEW_YORK}]
    question = MONDAYS_OF_TRAVELLER | {"attendees": attendees, "min_coverage": 0.5}
    first, second, third = occurrences(api, question)
    assert (first["status"], second["status"], third["status"]) == ("clear", "skipped", "clear")
    assert second["blocked_by"] == [{"index": 0, "cause": "outside_hours"}]


NEW_YORK_MORNING = {"time_zone": NEW_YORK, "hours": [{"days": EVERY_DAY, "start": "08:00", "end": "10:00"}]}


def test_within_uses_its_own_time_zone(api: Api) -> None:
    attendee = {"time_zone": BERLIN, "working_hours": "any"}
    spring = ("2027-03-12T00:00:00Z", "2027-03-16T00:00:00Z")
    assert api.starts(attendee, window=spring, within=NEW_YORK_MORNING, **HOURLY) == [
        *("2027-03-12T13:00:00Z", "2027-03-12T14:00:00Z"),
        *("2027-03-15T12:00:00Z", "2027-03-15T13:00:00Z"),
    ]


def test_occurrence_outside_within_is_blocked_by_request(api: Api) -> None:
    eight = {"time_zone": NEW_YORK, "hours": [{"days": ["MO"], "start": "08:00", "end": "09:00"}]}
    hours = [{"days": ["MO"], "start": "14:00", "end": "15:00"}]
    question = {"starts_on": "2027-03-08", "ends_on": "2027-03-15", "within": eight}
    first, second = occurrences(api, question | {"attendees": [{"time_zone": BERLIN, "working_hours": hours}]})
    assert (first["start"], first["status"]) == ("2027-03-08T13:00:00Z", "clear")
    assert (second["start"], second["blocked_by"]) == ("2027-03-15T13:00:00Z", [{"index": None, "cause": "within"}])


PANEL = [ANY_TIME, person("09:00", "10:00"), person("09:00", "11:00"), person("10:00", "11:00")]
TUESDAY = window("2027-01-12", "2027-01-13")


def test_slot_names_available_members_of_panel(api: Api) -> None:
    group = {"members": [1, 2, 3], "required": 2}
    asked = HOURLY | TUESDAY | {"attendees": PANEL, "groups": [group], "order": "earliest"}
    found = [
        (slot["start"], [row["available"] for row in slot["attendees"]]) for slot in api.post("/slots", asked)["slots"]
    ]
    assert found == [
        ("2027-01-12T09:00:00Z", [True, True, True, False]),
        ("2027-01-12T10:00:00Z", [True, False, True, True]),
    ]


@pytest.mark.parametrize(("required", "hours"), [(1, ["09", "10"]), (2, ["09", "10"]), (3, [])])
def test_group_without_required_attendee_is_enough(api: Api, required: int, hours: list[str]) -> None:
    asked = HOURLY | {"groups": [{"members": [0, 1, 2], "required": required}]}
    starts = api.starts(*PANEL[1:], window=("2027-01-12T00:00:00Z", "2027-01-13T00:00:00Z"), **asked)
    assert starts == [f"2027-01-12T{hour}:00:00Z" for hour in hours]


def test_occurrence_with_too_few_group_members_is_blocked_by_group(api: Api) -> None:
    mentor = {"time_zone": "UTC", "working_hours": [{"days": ["TU"], "start": "09:00", "end": "10:00"}]}
    stand_ins = [
        person("09:00", "17:00"),
        person("09:00", "17:00", busy=[meeting("2027-01-19T09:30:00Z", "2027-01-19T10:30:00Z")]),
    ]
    away = {"kind": "leave", "first_day": "2027-01-18", "last_day": "2027-01-20"}
    question = {"starts_on": "2027-01-12", "ends_on": "2027-01-26", "groups": [{"members": [1, 2]}]}
    stand_ins[0]["blackouts"] = [away]
    first, second, third = occurrences(api, question | {"attendees": [mentor, *stand_ins]})
    assert (first["status"], third["status"]) == ("clear", "clear")
    assert second["blocked_by"] == [{"index": None, "cause": "group"}]


EARLY_AND_LATE = {
    "time_zone": "UTC",
    "hours": [
        {"days": ["TU"], "start": "09:00", "end": "09:30"},
        {"days": ["TU"], "start": "16:30", "end": "17:00"},
    ],
}


@pytest.mark.parametrize(
    ("borne", "fair", "first"),
    [
        ((0, 0), True, "09:00"),
        ((90, 0), True, "09:00"),
        ((0, 90), True, "16:30"),
        ((0, 90), False, "09:00"),
        ((90, 91), True, "16:30"),
    ],
)
def test_fair_search_favours_attendee_with_more_past_burden(
    api: Api, borne: tuple[int, int], fair: bool, first: str
) -> None:
    early, late = ([entry] for entry in EARLY_AND_LATE["hours"])
    attendees = [
        {**ANY_TIME, "preferred_hours": early, "past_burden": borne[0]},
        {**ANY_TIME, "preferred_hours": late, "past_burden": borne[1]},
    ]
    asked = TUESDAY | {"duration": "PT30M", "within": EARLY_AND_LATE, "attendees": attendees, "fair": fair}
    best, other = api.post("/slots", asked)["slots"]
    assert best["start"] == f"2027-01-12T{first}:00Z"
    assert best["score"] >= other["score"]


def test_preferred_hours_order_slots_and_block_none(api: Api) -> None:
    named = [{"days": ["TU"], "start": "15:00", "end": "16:00"}]
    asked = HOURLY | TUESDAY
    answers = [
        api.post("/slots", asked | {"attendees": [ANY_TIME | {"preferred_hours": hours}]}) for hours in (None, named)
    ]
    assert [answer["total"] for answer in answers] == [24, 24]
    assert [answer["slots"][0]["start"] for answer in answers] == ["2027-01-12T12:00:00Z", "2027-01-12T15:00:00Z"]
    assert api.post("/slots", asked | {"attendees": [ANY_TIME]}) == answers[0]


AT_TEN = {"working_hours": [{"days": EVERY_DAY, "start": "10:00", "end": "11:00"}]}
ONE_MEETING = [meeting("2027-01-13T08:00:00Z", "2027-01-13T08:30:00Z")]
"""On a Wednesday."""


@pytest.mark.parametrize(
    ("more", "days"),
    [
        ({}, ["11", "12", "13", "14", "15", "18"]),
        ({"at_most_per_day": 1}, ["11", "12", "14", "15", "18"]),
        ({"at_most_per_day": 2}, ["11", "12", "13", "14", "15", "18"]),
        ({"at_most_per_week": 1}, ["18"]),
        ({"at_most_per_week": 2, "at_most_per_day": 1}, ["11", "12", "14", "15", "18"]),
    ],
)
def test_full_day_or_week_has_no_slots(api: Api, more: dict[str, int], days: list[str]) -> None:
    attendee = {"time_zone": "UTC", "meetings": ONE_MEETING, **AT_TEN, **more}
    starts = api.starts(attendee, window=("2027-01-11T00:00:00Z", "2027-01-19T00:00:00Z"), **HOURLY)
    assert starts == [f"2027-01-{day}T10:00:00Z" for day in days]


def test_full_day_is_in_attendees_zone(api: Api) -> None:
    just_after_midnight = [meeting("2027-01-11T15:30:00Z", "2027-01-11T16:00:00Z")]
    attendee = {"time_zone": "Asia/Tokyo", **AT_TEN, "meetings": just_after_midnight, "at_most_per_day": 1}
    starts = api.starts(attendee, window=("2027-01-10T15:00:00Z", "2027-01-13T15:00:00Z"), **HOURLY)
    assert starts == ["2027-01-11T01:00:00Z", "2027-01-13T01:00:00Z"]


def test_full_week_blocks_occurrence_beside_busy_calendar(api: Api) -> None:
    taken = [
        meeting("2027-01-13T08:00:00Z", "2027-01-13T08:30:00Z"),
        meeting("2027-01-18T10:30:00Z", "2027-01-18T11:30:00Z"),
    ]
    hours = [{"days": ["MO"], "start": "10:00", "end": "11:00"}]
    attendee = {"time_zone": "UTC", "working_hours": hours, "meetings": taken, "at_most_per_week": 1}
    question = {"starts_on": "2027-01-11", "ends_on": "2027-01-25", "attendees": [attendee]}
    first, second, third = occurrences(api, question)
    assert first["blocked_by"] == [{"index": 0, "cause": "limit"}]
    assert second["blocked_by"] == [{"index": 0, "cause": "busy"}, {"index": 0, "cause": "limit"}]
    assert third["status"] == "clear"


@pytest.mark.parametrize(("most", "found"), [(1, False), (2, True)])
def test_two_meetings_a_week_exceed_limit_of_one(api: Api, most: int, found: bool) -> None:
    attendee = {"time_zone": "UTC", **AT_TEN, "at_most_per_week": most}
    asked = HOURLY | {"starts_on": "2027-01-11", "ends_on": "2027-01-22", "per_week": 2, "attendees": [attendee]}
    answer = api.post("/cadences", asked)
    assert bool(answer["total"]) is found
    assert (answer["explanation"] or {}).get("reason") == (None if found else "limit")


TOGETHER = meeting("2027-01-12T10:00:00Z", "2027-01-12T11:00:00Z")
ALONE = meeting("2027-01-12T14:00:00Z", "2027-01-12T15:00:00Z")


@pytest.mark.parametrize(
    ("gap", "hours"),
    [
        ("PT0S", ["08", "09", "11", "12", "13", "15", "16"]),
        ("PT2H", ["13", "15", "16"]),
        ("PT5H", ["16"]),
        ("P1D", []),
    ],
)
def test_minimum_gap_applies_to_existing_meetings(api: Api, gap: str, hours: list[str]) -> None:
    pair = [person("08:00", "17:00", meetings=[TOGETHER, ALONE]), person("08:00", "17:00", meetings=[TOGETHER])]
    starts = api.starts(*pair, window=("2027-01-12T00:00:00Z", "2027-01-13T00:00:00Z"), minimum_gap=gap, **HOURLY)
    assert starts == [f"2027-01-12T{hour}:00:00Z" for hour in hours]


def test_minimum_gap_blocks_occurrence_close_to_meeting_of_pair(api: Api) -> None:
    hours = [{"days": ["TU"], "start": "15:00", "end": "16:00"}]
    pair = [{"time_zone": "UTC", "working_hours": hours, "meetings": [TOGETHER]}, {**ANY_TIME, "meetings": [TOGETHER]}]
    question = {"starts_on": "2027-01-12", "ends_on": "2027-01-19", "minimum_gap": "P1D", "attendees": pair}
    first, second = occurrences(api, question)
    assert first["blocked_by"] == [{"index": None, "cause": "minimum_gap"}]
    assert second["status"] == "clear"


EVERYTHING = {
    "within": {"time_zone": BERLIN, "hours": [{"days": EVERY_DAY, "start": "09:00", "end": "18:00"}]},
    "minimum_gap": "PT4H",
    "groups": [{"members": [1, 2], "required": 1}],
    "fair": True,
    "attendees": [
        TRAVELLER | {"at_most_per_week": 3, "meetings": [meeting("2027-03-17T08:00:00Z", "2027-03-17T09:00:00Z")]},
        {**ANY_TIME, "preferred_hours": EARLY_AND_LATE["hours"], "past_burden": 300},
        person("08:00", "12:00", at_most_per_day=1),
    ],
}


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("slots", SLOTS_OF_TRAVELLER | EVERYTHING),
        ("cadences", MONDAYS_OF_TRAVELLER | {"min_coverage": 0.1} | EVERYTHING),
    ],
)
def test_command_accepts_all_fields_and_answers_like_service(api: Api, name: str, question: dict[str, Any]) -> None:
    answer = api.post(f"/{name}", question)
    assert answer["total"]
    result = CliRunner().invoke(main, [name, "-", "--json"], input=json.dumps(question))
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == answer
    shown = CliRunner().invoke(main, [name, "-"], input=json.dumps(question))
    assert shown.exit_code == 0, shown.stderr


def test_command_shows_zone_of_travellers_local_times() -> None:
    table = CliRunner().invoke(main, ["slots", "-"], input=json.dumps(SLOTS_OF_TRAVELLER)).output
    assert [line.split(None, 1)[1].rstrip() for line in table.splitlines() if " Mar 2027 " in line] == [
        "Fri 12 Mar 2027 09:00",
        "Mon 15 Mar 2027 09:00 in America/New_York",
        "Tue 16 Mar 2027 09:00 in America/New_York",
        "Wed 17 Mar 2027 09:00",
    ]
