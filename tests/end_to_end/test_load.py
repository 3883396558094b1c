"""The load program runs from end to end, small and short; how fast it finds the service is not for a test to say."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from support.figures import Figures

from benchmarks.load.plan import PHASES, Plan, run
from benchmarks.load.report import as_json, bars


def test_short_load_has_no_errors_and_measures_everything(figures: Figures) -> None:
    told: list[str] = []
    plan = Plan(seconds=1, small=2, large=3, workers=1, connections=2, rounds=1, events=5, databases=("postgresql",))
    with TemporaryDirectory() as folder:  # not pytest's, which PostgreSQL's own user may not enter
        found = run(plan, Path(folder), told.append)
    result = orjson.loads(orjson.dumps(as_json(found, bars(found))))
    assert bars(found)[0].met, bars(found)[0].text
    assert told
    assert result["deliveries"]["postgresql"]["count"] == plan.events
    for phases in result["mixes"].values():
        assert set(phases) == set(PHASES)
        assert phases["render"]["kinds"]["poll"]["statuses"].keys() == {"200"}
        assert phases["mix"]["kinds"]["poll"]["statuses"].keys() == {"200", "304"}
        assert phases["search"]["kinds"]["search"]["p50_ms"] > 0
        assert {"book"} <= phases["change"]["kinds"].keys()
    tallies = [tally for phases in found.mixes.values() for tally in phases.values()]
    figures(
        "a short load",
        requests=sum(tally.requests for tally in tallies),
        errors=sum(tally.errors.total() for tally in tallies),
    )
