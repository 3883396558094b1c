"""Minimax: a time of day for each turn of a rotation, such that the largest burden of any attendee is least.

The method is meet in the middle (E. Horowitz and S. Sahni, "Computing partitions with applications to the knapsack
problem", Journal of the ACM 21, 1974): the turns are split into two halves, and all assignments of times to each half
are listed. Bitsets test for all pairs of them at once whether one keeps every attendee's burden within a limit, and
bisection finds the least limit for which there is such a pair. The result is exact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

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

    def assignment(self, columns: tuple[int, ...]) -> Assignment:
        """Return the assignment of these columns to the turns."""
        cells = range(len(columns)), columns
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
    turns, _ = costs.clear.shape
    middle = (turns + 1) // 2
    pairs = _Pairs(_Half.of(costs, range(middle)), _Half.of(costs, range(middle, turns)), costs.past_burdens, min_clear)
    least = bisect_left(range(clearest.max_burden), True, key=pairs.has_any_within)
    return costs.assignment(pairs.best_within(least))


@dataclass(frozen=True, eq=False)
class _Half:
    """All assignments of times of day to half of the turns, a row each, the best first.

    ``values`` have clear occurrences and scores in one number, which compares sums first by clear occurrences, then by
    score. Of equal values, the least total burden and then the earliest times are better.
    """

    columns: Values
    burdens: Values
    values: Values

    @classmethod
    def of(cls, costs: TurnCosts, turns: range) -> _Half:
        times = costs.clear.shape[1]
        columns = np.indices((times,) * len(turns)).reshape(len(turns), -1).T
        cells = list(turns), columns
        burdens = costs.burdens[cells].sum(axis=1)
        values = (costs.clear * _CLEAR + costs.scores)[cells].sum(axis=1)
        order = np.lexsort((burdens.sum(axis=1), -values))
        return cls(columns[order], burdens[order], values[order])


@dataclass(frozen=True, eq=False)
class _Pairs:
    """All pairs of an assignment to the first half of the turns and one to the second half."""

    first: _Half
    second: _Half
    past_burdens: Values
    min_clear: int

    def has_any_within(self, limit: int) -> bool:
        """Return whether some pair has enough clear occurrences and no burden over the limit."""
        return any(True for _ in self._compatible(limit))

    def best_within(self, limit: int) -> tuple[int, ...]:
        """Return the columns of the best pair of those within the limit, of which there is one at least."""
        rows, partners = (np.concatenate(half) for half in zip(*self._compatible(limit), strict=True))
        first, second = self.first.columns[rows], self.second.columns[partners]
        values = self.first.values[rows] + self.second.values[partners]
        burdens = self.first.burdens[rows] + self.second.burdens[partners]
        best = np.lexsort((*first.T[::-1], burdens.sum(axis=1), -values))[0]
        return (*first[best].tolist(), *second[best].tolist())

    def _compatible(self, limit: int) -> Iterator[tuple[Values, Values]]:
        """Yield, in batches, the rows of first halves with a compatible partner, and of the best such partner."""
        room = limit - self.past_burdens
        rows = self._rows_within(self.first, self.second, room)
        candidates = self._rows_within(self.second, self.first, room)
        for begin in range(0, candidates.size, _BATCH):
            batch = candidates[begin : begin + _BATCH]
            compatible = prefix_bitsets(-self.second.values[batch], self.first.values[rows] - self.min_clear * _CLEAR)
            for own, theirs, most in zip(self.first.burdens.T, self.second.burdens.T, room, strict=True):
                compatible &= prefix_bitsets(theirs[batch], most - own[rows])
            is_paired = compatible.any(axis=1)
            if is_paired.any():
                # The second half is sorted by preference, so that the first compatible partner is the best one.
                yield rows[is_paired], batch[np.unpackbits(compatible[is_paired], axis=1).argmax(axis=1)]
                rows = rows[~is_paired]

    def _rows_within(self, half: _Half, other: _Half, room: Values) -> Values:
        """Return the rows of a half that the other half's least burdens and best value allow."""
        light = (half.burdens <= room - other.burdens.min(axis=0)).all(axis=1)
        rows: Values = np.flatnonzero(light & (half.values >= self.min_clear * _CLEAR - other.values.max()))
        return rows


def prefix_bitsets(values: Values, limits: Values) -> Bitsets:
    """Return for each limit the set of indexes of the values up to it: a prefix of the values in ascending order."""
    distinct, ranks = np.unique(values, return_inverse=True)
    counts = np.arange(distinct.size + 1, dtype=np.uint16)
    prefixes = np.packbits(ranks.astype(np.uint16) < counts[:, None], axis=1)
    return prefixes[distinct.searchsorted(limits, "right")]
