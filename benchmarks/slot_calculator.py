"""npm's ``slot-calculator``, in its own node process, beside our slot search.

It marks minutes and lays slots end to end from the window's start, so that it answers our question in one form: what
is in the way is given as the starts that it forbids, in whole steps, and the slots asked for are one step long. Then
each of its slots is a start of our grid. Turning absences into such spans is done before the clock runs, which spares
it a part of the search, and so are time zones. As with ``portion`` there are two rows: each person's absences as one
would hand them over, and all of them as one union, at which it is quickest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import Case, slot_query
from benchmarks.peers import PeerInput, Spans
from benchmarks.runner import Bar, Contest, Row
from scheduler.domain.search.slot_search import feasible_starts
from scheduler.domain.time.periods import Periods, instant_of

NAME, ONE_UNION = "slots_node", "slots_node_one_union"
PEER = "slot-calculator"
PACKAGES = {"slot-calculator": "2.2.1", "luxon": "2.5.2", "fast-deep-equal": "3.1.3"}
FOLDER = Path(__file__).parent.parent / "var" / "npm"
CASE = Case(10, 52)
LEAST_RATIO = 1500


def contests() -> Iterator[Contest]:
    """Both forms of the question, if there is a node to answer them."""
    if not_there():
        return
    query = slot_query(CASE)
    taken = forbidden(PeerInput.of(query))
    for name, spans in ((NAME, taken), (ONE_UNION, merged(taken))):
        with _process(_question(PeerInput.of(query), spans)) as process:
            yield Contest(name, CASE, partial(feasible_starts, query), {PEER: partial(_ask, process)}, _as_list)


def bars(rows: list[Row]) -> list[Bar]:
    """What has to hold of the medians, if there are any."""
    least = f"(at least {LEAST_RATIO:,})"
    if not rows:
        return [Bar(f"slots {CASE}: times faster than {PEER} {least}: {not_there()}", None)]
    (row,) = (row for row in rows if row.name == NAME)
    return [Bar(f"slots {CASE}: {row.ratio:,.0f} times faster than {PEER} {least}", row.ratio >= LEAST_RATIO)]


def forbidden(given: PeerInput) -> Spans:
    """For each person and absence the grid's starts that it forbids, as spans of whole steps within the window."""
    step, duration = given.step, given.duration
    too_late = (given.end - duration + 1, given.end)
    starts = [(start - duration + 1, end) for person in given.people for start, end in person.in_the_way]
    steps = ((-(-first // step) * step, -(-last // step) * step) for first, last in [*starts, too_late])
    inside = ((max(first, given.start), min(last, given.end)) for first, last in steps)
    return [(first, last) for first, last in inside if first < last]


def merged(spans: Spans) -> Spans:
    """The union of the spans."""
    bounds = np.array(spans, dtype=np.int64)
    union = Periods.merged(bounds[:, 0], bounds[:, 1])
    return list(zip(union.starts.tolist(), union.ends.tolist(), strict=True))


@lru_cache(maxsize=1)
def not_there() -> str:
    """Why it can't be asked, in words; it is installed first if it is not there yet."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "not judged, there is no node with npm here"
    if all(_installed(name) == version for name, version in PACKAGES.items()):
        return ""
    wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
    quietly = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(FOLDER), *quietly, *wanted]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # the packages above
    return "" if ended.returncode == 0 else f"not judged, npm could not install it: {ended.stderr.strip()[:200]}"


def _installed(name: str) -> str | None:
    about = FOLDER / "node_modules" / name / "package.json"
    return str(json.loads(about.read_text())["version"]) if about.is_file() else None


def _question(given: PeerInput, spans: Spans) -> dict[str, Any]:
    def text(minute: int) -> str:
        return instant_of(minute).isoformat()

    unavailable = [{"from": text(start), "to": text(end)} for start, end in spans]
    window = {"from": text(given.start), "to": text(given.end)}
    return {**window, "duration": given.step, "unavailability": unavailable}


@contextmanager
def _process(question: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_suffix(".cjs")
    command = ["node", str(script), str(FOLDER / "package.json")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environ = {**os.environ, "TZ": "UTC"}  # its local zone then costs it nothing
    with subprocess.Popen(command, text=True, env=environ, **pipes) as process:  # type: ignore[call-overload]  # noqa: S603
        assert process.stdin
        print(json.dumps(question), file=process.stdin, flush=True)
        yield process
        process.stdin.close()


def _ask(process: subprocess.Popen[str]) -> list[int]:
    """One run. The pipe adds some tenths of a millisecond to seconds."""
    assert process.stdin
    assert process.stdout
    print("again", file=process.stdin, flush=True)
    found: list[int] = json.loads(process.stdout.readline())
    return found


def _as_list(answer: Any) -> list[int]:
    starts: list[int] = np.asarray(answer, dtype=np.int64).tolist()
    return starts
