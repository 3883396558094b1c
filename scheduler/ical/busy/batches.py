"""Occurrences that wait to be placed, all of those on one clock at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from scheduler.ical.busy.days import Numbers


@dataclass(frozen=True)
class Reach:
    """How long an occurrence lasts: until ``shift`` later on the wall clock, and ``extra`` of exact time after that."""

    shift: int
    extra: int


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
