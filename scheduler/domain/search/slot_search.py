"""The search for slots: every feasible start of a window, exactly, and its score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

import numpy as np

from scheduler.domain.search.constraints import Constraints
from scheduler.domain.search.rules import MeetingQuery
from scheduler.domain.search.scoring import Scores, Thousandths, score_starts
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.search.work import Extent, starts_within
from scheduler.domain.time.periods import Minutes, Period, minute_after, minute_of


class Order(StrEnum):
    """How slots are sorted: by score downwards and then by start, or by start alone."""

    BEST = "best"
    EARLIEST = "earliest"


@dataclass(frozen=True, kw_only=True)
class SlotQuery(MeetingQuery):
    """When can these attendees meet once? ``step`` is on the first attendee's wall clock.

    Args:
        window: the meeting lies inside; rounded inwards to whole minutes.
        not_before: the end of the minimum notice.

    """

    window: Period
    order: Order = Order.BEST
    limit: int = 20
    not_before: datetime | None = None

    @property
    def extent(self) -> Extent:
        """How far the question reaches."""
        minutes = max(minute_of(self.window.end) - minute_of(self.window.start), 0)
        return Extent(
            starts=starts_within(minutes, self.step), attendees=len(self.attendees), members=self.rules.places
        )

    def constraints(self) -> Constraints:
        """Return what rules out meetings in the window."""
        start = minute_after(self.window.start)
        return Constraints(
            attendees=self.attendees,
            span=(start, max(minute_of(self.window.end), start)),
            rules=self.rules,
            not_before=None if self.not_before is None else minute_after(self.not_before),
            allow_unknown=self.allow_unknown,
        )


class SlotSearch:
    """The search for one query. ``constraints`` are the query's own, if another search has them already."""

    def __init__(self, query: SlotQuery, constraints: Constraints | None = None) -> None:
        self.query = query
        self.constraints = constraints or query.constraints()

    @cached_property
    def starts(self) -> Starts:
        """The starts on the organizer's grid with the whole meeting inside the window."""
        start, end = self.constraints.span
        clock, latest = self.query.attendees[0].clock, max(end - self.query.duration + 1, start)
        return Starts.on_wall_clock(clock, self.query.step, start, latest)

    @cached_property
    def feasible(self) -> Starts:
        """The starts that nothing rules out."""
        blocked = self.constraints.blocked(self.starts, self.query.duration)
        return Starts(self.starts.minutes[~blocked], None)

    def scores(self, starts: Starts) -> Scores:
        """Return the scores of feasible starts."""
        return score_starts(self.constraints, starts, self.query.duration, fair=self.query.fair)


def feasible_starts(query: SlotQuery) -> Minutes:
    """Return every start (UTC minutes, ascending) at which all required attendees can meet."""
    return SlotSearch(query).feasible.minutes


def scored_starts(query: SlotQuery) -> tuple[Minutes, Thousandths]:
    """Return the feasible starts and their scores; none if a required attendee's calendar is stale."""
    search = SlotSearch(query)
    if search.constraints.is_stale:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    feasible = search.feasible
    return feasible.minutes, search.scores(feasible).thousandths


def availability_at(query: SlotQuery, feasible: Minutes) -> tuple[Mask | None, ...]:
    """Return for each attendee which of the feasible starts (UTC minutes, ascending) suit them; None: unknown."""
    return query.constraints().availability(Starts(feasible, None), query.duration)
