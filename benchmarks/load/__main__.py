"""Runs the load, prints tables, writes ``var/load.json``, and ends with 1 if a bar is missed.

``LOAD_SECONDS`` is how long each of the two mixes runs (60), ``LOAD_SERVER`` the WSGI server (granian).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from rich.console import Console

from benchmarks.load.client import ServiceStuck
from benchmarks.load.plan import Plan, run
from benchmarks.load.processes import SERVERS, ServerDied
from benchmarks.load.report import as_json, bars, print_tables
from benchmarks.runner import DifferentAnswers

RESULTS = Path(__file__).parent.parent.parent / "var" / "load.json"


def main() -> int:
    """The exit status: 0 if every bar is met."""
    signal.signal(signal.SIGTERM, _interrupt)
    server = os.environ.get("LOAD_SERVER", "granian")
    if server not in SERVERS:
        sys.exit(f"LOAD_SERVER is {server!r}; give one of {', '.join(SERVERS)}")
    plan = Plan(server=server, seconds=float(os.environ.get("LOAD_SECONDS", "60")))
    console = Console()
    with tempfile.TemporaryDirectory(prefix="scheduler-load-") as folder:
        found = run(plan, Path(folder), console.log)
    print_tables(console, found)
    met = bars(found)
    for bar in met:
        console.print("[green]met[/]   " if bar.met else "[red]missed[/]", bar.text, highlight=False)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(as_json(found, met), indent=1) + "\n")
    return 0 if all(bar.met for bar in met) else 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DifferentAnswers, ServerDied, ServiceStuck) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; every server that was started has been ended")
