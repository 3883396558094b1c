"""Occurrences that wait to be placed, all of those on one clock at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scheduler.ical.busy.days import Numbers
from scheduler.ical.busy.events import Moment


@dataclass(frozen=True)
class Reach:
    """How long an occurrence lasts: until ``shift`` later on the wall clock, and ``extra`` of exact time after that."""

    shift: int
    extra: int


class Change(NamedTuple):
    """What the occurrences of a series are from the one named ``name`` on (RFC 5545 §3.2.13).

    ``name`` is on the series' clock, in wall seconds; ``start`` and ``reach`` are how that occurrence is changed. Both
    are None if nobody is busy then.
    """

    name: int
    start: Moment | None
    reach: Reach | None
    is_tentative: bool


def near(low: int, high: int, reach: Reach, changes: Iterable[Change]) -> tuple[int, int]:
    """Return the wall seconds between which the rules of a series name what, changed or not, may lie in [low, high)."""
    first, end = low - reach.shift - reach.extra, high
    for change in changes:
        if change.start is not None and change.reach is not None:
            later = change.start.wall - change.name
            first = min(first, low - later - change.reach.shift - change.reach.extra)
            end = max(end, high - later)
    return first, end


@dataclass
class Batch:
    """Occurrences on one clock: runs of starts, each with its reach and whether it is tentative, and single ones."""

    starts: list[Numbers] = field(default_factory=list)
    facts: list[tuple[int, int, bool]] = field(default_factory=list)
    singles: list[tuple[int, int, int, bool]] = field(default_factory=list)

    def runs(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield starts, and a row for each with its shift, its extra, and 1 if it is tentative."""
        if self.singles:
            rows = np.array(self.singles, dtype=np.int64)
            yield rows[:, 0], rows[:, 1:]
        if self.starts:
            facts = np.array(self.facts, dtype=np.int64)
            yield np.concatenate(self.starts), np.repeat(facts, [run.size for run in self.starts], axis=0)
