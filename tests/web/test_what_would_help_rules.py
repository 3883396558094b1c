"""What would help stays exact whatever else is asked: the patch, sent with all the rest, comes to what was said."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api

EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]
SLOTS = {
    "window": {"start": "2026-10-19T00:00:00Z", "end": "2026-10-31T00:00:00Z"},
    "duration": "PT1H",
    "step": "PT30M",
}
"""Two weeks, with the end of Berlin's summer time in between."""
CADENCES = {"starts_on": "2026-10-19", "ends_on": "2026-11-15", "duration": "PT1H", "step": "PT30M"}


def person(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"time_zone": "UTC", "working_hours": [{"days": EVERY_DAY, "start": start, "end": end}]} | more


def hour(day: str, start: int) -> dict[str, str]:
    return {"start": f"2026-10-{day}T{start:02}:00:00Z", "end": f"2026-10-{day}T{start + 1:02}:00:00Z"}


EARLY, LATE = person("09:00", "12:00"), person("13:00", "16:00")
IN_TOKYO = {"travel": [{"from": "2026-10-20", "until": "2026-10-27", "time_zone": "Asia/Tokyo"}]}
HALF_TERM = {"kind": "break", "first_day": "2026-10-19", "last_day": "2026-11-15"}
EVERY_TUESDAY_AND_THURSDAY = [hour(day, 8) for day in ("20", "22", "27", "29")]
SHARED = [hour("21", 11)]
PANEL = [{"members": [2, 3], "required": 1}]

QUESTIONS = [
    pytest.param(
        {"attendees": [EARLY, LATE, person("09:00", "11:00"), person("14:00", "15:00")], "groups": PANEL},
        {"role", "working_hours"},
        id="a group",
    ),
    pytest.param(
        {
            "attendees": [EARLY, person("09:00", "11:00"), person("13:00", "15:00", buffer={"before": "PT10M"})],
            "groups": [{"members": [1, 2], "required": 2}],
        },
        {"groups", "working_hours"},
        id="fewer of a group, or another time of a member",
    ),
    pytest.param({"attendees": [EARLY, LATE | IN_TOKYO]}, {"role", "working_hours"}, id="a move"),
    pytest.param(
        {
            "attendees": [
                EARLY | {"meetings": EVERY_TUESDAY_AND_THURSDAY, "at_most_per_day": 1},
                LATE | {"meetings": SHARED, "at_most_per_week": 2},
            ]
        },
        {"role", "working_hours"},
        id="caps",
    ),
    pytest.param(
        {
            "attendees": [
                EARLY | {"meetings": [*SHARED, *EVERY_TUESDAY_AND_THURSDAY]},
                LATE | {"meetings": SHARED},
                person("09:00", "16:00", meetings=SHARED),
            ],
            "minimum_gap": "P2D",
        },
        {"role", "working_hours"},
        id="a gap",
    ),
    pytest.param(
        {
            "attendees": [person("09:00", "16:00", blackouts=[HALF_TERM], **IN_TOKYO), EARLY],
            "within": {
                "time_zone": "America/New_York",
                "hours": [{"days": EVERY_DAY, "start": "04:00", "end": "06:30"}],
            },
        },
        {"role", "blackouts"},
        id="a window",
    ),
    pytest.param(
        {
            "attendees": [
                EARLY | IN_TOKYO | {"past_burden": 500},
                LATE | {"at_most_per_week": 1},
                person("10:00", "12:00"),
            ],
            "groups": [{"members": [2], "required": 1}],
            "minimum_gap": "PT12H",
            "fair": True,
        },
        {"role", "working_hours"},
        id="several at once",
    ),
]


def patched(question: dict[str, Any], relaxation: dict[str, Any]) -> dict[str, Any]:
    """The question with the patch put in place."""
    index = relaxation["index"]
    if index is None:
        return {**question, **relaxation["patch"]}
    attendees = list(question["attendees"])
    attendees[index] = attendees[index] | relaxation["patch"]
    return question | {"attendees": attendees}


def tried(api: Api, path: str, question: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What is offered for a question that has no answer, and what each comes to when it is sent."""
    answer = api.post(path, question)
    assert answer["total"] == 0
    return [(one, api.post(path, patched(question, one))) for one in answer["explanation"]["relaxations"]]


@pytest.mark.parametrize(("rules", "members"), QUESTIONS)
def test_change_gains_exactly_the_promised_starts(api: Api, rules: dict[str, Any], members: set[str]) -> None:
    offered = tried(api, "/slots", SLOTS | rules)
    assert {name for one, _ in offered for name in one["patch"]} >= members
    for relaxation, answer in offered:
        assert answer["total"] == relaxation["starts_gained"] > 0, relaxation


@pytest.mark.parametrize("more", [{}, {"rotation": 2}, {"per_week": 2}, {"pattern": "monthly_weekday"}], ids=str)
@pytest.mark.parametrize(("rules", "members"), QUESTIONS)
def test_change_reaches_exactly_the_promised_coverage(
    api: Api, rules: dict[str, Any], members: set[str], more: dict[str, Any]
) -> None:
    offered = tried(api, "/cadences", CADENCES | rules | more)
    assert offered
    assert more or {name for one, _ in offered for name in one["patch"]} >= members
    for relaxation, answer in offered:
        best, *_ = answer.get("rotations") or answer["cadences"]
        assert best["coverage"] == relaxation["coverage_gained"] > 0, relaxation
