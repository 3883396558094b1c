"""Large searches without a place are refused: 429 for the programme's own, 503 for all programmes' together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from support.api import Api, problem_of

from scheduler.app import create_context
from scheduler.config.settings import Settings
from scheduler.domain.search.work import QUICK
from scheduler.services.lanes import LaneSizes, SearchLanes
from scheduler.services.ports import Context

WINDOW = {"start": "2026-10-19T00:00:00Z", "end": "2027-10-20T00:00:00Z"}
PERSON = {"time_zone": "Europe/Berlin"}
SMALL = {"window": WINDOW, "duration": "PT30M", "attendees": [PERSON]}
SEARCHES: dict[str, dict[str, Any]] = {
    "slots": SMALL | {"step": "PT1M", "attendees": [PERSON, PERSON]},
    "cadences": {
        "starts_on": "2026-10-19",
        "ends_on": "2027-10-19",
        "duration": "PT30M",
        "step": "PT1M",
        "attendees": [PERSON, PERSON],
    },
    "sequences": {
        "window": WINDOW,
        "step": "PT1M",
        "attendees": [PERSON, PERSON],
        "sessions": [{"duration": "PT30M", "attendees": [0]}],
    },
}


@pytest.fixture
def lanes(app: Flask, context: Context, monkeypatch: pytest.MonkeyPatch) -> SearchLanes:
    """The app's lanes: one search at a time, one that waits, and no patience."""
    lanes = SearchLanes(LaneSizes(1, 1, 2), patience=0)
    monkeypatch.setitem(app.extensions, "scheduler", replace(context, lanes=lanes))
    return lanes


@pytest.fixture
def programme(api: Api, context: Context) -> str:
    """The id of the client's programme."""
    with context.store.read() as tx:
        (programme,) = tx.programmes.list_all()
    return programme.id


@pytest.mark.parametrize("kind", SEARCHES)
def test_large_search_beside_another_programmes_is_503_with_retry_after(
    api: Api, lanes: SearchLanes, kind: str
) -> None:
    with lanes.place("another programme", QUICK + 1):
        refused = api.send("POST", f"/{kind}", SEARCHES[kind])
        assert problem_of(refused, 503)["type"] == "/problems#busy"
        assert refused.headers["Retry-After"] == "5"
        assert api.send("POST", "/slots", SMALL).status_code == 200
    assert api.send("POST", f"/{kind}", SEARCHES[kind]).status_code == 200


@pytest.mark.parametrize("kind", SEARCHES)
def test_large_search_beside_the_programmes_own_is_429_with_retry_after(
    api: Api, lanes: SearchLanes, programme: str, kind: str
) -> None:
    limited = REGISTRY.get_sample_value("scheduler_rate_limited_total", {"by": "searches"}) or 0
    with lanes.place(programme, QUICK + 1):
        refused = api.send("POST", f"/{kind}", SEARCHES[kind])
        assert "large searches under way" in problem_of(refused, 429)["detail"]
        assert refused.headers["Retry-After"] == "5"
        assert api.send("POST", "/slots", SMALL).status_code == 200
        assert api.send("GET", "/people").status_code == 200
    assert REGISTRY.get_sample_value("scheduler_rate_limited_total", {"by": "searches"}) == limited + 1


def test_settings_set_the_lanes(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/s.db", threads=16, searches=3, searches_per_programme=2)
    lanes = create_context(settings).lanes
    with lanes.place("a", QUICK + 1), lanes.place("a", QUICK + 1), lanes.place("b", QUICK + 1):
        assert lanes.waiting == 0


def test_search_over_the_bound_is_422_and_names_what_to_narrow(api: Api) -> None:
    groups = [{"members": list(range(1, 50)), "required": 25}] * 19
    question = SMALL | {"step": "PT1M", "attendees": [PERSON] * 50, "groups": groups, "fair": True, "explain": True}
    problem = problem_of(api.send("POST", "/slots", question), 422, "/groups", "/step")
    assert "steps" in problem["detail"]
    assert "longer step" in problem["detail"]


def test_limits_of_stored_people_count_as_work(api: Api) -> None:
    people = [{"person": api.person(f"P{index}", at_most_per_day=9, at_most_per_week=9)} for index in range(20)]
    question = SEARCHES["cadences"] | {"attendees": people, "per_week": 4}
    problem_of(api.send("POST", "/cadences", question), 422, "/attendees", "/step")


def test_trials_that_did_not_suffice_are_told(api: Api) -> None:
    days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    halves = [
        {"time_zone": "UTC", "working_hours": [{"days": days, "start": start, "end": end}]}
        for start, end in (("00:00", "08:00"), ("12:00", "20:00"))
    ]
    groups = [{"members": list(range(1, 50)), "required": 49}] * 4
    question = SMALL | {"step": "PT1M", "attendees": halves * 25, "groups": groups}
    assert api.post("/slots", question)["explanation"]["complete"] is False
    assert "complete" not in api.post("/slots", SMALL | {"attendees": halves})["explanation"]
