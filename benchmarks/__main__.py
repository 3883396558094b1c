"""Runs every benchmark, prints the table, writes ``var/bench.json``; status 1 if a bar is missed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import http, kept, slots
from benchmarks.runner import Bar, DifferentAnswers, Row, run

BENCHMARKS = (slots, kept)
RESULTS = Path(__file__).parent.parent / "var" / "bench.json"


def main() -> int:
    """The exit status: 0 if every bar is met."""
    console = Console()
    rows: list[Row] = []
    bars: list[Bar] = []
    for benchmark in BENCHMARKS:
        found: list[Row] = []
        for contest in benchmark.contests():
            with console.status(f"{contest.name} {contest.case}"):
                found += run(contest)
        bars += benchmark.bars(found)
        rows += found
    requests = http.measure()
    bars += http.bars(requests)
    rows += http.rows(requests)
    console.print(table(rows))
    for bar in bars:
        console.print("[green]met[/]   " if bar.met else "[red]missed[/]", bar.text, highlight=False)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    return 0 if all(bar.met for bar in bars) else 1


def table(rows: list[Row]) -> Table:
    """The rows for a person to read."""
    shown = Table(title="medians; ratio = peer / ours")
    for column in ("benchmark", "attendees", "weeks", "peer", "ours ms", "peer ms", "ratio"):
        shown.add_column(column, justify="left" if column in {"benchmark", "peer"} else "right")
    for row in rows:
        size = (str(row.case.attendees), str(row.case.weeks))
        shown.add_row(row.name, *size, row.peer, f"{row.ours_ms:.3f}", f"{row.peer_ms:.2f}", f"{row.ratio:,.0f}")
    return shown


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DifferentAnswers as difference:
        sys.exit(str(difference))
