"""How much memory a search takes at most, as tracemalloc sees it: numpy reports its arrays to it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from benchmarks.inputs import Case, slot_query
from benchmarks.runner import Bar, Contest, Row
from scheduler.domain.search.slots import LONGEST_WINDOW, find_slots
from scheduler.domain.time.periods import Period

CASE = Case(50, 53)
"""The most people that a request may have, and somewhat more than the longest window."""
MOST_MEGABYTES = 10


def contests() -> Iterator[Contest]:
    """None: nobody else is measured."""
    return iter(())


def peak_megabytes(*, explain: bool) -> float:
    """What one search over the longest window has allocated at its height, the question itself left aside."""
    query = slot_query(CASE)
    start = query.window.start + timedelta(days=1)
    query = replace(query, window=Period(start, start + LONGEST_WINDOW), explain=explain)
    find_slots(query)
    tracemalloc.start()
    try:
        find_slots(query)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def bars(rows: list[Row]) -> list[Bar]:
    """What has to hold of the peaks; there are no rows."""
    assert not rows
    peaks = {"a search": peak_megabytes(explain=False), "a search that explains": peak_megabytes(explain=True)}
    size = f"{CASE.attendees} x {LONGEST_WINDOW.days} days"
    return [
        Bar(f"memory {size}: {name} takes {peak:.1f} MB at most (less than {MOST_MEGABYTES})", peak < MOST_MEGABYTES)
        for name, peak in peaks.items()
    ]
