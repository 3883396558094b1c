"""Cadences of other patterns over HTTP: several times a week, once a month, and local times that take turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.api import Api, Pair, booking_of, problem_of, statuses

from scheduler.cli import main

WEEK = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
WIDE = [{"days": WEEK, "start": "06:00", "end": "23:00"}]
AROUND_THE_WORLD: dict[str, Any] = {
    "starts_on": "2027-01-05",
    "ends_on": "2027-06-28",
    "duration": "PT1H",
    "step": "PT30M",
    "rotation": 2,
    "limit": 1,
    "attendees": [
        {"name": "Ana", "time_zone": "America/Los_Angeles", "working_hours": WIDE},
        {"name": "Sam", "time_zone": "Australia/Sydney", "working_hours": WIDE},
        {"name": "Greta", "time_zone": "Europe/Berlin", "working_hours": WIDE},
    ],
}


def one_person(**more: Any) -> dict[str, Any]:
    question = {"starts_on": "2026-10-05", "ends_on": "2027-03-31", "duration": "PT1H", "step": "PT1H", "limit": 100}
    hours = [{"days": WEEK[:5], "start": "10:00", "end": "11:00"}]
    return question | {"attendees": [{"time_zone": "Europe/Berlin", "working_hours": hours}]} | more


def test_monthly_pattern_repeats_first_tuesday(api: Api) -> None:
    found = api.post("/cadences", one_person(pattern="monthly_weekday"))["cadences"]
    (tuesday,) = (
        row for row in found if row["rrule"].startswith("FREQ=MONTHLY;BYDAY=1TU;") and "T10" in row["dtstart"]
    )
    assert tuesday["rrule"] == "FREQ=MONTHLY;BYDAY=1TU;UNTIL=20270302T090000Z"
    assert tuesday["dtstart"] == "2026-10-06T10:00:00"
    assert [row["start"] for row in tuesday["occurrences"]] == [
        *("2026-10-06T08:00:00Z", "2026-11-03T09:00:00Z", "2026-12-01T09:00:00Z"),
        *("2027-01-05T09:00:00Z", "2027-02-02T09:00:00Z", "2027-03-02T09:00:00Z"),
    ]


def test_weekly_pattern_repeats_twice_a_week(api: Api) -> None:
    best, *_ = api.post("/cadences", one_person(per_week=2, ends_on="2026-10-23"))["cadences"]
    assert best["rrule"] == "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TH;UNTIL=20261022T080000Z"
    assert [row["start"][:10] for row in best["occurrences"]] == [
        *("2026-10-05", "2026-10-08", "2026-10-12", "2026-10-15", "2026-10-19", "2026-10-22")
    ]


@pytest.mark.parametrize(
    ("question", "rrule", "starts"),
    [
        (
            {"pattern": "monthly_weekday"},
            "FREQ=MONTHLY;BYDAY=1TU",
            ["20261006T100000", "20261103T100000"],
        ),
        (
            {"per_week": 2, "ends_on": "2026-10-16"},
            "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU,TH",
            ["20261006T100000", "20261008T100000", "20261013T100000", "20261015T100000"],
        ),
    ],
)
def test_pattern_is_booked_and_published_with_its_rule(
    api: Api, pair: Pair, question: dict[str, Any], rrule: str, starts: list[str]
) -> None:
    at_ten = [{"days": WEEK[:5], "start": "10:00", "end": "10:45"}]
    api.patch(f"/people/{pair.mentor}", {"working_hours": at_ten})
    asked = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "duration": "PT45M", "step": "PT30M"} | question
    rest = {"attendees": pair.attendees, "limit": 100, "min_coverage": 0}
    found = api.post("/cadences", asked | rest)["cadences"]
    (cadence,) = (
        row for row in found if row["dtstart"] == "2026-10-06T10:00:00" and row["rrule"].startswith(rrule + ";")
    )
    api.post(pair.meetings, booking_of(cadence) | {"starts_on": asked["starts_on"], "ends_on": asked["ends_on"]})
    feed = api.read(api.feed(pair.mentor)).text
    event = feed.partition("BEGIN:VEVENT")[2]  # what comes before has rules of its own: the zone's
    (published,) = (line.removeprefix("RRULE:").split(";") for line in event.splitlines() if line.startswith("RRULE:"))
    assert set(rrule.split(";")) <= {*published, "INTERVAL=1"}
    (meeting,) = api.get(pair.meetings)["items"]
    assert [row["recurrence_id"] for row in meeting["occurrences"]] == starts


def test_rotation_alternates_local_times(api: Api) -> None:
    answer = api.post("/cadences", AROUND_THE_WORLD)
    assert (answer["cadences"], answer["total"], answer["explanation"]) == ([], 7, None)
    (rotation,) = answer["rotations"]
    assert (rotation["time_zone"], rotation["coverage"]) == ("America/Los_Angeles", 1.0)
    first, second = rotation["turns"]
    assert {first["rrule"][:28], second["rrule"][:28]} == {first["rrule"][:28]}
    assert first["rrule"].startswith("FREQ=WEEKLY;INTERVAL=2;BYDAY=")
    assert first["dtstart"][11:] != second["dtstart"][11:]
    assert rotation["occurrence_count"] == len(first["occurrences"]) + len(second["occurrences"]) == 25
    for turn in rotation["turns"]:
        until = turn["rrule"].partition("UNTIL=")[2]
        assert turn["occurrences"][-1]["start"].replace("-", "").replace(":", "") == until


def test_turns_are_booked_one_by_one(api: Api, pair: Pair) -> None:
    for person in (pair.mentor, pair.mentee):
        api.patch(f"/people/{person}", {"working_hours": WIDE, "buffer": {"before": "PT30M", "after": "PT30M"}})
        api.post(
            f"/people/{person}/blackouts",
            {"kind": "exam", "title": "Finals", "first_day": "2026-10-12", "last_day": "2026-10-20"},
        )
    asked = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "duration": "PT45M", "step": "PT30M", "limit": 7}
    answer = api.post("/cadences", asked | {"attendees": pair.attendees, "rotation": 2, "move_within_days": 6})
    rotation = next(row for row in answer["rotations"] if row["clear_count"] < row["occurrence_count"])
    references = [{"dtstart": turn["dtstart"], "rrule": turn["rrule"]} for turn in rotation["turns"]]
    outcomes = []
    for place, turn in enumerate(rotation["turns"]):
        others = references[:place] + references[place + 1 :]
        cadence = turn | {"time_zone": rotation["time_zone"]}
        booking = booking_of(cadence) | {"other_turns": others, "move_within_days": 6, "min_coverage": 0}
        outcomes += statuses(api.post(pair.meetings, booking))
    assert sorted(outcomes) == sorted(
        {"clear": "scheduled"}.get(row["status"], row["status"])
        for turn in rotation["turns"]
        for row in turn["occurrences"]
    )
    assert "moved" in outcomes


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"pattern": "daily"}, "/pattern"),
        ({"pattern": "monthly_weekday", "every_weeks": 2}, "/every_weeks"),
        ({"pattern": "monthly_weekday", "per_week": 2}, "/per_week"),
        ({"pattern": "monthly_weekday", "move_within_days": 28}, "/move_within_days"),
        ({"pattern": "monthly_weekday", "rotation": 2}, "/rotation"),
        ({"per_week": 6}, "/per_week"),
        ({"per_week": 0}, "/per_week"),
        ({"per_week": 2, "every_weeks": 2}, "/every_weeks"),
        ({"per_week": 2, "rotation": 2}, "/rotation"),
        ({"rotation": 5}, "/rotation"),
        ({"rotation": 0}, "/rotation"),
        ({"rotation": 3, "every_weeks": 3}, "/rotation"),
        ({"rotation": 3, "step": "PT10M"}, "/step"),
        ({"rotation": 2, "minimum_gap": "P6D"}, "/minimum_gap"),
        ({"rotation": 3, "ends_on": "2026-10-18"}, "/ends_on"),
    ],
)
def test_conflicting_members_are_refused(api: Api, change: dict[str, Any], pointer: str) -> None:
    problem_of(api.send("POST", "/cadences", one_person(**change)), 422, pointer)


def test_booking_with_invalid_other_turn_is_refused(api: Api, pair: Pair) -> None:
    booking = booking_of(api.cadence(pair)) | {
        "other_turns": [{"dtstart": "2026-10-06T10:00:00", "rrule": "FREQ=DAILY"}]
    }
    problem_of(api.send("POST", pair.meetings, booking), 422, "/other_turns/0/rrule")
    single = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M", "other_turns": []}
    problem_of(api.send("POST", pair.meetings, single), 422, "/other_turns")


def test_command_numbers_turns(tmp_path: Path) -> None:
    question = tmp_path / "question.json"
    question.write_text(json.dumps(AROUND_THE_WORLD))
    shown = CliRunner().invoke(main, ["cadences", str(question)]).output
    assert " every week, in turns at " in shown
    assert "burden in weighted minutes: Ana " in shown
    assert "1 of 7 rotations" in shown


SUMMER_TIME_ENDS = {
    "starts_on": "2026-10-19",
    "ends_on": "2026-12-06",
    "duration": "PT45M",
    "rotation": 2,
    "limit": 1,
}


def shown(*attendees: dict[str, Any]) -> list[str]:
    """Return the command's output for a rotation over the end of summer time, with single spaces."""
    question = json.dumps(SUMMER_TIME_ENDS | {"attendees": attendees})
    result = CliRunner().invoke(main, ["cadences", "-"], input=question)
    assert result.exit_code == 0, result.stderr
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_command_names_turn_of_local_time_shift() -> None:
    zones = {"Ben": "Europe/Berlin", "Sam": "America/New_York", "Mio": "Asia/Tokyo"}
    lines = shown(*({"name": name, "time_zone": zone, "working_hours": "any"} for name, zone in zones.items()))
    assert lines[0].startswith("1. Monday every week, in turns at 10:15 and 20:30 Europe/Berlin: ")
    assert "1 Mon 19 Oct 2026 10:15 Mon 19 Oct 2026 04:15 Mon 19 Oct 2026 17:15 clear" in lines
    assert "2 Mon 26 Oct 2026 20:30 Mon 26 Oct 2026 15:30 Tue 27 Oct 2026 04:30 clear" in lines
    assert [line for line in lines if "instead of" in line] == [
        "turn 1: from Mon 02 Nov 2026 it is 18:15 instead of 17:15 for Mio",
        "turn 2: from Mon 09 Nov 2026 it is 14:30 instead of 15:30 for Sam",
    ]


def test_command_shows_equal_turns_as_one_cadence() -> None:
    lines = shown(
        {"name": "Ben", "time_zone": "Europe/Berlin"},
        {"name": "Sam", "time_zone": "America/New_York"},
        {"name": "Asha", "time_zone": "Asia/Kolkata", "working_hours": "any"},
    )
    assert lines[0].startswith("1. Monday every week at 15:00 Europe/Berlin, always the same time: 7 of 7 clear")
    assert [line for line in lines if "turn" in line] == []
    assert [line for line in lines if "instead of" in line] == [
        "from Mon 26 Oct 2026 it is 10:00 instead of 09:00 for Sam",
        "from Mon 02 Nov 2026 it is 09:00 instead of 10:00 for Sam",
        "from Mon 26 Oct 2026 it is 19:30 instead of 18:30 for Asha",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pattern": "monthly_weekday"}, "of every month at "),
        ({"per_week": 2}, "Monday and Thursday every week at "),
        ({"every_weeks": 2}, "Monday every 2 weeks at "),
    ],
)
def test_command_describes_pattern(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    question = tmp_path / "question.json"
    question.write_text(json.dumps(one_person(**change, limit=1)))
    assert said in CliRunner().invoke(main, ["cadences", str(question)]).output
