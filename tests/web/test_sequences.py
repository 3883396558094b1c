"""POST /v1/sequences and ``scheduler sequences``: several sessions in order, each with its own attendees."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from support.api import Api, problem_of

from scheduler.cli import main
from scheduler.domain.programme.api_keys import Scope
from scheduler.web.api.sequences import SequencesAnswer
from scheduler.web.documents.examples import SEQUENCE

EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]
ROOT = Path(__file__).parents[2]


def person(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"time_zone": "UTC", "working_hours": [{"days": EVERY_DAY, "start": start, "end": end}]} | more


MENTEE = {"name": "Asha", "time_zone": "Asia/Kolkata", "working_hours": "any"}
INTERVIEWER = person("09:00", "10:00", name="Greta")
COACH = person(
    "14:00", "15:00", name="Wanjiru", busy=[{"start": "2026-10-20T14:00:00Z", "end": "2026-10-20T15:00:00Z"}]
)
QUESTION: dict[str, Any] = {
    "window": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-24T00:00:00Z"},
    "attendees": [MENTEE, INTERVIEWER, COACH],
    "sessions": [
        {"title": "Interview", "duration": "PT45M", "attendees": [1, 0]},
        {"title": "Debrief", "duration": "PT30M", "attendees": [2, 0], "at_most": "P2D"},
    ],
    "order": "earliest",
    "limit": 1,
}


def with_session(index: int, **more: Any) -> dict[str, Any]:
    """Return the request with changed members of one session."""
    question = deepcopy(QUESTION)
    question["sessions"][index] |= more
    return question


def patched(question: dict[str, Any], relaxation: dict[str, Any]) -> dict[str, Any]:
    """Return the request with the relaxation's patch applied."""
    if relaxation["index"] is None:
        return {**question, **relaxation["patch"]}
    attendees = list(question["attendees"])
    attendees[relaxation["index"]] = attendees[relaxation["index"]] | relaxation["patch"]
    return question | {"attendees": attendees}


def slots_of(question: dict[str, Any], index: int) -> dict[str, object]:
    """Return the request to POST /v1/slots for one session alone."""
    session: dict[str, Any] = question["sessions"][index]
    attendees = [question["attendees"][attendee] for attendee in session["attendees"]]
    return {"window": question["window"], "duration": session["duration"], "attendees": attendees}


def test_plan_has_sessions_in_local_times(api: Api) -> None:
    answer = api.post("/sequences", QUESTION)
    (plan,) = answer["plans"]
    interview, debrief = plan["sessions"]
    assert interview == {
        "title": "Interview",
        "start": "2026-10-20T09:00:00Z",
        "end": "2026-10-20T09:45:00Z",
        "attendees": [
            {
                "index": 1,
                "start": "2026-10-20T09:00:00+00:00",
                "end": "2026-10-20T09:45:00+00:00",
                "available": True,
            },
            {
                "index": 0,
                "start": "2026-10-20T14:30:00+05:30",
                "end": "2026-10-20T15:15:00+05:30",
                "available": True,
            },
        ],
    }
    # The coach is busy on the day itself.
    assert debrief["start"][:10] == "2026-10-21"
    assert [row["index"] for row in debrief["attendees"]] == [2, 0]
    assert 0 < plan["score"] <= 1
    # Two starts a day, from Tuesday to Friday.
    assert answer["total"] == 8
    assert answer["failing"] is None
    assert answer["unknown_attendees"] == []


def test_infeasible_session_is_explained_by_attendee_index(api: Api) -> None:
    question = QUESTION | {"attendees": [MENTEE, INTERVIEWER, COACH | {"working_hours": []}]}
    answer = api.post("/sequences", question)
    assert (answer["plans"], answer["total"]) == ([], 0)
    failing = answer["failing"]
    assert (failing["index"], failing["obstacle"]) == (1, "session")
    assert failing["explanation"]["reason"] == "no_working_hours"
    assert {row["index"] for row in failing["explanation"]["blocking"]} == {2}


@pytest.mark.parametrize(
    ("question", "members"),
    [
        pytest.param(
            QUESTION | {"attendees": [MENTEE, INTERVIEWER, person("14:00", "14:20")]},
            {"sessions", "working_hours"},
            id="the coach has too little time",
        ),
        pytest.param(
            QUESTION
            | {
                "attendees": [MENTEE, INTERVIEWER, COACH],
                "window": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"},
            },
            {"window", "working_hours"},
            id="the coach is busy",
        ),
    ],
)
def test_patched_request_gains_stated_starts(api: Api, question: dict[str, Any], members: set[str]) -> None:
    failing = api.post("/sequences", question)["failing"]
    assert failing["index"] == 1
    offered = failing["explanation"]["relaxations"]
    assert {name for one in offered for name in one["patch"]} >= members
    for relaxation in offered:
        changed = patched(question, relaxation)
        assert api.post("/sequences", changed)["total"] > 0
        assert api.post("/slots", slots_of(changed, 1))["total"] == relaxation["starts_gained"]


def test_session_that_cannot_follow_is_named(api: Api) -> None:
    failing = api.post("/sequences", with_session(1, at_most="PT1H"))["failing"]
    assert failing == {"index": 1, "obstacle": "order", "explanation": None}


def test_sessions_lie_within_hours_of_request(api: Api) -> None:
    thursday = {"time_zone": "UTC", "hours": [{"days": ["TH"], "start": "00:00", "end": "00:00"}]}
    (plan,) = api.post("/sequences", QUESTION | {"within": thursday})["plans"]
    assert [one["start"] for one in plan["sessions"]] == ["2026-10-22T09:00:00Z", "2026-10-22T14:00:00Z"]
    problem_of(api.send("POST", "/sequences", QUESTION | {"within": {"time_zone": "UTC"}}), 422, "/within/hours")


@pytest.mark.parametrize(("borne", "best"), [((600, 0), "09:00"), ((0, 600), "14:00")])
def test_fair_plan_favours_attendee_with_more_past_burden(api: Api, borne: tuple[int, int], best: str) -> None:
    early, late = (
        person("09:00", "15:00", preferred_hours=[{"days": EVERY_DAY, "start": start, "end": end}], past_burden=burden)
        for start, end, burden in (("09:00", "10:00", borne[0]), ("14:00", "15:00", borne[1]))
    )
    question = {
        "window": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"},
        "attendees": [early, late],
        "sessions": [{"duration": "PT1H", "attendees": [0, 1]}],
        "limit": 1,
        "fair": True,
    }
    (plan,) = api.post("/sequences", question)["plans"]
    assert plan["sessions"][0]["start"] == f"2026-10-20T{best}:00Z"


def test_too_many_limits_are_refused(api: Api) -> None:
    zones = ["UTC", "Asia/Tokyo", "America/New_York", "Australia/Sydney", "America/Los_Angeles", "Asia/Kolkata"]
    limits = {"working_hours": "any", "at_most_per_day": 2, "at_most_per_week": 3}
    people = [{"time_zone": zone, **limits} for zone in zones]
    sessions = [{"duration": "PT15M", "attendees": [*range(len(zones))]}] * 10
    window = {"start": "2026-10-01T00:00:00Z", "end": "2026-12-20T00:00:00Z"}
    question = {"window": window, "attendees": people, "sessions": sessions, "limit": 1}
    problem = problem_of(api.send("POST", "/sequences", question), 422, "/sessions")
    assert "ask for a shorter window, a longer step or fewer sessions" in problem["detail"]
    assert api.post("/sequences", question | {"sessions": sessions[:2]})["total"] > 0
    assert api.post("/sequences", question | {"window": QUESTION["window"], "step": "PT4H"})["failing"] is not None


def test_too_many_answer_rows_are_refused(api: Api) -> None:
    sessions = [QUESTION["sessions"][0]] * 10
    people = [MENTEE, INTERVIEWER, *[MENTEE] * 28]
    question = QUESTION | {"attendees": people, "sessions": [one | {"attendees": [*range(30)]} for one in sessions]}
    problem = problem_of(api.send("POST", "/sequences", question | {"limit": 334}), 422, "/limit")
    assert problem["errors"][0]["detail"].endswith("ask for at most 333")
    assert api.post("/sequences", question | {"limit": 333})["total"] == 0
    assert api.post("/sequences", QUESTION | {"limit": 5000})["total"] == 8


def test_too_many_starts_are_refused(api: Api) -> None:
    year = {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}
    everybody = [*range(50)]
    question = {
        "window": year,
        "step": "PT1M",
        "attendees": [MENTEE] * 50,
        "sessions": [{"duration": f"PT{minutes}M", "attendees": everybody} for minutes in (30, 45, 60)],
    }
    problem = problem_of(api.send("POST", "/sequences", question), 422, "/attendees", "/step")
    assert "a longer step" in problem["detail"]


def test_answer_matches_documents(api: Api) -> None:
    optional = COACH | {"role": "optional"}
    answer = api.post(
        "/sequences",
        QUESTION
        | {
            "attendees": [MENTEE, INTERVIEWER, optional],
            "limit": 8,
            "sessions": [
                {"title": "Interview", "duration": "PT45M", "attendees": [1, 0, 2]},
                {"duration": "PT30M", "attendees": [0, 2]},
            ],
        },
    )
    document = SequencesAnswer.model_validate_json(json.dumps(answer))
    assert json.loads(document.model_dump_json()) == answer
    assert len(answer["plans"]) > 1


def test_sessions_respect_minimum_notice(api: Api) -> None:
    notice = {"now": "2026-10-20T00:00:00Z", "minimum_notice": "P1D"}
    (plan,) = api.post("/sequences", QUESTION | notice)["plans"]
    assert plan["sessions"][0]["start"] == "2026-10-21T09:00:00Z"


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        (with_session(1, attendees=[2, 3]), "/sessions/1/attendees/1"),
        (with_session(1, attendees=[2, 0, 2]), "/sessions/1/attendees/2"),
        (with_session(1, attendees=[-1]), "/sessions/1/attendees/0"),
        (with_session(1, attendees=[]), "/sessions/1/attendees"),
        (with_session(1, at_least="P1D", at_most="PT1H"), "/sessions/1/at_most"),
        (with_session(0, at_most="PT1H"), "/sessions/0/at_most"),
        (with_session(0, at_least="PT0S"), "/sessions/0/at_least"),
        (with_session(1, at_least="soon"), "/sessions/1/at_least"),
        (with_session(0, duration="PT0S"), "/sessions/0/duration"),
        (QUESTION | {"sessions": []}, "/sessions"),
        (QUESTION | {"sessions": QUESTION["sessions"][:1] * 11}, "/sessions"),
        (QUESTION | {"attendees": [MENTEE, INTERVIEWER | {"role": "optional"}]}, "/sessions/1/attendees/0"),
        (
            with_session(0, attendees=[2]) | {"attendees": [MENTEE, INTERVIEWER, COACH | {"role": "optional"}]},
            "/sessions/0/attendees",
        ),
        (
            QUESTION | {"window": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-20T00:00:00Z"}},
            "/window/end",
        ),
    ],
)
def test_invalid_request_is_refused_with_pointer(api: Api, question: dict[str, Any], pointer: str) -> None:
    problem_of(api.send("POST", "/sequences", question), 422, pointer)


class TestStoredPeople:
    def test_stored_people_are_loaded_by_id(self, api: Api) -> None:
        asha = api.person("Asha", "Asia/Kolkata", working_hours="any")
        answer = api.post("/sequences", QUESTION | {"attendees": [{"person": asha}, INTERVIEWER, COACH]})
        assert answer["plans"] == api.post("/sequences", QUESTION)["plans"]

    def test_person_of_other_programme_is_not_found(self, api: Api, other_api: Api) -> None:
        other_person = other_api.person("Asha", "Asia/Kolkata")
        question = QUESTION | {"attendees": [INTERVIEWER, COACH, {"person": other_person}]}
        problem_of(api.send("POST", "/sequences", question), 404, "/attendees/2/person")

    def test_stored_hours_are_redacted_without_people_read(self, app: Flask, api: Api) -> None:
        greta = api.person("Greta", "UTC", working_hours=[{"days": EVERY_DAY, "start": "14:10", "end": "17:00"}])
        question = {
            "window": QUESTION["window"],
            "attendees": [INTERVIEWER, person("09:00", "13:30"), {"person": greta}],
            "sessions": [{"duration": "PT30M", "attendees": [0]}, {"duration": "PT1H", "attendees": [1, 2]}],
        }
        key = api.post("/keys", {"name": "slots only", "scopes": [Scope.SLOTS_READ]})["key"]
        visible, redacted = (
            [
                (one["index"], *one["patch"])
                for one in who.post("/sequences", question)["failing"]["explanation"]["relaxations"]
            ]
            for who in (api, Api(app, key))
        )
        assert {(1, "working_hours"), (2, "working_hours")} <= {*visible}
        assert {*visible} - {*redacted} == {(2, "working_hours")}


class TestCommand:
    def test_command_answers_like_service(self, api: Api) -> None:
        result = CliRunner().invoke(main, ["sequences", "-", "--json"], input=json.dumps(QUESTION))
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout) == api.post("/sequences", QUESTION)

    def test_command_prints_table_of_local_times(self) -> None:
        result = CliRunner().invoke(main, ["sequences", str(ROOT / "examples/sequence.json")])
        assert result.exit_code == 0, result.stderr
        for word in ("Interview", "Debrief", "Asia/Kolkata", "Africa/Nairobi", "starts of Interview"):
            assert word in result.stdout

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            (with_session(1, at_most="PT1H"), "Debrief can't follow the sessions before it within the required gaps"),
            (
                with_session(1, at_most="PT1H", title=None),
                "session 2 can't follow the sessions before it within the required gaps",
            ),
            (with_session(1, duration="PT2H", title=None), "session 2 can't be held"),
            (with_session(0, title=None), "starts of session 1"),
            (with_session(1, duration="PT2H"), "extend working hours to 16:00"),
        ],
    )
    def test_command_explains_missing_plan(self, question: dict[str, Any], said: str) -> None:
        result = CliRunner().invoke(main, ["sequences", "-"], input=json.dumps(question))
        assert result.exit_code == 0, result.stderr
        assert said in result.stdout

    def test_command_without_blocking_causes_omits_them(self) -> None:
        short = QUESTION | {"window": {"start": "2026-10-20T09:00:00Z", "end": "2026-10-20T09:30:00Z"}}
        result = CliRunner().invoke(main, ["sequences", "-"], input=json.dumps(short))
        assert "Interview can't be held\nnothing is feasible: window too short" in result.stdout
        assert "starts lost" not in result.stdout

    def test_command_names_invalid_field(self) -> None:
        result = CliRunner().invoke(main, ["sequences", "-"], input=json.dumps(with_session(1, attendees=[9])))
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("scheduler: /sessions/1/attendees/0: there is no attendee 9")


def test_example_file_matches_documented_example() -> None:
    assert json.loads((ROOT / "examples/sequence.json").read_text()) == SEQUENCE
