"""The best way to go on from each start of a sequence of sessions, worked out from the last session backwards.

What may follow a start is a range of later ones, and the best of any range is looked up in a table. Where somebody's
day or week takes only so many of the sessions, the range is cut where the next day or week begins, and the worth of a
start is kept for each number of sessions that its day has had before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from scheduler.domain.periods import Minutes
from scheduler.domain.scoring import Thousandths
from scheduler.domain.timeline import Mask

NEVER = -1
"""The worth of a start from which the later sessions can't be reached."""

State = tuple[int, ...]
"""For each limit, how many sessions the day or week has had before."""


@dataclass(frozen=True)
class Stage:
    """A session's feasible starts (UTC minutes, ascending) and their scores.

    It begins from ``rest`` to ``at_most`` minutes after the session before it has ended.
    """

    starts: Minutes
    scores: Thousandths
    duration: int
    rest: int = 0
    at_most: int | None = None


@dataclass(frozen=True)
class Limit:
    """What somebody's days or weeks take of the sessions, for each start of each stage.

    ``spans`` number the day or week, ascending, and ``room`` says how many sessions it takes; None: they are not in it.
    """

    spans: tuple[Minutes, ...]
    room: tuple[Minutes | None, ...]


@dataclass(frozen=True)
class _Step:
    """For each start of a stage the most that a plan from there scores, and the place and state to go on to."""

    worth: Thousandths
    places: Minutes
    onward: Minutes
    states: tuple[State, ...] = ()


class Continuations:
    """The best plans of stages that follow each other."""

    def __init__(self, stages: Sequence[Stage], limits: Sequence[Limit] = ()) -> None:
        self._stages = stages
        self._limits = limits
        self._steps: dict[tuple[int, State], _Step] = {}

    @property
    def worth(self) -> Thousandths:
        """For each start of the first stage the most that a plan from there scores in all, or NEVER."""
        return self._step(0, (0,) * len(self._limits)).worth

    def places(self, begin: int) -> list[int]:
        """The place of each stage's start in the best plan from that one of the first; of equal ones the earliest."""
        places, state = [begin], (0,) * len(self._limits)
        for stage in range(len(self._stages) - 1):
            step = self._step(stage, state)
            state = step.states[step.onward[places[-1]]]
            places.append(int(step.places[places[-1]]))
        return places

    def _step(self, place: int, state: State) -> _Step:
        if (place, state) not in self._steps:
            self._steps[place, state] = self._worked_out(place, state)
        return self._steps[place, state]

    def _worked_out(self, place: int, state: State) -> _Step:
        stage = self._stages[place]
        nowhere = np.full(stage.starts.size, -1, dtype=np.int64)
        fits = self._fits(place, state)
        if place == len(self._stages) - 1 or not fits.any():
            return _Step(np.where(fits, stage.scores, NEVER), nowhere, nowhere)
        best, places, onward = np.full_like(nowhere, NEVER), nowhere, nowhere
        states: list[State] = []
        for after, low, high in self._ranges(place, state):
            worth = self._step(place + 1, after).worth
            found = best_between(worth, low, high)
            value = np.where(found >= 0, worth[found], NEVER)
            better = (value > best) | ((value == best) & (value > NEVER) & (found < places))
            best, places = np.where(better, value, best), np.where(better, found, places)
            onward = np.where(better, len(states), onward)
            states.append(after)
        return _Step(np.where(fits & (best > NEVER), stage.scores + best, NEVER), places, onward, tuple(states))

    def _fits(self, place: int, state: State) -> Mask:
        """Where the days and weeks take one more session than they have had."""
        fits: Mask = np.ones(self._stages[place].starts.size, dtype=bool)
        for limit, had in zip(self._limits, state, strict=True):
            room = limit.room[place]
            if room is not None:
                fits &= room > had
        return fits

    def _ranges(self, place: int, state: State) -> Iterator[tuple[State, Minutes, Minutes]]:
        """The places [low, high) of the next stage that may follow each start, by the state they are reached in."""
        stage, following = self._stages[place], self._stages[place + 1]
        ends = stage.starts + stage.duration
        low = np.searchsorted(following.starts, ends + following.rest, "left")
        high = np.full_like(low, following.starts.size)
        if following.at_most is not None:
            high = np.searchsorted(following.starts, ends + following.at_most, "right")
        over = [np.searchsorted(one.spans[place + 1], one.spans[place], "right") for one in self._limits]
        every = range(len(self._limits))
        for same in chain.from_iterable(combinations(every, size) for size in range(len(self._limits) + 1)):
            after = tuple(
                had + (limit.room[place] is not None) if number in same else 0
                for number, (limit, had) in enumerate(zip(self._limits, state, strict=True))
            )
            first = np.maximum.reduce([low, *(over[number] for number in every if number not in same)])
            last = np.minimum.reduce([high, *(over[number] for number in same)])
            yield after, first, np.maximum(first, last)


def best_between(worth: Thousandths, low: Minutes, high: Minutes) -> Minutes:
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
    found[(found >= 0) & (worth[found] <= NEVER)] = -1
    return found
