"""Slot search for people who are stored: masks of free starts kept with a version, and warm, to every start."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.inputs import Case, slot_query
from benchmarks.peers import PeerInput, with_portion
from benchmarks.runner import Bar, Contest, Row
from scheduler.domain.search.freemasks import FreeMasks
from scheduler.domain.search.slots import Kept, feasible_starts

NAME = "slots_kept"
LARGEST = Case(10, 52)
LEAST_RATIO = 2000


def contests() -> Iterator[Contest]:
    """The largest question, asked again."""
    query = slot_query(LARGEST)
    kept = Kept(FreeMasks(), tuple(f"person {place}" for place in range(LARGEST.attendees)))
    yield Contest(
        name=NAME,
        case=LARGEST,
        ours=partial(feasible_starts, query, kept),
        peers={"portion": partial(with_portion, PeerInput.of(query))},
        as_list=lambda answer: np.asarray(answer, dtype=np.int64).tolist(),
    )


def bars(rows: list[Row]) -> list[Bar]:
    """What has to hold of the medians."""
    (ratio,) = (row.ratio for row in rows)
    said = f"{LARGEST} with kept masks: {ratio:,.0f} times faster than portion (at least {LEAST_RATIO})"
    return [Bar(said, ratio >= LEAST_RATIO)]
