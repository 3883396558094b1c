"""One time of day for each turn, so that whoever bears most bears as little as they can: exactly, without trying all.

The turns are dealt into two halves, and for each half every way of choosing its times is written down. Whether some two
of them together burden nobody with more than so much is then asked for all pairs at once: for each attendee the ways of
the second half are in order of what they burden that attendee with, so that those that still go with a way of the first
half are a beginning of that order, kept as bits; what goes with it for everybody is the bitwise and. The least burden
for which there is such a pair is found by bisection.

Most ways never come to that question. What one bears at most is never less than any weighted average of what all bear;
so a way is left out when even the lightest of the other half can't bring some average down far enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.int64]
Averages = npt.NDArray[np.float64]

_CLEAR = 1 << 20
"""What a clear occurrence is worth beside the scores, which come to less than that all together."""
_ROUNDS = 24
"""How often the weights of the averages are moved towards those who bear most."""
_ROUNDING = 1e-6
_AT_ONCE = 1024
"""So many ways of the second half are held against all of the first at a time."""


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
    def merits(self) -> Values:
        """What orders times of day, and sums of them: by clear occurrences, then by scores."""
        return self.clear * _CLEAR + self.scores

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
    if turns.clear.max(axis=1).sum() < least_clear:
        return None
    pairs = _Pairs(turns, least_clear * _CLEAR)
    most = min(one.most for one in _at_hand(turns) if one.clear >= least_clear)
    # All burdens are multiples of this, so that nothing in between has to be asked for.
    grain = max(int(np.gcd.reduce([*turns.burdens.ravel(), *turns.borne])), 1)
    low, high = -(-pairs.lowest_bound // grain), most // grain
    while low < high:
        middle = (low + high) // 2
        columns = pairs.best_within(middle * grain)
        if columns:
            high = turns.choice(columns).most // grain
        else:
            low = middle + 1
    return turns.choice(pairs.best_within(high * grain))


def _at_hand(turns: Turns) -> Iterator[Choice]:
    """The choices of one time for all turns, and the one with the most clear occurrences."""
    for column in range(turns.clear.shape[1]):
        yield turns.choice((column,) * turns.count)
    yield turns.choice(tuple(turns.clear.argmax(axis=1).tolist()))


@dataclass(frozen=True, eq=False)
class _Ways:
    """Every way of choosing times for some turns, in their order, but for those that another one makes needless.

    For each way (row) the ``columns``, what it burdens each attendee with, and its merit.
    """

    columns: Values
    burdens: Values
    merits: Values

    @cached_property
    def totals(self) -> Values:
        """What each way burdens all together with."""
        totals: Values = self.burdens.sum(axis=1)
        return totals

    @classmethod
    def of(cls, turns: Turns, some: range, borne: Values) -> _Ways:
        """The ways for some of the turns, by attendees who have ``borne`` so much before."""
        columns = np.zeros((1, 0), dtype=np.int64)
        burdens, merits = borne[None, :], np.zeros(1, dtype=np.int64)
        for turn in some:
            vectors = [turns.burdens[turn], -turns.clear[turn][:, None], -turns.scores[turn][:, None]]
            times = np.flatnonzero(_undominated(np.concatenate(vectors, axis=1)))
            columns = np.column_stack([columns.repeat(times.size, axis=0), np.tile(times, len(columns))])
            burdens = (burdens[:, None] + turns.burdens[turn, times]).reshape(-1, borne.size)
            merits = (merits[:, None] + turns.merits[turn, times]).ravel()
        _, firsts = np.unique(np.column_stack([burdens, merits]), axis=0, return_index=True)
        firsts.sort()
        return cls(columns[firsts], burdens[firsts], merits[firsts])


class _Pairs:
    """All pairs of a way for the first half of the turns and one for the second, with at least so much merit."""

    def __init__(self, turns: Turns, least_merit: int) -> None:
        half = (turns.count + 1) // 2
        self.one = _Ways.of(turns, range(half), turns.borne)
        self.other = _Ways.of(turns, range(half, turns.count), np.zeros_like(turns.borne))
        self.least_merit = least_merit
        weights = self._weights(turns.borne.size)
        self.averages = self.one.burdens @ weights, self.other.burdens @ weights

    @property
    def lowest_bound(self) -> int:
        """Nobody can be kept from bearing so much."""
        one, other = self.averages
        return int(np.ceil((one.min(axis=0) + other.min(axis=0)).max() - _ROUNDING))

    def best_within(self, most: int) -> tuple[int, ...]:
        """The columns of the best pair that burdens nobody with over ``most``; none if there is no such pair.

        The best is the one of the most merit, of those the lightest for all together, of those the earliest.
        """
        ones, others = self._left(most)
        # In this order the first that goes with a way of the first half is the best that does.
        others = others[np.lexsort((others, self.other.totals[others], -self.other.merits[others]))]
        pairs: list[tuple[Values, Values]] = []
        for begin in range(0, others.size, _AT_ONCE):
            some = others[begin : begin + _AT_ONCE]
            bits = self._together(ones, some, most)
            found = bits.any(axis=1)
            pairs.append((ones[found], some[np.unpackbits(bits[found], axis=1).argmax(axis=1)]))
            ones = ones[~found]
        one, other = (np.concatenate(half) for half in zip(*pairs, strict=True)) if pairs else (ones[:0], ones[:0])
        if not one.size:
            return ()
        merits = self.one.merits[one] + self.other.merits[other]
        totals = self.one.totals[one] + self.other.totals[other]
        best = np.lexsort((other, one, totals, -merits))[0]
        return (*self.one.columns[one[best]].tolist(), *self.other.columns[other[best]].tolist())

    def _together(self, ones: Values, others: Values, most: int) -> npt.NDArray[np.uint8]:
        """For each way of the first half a row of bits: which of those of the second go with it."""
        bits = _beginnings(-self.other.merits[others], self.one.merits[ones] - self.least_merit)
        for own, theirs in zip(self.one.burdens.T, self.other.burdens.T, strict=True):
            bits &= _beginnings(theirs[others], most - own[ones])
        return bits

    def _left(self, most: int) -> tuple[Values, Values]:
        """The ways of each half that the averages, and the other half's best merit, leave."""
        halves = ((self.one, self.averages[0]), (self.other, self.averages[1]))
        left = [np.arange(ways.merits.size) for ways, _ in halves]
        for _ in range(2):
            for own, against in ((0, 1), (1, 0)):
                (ways, mine), (their_ways, theirs) = halves[own], halves[against]
                if left[against].size:
                    room = most + _ROUNDING - theirs[left[against]].min(axis=0)
                    merit = self.least_merit - their_ways.merits[left[against]].max()
                    left[own] = left[own][(mine[left[own]] <= room).all(axis=1) & (ways.merits[left[own]] >= merit)]
        return left[0], left[1]

    def _weights(self, people: int) -> Averages:
        """Weights for averages (a column each): each attendee alone, and ever more on those who bear most."""
        weights = np.full(people, 1 / people)
        found = [weights]
        for step in range(_ROUNDS):
            halves = (self.one.burdens, self.other.burdens)
            lightest = sum(burdens[(burdens @ weights).argmin()] for burdens in halves)
            moved = weights * np.exp(4 / np.sqrt(step + 1) * (lightest / max(int(lightest.max()), 1) - 1))
            weights = moved / moved.sum()
            found.append(weights)
        return np.column_stack([*found, np.eye(people)])


def _beginnings(values: Values, most: Values) -> npt.NDArray[np.uint8]:
    """For each limit a row of bits: which of the values are not over it."""
    order = np.unique(values)
    none = np.zeros((1, values.size), dtype=bool)
    bits = np.packbits(np.concatenate([none, values <= order[:, None]]), axis=1)
    return bits[order.searchsorted(most, "right")]


def _undominated(vectors: Values) -> npt.NDArray[np.bool_]:
    """Which vectors no other one is nowhere above; of equal ones the first."""
    order = np.lexsort((np.arange(len(vectors)), vectors.sum(axis=1)))
    ranked = vectors[order]
    keep = np.ones(len(vectors), dtype=bool)
    for place, vector in enumerate(ranked[1:], 1):
        keep[order[place]] = not (ranked[:place] <= vector).all(axis=1).any()
    return keep
