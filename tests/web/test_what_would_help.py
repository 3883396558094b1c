"""Every change that an empty answer offers can be sent as it stands, and comes to what was said."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from support.api import Api, problem_of

from scheduler.domain.programme.api_keys import Scope

WINDOW = {"start": "2026-10-19T00:00:00Z", "end": "2026-10-24T00:00:00Z"}
EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]


def person(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"time_zone": "UTC", "working_hours": [{"days": EVERY_DAY, "start": start, "end": end}]} | more


BREAK = {"kind": "break", "title": "Half-term", "first_day": "2026-10-19", "last_day": "2026-10-25"}
BUSY = [{"start": "2026-10-19T09:30:00Z", "end": "2026-10-23T17:00:00Z"}]


def patched(question: dict[str, Any], relaxation: dict[str, Any]) -> dict[str, Any]:
    """The question with the patch put in place."""
    index = relaxation["index"]
    if index is None:
        return {**question, **relaxation["patch"]}
    attendees = list(question["attendees"])
    attendees[index] = attendees[index] | relaxation["patch"]
    return question | {"attendees": attendees}


@pytest.mark.parametrize(
    ("attendees", "members"),
    [
        pytest.param([person("09:00", "12:00"), person("14:00", "17:00")], {"working_hours", "role"}, id="hours"),
        pytest.param([person("09:00", "17:00", blackouts=[BREAK])], {"blackouts", "window"}, id="a break"),
        pytest.param(
            [person("09:00", "17:00", busy=BUSY, buffer={"after": "PT20M"})],
            {"buffer", "window", "working_hours"},
            id="a buffer",
        ),
    ],
)
def test_patch_applied_gives_the_promised_starts(api: Api, attendees: list[dict[str, Any]], members: set[str]) -> None:
    question = {"window": WINDOW, "duration": "PT30M", "step": "PT30M", "attendees": attendees}
    answer = api.post("/slots", question)
    assert answer["total"] == 0
    offered = answer["explanation"]["relaxations"]
    assert {name for one in offered for name in one["patch"]} == members
    for relaxation in offered:
        assert api.post("/slots", patched(question, relaxation))["total"] == relaxation["starts_gained"] > 0


def test_patch_applied_gives_the_promised_coverage(api: Api) -> None:
    attendees = [person("09:00", "12:00"), person("14:00", "17:00", blackouts=[BREAK])]
    question = {"starts_on": "2026-10-19", "ends_on": "2026-11-15", "duration": "PT1H", "attendees": attendees}
    answer = api.post("/cadences", question)
    assert answer["total"] == 0
    offered = answer["explanation"]["relaxations"]
    assert {name for one in offered for name in one["patch"]} >= {"working_hours", "role"}
    for relaxation in offered:
        found = api.post("/cadences", patched(question, relaxation))
        assert found["cadences"][0]["coverage"] == relaxation["coverage_gained"] > 0


class TestStoredPeople:
    @pytest.fixture
    def asha(self, api: Api) -> str:
        asha = api.person("Asha", "UTC")
        api.post(f"/people/{asha}/blackouts", BREAK)
        return asha

    def question(self, asha: str) -> dict[str, Any]:
        return {"window": WINDOW, "duration": "PT30M", "step": "PT30M", "attendees": [{"person": asha}]}

    def test_stored_blackout_is_named_by_id(self, api: Api, asha: str) -> None:
        (stored,) = api.get(f"/people/{asha}/blackouts")["items"]
        offered = api.post("/slots", self.question(asha))["explanation"]["relaxations"]
        softer = next(one for one in offered if "softened_blackouts" in one["patch"])
        assert softer["patch"] == {"softened_blackouts": [stored["id"]]}
        assert softer["change"].startswith("treat the break from 2026-10-19 to 2026-10-25")
        again = api.post("/slots", patched(self.question(asha), softer))
        assert again["total"] == softer["starts_gained"] == 80

    def test_stored_blackout_redacted_is_not_described(self, app: Flask, api: Api, asha: str) -> None:
        key = api.post("/keys", {"name": "slots only", "scopes": [Scope.SLOTS_READ]})["key"]
        offered = Api(app, key).post("/slots", self.question(asha))["explanation"]["relaxations"]
        softer = next(one for one in offered if "softened_blackouts" in one["patch"])
        assert softer["change"] == "let a blackout only be avoided"

    def test_hours_and_buffers_of_redacted_people_are_left_out(self, app: Flask, api: Api) -> None:
        asha = api.person("Asha", "UTC", working_hours=[{"days": ["MO"], "start": "14:10", "end": "17:00"}])
        question = {"window": WINDOW, "duration": "PT1H", "attendees": [person("09:00", "13:30"), {"person": asha}]}
        key = api.post("/keys", {"name": "slots only", "scopes": [Scope.SLOTS_READ]})["key"]
        visible, redacted = (who.post("/slots", question)["explanation"]["relaxations"] for who in (api, Api(app, key)))
        assert (1, {"working_hours"}) in [(one["index"], set(one["patch"])) for one in visible]
        assert (1, {"working_hours"}) not in [(one["index"], set(one["patch"])) for one in redacted]
        assert (0, {"working_hours"}) in [(one["index"], set(one["patch"])) for one in redacted]

    def test_softening_another_persons_blackout_is_refused(self, api: Api, asha: str) -> None:
        greta = api.person()
        stranger = api.post(f"/people/{greta}/blackouts", BREAK)["id"]
        question = self.question(asha)
        question["attendees"][0]["softened_blackouts"] = [stranger]
        problem_of(api.send("POST", "/slots", question), 404, "/attendees/0/softened_blackouts/0")
        inline = question | {"attendees": [person("09:00", "17:00", softened_blackouts=[stranger])]}
        problem_of(api.send("POST", "/slots", inline), 422, "/attendees/0/softened_blackouts")


def test_explain_adds_blocking_and_score_parts(api: Api) -> None:
    question = {"window": WINDOW, "duration": "PT30M", "attendees": [person("09:00", "17:00")], "limit": 2}
    assert api.post("/slots", question)["explanation"] is None
    answer = api.post("/slots", question | {"explain": True})
    assert answer["explanation"]["reason"] is None
    assert answer["explanation"]["blocking"][0]["cause"] == "outside_hours"
    assert set(answer["slots"][0]["score_parts"]) == {"worst", "mean", "optional", "soft", "spread", "fragmentation"}
