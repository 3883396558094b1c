"""GET /v1/scoring and ``scheduler scoring``: what is said of the formula is what the engine goes by."""

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
    """The rows of the page's table that begins with that heading."""
    table = next(part for part in PAGE.split("\n\n") if part.startswith(f"| {heading}"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_a_score_is_the_weighted_sum_of_the_parts_that_are_named(api: Api) -> None:
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


def test_the_weights_and_hours_of_a_burden_are_those_that_the_engine_counts_with(api: Api) -> None:
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


def test_the_command_says_the_same_without_a_service(api: Api) -> None:
    result = CliRunner().invoke(main, ["scoring", "--json"])
    assert json.loads(result.stdout) == api.get("/scoring")
    text = " ".join(CliRunner().invoke(main, ["scoring"]).stdout.split())
    for word in ("fragmentation", "0.45", "121 to 240", "over 240", "MO/TU/WE/TH/FR 08:00-18:00", "debt is 0.5"):
        assert word in text


def test_the_page_has_the_parts_and_weights_of_the_formula() -> None:
    assert [row[:2] for row in rows_of("part")] == [[part.name, f"{part.weight:g}"] for part in PARTS]


def test_the_page_has_the_table_of_burdens() -> None:
    words = {1: "once", 2: "twice", 3: "three times", 4: "four times"}
    steps = list(pairwise(WEIGHTS))
    assert rows_of("minutes outside") == [
        ["more" if place == len(steps) else f"{limit + 1} to {further}", words[weight]]
        for place, ((limit, _), (further, weight)) in enumerate(steps, 1)
    ]
    (hours,) = SOCIAL_HOURS
    assert f"{hours.start // 60:02}:00-{hours.end // 60:02}:00 from Monday to Friday" in PAGE
    assert hours.days == ("MO", "TU", "WE", "TH", "FR")


def test_the_sum_of_the_page_s_example_is_the_one_of_the_weights() -> None:
    (sum_,) = re.findall(r"`(0\.45 \* [^`=]*)=", PAGE.replace("\n", " ").replace(TIMES, "*"))
    weights = [float(term.split("*")[0]) for term in sum_.split("+")]
    assert weights == [part.weight for part in PARTS]


def test_it_needs_a_key(api: Api) -> None:
    answer: Any = Api(api.app, "no key").send("GET", "/scoring")
    assert answer.status_code == 401
