"""When can these sessions follow each other? An interview and its debrief, each with its own people, in one plan.

Every session is a slot question of its own; a plan takes one feasible start of each so that they follow in order and in
time. The best continuation of every start is found from the last session backwards, each in one pass, so that the
answer is exact however many plans there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.domain.availability import Attendee
from scheduler.domain.explanation import Explanation
from scheduler.domain.periods import Minutes, Period, instant_of
from scheduler.domain.scoring import Thousandths
from scheduler.domain.slots import Order, SlotQuery, find_slots, scored_starts

_NEVER = -1
"""The worth of a start from which the later sessions can't be reached."""


@dataclass(frozen=True)
class Session:
    """One meeting of the sequence. ``attendees`` are places among the question's; the first organizes.

    It begins at least ``at_least`` and at most ``at_most`` minutes after the session before it has ended.
    """

    duration: int
    attendees: tuple[int, ...]
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True)
class SequenceQuery:
    """The question. ``step`` is in minutes; all sessions lie within the window."""

    window: Period
    step: int
    attendees: tuple[Attendee, ...]
    sessions: tuple[Session, ...]
    order: Order = Order.BEST
    limit: int = 20
    allow_unknown: bool = True

    def session(self, place: int) -> SlotQuery:
        """The slot question that one session is by itself."""
        session = self.sessions[place]
        people = tuple(self.attendees[index] for index in session.attendees)
        return SlotQuery(self.window, session.duration, self.step, people, allow_unknown=self.allow_unknown)


@dataclass(frozen=True)
class Plan:
    """A period for each session, in order, and the mean of their scores."""

    periods: tuple[Period, ...]
    score: float


@dataclass(frozen=True)
class SequenceAnswer:
    """For each possible start of the first session the best plan that begins there, cut to ``limit``.

    ``total`` counts those starts. Where there is none, ``failing`` is the session that can't be held by itself and
    ``explanation`` says why; None and None: each could be, but they can't follow each other as asked.
    """

    plans: tuple[Plan, ...]
    total: int
    failing: int | None = None
    explanation: Explanation | None = None


def find_sequences(query: SequenceQuery) -> SequenceAnswer:
    """The plans, best first (then earliest), or by their starts alone."""
    found = [scored_starts(query.session(place)) for place in range(len(query.sessions))]
    for place, (starts, _) in enumerate(found):
        if not starts.size:
            return SequenceAnswer((), 0, place, find_slots(query.session(place)).explanation)
    worths, choices = _continuations(query.sessions, found)
    first = np.flatnonzero(worths > _NEVER)
    if query.order is Order.BEST:
        first = first[np.argsort(-worths[first], kind="stable")]
    plans = [_plan(query.sessions, found, choices, int(begin)) for begin in first[: query.limit]]
    return SequenceAnswer(tuple(plans), int(first.size))


Found = tuple[Minutes, Thousandths]
"""A session's feasible starts, ascending, and the score of each."""


def _continuations(sessions: Sequence[Session], found: Sequence[Found]) -> tuple[Thousandths, list[Minutes]]:
    """For each start of the first session the most that a plan from there scores in all, and for each session but the
    first, the place of the start that is best after each start of the one before it.
    """
    worth = found[-1][1]
    choices: list[Minutes] = []
    for place in range(len(sessions) - 2, -1, -1):
        (starts, scores), (later, _) = found[place], found[place + 1]
        ends = starts + sessions[place].duration
        following = sessions[place + 1]
        low = np.searchsorted(later, ends + following.at_least, "left")
        high = np.full_like(low, later.size)
        if following.at_most is not None:
            high = np.searchsorted(later, ends + following.at_most, "right")
        best = _best_between(worth, low, high)
        choices.insert(0, best)
        reached = np.where(best >= 0, worth[best], _NEVER)
        worth = np.where(reached > _NEVER, scores + reached, _NEVER)
    return worth, choices


def _best_between(worth: Thousandths, low: Minutes, high: Minutes) -> Minutes:
    """For each range of places [low, high), the first place of the greatest worth in it; -1 where that is none.

    A table of the best of every run of 2^k places answers any range by two runs that cover it.
    """
    best = np.arange(worth.size, dtype=np.int64)
    table = [best]
    while 2 * (run := 1 << (len(table) - 1)) <= worth.size:
        left, right = table[-1][:-run], table[-1][run:]
        table.append(np.where(worth[right] > worth[left], right, left))
    lengths = high - low
    found = np.full(low.size, -1, dtype=np.int64)
    for level, row in enumerate(table):
        run = 1 << level
        mine = np.flatnonzero((lengths >= run) & (lengths < 2 * run))
        left, right = row[low[mine]], row[high[mine] - run]
        found[mine] = np.where(worth[right] > worth[left], right, left)
    found[(found >= 0) & (worth[found] <= _NEVER)] = -1
    return found


def _plan(sessions: Sequence[Session], found: Sequence[Found], choices: Sequence[Minutes], begin: int) -> Plan:
    places = [begin]
    for best in choices:
        places.append(int(best[places[-1]]))
    starts = [int(own[0][place]) for own, place in zip(found, places, strict=True)]
    total = sum(int(own[1][place]) for own, place in zip(found, places, strict=True))
    periods = [
        Period(instant_of(start), instant_of(start + session.duration))
        for start, session in zip(starts, sessions, strict=True)
    ]
    return Plan(tuple(periods), round(total / len(sessions)) / 1000)
