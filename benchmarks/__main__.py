"""Runs every benchmark, prints a table, writes ``var/bench.json``, and ends with 1 if a bar is missed.

A bar that this machine cannot judge, as a peer is not installed, does not count as missed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import cadences, calendars, conflicts, explanations, http, memory, slot_calculator, slots
from benchmarks.runner import Bar, DifferentAnswers, Row, run

BENCHMARKS = (slots, slot_calculator, cadences, explanations, memory, calendars)
VERDICTS = {True: "[green]met[/]       ", False: "[red]missed[/]    ", None: "[yellow]not judged[/]"}
RESULTS = Path(__file__).parent.parent / "var" / "bench.json"


def main() -> int:
    """The exit status: 0 if every bar is met."""
    console = Console(width=None if sys.stdout.isatty() else 120)
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
    blackouts = conflicts.measure()
    bars += conflicts.bars(blackouts)
    rows += conflicts.rows(blackouts)
    console.print(table(rows))
    for bar in bars:
        console.print(VERDICTS[bar.met], bar.text, highlight=False)
    RESULTS.parent.mkdir(exist_ok=True)
    found_all = {"rows": [row.as_json() for row in rows], "bars": [bar.as_json() for bar in bars]}
    RESULTS.write_text(json.dumps(found_all, indent=1) + "\n")
    return 0 if all(bar.met or bar.met is None for bar in bars) else 1


def table(rows: list[Row]) -> Table:
    """The rows as a table."""
    shown = Table(title="medians; ratio = peer / ours")
    for column in ("benchmark", "attendees", "weeks", "busy a week", "peer", "ours ms", "peer ms", "ratio"):
        shown.add_column(column, justify="left" if column in {"benchmark", "peer"} else "right")
    for row in rows:
        size = (str(row.case.attendees), str(row.case.weeks), str(row.case.busy))
        ratio = f"{row.ratio:,.0f}" if row.ratio >= 10 else f"{row.ratio:.2f}"
        shown.add_row(row.name, *size, row.peer, f"{row.ours_ms:.3f}", f"{row.peer_ms:.2f}", ratio)
    return shown


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DifferentAnswers as difference:
        sys.exit(str(difference))
