"""Sequences: when can several sessions follow each other, such as an interview and its debrief?

Each session is a slot query of its own. A plan takes one feasible start of each session, in order and with the required
gaps. All plans are compared, so that the answer is exact.

Meetings, calendars and blackouts restrict each session like any meeting. Between two sessions of a plan, attendees who
are required in both keep their buffer, and their limits a day and a week count existing meetings and sessions together.
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
from scheduler.domain.search.sequence_paths import NO_PATH, Rest, SequencePaths, Stage, StageLimit
from scheduler.domain.search.slot_search import Order, SlotQuery, availability_at, scored_starts
from scheduler.domain.search.slots import find_slots
from scheduler.domain.search.work import Extent, starts_within
from scheduler.domain.time.periods import Minutes, Period, instant_of, minute_of


@dataclass(frozen=True)
class Session:
    """One meeting of a sequence.

    Args:
        duration: minutes.
        attendees: indexes into the query's attendees, at least one of them required; the first one organizes.
        at_least: the least minutes between the end of the previous session and the start of this one.
        at_most: the most minutes between them; None for any number.

    """

    duration: int
    attendees: tuple[int, ...]
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True, kw_only=True)
class SequenceQuery:
    """When can these sessions follow each other?

    Args:
        window: all sessions are within it.
        step: minutes of the grid of starts, on the clock of each session's organizer.
        not_before: the earliest start of any session; None for any.
        fair: weigh comfort by the burden so far.

    """

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

    @property
    def extent(self) -> Extent:
        """How far the question reaches; equal sessions are searched once."""
        minutes = max(minute_of(self.window.end) - minute_of(self.window.start), 0)
        distinct = {(session.attendees, session.duration) for session in self.sessions}
        return Extent(
            starts=starts_within(minutes, self.step),
            attendees=sum(len(attendees) for attendees, _ in distinct),
            sessions=len(self.sessions),
            rows=self.limit * sum(len(session.attendees) for session in self.sessions),
        )

    def session_query(self, number: int) -> SlotQuery:
        """Return the slot query of one session by itself."""
        session = self.sessions[number]
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

    def min_gap_before(self, number: int) -> int:
        """Return the least minutes between a session and the previous one: ``at_least``, or a longer buffer.

        The buffers of required attendees of both sessions count.
        """
        both = {*self.sessions[number].attendees} & {*self.sessions[number - 1].attendees}
        return max([self.sessions[number].at_least, *(self._buffer_of(index) for index in both)])

    def rests(self) -> Iterator[Rest]:
        """Yield the buffers between sessions that have sessions of other attendees in between."""
        for index in range(len(self.attendees)):
            numbers = [number for number, session in enumerate(self.sessions) if index in session.attendees]
            for first, last in pairwise(numbers):
                if last > first + 1:
                    yield Rest(first, last, self._buffer_of(index))

    def _buffer_of(self, index: int) -> int:
        """Return the least minutes between two sessions of an attendee, 0 for optional attendees."""
        attendee = self.attendees[index]
        return max(attendee.buffer.before, attendee.buffer.after) if attendee.required else 0


@dataclass(frozen=True)
class Plan:
    """A period for each session, in order, and the mean of their scores.

    ``available`` has the availability of each session's attendees, as in `Slot`.
    """

    periods: tuple[Period, ...]
    score: float
    available: tuple[tuple[bool | None, ...], ...]


class Obstacle(StrEnum):
    """Why there is no plan: a session has no feasible start by itself, or none after the sessions before it."""

    SESSION = "session"
    ORDER = "order"


@dataclass(frozen=True)
class SequenceAnswer:
    """The best plan for each possible start of the first session, cut to the limit; ``total`` counts those starts.

    If there is no plan, ``failing`` is the number of the first session with the obstacle. For ``Obstacle.SESSION``,
    the explanation says why, with the indexes of the query's attendees.
    """

    plans: tuple[Plan, ...]
    total: int
    obstacle: Obstacle | None = None
    failing: int | None = None
    explanation: Explanation | None = None


ScoredStarts = tuple[Minutes, Thousandths]
"""A session's feasible starts, ascending, and the score of each."""


def find_sequences(query: SequenceQuery) -> SequenceAnswer:
    """Find the plans of a query, the best or the earliest first as it says. Raises TooManyLimits."""
    found = _starts_of_sessions(query)
    for number, (starts, _) in enumerate(found):
        if not starts.size:
            return SequenceAnswer((), 0, Obstacle.SESSION, number, _explain(query, number))
    paths = _paths(query, found)
    if paths.first_unreachable is not None:
        return SequenceAnswer((), 0, Obstacle.ORDER, paths.first_unreachable)
    totals = paths.best_totals
    first = np.flatnonzero(totals > NO_PATH)
    if query.order is Order.BEST:
        # Sorted by the rounded scores of the answer, so that equal scores are in order of their starts.
        first = first[np.argsort(-_means(totals[first], len(found)), kind="stable")]
    chosen = [paths.best_path(int(index)) for index in first[: query.limit]]
    return SequenceAnswer(tuple(_plans(query, found, np.array(chosen, dtype=np.int64))), int(first.size))


def _starts_of_sessions(query: SequenceQuery) -> list[ScoredStarts]:
    """Return the scored starts of each session; those of equal attendees and duration are computed once."""
    numbers = {(session.attendees, session.duration): number for number, session in enumerate(query.sessions)}
    known = {key: scored_starts(query.session_query(number)) for key, number in numbers.items()}
    return [known[session.attendees, session.duration] for session in query.sessions]


def _explain(query: SequenceQuery, number: int) -> Explanation | None:
    """Explain why a session has no start, with the indexes of the query's attendees.

    An attendee is not made optional if another session would be left without a required one.
    """
    explanation = find_slots(query.session_query(number)).explanation
    if explanation is None:
        return None
    indexes = query.sessions[number].attendees
    blocking = [row if row.index is None else replace(row, index=indexes[row.index]) for row in explanation.blocking]
    relaxations = [
        one if one.change.index is None else replace(one, change=replace(one.change, index=indexes[one.change.index]))
        for one in explanation.relaxations
    ]
    return replace(
        explanation,
        blocking=tuple(blocking),
        relaxations=tuple(one for one in relaxations if not _leaves_nobody_required(query, one.change)),
    )


def _leaves_nobody_required(query: SequenceQuery, change: Change) -> bool:
    """Return whether a change leaves a session without a required attendee."""
    return "required" in change.fields and any(
        not any(query.attendees[index].required for index in session.attendees if index != change.index)
        for session in query.sessions
    )


def _paths(query: SequenceQuery, found: Sequence[ScoredStarts]) -> SequencePaths:
    """Return the paths through the sessions' starts. Raises TooManyLimits."""
    stages = [
        Stage(starts, scores, session.duration, query.min_gap_before(number) if number else 0, session.at_most)
        for number, (session, (starts, scores)) in enumerate(zip(query.sessions, found, strict=True))
    ]
    return SequencePaths(stages, list(_limits(query, [starts for starts, _ in found])), list(query.rests()))


def _limits(query: SequenceQuery, starts: Sequence[Minutes]) -> Iterator[StageLimit]:
    """Yield the limits of required attendees that their sessions could reach; ``starts`` are those of each session."""
    for index, attendee in enumerate(query.attendees):
        own = [number for number, session in enumerate(query.sessions) if index in session.attendees]
        for limit in limits_of(attendee) if attendee.required else ():
            # An attendee who flies back over the date line has a day twice: it counts as one with the day in between.
            numbers = tuple(np.maximum.accumulate(limit.numbers(of_session)) for of_session in starts)
            room = tuple(limit.room(numbers[number]) if number in own else None for number in range(len(starts)))
            if any(of_session is not None and of_session.min() < len(own) for of_session in room):
                yield StageLimit(numbers, room)


def _means(totals: Thousandths, sessions: int) -> Thousandths:
    """Return the mean scores of plans from the totals of their sessions' scores."""
    means: Thousandths = np.rint(totals / sessions).astype(np.int64)
    return means


def _plans(query: SequenceQuery, found: Sequence[ScoredStarts], chosen: Minutes) -> Iterator[Plan]:
    """Yield the plans; ``chosen`` has the index of each session's start, a row for each plan."""
    starts = [all_starts[indexes] for (all_starts, _), indexes in zip(found, chosen.T, strict=True)]
    scores = [all_scores[indexes] for (_, all_scores), indexes in zip(found, chosen.T, strict=True)]
    availability = zip(*_availability(query, starts), strict=True)
    means = _means(np.sum(scores, axis=0), len(found)).tolist()
    for mean, plan_starts, available in zip(means, np.stack(starts, axis=1).tolist(), availability, strict=True):
        periods = (
            Period(instant_of(start), instant_of(start + session.duration))
            for start, session in zip(plan_starts, query.sessions, strict=True)
        )
        yield Plan(tuple(periods), mean / 1000, available)


def _availability(query: SequenceQuery, starts: Sequence[Minutes]) -> Iterator[list[tuple[bool | None, ...]]]:
    """Yield for each session its attendees' availability at the start of each plan."""
    for number, minutes in enumerate(starts):
        distinct, rows = np.unique(minutes, return_inverse=True)
        masks = availability_at(query.session_query(number), distinct)
        columns = [[None] * minutes.size if mask is None else mask[rows].tolist() for mask in masks]
        yield list(zip(*columns, strict=True))
