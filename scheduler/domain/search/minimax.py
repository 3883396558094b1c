"""Minimax: a time of day for each turn of a rotation, such that the largest burden of any attendee is least.

The method is meet in the middle (E. Horowitz and S. Sahni, "Computing partitions with applications to the knapsack
problem", Journal of the ACM 21, 1974): the turns are split into two halves, and all assignments of times to each half
are listed. Bitsets test for all pairs of them at once whether one keeps every attendee's burden within a limit, and
bisection finds the least limit for which there is such a pair. The result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.int64]
Bitsets = npt.NDArray[np.uint8]
"""A set of indexes in each row, a bit for each index."""

_CLEAR = 1 << 20
"""The value of a clear occurrence; more than all scores of a rotation together."""
_BATCH = 1024
"""How many assignments of the second half are tested against all of the first half at a time."""


@dataclass(frozen=True)
class Assignment:
    """A time of day (column) for each turn, with its results.

    ``max_burden`` is the largest burden of any attendee and ``total_burden`` the sum of all, in weighted minutes.
    ``score`` is the sum of the scores of the ``clear`` occurrences, in thousandths.
    """

    columns: tuple[int, ...]
    max_burden: int
    clear: int
    score: int
    total_burden: int

    @property
    def mean_score(self) -> int:
        """The mean score of the clear occurrences, in thousandths."""
        return round(self.score / self.clear)

    @property
    def sort_key(self) -> tuple[int, ...]:
        """A key that sorts better assignments first."""
        return (self.max_burden, -self.clear, -self.score, self.total_burden, *self.columns)


@dataclass(frozen=True)
class TurnCosts:
    """The burdens and results of each time of day in each turn.

    Args:
        burdens: weighted minutes; turns x times of day x attendees.
        clear: number of clear occurrences; turns x times of day.
        scores: sum of the scores of the clear occurrences, in thousandths; turns x times of day.
        past_burdens: what each attendee's burden starts from, in weighted minutes.

    """

    burdens: Values
    clear: Values
    scores: Values
    past_burdens: Values

    @property
    def turns(self) -> int:
        """The number of turns."""
        return len(self.clear)

    @cached_property
    def values(self) -> Values:
        """Clear occurrences and scores in one number, which compares sums first by clear occurrences, then by score."""
        return self.clear * _CLEAR + self.scores

    def assignment(self, columns: tuple[int, ...]) -> Assignment:
        """Return the assignment of these columns to the turns."""
        cells = range(self.turns), columns
        burdens = self.past_burdens + self.burdens[cells].sum(axis=0)
        clear, score = int(self.clear[cells].sum()), int(self.scores[cells].sum())
        return Assignment(columns, int(burdens.max()), clear, score, int(burdens.sum()))


def minimax_assignment(costs: TurnCosts, min_clear: int) -> Assignment | None:
    """Return the assignment with the least ``max_burden`` of those with at least so many clear occurrences.

    Ties are broken by more clear occurrences, then a higher score, a smaller total burden, and earlier times.

    Returns:
        None if no assignment has enough clear occurrences.

    """
    clearest = costs.assignment(tuple(costs.clear.argmax(axis=1).tolist()))
    if clearest.clear < min_clear:
        return None
    pairs = HalfPairs(costs, min_clear)
    unit = _common_unit(costs)
    low, high = pairs.lower_bound, clearest.max_burden
    while low < high:
        limit = (low + high) // 2 // unit * unit
        reached = pairs.some_burden_within(limit)
        low, high = (limit + unit, high) if reached is None else (low, reached)
    return pairs.best_within(high)


def _common_unit(costs: TurnCosts) -> int:
    """Return the greatest common divisor of all burdens: only its multiples can be a limit."""
    return max(int(np.gcd(np.gcd.reduce(costs.burdens, axis=None), np.gcd.reduce(costs.past_burdens))), 1)


@dataclass(frozen=True, eq=False)
class PartialAssignments:
    """Assignments of times of day to some of the turns: a row each in ``columns``, ``burdens`` and ``values``."""

    columns: Values
    burdens: Values
    values: Values

    @classmethod
    def all_of(cls, costs: TurnCosts, turns: range, past_burdens: Values) -> PartialAssignments:
        """List all assignments to these turns, the earliest times first."""
        times = costs.clear.shape[1]
        columns = np.indices((times,) * len(turns)).reshape(len(turns), -1).T
        burdens = past_burdens + sum(costs.burdens[turn, columns[:, at]] for at, turn in enumerate(turns))
        values = np.asarray(sum(costs.values[turn, columns[:, at]] for at, turn in enumerate(turns)))
        return cls(columns, burdens, values)

    @cached_property
    def total_burdens(self) -> Values:
        """The sum of all attendees' burdens."""
        totals: Values = self.burdens.sum(axis=1)
        return totals

    def best_first(self) -> PartialAssignments:
        """Sort by value downwards, then by total burden, then by columns."""
        order = np.lexsort((self.total_burdens, -self.values))
        return PartialAssignments(self.columns[order], self.burdens[order], self.values[order])


class HalfPairs:
    """All pairs of an assignment to the first half of the turns and one to the second half."""

    def __init__(self, costs: TurnCosts, min_clear: int) -> None:
        half = (costs.turns + 1) // 2
        self._costs = costs
        self._first = PartialAssignments.all_of(costs, range(half), costs.past_burdens)
        nothing = np.zeros_like(costs.past_burdens)
        self._second = PartialAssignments.all_of(costs, range(half, costs.turns), nothing).best_first()
        self._min_value = min_clear * _CLEAR

    @property
    def lower_bound(self) -> int:
        """A burden that some attendee has at least in every pair."""
        return int((self._first.burdens.min(axis=0) + self._second.burdens.min(axis=0)).max())

    def some_burden_within(self, limit: int) -> int | None:
        """Return the ``max_burden`` of some pair that keeps within the limit, None if no pair does."""
        rows, partners = next(self._compatible_pairs(limit), (None, None))
        if rows is None:
            return None
        return int((self._first.burdens[rows] + self._second.burdens[partners]).max(axis=1).min())

    def best_within(self, limit: int) -> Assignment:
        """Return the pair of highest value that keeps within the limit, if some pair does.

        Of equal values, the least total burden and then the earliest times win.
        """
        first, second = self._first, self._second
        row, partner = (np.concatenate(half) for half in zip(*self._compatible_pairs(limit), strict=True))
        values = first.values[row] + second.values[partner]
        best = np.lexsort((row, first.total_burdens[row] + second.total_burdens[partner], -values))[0]
        columns = *first.columns[row[best]].tolist(), *second.columns[partner[best]].tolist()
        return self._costs.assignment(columns)

    def _compatible_pairs(self, limit: int) -> Iterator[tuple[Values, Values]]:
        """Yield, in batches, the indexes of first halves with a compatible partner, and of the best such partner."""
        rows = self._within(self._first, self._second, limit)
        candidates = self._within(self._second, self._first, limit)
        for begin in range(0, candidates.size, _BATCH):
            batch = candidates[begin : begin + _BATCH]
            compatible = self._compatible(rows, batch, limit)
            is_paired = compatible.any(axis=1)
            if is_paired.any():
                # The second half is sorted by preference, so that the first compatible partner is the best one.
                yield rows[is_paired], batch[np.unpackbits(compatible[is_paired], axis=1).argmax(axis=1)]
                rows = rows[~is_paired]

    def _within(self, half: PartialAssignments, other: PartialAssignments, limit: int) -> Values:
        """Return the indexes of a half's assignments that the other half's least burdens and best value allow."""
        light = (half.burdens <= limit - other.burdens.min(axis=0)).all(axis=1)
        indexes: Values = np.flatnonzero(light & (half.values >= self._min_value - other.values.max()))
        return indexes

    def _compatible(self, rows: Values, partners: Values, limit: int) -> Bitsets:
        """Return for each row the set of partners with which value and burdens keep within the bounds."""
        bits = prefix_bitsets(-self._second.values[partners], self._first.values[rows] - self._min_value)
        for own, theirs in zip(self._first.burdens.T, self._second.burdens.T, strict=True):
            bits &= prefix_bitsets(theirs[partners], limit - own[rows])
        return bits


def prefix_bitsets(values: Values, limits: Values) -> Bitsets:
    """Return for each limit the set of indexes of the values up to it: a prefix of the values in ascending order."""
    distinct, ranks = np.unique(values, return_inverse=True)
    counts = np.arange(distinct.size + 1, dtype=np.uint16)
    prefixes = np.packbits(ranks.astype(np.uint16) < counts[:, None], axis=1)
    return prefixes[distinct.searchsorted(limits, "right")]
