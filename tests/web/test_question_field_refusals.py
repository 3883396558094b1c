"""Invalid fields of searches are refused with a pointer, over HTTP and by the command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from support.api import Api, problem_of

from scheduler.cli import main

DATES = {"starts_on": "2027-01-11", "ends_on": "2027-01-31"}
WINDOW = {"window": {"start": "2027-01-11T00:00:00Z", "end": "2027-01-16T00:00:00Z"}}
HOURS = [{"days": ["MO"], "start": "09:00", "end": "17:00"}]


def stay(first: str, last: str, zone: str = "Asia/Tokyo") -> dict[str, str]:
    return {"from": first, "until": last, "time_zone": zone}


def with_attendee(**more: Any) -> dict[str, Any]:
    """Return two attendees, the second with these fields."""
    return {"attendees": [{"time_zone": "UTC"}, {"time_zone": "Europe/Berlin"} | more]}


def with_group(*members: Any, **more: Any) -> dict[str, Any]:
    return with_attendee() | {"groups": [{"members": [0]}, {"members": list(members), **more}]}


AT = "/attendees/1"
REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    (
        with_attendee(travel=[stay("2027-01-10", "2027-01-12"), stay("2027-02-20", "2027-02-19")]),
        f"{AT}/travel/1/until",
        "the move ends on 2027-02-19, before it begins on 2027-02-20",
    ),
    (
        with_attendee(travel=[stay("2027-02-10", "2027-02-20"), stay("2027-01-30", "2027-02-10", "UTC")]),
        f"{AT}/travel",
        "2027-02-10 is in two planned moves, to UTC and to Asia/Tokyo",
    ),
    (with_attendee(travel=[stay("2027-01-10", "2027-01-12", "Asia/Tokio")]), f"{AT}/travel/0/time_zone", "Asia/Tokyo"),
    (with_attendee(travel=[{"from": "2027-01-10", "time_zone": "UTC"}]), f"{AT}/travel/0/until", ""),
    (with_attendee(travel=[stay("2027-02-29", "2027-03-01")]), f"{AT}/travel/0/from", ""),
    (with_attendee(preferred_hours=[]), f"{AT}/preferred_hours", ""),
    (
        with_attendee(preferred_hours=[{"days": [], "start": "09:00", "end": "10:00"}]),
        f"{AT}/preferred_hours/0/days",
        "",
    ),
    (with_attendee(at_most_per_day=0), f"{AT}/at_most_per_day", ""),
    (with_attendee(at_most_per_day=51), f"{AT}/at_most_per_day", ""),
    (with_attendee(at_most_per_day="2"), f"{AT}/at_most_per_day", ""),
    (with_attendee(at_most_per_week=0), f"{AT}/at_most_per_week", ""),
    (with_attendee(at_most_per_week=51), f"{AT}/at_most_per_week", ""),
    (with_attendee(past_burden=-1), f"{AT}/past_burden", ""),
    (with_attendee(past_burden=10_000_001), f"{AT}/past_burden", ""),
    (with_attendee(past_burden=1.5), f"{AT}/past_burden", ""),
    (
        with_attendee(meetings=[{"start": "2027-01-12T10:00:00Z", "end": "2027-01-12T10:00:00Z"}]),
        f"{AT}/meetings/0/end",
        "the meeting ends at 2027-01-12T10:00:00Z, which is not after its start 2027-01-12T10:00:00Z",
    ),
    (with_attendee(meetings=[{"start": "2027-01-12T10:00:00Z"}]), f"{AT}/meetings/0/end", ""),
    (with_attendee() | {"within": {"time_zone": "UTC"}}, "/within/hours", ""),
    (with_attendee() | {"within": {"time_zone": "UTC", "hours": []}}, "/within/hours", ""),
    (with_attendee() | {"within": {"hours": HOURS}}, "/within/time_zone", ""),
    (with_attendee() | {"minimum_gap": "P14DT1M"}, "/minimum_gap", ""),
    (with_attendee() | {"minimum_gap": "-PT1H"}, "/minimum_gap", ""),
    (with_attendee() | {"minimum_gap": None}, "/minimum_gap", ""),
    (with_attendee() | {"fair": 1}, "/fair", ""),
    (with_group(0, 2), "/groups/1/members/1", "there is no attendee 2; the last is 1"),
    (with_group(1, 0, 1), "/groups/1/members/2", "attendee 1 is in this group twice; name them once"),
    (with_group(0, 1, required=3), "/groups/1/required", "3 are more than the 2 members"),
    (with_group(0, 1, required=0), "/groups/1/required", ""),
    (with_group(), "/groups/1/members", ""),
    (with_group(-1), "/groups/1/members/0", ""),
    (with_group(True), "/groups/1/members/0", ""),
    (with_attendee(role="optional") | {"attendees": [{"time_zone": "UTC", "role": "optional"}]}, "/attendees", ""),
]


@pytest.mark.parametrize(
    ("change", "pointer", "words"), REFUSALS, ids=[f"{row[1]}-{n}" for n, row in enumerate(REFUSALS)]
)
def test_invalid_field_is_named(api: Api, change: dict[str, Any], pointer: str, words: str) -> None:
    for path, question in (("/slots", WINDOW), ("/cadences", DATES)):
        problem = problem_of(api.send("POST", path, question | {"duration": "PT1H"} | change), 422, pointer)
        assert words in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    "change",
    [
        with_attendee(travel=[stay("2027-01-10", "2027-01-10"), stay("2027-01-11", "2027-01-12", "UTC")]),
        with_attendee(at_most_per_day=50, at_most_per_week=1, past_burden=10_000_000),
        with_attendee(at_most_per_day=None, at_most_per_week=None, past_burden=None, meetings=None, travel=None),
        with_attendee() | {"minimum_gap": "P14D", "within": None, "groups": []},
        with_group(0, 1, required=2),
    ],
)
def test_largest_value_is_accepted(api: Api, change: dict[str, Any]) -> None:
    for path, question in (("/slots", WINDOW), ("/cadences", DATES)):
        assert api.post(path, question | {"duration": "PT1H"} | change)["total"] >= 0


@pytest.mark.parametrize(("command", "question"), [("slots", WINDOW), ("cadences", DATES)])
@pytest.mark.parametrize(("change", "pointer", "words"), [REFUSALS[0], REFUSALS[1], REFUSALS[24], REFUSALS[26]])
def test_command_names_invalid_field(
    command: str, question: dict[str, Any], change: dict[str, Any], pointer: str, words: str
) -> None:
    sent = json.dumps(question | {"duration": "PT1H"} | change)
    result = CliRunner().invoke(main, [command, "-"], input=sent)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"scheduler: {pointer}: ")
    assert words in result.stderr
