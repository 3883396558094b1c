"""Compares answers, then times interleaved runs in one process and takes medians."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np

from benchmarks.inputs import Case

ROUNDS = 5
"""How often each peer is timed, with ours in between."""
OUR_RUNS = 15
"""How often ours is timed after each peer; single runs are short and vary."""


class DifferentAnswers(Exception):
    """Two engines answered differently, so their times say nothing."""


@dataclass(frozen=True)
class Contest:
    """One query, and the engines that answer it."""

    name: str
    case: Case
    ours: Callable[[], Any]
    peers: Mapping[str, Callable[[], Any]]
    as_list: Callable[[Any], list[int]]


@dataclass(frozen=True)
class Row:
    """Medians of one query for us and one peer."""

    name: str
    case: Case
    peer: str
    ours_ms: float
    peer_ms: float

    @property
    def ratio(self) -> float:
        """How many times faster we are."""
        return self.peer_ms / self.ours_ms

    def as_json(self) -> dict[str, str | int | float]:
        """The row as it stands in ``var/bench.json``."""
        return {
            "name": self.name,
            "attendees": self.case.attendees,
            "weeks": self.case.weeks,
            "busy_a_week": self.case.busy,
            "peer": self.peer,
            "ours_ms": round(self.ours_ms, 4),
            "peer_ms": round(self.peer_ms, 4),
            "ratio": round(self.ratio, 3),
        }


@dataclass(frozen=True)
class Bar:
    """A limit in words, and whether it is met; None: it could not be judged."""

    text: str
    met: bool | None

    def as_json(self) -> dict[str, str | bool | None]:
        """The bar as it stands in ``var/bench.json``."""
        return {"text": self.text, "met": self.met}


def run(contest: Contest) -> list[Row]:
    """The rows of a contest. Raises DifferentAnswers, before anything is timed, if the answers differ."""
    compare(contest)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {peer: [] for peer in contest.peers}
    for _ in range(ROUNDS):
        for peer, answer in contest.peers.items():
            theirs[peer] += _milliseconds(answer, 1)
            ours += _milliseconds(contest.ours, OUR_RUNS)
    return [Row(contest.name, contest.case, peer, median(ours), median(times)) for peer, times in theirs.items()]


def compare(contest: Contest) -> None:
    """Raise DifferentAnswers unless all engines give the same answer, which is not empty."""
    expected = contest.as_list(contest.ours())
    if not expected:
        raise DifferentAnswers(f"{contest.name} {contest.case}: the question has no answer; choose another one")
    for peer, answer in contest.peers.items():
        found = contest.as_list(answer())
        if found != expected:
            differing = sorted(set(found) ^ set(expected))[:5]
            counts = f"{peer} finds {len(found)} and we {len(expected)}"
            raise DifferentAnswers(f"{contest.name} {contest.case}: {counts}; they differ at {differing}")


def growth(rows: list[Row]) -> dict[str, float]:
    """Exponents of ours = c x attendees^a x weeks^w x busy periods^b, by least squares of the logarithms."""
    sizes = np.log([[row.case.attendees, row.case.weeks, row.case.busy] for row in rows])
    terms = np.column_stack([np.ones(len(rows)), sizes])
    _, *exponents = np.linalg.lstsq(terms, np.log([row.ours_ms for row in rows]), rcond=None)[0].tolist()
    return dict(zip(("attendees", "weeks", "busy periods a week"), exponents, strict=True))


def _milliseconds(answer: Callable[[], Any], runs: int) -> list[float]:
    """The time of each run after one to warm up, without garbage collection during the runs."""
    answer()
    gc.collect()
    gc.disable()
    try:
        return [_once(answer) for _ in range(runs)]
    finally:
        gc.enable()


def _once(answer: Callable[[], Any]) -> float:
    begun = perf_counter_ns()
    answer()
    return (perf_counter_ns() - begun) / 1e6
