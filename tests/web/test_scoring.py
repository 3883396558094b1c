"""GET /v1/scoring and ``scheduler scoring``: the published definitions match the engine."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.api import Api

from scheduler.cli import main
from scheduler.domain.availability.burden import SOCIAL_HOURS, WEIGHTS
from scheduler.domain.search.scoring import DEBT, PARTS

TIMES = "\N{MULTIPLICATION SIGN}"
PAGE = (Path(__file__).parents[2] / "docs/scoring.md").read_text()


def rows_of(heading: str) -> list[list[str]]:
    """Return the rows of the table in docs/scoring.md with this first heading."""
    table = next(part for part in PAGE.split("\n\n") if part.startswith(f"| {heading}"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_score_is_weighted_sum_of_parts(api: Api) -> None:
    weights = {part["name"]: part["weight"] for part in api.get("/scoring")["parts"]}
    assert sum(weights.values()) == pytest.approx(1)
    attendees = [{"time_zone": "Europe/Berlin"}, {"time_zone": "Asia/Kolkata", "role": "optional"}]
    window = {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}
    question = {"window": window, "duration": "PT45M", "attendees": attendees, "explain": True}
    slots = api.post("/slots", question)["slots"]
    assert slots
    for slot in slots:
        assert slot["score_parts"].keys() == weights.keys()
        total = sum(weights[name] * share for name, share in slot["score_parts"].items())
        assert slot["score"] == pytest.approx(total, abs=0.0011)


def test_burden_weights_and_hours_match_engine(api: Api) -> None:
    told = api.get("/scoring")["burden"]
    assert [(row["over"], row["counts"]) for row in told["weights"]] == [
        (before, weight) for (before, _), (_, weight) in pairwise(WEIGHTS)
    ]
    assert [row["up_to"] for row in told["weights"]] == [*(row["over"] for row in told["weights"][1:]), None]
    assert told["social_hours"] == [
        {"days": list(row.days), "start": f"{row.start // 60:02}:00", "end": f"{row.end // 60:02}:00"}
        for row in SOCIAL_HOURS
    ]
    assert api.get("/scoring")["fair"]["debt"] == DEBT


def test_command_prints_same_definitions(api: Api) -> None:
    result = CliRunner().invoke(main, ["scoring", "--json"])
    assert json.loads(result.stdout) == api.get("/scoring")
    text = " ".join(CliRunner().invoke(main, ["scoring"]).stdout.split())
    for word in ("fragmentation", "0.45", "121 to 240", "over 240", "MO/TU/WE/TH/FR 08:00-18:00", "debt is 0.5"):
        assert word in text


def test_docs_list_parts_and_weights() -> None:
    assert [row[:2] for row in rows_of("part")] == [[part.name, f"{part.weight:g}"] for part in PARTS]


def test_docs_list_burden_weights() -> None:
    words = {1: "once", 2: "twice", 3: "three times", 4: "four times"}
    steps = list(pairwise(WEIGHTS))
    assert rows_of("minutes outside") == [
        ["more" if place == len(steps) else f"{limit + 1} to {further}", words[weight]]
        for place, ((limit, _), (further, weight)) in enumerate(steps, 1)
    ]
    (hours,) = SOCIAL_HOURS
    assert f"{hours.start // 60:02}:00-{hours.end // 60:02}:00 from Monday to Friday" in PAGE
    assert hours.days == ("MO", "TU", "WE", "TH", "FR")


def test_docs_example_uses_current_weights() -> None:
    (sum_,) = re.findall(r"`(0\.45 \* [^`=]*)=", PAGE.replace("\n", " ").replace(TIMES, "*"))
    weights = [float(term.split("*")[0]) for term in sum_.split("+")]
    assert weights == [part.weight for part in PARTS]


def test_scoring_needs_key(api: Api) -> None:
    answer: Any = Api(api.app, "no key").send("GET", "/scoring")
    assert answer.status_code == 401
