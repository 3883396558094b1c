"""The explanation of why there is no slot, beside the plain search that finds none.

The explanation counts what every cause bars, and tries changes of hours, blackouts, buffers, of who has to come, of
the meeting's length and of the window's end. The "peer" is `find_slots` with all that, ours `feasible_starts` on the
same question: so the row's ratio is how many plain searches an explanation costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.inputs import Case, slot_query
from benchmarks.runner import Bar, Contest, Row
from scheduler.domain.search.slot_search import feasible_starts
from scheduler.domain.search.slots import SlotAnswer, find_slots

NAME = "explanation"
CASE = Case(5, 26)
TOO_LONG = 180
"""A meeting of so many minutes has no slot in that case, and several changes that would make one."""
MOST_RATIO = 30


def contests() -> Iterator[Contest]:
    """The question without an answer."""
    query = replace(slot_query(CASE), duration=TOO_LONG)
    peers = {"with explanation": partial(find_slots, query)}
    yield Contest(NAME, CASE, partial(feasible_starts, query), peers, _how_many)


def _how_many(answer: Any) -> list[int]:
    """How many slots there are; an answer that has nothing to suggest is not what is meant to be measured."""
    if not isinstance(answer, SlotAnswer):
        return [answer.size]
    return [answer.total] if answer.explanation and answer.explanation.relaxations else [-1]


def bars(rows: list[Row]) -> list[Bar]:
    """What has to hold of the medians."""
    times = rows[0].ratio
    text = f"explanation {CASE}: relaxations included, {times:.0f} times a plain search (less than {MOST_RATIO})"
    return [Bar(text, times < MOST_RATIO)]
