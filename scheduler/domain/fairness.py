"""One time of day for each turn, so that whoever bears most bears as little as they can: exactly, without trying all.

Turn by turn the choices so far are extended by every time of day. One is dropped when another one is nowhere worse,
or when it can no longer beat the best whole choice known. How little can still be added is judged for weighted averages
of the burdens: the most that one bears is never less than any average, and the weights are moved towards those who bear
most until the averages say as much as they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]

_ROUNDS = 20
_ROUNDING = 1e-6
_BEGINNINGS = 5
_AT_ONCE = 500_000
_BLOCK = 256
_FEW = 20_000
"""So many choices are compared with each other; more are only held against what is known."""


@dataclass(frozen=True)
class Choice:
    """A time of day (column) for each turn, and what the whole comes to."""

    columns: tuple[int, ...]
    most: int
    """The burden of whoever bears most."""
    clear: int
    score: int
    """The sum of the scores of the clear occurrences, in thousandths."""
    total: int
    """Everybody's burden."""

    @property
    def mean_score(self) -> int:
        """The mean score of the clear occurrences, in thousandths."""
        return round(self.score / self.clear)

    @property
    def rank(self) -> tuple[int, ...]:
        """What sorts the better choice first."""
        return (self.most, -self.clear, -self.score, self.total, *self.columns)


@dataclass(frozen=True)
class Turns:
    """What each time of day comes to in each turn.

    ``burdens`` has a row a turn, a column a time of day and the attendees in the third place; ``clear`` counts the
    clear occurrences and ``scores`` adds theirs up. ``borne`` is what each attendee has borne before.
    """

    burdens: Values
    clear: Values
    scores: Values
    borne: Values

    @property
    def count(self) -> int:
        """How many turns there are."""
        return len(self.clear)

    @cached_property
    def vectors(self) -> Values:
        """All of it as numbers of which less is better: the burdens, then the clear ones and the scores negated."""
        return np.concatenate([self.burdens, -self.clear[:, :, None], -self.scores[:, :, None]], axis=2)

    def choice(self, columns: tuple[int, ...]) -> Choice:
        """What those times of day come to."""
        borne = self.borne + sum(self.burdens[turn, column] for turn, column in enumerate(columns))
        clear = sum(int(self.clear[turn, column]) for turn, column in enumerate(columns))
        score = sum(int(self.scores[turn, column]) for turn, column in enumerate(columns))
        return Choice(columns, int(borne.max()), clear, score, int(borne.sum()))


def fairest(turns: Turns, least_clear: int) -> Choice | None:
    """The choice that burdens the most burdened attendee least, with so many clear occurrences at least.

    Of equal ones the one with more clear occurrences, the better score, the smaller burden of all together, and the
    earlier times, in that order. None if there are not as many clear occurrences.
    """
    reachable = np.array([*np.cumsum(turns.clear.max(axis=1)[::-1])[::-1], 0])
    if reachable[0] < least_clear:
        return None
    known = _known(turns, least_clear)
    partial = np.zeros((1, turns.vectors.shape[2]), dtype=np.int64)
    partial[0, : turns.borne.size] = turns.borne
    columns = np.zeros((1, 0), dtype=np.int64)
    for done in range(1, turns.count + 1):
        longer = []
        for more, times in _extended(turns, partial, columns, done, known.most):
            may = -more[:, -2] + reachable[done] >= least_clear
            may[may] = _may_beat(turns, more[may], done, known.most)
            longer.append((more[may], times[may]))
        partial = np.concatenate([more for more, _ in longer])
        columns = np.concatenate([times for _, times in longer])
        if done < turns.count:
            kept = _undominated(partial)
            partial, columns = partial[kept], columns[kept]
    burdens = partial[:, : turns.borne.size]
    keys = (*columns.T[::-1], burdens.sum(axis=1), partial[:, -1], partial[:, -2], burdens.max(axis=1))
    return turns.choice(tuple(columns[np.lexsort(keys)[0]].tolist()))


def _extended(turns: Turns, partial: Values, columns: Values, done: int, most: int) -> Iterator[tuple[Values, Values]]:
    """Every choice so far with every time of day in the next turn, some at a time; ``done`` is how many turns that is.

    Left out are times that are nowhere better than another one, and what burdens somebody with over ``most`` even if
    all later turns are as light for them as can be.
    """
    vectors = turns.vectors[done - 1]
    times = np.flatnonzero(_undominated(vectors))
    room = (most - turns.burdens[done:].min(axis=1).sum(axis=0)).astype(np.int32)
    some = max(_AT_ONCE // times.size, 1)
    for begin in range(0, len(partial), some):
        own = partial[begin : begin + some]
        may = np.ones((len(own), times.size), dtype=bool)
        for person in range(turns.borne.size):
            left = room[person] - own[:, person].astype(np.int32)
            may &= vectors[times, person].astype(np.int32) <= left[:, None]
        rows, chosen = np.nonzero(may)
        longer = own[rows] + vectors[times[chosen]]
        yield longer, np.column_stack([columns[begin : begin + some][rows], times[chosen]])


def _may_beat(turns: Turns, partial: Values, done: int, most: int) -> npt.NDArray[np.bool_]:
    """Which choices of so many turns may still come to no more than ``most`` for everybody.

    What is still to come is judged for each choice by weights of its own, which follow what it burdens people with.
    """
    own = partial[:, : turns.borne.size]
    places = np.arange(len(own))
    if done < turns.count:
        weights = np.full((places.size, turns.borne.size), 1 / turns.borne.size)
        for step in range(_ROUNDS):
            found = own[places] + _lightest(turns.burdens[done:], weights)
            kept = (found * weights).sum(axis=1) <= most + _ROUNDING
            places, weights = places[kept], _shifted(weights[kept], found[kept], step)
    may = np.zeros(len(own), dtype=bool)
    may[places] = True
    return may


def _lightest(burdens: Values, weights: Weights) -> Values:
    """For each row of weights what the times of day come to that, turn by turn, burden their average least."""
    found: Values = np.sum([turn[(weights @ turn.T).argmin(axis=1)] for turn in burdens], axis=0)
    return found


def _shifted(weights: Weights, found: Values, step: int) -> Weights:
    """Weights moved towards those who bear most."""
    shares = found / np.maximum(found.max(axis=1, keepdims=True), 1)
    moved = weights * np.exp(4 / np.sqrt(step + 1) * (shares - 1))
    whole: Weights = moved / moved.sum(axis=1, keepdims=True)
    return whole


def _known(turns: Turns, least_clear: int) -> Choice:
    """A good choice to begin with: of some that are at hand, changed one turn at a time as long as that helps."""
    alike = {(column,) * turns.count for column in range(turns.clear.shape[1])}
    clearest = tuple(turns.clear.argmax(axis=1).tolist())
    weights = np.full((1, turns.borne.size), 1 / turns.borne.size)
    averages = set()
    for step in range(_ROUNDS):
        columns = [(weights @ turn.T).argmin(axis=1)[0] for turn in turns.burdens]
        averages.add(tuple(int(column) for column in columns))
        weights = _shifted(weights, turns.borne + _lightest(turns.burdens, weights), step)
    starts = [turns.choice(columns) for columns in alike | averages | {clearest}]
    enough = sorted((one for one in starts if one.clear >= least_clear), key=lambda one: one.rank)
    return min((_descended(turns, least_clear, one) for one in enough[:_BEGINNINGS]), key=lambda one: one.rank)


def _descended(turns: Turns, least_clear: int, choice: Choice) -> Choice:
    """The choice once no other time of day in any one turn makes it better."""
    while True:
        better = choice
        for turn in range(turns.count):
            rest = [own for own in enumerate(better.columns) if own[0] != turn]
            borne = turns.borne + sum(turns.burdens[own] for own in rest)
            clear = sum(int(turns.clear[own]) for own in rest)
            most = (borne + turns.burdens[turn]).max(axis=1)
            most[clear + turns.clear[turn] < least_clear] = np.iinfo(np.int64).max
            columns = (*better.columns[:turn], int(most.argmin()), *better.columns[turn + 1 :])
            better = min(better, turns.choice(columns), key=lambda one: one.rank)
        if better == choice:
            return choice
        choice = better


def _undominated(vectors: Values) -> npt.NDArray[np.bool_]:
    """Which vectors no other one is nowhere above; of equal ones the first. All, if they are too many to compare."""
    keep = np.ones(len(vectors), dtype=bool)
    if len(vectors) > _FEW:
        return keep
    order = np.lexsort((np.arange(len(vectors)), vectors.sum(axis=1)))
    ranked = vectors[order]
    for begin in range(0, len(ranked), _BLOCK):
        block = ranked[begin : begin + _BLOCK]
        before = ranked[: begin + len(block)]
        below = np.ones((len(block), len(before)), dtype=bool)
        for place in range(vectors.shape[1]):
            below &= before[None, :, place] <= block[:, None, place]
        earlier = np.arange(len(before))[None, :] < np.arange(begin, begin + len(block))[:, None]
        keep[order[begin : begin + len(block)]] = ~(below & earlier).any(axis=1)
    return keep
