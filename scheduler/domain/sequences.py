"""When can these sessions follow each other? An interview and its debrief, each with its own people, in one plan.

Every session is a slot question of its own; a plan takes one feasible start of each so that they follow in order and in
time. The best continuation of every start is found from the last session backwards, each in one pass, so that the
answer is exact however many plans there are.

What people have in their calendars already bars each session as it bars any meeting. Of the plan's own sessions only
the one right before counts: an attendee's buffer is kept between two sessions that follow each other directly, not
over a third one, and the most that they take a day or a week counts the meetings that they have, not the plan's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import numpy as np

from scheduler.domain.availability import Attendee, caps_of
from scheduler.domain.continuations import NEVER, Continuations, Limit, Stage
from scheduler.domain.explanation import Explanation, Relaxation
from scheduler.domain.periods import Minutes, Period, instant_of
from scheduler.domain.rules import Rules, Within
from scheduler.domain.scoring import Thousandths
from scheduler.domain.slots import Order, SlotQuery, find_slots, scored_starts, who_can_come
from scheduler.domain.timeline import Mask
from scheduler.errors import InvalidValue

MOST_WORK = 50_000_000
"""How many starts, each by the number of sessions before it, are looked at for one question."""


@dataclass(frozen=True)
class Session:
    """One meeting of the sequence. ``attendees`` are places among the question's; the first organizes.

    It begins at least ``at_least`` and at most ``at_most`` minutes after the session before it has ended. One of the
    attendees at least is required.
    """

    duration: int
    attendees: tuple[int, ...]
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True)
class SequenceQuery:
    """The question. ``step`` is in minutes; all sessions lie within the window, and none before ``not_before``."""

    window: Period
    step: int
    attendees: tuple[Attendee, ...]
    sessions: tuple[Session, ...]
    order: Order = Order.BEST
    limit: int = 20
    allow_unknown: bool = True
    not_before: datetime | None = None
    within: Within | None = None
    relax_into_night: bool = False
    fair: bool = False

    def session(self, place: int) -> SlotQuery:
        """The slot question that one session is by itself."""
        session = self.sessions[place]
        return SlotQuery(
            self.window,
            session.duration,
            self.step,
            tuple(self.attendees[index] for index in session.attendees),
            not_before=self.not_before,
            allow_unknown=self.allow_unknown,
            relax_into_night=self.relax_into_night,
            rules=Rules(self.within),
            fair=self.fair,
        )

    def rest_before(self, place: int) -> int:
        """The least minutes between a session and the one before it: what it asks, and the buffers of who is in both.

        Who may stay away keeps nobody waiting.
        """
        both = {*self.sessions[place].attendees} & {*self.sessions[place - 1].attendees}
        buffers = [self.attendees[index].buffer for index in both if self.attendees[index].required]
        return max([self.sessions[place].at_least, *(max(one.before, one.after) for one in buffers)])


@dataclass(frozen=True)
class Plan:
    """A period for each session, in order, and the mean of their scores.

    ``available`` has for each session a word for each of its attendees, as `Slot` has it.
    """

    periods: tuple[Period, ...]
    score: float
    available: tuple[tuple[bool | None, ...], ...]


class TooManyLimits(InvalidValue):
    """More limits of days and weeks that the plan's own sessions could reach than can be kept exactly in a moment."""

    def __init__(self) -> None:
        super().__init__(
            "too many of those who are in several sessions have limits for a day or a week that these could reach; "
            "ask for a shorter window, a longer step or fewer sessions"
        )


class Obstacle(StrEnum):
    """Why there is no plan: a session can't be held by itself, or can't follow those before it as asked."""

    SESSION = "session"
    ORDER = "order"


@dataclass(frozen=True)
class SequenceAnswer:
    """For each possible start of the first session the best plan that begins there, cut to ``limit``.

    ``total`` counts those starts. Where there is none, ``failing`` is the first session that can't be held by itself,
    and ``explanation`` says why, of the question's attendees; or else the first that can't follow those before it.
    """

    plans: tuple[Plan, ...]
    total: int
    obstacle: Obstacle | None = None
    failing: int | None = None
    explanation: Explanation | None = None


def find_sequences(query: SequenceQuery) -> SequenceAnswer:
    """The plans, best first (then earliest), or by their starts alone. Raises TooManyLimits."""
    found = [scored_starts(query.session(place)) for place in range(len(query.sessions))]
    for place, (starts, _) in enumerate(found):
        if not starts.size:
            return SequenceAnswer((), 0, Obstacle.SESSION, place, _explained(query, place))
    continuations = _continuations(query, found)
    worths = continuations.worth
    first = np.flatnonzero(worths > NEVER)
    if not first.size:
        return SequenceAnswer((), 0, Obstacle.ORDER, _first_out_of_reach(query, found))
    if query.order is Order.BEST:
        first = first[np.argsort(-worths[first], kind="stable")]
    chosen = [continuations.places(int(begin)) for begin in first[: query.limit]]
    coming = [who_can_come(query.session(place), found[place][0]) for place in range(len(found))]
    plans = [_plan(query, found, coming, places) for places in chosen]
    return SequenceAnswer(tuple(plans), int(first.size))


def _explained(query: SequenceQuery, place: int) -> Explanation | None:
    """Why a session can't be held, of the question's attendees: what is said of the session's own is theirs.

    Nobody is made optional who would leave another session without anybody required.
    """
    explanation = find_slots(query.session(place)).explanation
    if explanation is None:
        return None
    at = query.sessions[place].attendees
    blocking = [replace(row, index=None if row.index is None else at[row.index]) for row in explanation.blocking]
    helpful = [replace(one, index=None if one.index is None else at[one.index]) for one in explanation.relaxations]
    return replace(
        explanation,
        blocking=tuple(blocking),
        relaxations=tuple(one for one in helpful if not _empties_a_session(query, one)),
    )


def _empties_a_session(query: SequenceQuery, change: Relaxation) -> bool:
    return "required" in change.fields and any(
        not any(query.attendees[index].required for index in session.attendees if index != change.index)
        for session in query.sessions
    )


Found = tuple[Minutes, Thousandths]
"""A session's feasible starts, ascending, and the score of each."""


def _continuations(query: SequenceQuery, found: Sequence[Found]) -> Continuations:
    """How the first sessions of the question, of which starts were found, may follow each other."""
    stages = [
        Stage(starts, scores, session.duration, query.rest_before(place) if place else 0, session.at_most)
        for place, (session, (starts, scores)) in enumerate(zip(query.sessions, found, strict=False))
    ]
    limits = list(_limits(query, [starts for starts, _ in found]))
    if limits and (2 * len(stages)) ** len(limits) * max(starts.size for starts, _ in found) > MOST_WORK:
        raise TooManyLimits
    return Continuations(stages, limits)


def _limits(query: SequenceQuery, found: Sequence[Minutes]) -> Iterator[Limit]:
    """The limits of those who have to come to several of the sessions, where the plan itself could reach them."""
    for index, attendee in enumerate(query.attendees):
        places = [place for place in range(len(found)) if index in query.sessions[place].attendees]
        for cap in caps_of(attendee) if attendee.required else ():
            counted = [cap.spans(attendee.clock, starts) for starts in found]
            # Whoever flies back over the date line has a day twice: it counts as one with the day between.
            spans = tuple(np.maximum.accumulate(own) for own in counted)
            taken = cap.taken(attendee.clock, attendee.meeting_starts)
            room = tuple(cap.room(taken, spans[place]) if place in places else None for place in range(len(found)))
            if any(own is not None and own.min() < len(places) for own in room):
                yield Limit(spans, room)


def _first_out_of_reach(query: SequenceQuery, found: Sequence[Found]) -> int:
    """The first session that can't follow those before it, where not all of them can follow each other."""
    for place in range(1, len(found) - 1):
        if not (_continuations(query, found[: place + 1]).worth > NEVER).any():
            return place
    return len(found) - 1


def _plan(
    query: SequenceQuery, found: Sequence[Found], coming: Sequence[tuple[Mask | None, ...]], places: Sequence[int]
) -> Plan:
    periods, available, total = [], [], 0
    for (starts, scores), masks, place, session in zip(found, coming, places, query.sessions, strict=True):
        start = int(starts[place])
        periods.append(Period(instant_of(start), instant_of(start + session.duration)))
        available.append(tuple(None if mask is None else bool(mask[place]) for mask in masks))
        total += int(scores[place])
    return Plan(tuple(periods), round(total / len(places)) / 1000, tuple(available))
