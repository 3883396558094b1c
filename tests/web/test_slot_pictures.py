"""Answers as pictures: over HTTP with ``?format=svg``, from the command with ``--svg``, and the one in the docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask
from support.api import Api, problem_of
from support.picture import Picture

from scheduler.cli import main
from scheduler.web.documents.examples import SLOTS

ROOT = Path(__file__).parents[2]


def ask_for_picture(api: Api, body: dict[str, Any]) -> Picture:
    response = api.send("POST", "/slots?format=svg", body)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    return Picture(response.text)


def test_picture_shows_slots_of_answer(api: Api) -> None:
    answer = api.post("/slots", SLOTS)
    grids = ask_for_picture(api, SLOTS).grids
    assert sorted({rank for grid in grids for rank in grid.slots}) == list(range(1, len(answer["slots"]) + 1))
    assert api.post("/slots?format=json", SLOTS) == answer


def test_picture_has_restrictive_headers(api: Api) -> None:
    response = api.send("POST", "/slots?format=svg", SLOTS)
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_unknown_format_is_refused(api: Api) -> None:
    problem_of(api.send("POST", "/slots?format=png", SLOTS), 422, "/format")


def test_invalid_request_is_problem_document(api: Api) -> None:
    problem_of(api.send("POST", "/slots?format=svg", SLOTS | {"duration": "PT0S"}), 422, "/duration")


def test_picture_is_redacted_without_people_read(api: Api, app: Flask) -> None:
    asha = api.person("Asha", "Asia/Kolkata")
    away = {"kind": "exam", "title": "Finals", "first_day": "2026-12-07", "last_day": "2026-12-11"}
    api.post(f"/people/{asha}/blackouts", away)
    berlin = {"name": "Greta", "time_zone": "Europe/Berlin"}
    question = SLOTS | {"attendees": [berlin, {"person": asha}]}
    reader = Api(app, api.post("/keys", {"name": "x", "scopes": ["slots:read", "people:read"]})["key"])
    stranger = Api(app, api.post("/keys", {"name": "y", "scopes": ["slots:read"]})["key"])
    for asking, is_told in ((reader, True), (stranger, False)):
        picture = ask_for_picture(asking, question)
        said = picture.description + " ".join(picture.words)
        assert "Greta" in said
        assert "Finals" not in said
        for personal in ("Asha", "Kolkata", "exam"):
            assert (personal in said) is is_told, personal


def test_traveller_is_drawn_in_local_time_of_stay(api: Api) -> None:
    trip = [{"from": "2027-03-15", "until": "2027-03-16", "time_zone": "America/New_York"}]
    nine = [{"days": ["MO", "TU", "WE"], "start": "09:00", "end": "10:00"}]
    greta = {"name": "Greta", "time_zone": "Europe/Berlin", "working_hours": "any"}
    ben = {"name": "Ben", "time_zone": "Europe/Berlin", "working_hours": nine, "travel": trip}
    window = {"start": "2027-03-15T00:00:00Z", "end": "2027-03-18T00:00:00Z"}
    question = {"window": window, "duration": "PT1H", "order": "earliest", "attendees": [greta, ben]}
    picture = ask_for_picture(api, question)
    for said in (
        "Europe/Berlin, then America/New_York, required.",
        "Slot 1: Mon 15 Mar 14:00\N{EN DASH}15:00 (B Mon 15 Mar 09:00\N{EN DASH}10:00).",
        "Slot 3: Wed 17 Mar 09:00\N{EN DASH}10:00 (B Wed 17 Mar 09:00\N{EN DASH}10:00).",
        "From Mon 15 Mar 05:00 on B is 5 h behind A. From Wed 17 Mar 05:00 on B is level with A.",
    ):
        assert said in picture.description
    (grid,) = picture.grids
    free = {grid.column(rect): (round(grid.minute(rect.y)), round(rect.height)) for rect in grid.free["B"]}
    assert {day: minute // 60 for day, (minute, _) in free.items()} == {(3, 15): 14, (3, 16): 14, (3, 17): 9}


def test_openapi_describes_picture(app: Flask) -> None:
    document = yaml.safe_load(app.test_client().get("/openapi.yaml").data)
    operation = document["paths"]["/v1/slots"]["post"]
    assert list(operation["responses"]["200"]["content"]) == ["application/json", "image/svg+xml"]
    assert [row["name"] for row in operation["parameters"]] == ["format"]


def test_command_draws_printed_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["slots", "-", "--json", "--svg", "week.svg"], input=json.dumps(SLOTS))
    assert result.exit_code == 0, result.stderr
    picture = Picture((tmp_path / "week.svg").read_text(encoding="utf-8"))
    ranks = {rank for grid in picture.grids for rank in grid.slots}
    assert len(ranks) == len(json.loads(result.stdout)["slots"]) == 5


def test_unwritable_file_is_one_line_error(tmp_path: Path) -> None:
    target = str(tmp_path / "no-such-folder" / "week.svg")
    result = CliRunner().invoke(main, ["slots", "-", "--svg", target], input=json.dumps(SLOTS))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"scheduler: --svg: {target} can't be written: No such file or directory\n"


def test_docs_picture_matches_command(tmp_path: Path) -> None:
    again = tmp_path / "again.svg"
    result = CliRunner().invoke(main, ["slots", str(ROOT / "examples/slots.json"), "--svg", str(again)])
    assert result.exit_code == 0, result.stderr
    made = "scheduler slots examples/slots.json --svg docs/slots-example.svg"
    assert again.read_bytes() == (ROOT / "docs/slots-example.svg").read_bytes(), f"run '{made}'"
