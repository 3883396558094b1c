"""When can these people meet once? Every feasible start of a window, exactly, best or earliest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from scheduler.domain.availability import Attendee
from scheduler.domain.explanation import (
    Bars,
    Blocking,
    Cause,
    Explanation,
    Reason,
    blocking_causes,
    by_weight,
    first_reason,
)
from scheduler.domain.periods import Minutes, Period, instant_of, minute_after, minute_of
from scheduler.domain.scoring import Thousandths, coming_attendees, score_starts
from scheduler.domain.timeline import Mask, Starts


class Order(StrEnum):
    """How slots are sorted: by score downwards and then by start, or by start alone."""

    BEST = "best"
    EARLIEST = "earliest"


@dataclass(frozen=True)
class SlotQuery:
    """The question. ``duration`` and ``step`` are minutes (1-1440); the first attendee is the organizer.

    The window's ends are rounded inwards to whole minutes. ``not_before`` is the notice's end, if any.
    """

    window: Period
    duration: int
    step: int
    attendees: tuple[Attendee, ...]
    order: Order = Order.BEST
    limit: int = 20
    not_before: datetime | None = None
    allow_unknown: bool = True


@dataclass(frozen=True)
class Slot:
    """One feasible start. ``available`` has a word for each attendee; None is unknown."""

    period: Period
    score: float
    available: tuple[bool | None, ...]


@dataclass(frozen=True)
class SlotAnswer:
    """The best or earliest slots, how many there are in all, and why there are none if so."""

    slots: tuple[Slot, ...]
    total: int
    explanation: Explanation | None


def feasible_starts(query: SlotQuery) -> Minutes:
    """Every start (UTC minute, ascending) at which all required attendees can meet."""
    return _Search(query).feasible.minutes


def find_slots(query: SlotQuery) -> SlotAnswer:
    """The answer to the question, ordered and cut to ``limit``."""
    search = _Search(query)
    if is_too_unknown(query.attendees, allow_unknown=query.allow_unknown):
        return SlotAnswer((), 0, search.explain(Reason.STALE_CALENDAR))
    feasible = search.feasible
    if not len(feasible):
        return SlotAnswer((), 0, search.explain(None))
    coming = coming_attendees(query.attendees, search.bars, feasible, query.duration)
    scores = score_starts(query.attendees, feasible, query.duration, coming)
    chosen = _ranking(query.order, scores)[: query.limit].tolist()
    return SlotAnswer(
        tuple(
            Slot(
                _meeting(int(feasible.minutes[place]), query.duration),
                int(scores[place]) / 1000,
                tuple(None if mask is None else bool(mask[place]) for mask in coming),
            )
            for place in chosen
        ),
        len(feasible),
        None,
    )


def is_too_unknown(attendees: tuple[Attendee, ...], *, allow_unknown: bool) -> bool:
    """Whether a required attendee's calendar is unknown and the question does not put up with it."""
    return not allow_unknown and any(attendee.required and attendee.unknown for attendee in attendees)


class _Search:
    """One search: the starts on the organizer's grid, and each attendee's bars."""

    def __init__(self, query: SlotQuery) -> None:
        self.query = query
        self.start = minute_after(query.window.start)
        self.end = max(minute_of(query.window.end), self.start)
        latest = max(self.end - query.duration + 1, self.start)
        self.starts = Starts.on_wall_clock(query.attendees[0].zone, query.step, self.start, latest)
        self.bars = [Bars.of(attendee, self.start, self.end) for attendee in query.attendees]

    @property
    def feasible(self) -> Starts:
        """The starts that nothing bars."""
        required = [own for one, own in zip(self.query.attendees, self.bars, strict=True) if one.required]
        bars = [bar for own in required for bar in own.all]
        free = ~(self.starts.barred(self.query.duration, bars) | self.too_early)
        return Starts(self.starts.minutes[free], None)

    @property
    def too_early(self) -> Mask:
        """The starts under the minimum notice."""
        if self.query.not_before is None:
            return np.zeros(len(self.starts), dtype=bool)
        return self.starts.minutes < minute_after(self.query.not_before)

    def explain(self, reason: Reason | None) -> Explanation:
        """Why nothing was found; ``reason`` is given where it is not for the starts to say."""
        attendees, starts, duration = self.query.attendees, self.starts, self.query.duration
        if not len(starts):
            return Explanation(Reason.WINDOW_TOO_SHORT, ())
        rows = list(blocking_causes(attendees, self.bars, starts, duration, lambda mask: int(mask.sum())))
        if too_early := int(self.too_early.sum()):
            rows.append(Blocking(None, Cause.MINIMUM_NOTICE, too_early))
        if reason is None:
            reason = first_reason(
                attendees, self.bars, starts, duration, self.too_early, lambda barred: bool(barred.all())
            )
        return Explanation(reason, by_weight(rows))


def _ranking(order: Order, scores: Thousandths) -> Minutes:
    """Places of the starts in the order asked for."""
    if order is Order.EARLIEST:
        return np.arange(scores.size, dtype=np.int64)
    return np.argsort(-scores, kind="stable")


def _meeting(start: int, duration: int) -> Period:
    return Period(instant_of(start), instant_of(start + duration))
