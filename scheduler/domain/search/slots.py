"""Slots: when can these attendees meet once? The best or earliest starts, or an explanation why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.candidate_changes import Change, Ladder, changed, duration_ladder, group_ladders
from scheduler.domain.search.explanation import Explanation, explain, explain_blocking
from scheduler.domain.search.relaxations import shortest_cut
from scheduler.domain.search.slot_search import Order, SlotQuery, SlotSearch, feasible_starts
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.search.work import Trials
from scheduler.domain.time.periods import Period, instant_of
from scheduler.domain.time.zones import LAST_INSTANT

ONE_DAY = timedelta(days=1)
LONGEST_WINDOW = 366 * ONE_DAY
"""The longest window of a request."""
LATEST_END = 28 * ONE_DAY
"""How much later a relaxation may let the window end."""


@dataclass(frozen=True)
class Slot:
    """One feasible start.

    ``available`` says of each attendee whether they can come (None: unknown). ``parts`` of the score are there if the
    query asks for an explanation.
    """

    period: Period
    score: float
    available: tuple[bool | None, ...]
    parts: Mapping[str, float] | None = None


@dataclass(frozen=True)
class SlotAnswer:
    """The best or earliest slots, the number of all feasible starts, and an explanation if there are none."""

    slots: tuple[Slot, ...]
    total: int
    explanation: Explanation | None


def find_slots(query: SlotQuery) -> SlotAnswer:
    """Find the slots of a query, in its order and cut to its limit."""
    search = SlotSearch(query)
    feasible = search.feasible
    if search.constraints.is_stale or not len(feasible):
        return SlotAnswer((), 0, explain(_ExplainableSlots(search)))
    contenders = feasible
    if query.order is Order.EARLIEST:
        contenders = Starts(feasible.minutes[: query.limit], None)
    scores = search.scores(contenders)
    thousandths = scores.thousandths
    chosen = np.arange(len(contenders), dtype=np.int64)
    if query.order is Order.BEST:
        # numpy sorts 16-bit numbers in one pass.
        chosen = np.argsort(-thousandths.astype(np.int16), kind="stable")[: query.limit]
    columns = [[None] * len(chosen) if mask is None else mask[chosen].tolist() for mask in scores.availability]
    rows = zip(chosen.tolist(), contenders.minutes[chosen].tolist(), zip(*columns, strict=True), strict=True)
    slots = tuple(
        Slot(
            Period(instant_of(start), instant_of(start + query.duration)),
            int(thousandths[index]) / 1000,
            available,
            scores.at(index) if query.explain else None,
        )
        for index, start, available in rows
    )
    return SlotAnswer(slots, len(feasible), explain_blocking(_ExplainableSlots(search)) if query.explain else None)


class _ExplainableSlots:
    """A slot search as `explain` takes it; its objective is the number of feasible starts."""

    def __init__(self, search: SlotSearch) -> None:
        self.query = search.query
        self.constraints = search.constraints
        self.starts = search.starts
        self.extent = search.query.extent
        self.trials = Trials(self.extent.work)
        self.duration = search.query.duration
        self.relax_into_night = search.query.relax_into_night
        self.depends_on_who_is_required = bool(search.query.rules.minimum_gap)

    def count_lost(self, index: int | None, cause: Cause, blocked: Mask) -> int:  # noqa: ARG002  # all count alike
        """Return how many starts are blocked."""
        return int(blocked.sum())

    def objective(self, free: Mask, up_to: Cause = Cause.GROUP) -> float:  # noqa: ARG002  # no candidates here
        """Return how many starts are free."""
        return int(free.sum())

    def retry(self, change: Change) -> float:
        """Return how many starts the query has with a change; 0 if there may be no more trials."""
        if not self.trials.take(self.extent.retry_work):
            return 0
        query = changed(self.query, change)
        # What rules out meetings does not depend on their duration.
        search = SlotSearch(query, self.constraints if change.fields.keys() == {"duration"} else None)
        return 0 if search.constraints.is_stale else len(search.feasible)

    def request_ladders(self) -> Iterator[Ladder]:
        """Yield a shorter meeting, a window that ends later, and smaller groups."""
        yield shortest_cut(duration_ladder(self.duration), self.retry)
        yield self._later_end()
        yield from group_ladders(self.query.rules)

    def _later_end(self) -> Ladder:
        """Return the change that lets the window end the least number of days later that helps, if any does."""
        window = self.query.window
        furthest = min(window.end + LATEST_END, window.start + LONGEST_WINDOW, LAST_INSTANT)
        if furthest <= window.end or not self.trials.take(self.extent.retry_work):
            return []
        starts = feasible_starts(replace(self.query, window=Period(window.start, furthest)))
        if not starts.size:
            return []
        days = -((window.end - instant_of(int(starts[0]) + self.duration)) // ONE_DAY)
        end = min(window.end + days * ONE_DAY, furthest)
        description = f"look {days} day{'s' if days > 1 else ''} further"
        return [Change(None, description, 60 * days, {"window": Period(window.start, end)})]
