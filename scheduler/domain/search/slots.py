"""When can these people meet once? Every feasible start of a window, exactly, best or earliest first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.candidate_changes import Change, changed, duration_ladder, group_ladders
from scheduler.domain.search.explanation import (
    Bars,
    Blocking,
    Cause,
    Explanation,
    Reason,
    Relaxation,
    Situation,
    blocking_causes,
    first_reason,
)
from scheduler.domain.search.groups import Panel
from scheduler.domain.search.relaxations import by_ask, first_that_helps, relaxation, relaxations
from scheduler.domain.search.rules import NO_RULES, Rules
from scheduler.domain.search.scoring import (
    Scores,
    Thousandths,
    coming_attendees,
    score_starts,
)
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.time.periods import Minutes, Period, instant_of, minute_after, minute_of
from scheduler.domain.time.zones import LAST_INSTANT

DAY_LONG = timedelta(days=1)
LONGEST_WINDOW = 366 * DAY_LONG
"""How long a question's window may be."""
LATEST_END = 28 * DAY_LONG
"""How much later a window may end, if that helps."""

AT_ONCE = 1 << 14
"""How many starts are scored at once: the numbers of fifty people for so many still lie near the processor."""


class Order(StrEnum):
    """How slots are sorted: by score downwards and then by start, or by start alone."""

    BEST = "best"
    EARLIEST = "earliest"


@dataclass(frozen=True)
class SlotQuery:
    """The question. ``duration`` and ``step`` are minutes (1-1440); the first attendee is the organizer.

    The window's ends are rounded inwards to whole minutes. ``not_before`` is the notice's end, if any.
    With ``explain`` an answer that has slots says as well what bars the others.
    """

    window: Period
    duration: int
    step: int
    attendees: tuple[Attendee, ...]
    order: Order = Order.BEST
    limit: int = 20
    not_before: datetime | None = None
    allow_unknown: bool = True
    explain: bool = False
    relax_into_night: bool = False
    rules: Rules = NO_RULES
    fair: bool = False


@dataclass(frozen=True)
class Slot:
    """One feasible start. ``available`` has a word for each attendee; None is unknown.

    ``parts`` of the score are there if the question asks to explain.
    """

    period: Period
    score: float
    available: tuple[bool | None, ...]
    parts: Mapping[str, float] | None = None


@dataclass(frozen=True)
class SlotAnswer:
    """The best or earliest slots, how many there are in all, and why there are none if so."""

    slots: tuple[Slot, ...]
    total: int
    explanation: Explanation | None


def feasible_starts(query: SlotQuery) -> Minutes:
    """Every start (UTC minute, ascending) at which all required attendees can meet."""
    return _Search(query).feasible.minutes


def scored_starts(query: SlotQuery) -> tuple[Minutes, Thousandths]:
    """Every start that `feasible_starts` has, and its score; none if too much is unknown."""
    search = _Search(query)
    if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    feasible = search.feasible
    coming = search.coming(feasible)
    points = [
        search.scores(Starts(feasible.minutes[some], None), [mask if mask is None else mask[some] for mask in coming])
        for some in (slice(begin, begin + AT_ONCE) for begin in range(0, len(feasible), AT_ONCE))
    ]
    return feasible.minutes, np.concatenate([np.empty(0, dtype=np.int64), *(one.thousandths for one in points)])


def who_can_come(query: SlotQuery, feasible: Minutes) -> tuple[Mask | None, ...]:
    """For each attendee, at which of the feasible starts (UTC minutes, ascending) they can come; None: unknown."""
    return _Search(query).coming(Starts(feasible, None))


def find_slots(query: SlotQuery) -> SlotAnswer:
    """The answer to the question, ordered and cut to ``limit``."""
    search = _Search(query)
    feasible = search.feasible
    if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown) or not len(feasible):
        return SlotAnswer((), 0, search.explain())
    coming = search.coming(feasible)
    scores = search.scores(feasible, coming)
    points = scores.thousandths
    chosen = _ranking(query.order, points)[: query.limit]
    words = [[None] * len(chosen) if mask is None else mask[chosen].tolist() for mask in coming]
    rows = zip(chosen.tolist(), feasible.minutes[chosen].tolist(), zip(*words, strict=True), strict=True)
    return SlotAnswer(
        tuple(
            Slot(
                _meeting(start, query.duration),
                int(points[place]) / 1000,
                available,
                scores.at(place) if query.explain else None,
            )
            for place, start, available in rows
        ),
        len(feasible),
        Explanation(None, search.blocking) if query.explain else None,
    )


def unreliable(attendees: tuple[Attendee, ...], *, allow_unknown: bool) -> frozenset[int]:
    """The attendees whose calendar is unknown, if the question does not put up with that."""
    if allow_unknown:
        return frozenset()
    return frozenset(index for index, attendee in enumerate(attendees) if attendee.unknown)


def is_too_unknown(attendees: tuple[Attendee, ...], *, allow_unknown: bool) -> bool:
    """Whether a required attendee's calendar is unknown and the question does not put up with it."""
    return any(attendees[index].required for index in unreliable(attendees, allow_unknown=allow_unknown))


class _EachBars(Sequence[Bars]):
    """What bars each attendee from meetings that lie in [start, end), worked out when it is first asked for."""

    def __init__(self, attendees: Sequence[Attendee], start: int, end: int) -> None:
        self._attendees = attendees
        self._span = start, end
        self._found: dict[int, Bars] = {}

    def __len__(self) -> int:
        return len(self._attendees)

    def __getitem__(self, place: Any) -> Any:
        if place not in self._found:
            self._found[place] = Bars.of(self._attendees[place], *self._span)
        return self._found[place]


class _Search:
    """One search: the starts on the organizer's grid, and each attendee's bars."""

    def __init__(self, query: SlotQuery) -> None:
        self.query = query
        self.start = minute_after(query.window.start)
        self.end = max(minute_of(query.window.end), self.start)
        self.latest = max(self.end - query.duration + 1, self.start)
        self.bars = _EachBars(query.attendees, self.start, self.end)
        self.unreliable = unreliable(query.attendees, allow_unknown=query.allow_unknown)

    @cached_property
    def starts(self) -> Starts:
        """The starts of the grid with the whole meeting inside the window."""
        return Starts.on_wall_clock(self.query.attendees[0].clock, self.query.step, self.start, self.latest)

    @property
    def feasible(self) -> Starts:
        """The starts that nothing bars."""
        query = self.query
        bars = [bar for place, one in enumerate(query.attendees) if one.required for bar in self.bars[place].all]
        bars += query.rules.bars(query.attendees, self.start, self.end).values()
        free = ~self.starts.barred(query.duration, bars)
        if query.not_before is not None:
            free &= self.starts.minutes >= minute_after(query.not_before)
        found = Starts(self.starts.minutes[free], None)
        if not query.rules.groups:
            return found
        return Starts(found.minutes[~self._panel(found).short], None)

    def coming(self, starts: Starts) -> tuple[Mask | None, ...]:
        """For each attendee, at which of the starts, all of them feasible, they can come; None: unknown."""
        query = self.query
        panel = self._panel(starts) if query.rules.groups else None
        return coming_attendees(query.attendees, self.bars, starts, query.duration, panel)

    def scores(self, starts: Starts, coming: Sequence[Mask | None]) -> Scores:
        """The scores of the starts."""
        query = self.query
        return score_starts(
            query.attendees,
            starts,
            query.duration,
            coming,
            groups=query.rules.groups,
            fair=query.fair,
            never=self.unreliable,
        )

    def _panel(self, starts: Starts) -> Panel:
        query = self.query
        return query.rules.panel(query.attendees, self.bars, starts, query.duration, self.unreliable)

    @cached_property
    def situation(self) -> Situation:
        """The question as the explanation needs it."""
        query = self.query
        own = query.rules.bars(query.attendees, self.start, self.end)
        rules = {cause: self.starts.barred(query.duration, [bar]) for cause, bar in own.items()}
        if query.not_before is not None:
            rules[Cause.MINIMUM_NOTICE] = self.starts.minutes < minute_after(query.not_before)
        panel = self._panel(self.starts) if query.rules.groups else None
        if panel:
            rules[Cause.GROUP] = panel.short
        span = self.start, self.end
        return Situation(query.attendees, self.bars, self.starts, query.duration, span, rules, self.unreliable, panel)

    @property
    def blocking(self) -> tuple[Blocking, ...]:
        """What each cause takes by itself."""
        return blocking_causes(self.situation, lambda _index, _cause, mask: int(mask.sum()))

    def explain(self) -> Explanation:
        """Why nothing was found, and what would help."""
        reason = Reason.WINDOW_TOO_SHORT
        if len(self.starts):
            reason = first_reason(self.situation, lambda _reason, barred: bool(barred.all()))
        relaxed = relaxations(
            self.situation,
            lambda free: int(free.sum()),
            self._count,
            night=self.query.relax_into_night,
            is_shared=bool(self.query.rules.minimum_gap),
        )
        return Explanation(reason, self.blocking, by_ask([*relaxed, *self._asked_otherwise()]))

    def _asked_otherwise(self) -> Iterator[Relaxation]:
        """A shorter meeting, a window that ends later, and fewer of a group."""
        if is_too_unknown(self.query.attendees, allow_unknown=self.query.allow_unknown):
            return
        shorter = duration_ladder(self.query.duration)
        # What suits a longer meeting suits a shorter one, so that the least cut can be looked for by halves.
        least = bisect_left(shorter, 1, key=self._count)
        for change in (*shorter[least : least + 1], *self._later_end()):
            yield relaxation(change, self._count(change))
        yield from first_that_helps(group_ladders(self.query.rules), self._count)

    def _count(self, change: Change) -> int:
        """How many starts the question has with that change."""
        query = changed(self.query, change)
        if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown):
            return 0
        search = _Search(query)
        if change.fields.keys() == {"duration"}:
            search.bars = self.bars  # what bars people does not hang on how long they are to meet
        return len(search.feasible)

    def _later_end(self) -> Iterator[Change]:
        """The least whole days by which the window has to end later."""
        window = self.query.window
        furthest = min(window.end + LATEST_END, window.start + LONGEST_WINDOW, LAST_INSTANT)
        if furthest <= window.end:
            return
        starts = feasible_starts(replace(self.query, window=Period(window.start, furthest)))
        if starts.size:
            days = -((window.end - instant_of(int(starts[0]) + self.query.duration)) // DAY_LONG)
            end = min(window.end + days * DAY_LONG, furthest)
            said = f"look {days} day{'s' if days > 1 else ''} further"
            yield Change(None, said, 60 * days, {"window": Period(window.start, end)})


def _ranking(order: Order, scores: Thousandths) -> Minutes:
    """Places of the starts in the order asked for."""
    if order is Order.EARLIEST:
        return np.arange(scores.size, dtype=np.int64)
    return np.argsort(-scores, kind="stable")


def _meeting(start: int, duration: int) -> Period:
    return Period(instant_of(start), instant_of(start + duration))
