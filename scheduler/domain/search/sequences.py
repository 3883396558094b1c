"""When can these sessions follow each other? An interview and its debrief, each with its own people, in one plan.

Every session is a slot question of its own; a plan takes one feasible start of each so that they follow in order and in
time. The best continuation of every start is found from the last session backwards, each in one pass, so that the
answer is exact however many plans there are.

What people have in their calendars already bars each session as it bars any meeting. Of the plan's own sessions whoever
has to come to several keeps their buffer between them, and the most that they take a day or a week counts the meetings
that they have and the plan's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.candidate_changes import Change
from scheduler.domain.search.explanation import Explanation
from scheduler.domain.search.meeting_limits import limits_of
from scheduler.domain.search.rules import Rules, Within
from scheduler.domain.search.scoring import Thousandths
from scheduler.domain.search.sequence_paths import NEVER, Continuations, Limit, Rest, Stage
from scheduler.domain.search.slot_search import Order, SlotQuery, availability_at, scored_starts
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Minutes, Period, instant_of


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
            window=self.window,
            duration=session.duration,
            step=self.step,
            attendees=tuple(self.attendees[index] for index in session.attendees),
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
        return max([self.sessions[place].at_least, *(self._rest_of(index) for index in both)])

    def rests(self) -> Iterator[Rest]:
        """The buffers that are kept over sessions of others in between."""
        for index in range(len(self.attendees)):
            theirs = [place for place, session in enumerate(self.sessions) if index in session.attendees]
            for first, last in pairwise(theirs):
                if last > first + 1:
                    yield Rest(first, last, self._rest_of(index))

    def _rest_of(self, index: int) -> int:
        """The minutes that somebody has between two sessions at least; none if they need not come to them."""
        attendee = self.attendees[index]
        return max(attendee.buffer.before, attendee.buffer.after) if attendee.required else 0


@dataclass(frozen=True)
class Plan:
    """A period for each session, in order, and the mean of their scores.

    ``available`` has for each session a word for each of its attendees, as `Slot` has it.
    """

    periods: tuple[Period, ...]
    score: float
    available: tuple[tuple[bool | None, ...], ...]


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


Found = tuple[Minutes, Thousandths]
"""A session's feasible starts, ascending, and the score of each."""


def find_sequences(query: SequenceQuery) -> SequenceAnswer:
    """The plans, best first (then earliest), or by their starts alone. Raises TooManyLimits."""
    found = _starts_of_each(query)
    for place, (starts, _) in enumerate(found):
        if not starts.size:
            return SequenceAnswer((), 0, Obstacle.SESSION, place, _explained(query, place))
    continuations = _continuations(query, found)
    if continuations.stuck is not None:
        return SequenceAnswer((), 0, Obstacle.ORDER, continuations.stuck)
    worths = continuations.worth
    first = np.flatnonzero(worths > NEVER)
    if query.order is Order.BEST:
        # As they are shown: who reads equal scores expects the earlier start first.
        first = first[np.argsort(-_means(worths[first], len(found)), kind="stable")]
    chosen = [continuations.places(int(begin)) for begin in first[: query.limit]]
    return SequenceAnswer(tuple(_plans(query, found, np.array(chosen, dtype=np.int64))), int(first.size))


def _starts_of_each(query: SequenceQuery) -> list[Found]:
    """The starts of each session and their scores; sessions of the same people and duration are asked about once."""
    known: dict[tuple[tuple[int, ...], int], Found] = {}
    for place, session in enumerate(query.sessions):
        if (session.attendees, session.duration) not in known:
            known[session.attendees, session.duration] = scored_starts(query.session(place))
    return [known[session.attendees, session.duration] for session in query.sessions]


def _explained(query: SequenceQuery, place: int) -> Explanation | None:
    """Why a session can't be held, of the question's attendees: what is said of the session's own is theirs.

    Nobody is made optional who would leave another session without anybody required.
    """
    explanation = find_slots(query.session(place)).explanation
    if explanation is None:
        return None
    at = query.sessions[place].attendees
    blocking = [replace(row, index=None if row.index is None else at[row.index]) for row in explanation.blocking]
    helpful = [
        one if one.change.index is None else replace(one, change=replace(one.change, index=at[one.change.index]))
        for one in explanation.relaxations
    ]
    return replace(
        explanation,
        blocking=tuple(blocking),
        relaxations=tuple(one for one in helpful if not _empties_a_session(query, one.change)),
    )


def _empties_a_session(query: SequenceQuery, change: Change) -> bool:
    return "required" in change.fields and any(
        not any(query.attendees[index].required for index in session.attendees if index != change.index)
        for session in query.sessions
    )


def _continuations(query: SequenceQuery, found: Sequence[Found]) -> Continuations:
    """How the sessions may follow each other. Raises TooManyLimits."""
    stages = [
        Stage(starts, scores, session.duration, query.rest_before(place) if place else 0, session.at_most)
        for place, (session, (starts, scores)) in enumerate(zip(query.sessions, found, strict=True))
    ]
    return Continuations(stages, list(_limits(query, [starts for starts, _ in found])), list(query.rests()))


def _limits(query: SequenceQuery, found: Sequence[Minutes]) -> Iterator[Limit]:
    """The limits of those who have to come to several of the sessions, where the plan itself could reach them."""
    for index, attendee in enumerate(query.attendees):
        places = [place for place in range(len(found)) if index in query.sessions[place].attendees]
        for limit in limits_of(attendee) if attendee.required else ():
            counted = [limit.numbers(starts) for starts in found]
            # Whoever flies back over the date line has a day twice: it counts as one with the day between.
            spans = tuple(np.maximum.accumulate(own) for own in counted)
            room = tuple(limit.room(spans[place]) if place in places else None for place in range(len(found)))
            if any(own is not None and own.min() < len(places) for own in room):
                yield Limit(spans, room)


def _means(totals: Thousandths, sessions: int) -> Thousandths:
    """The mean scores of plans, from the sums of their sessions'."""
    means: Thousandths = np.rint(totals / sessions).astype(np.int64)
    return means


def _plans(query: SequenceQuery, found: Sequence[Found], chosen: Minutes) -> Iterator[Plan]:
    """The plans of which the places of the starts were ``chosen``: a row each, a column a session."""
    begun = [starts[places] for (starts, _), places in zip(found, chosen.T, strict=True)]
    scores = [scores[places] for (_, scores), places in zip(found, chosen.T, strict=True)]
    coming = zip(*_who_comes(query, begun), strict=True)
    means = _means(np.sum(scores, axis=0), len(found)).tolist()
    for mean, starts, available in zip(means, np.stack(begun, axis=1).tolist(), coming, strict=True):
        periods = (
            Period(instant_of(start), instant_of(start + session.duration))
            for start, session in zip(starts, query.sessions, strict=True)
        )
        yield Plan(tuple(periods), mean / 1000, available)


def _who_comes(query: SequenceQuery, begun: Sequence[Minutes]) -> Iterator[list[tuple[bool | None, ...]]]:
    """For each session who can come to it, at the start that each plan has for it."""
    for place, minutes in enumerate(begun):
        apart, rows = np.unique(minutes, return_inverse=True)
        masks = availability_at(query.session(place), apart)
        columns = [[None] * minutes.size if mask is None else mask[rows].tolist() for mask in masks]
        yield list(zip(*columns, strict=True))
