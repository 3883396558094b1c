"""The best paths through the sessions of a sequence: one start of each session, in order, with the highest total score.

Dynamic programming over the sessions: forwards, which starts can be reached in which state; backwards, the best total
score from each of them. A state counts the meetings in limited days and weeks and the rest that attendees still need.

The starts that may follow a start form a range of the next session's. A range is split where a limited day or week
begins, and into single starts as long as somebody still needs rest; all starts of one part lead to the same state. A
difference array finds what the parts reach, a sparse table the best start of each part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from scheduler.domain.search.scoring import Thousandths
from scheduler.domain.search.starts import Mask
from scheduler.domain.time.periods import Minutes
from scheduler.errors import InvalidValue

NO_PATH = -1
"""The total score of a start from which no path leads to the last session."""
MAX_WORK = 30_000_000
"""How many parts of ranges one search looks at, counted once for each state and direction."""
PART_COST = 250
"""The fixed cost of a numpy operation on parts, in parts."""
SINGLE_COST = 4
"""The cost of splitting off a single start, in parts."""

State = tuple[int, ...]
"""For each limit, the sessions so far in the current day or week; for each rest, the minutes still needed."""


class TooManyLimits(InvalidValue):
    """More states, because of limits and buffers that the sessions could reach, than can be searched in time."""

    def __init__(self) -> None:
        super().__init__(
            "too many attendees of several sessions have buffers, or limits for a day or a week, that the sessions "
            "could reach; ask for a shorter window, a longer step or fewer sessions"
        )


@dataclass(frozen=True)
class Stage:
    """A session's feasible starts (UTC minutes, ascending) with their scores.

    It starts from ``min_gap`` to ``max_gap`` (None: any) minutes after the end of the previous session.
    """

    starts: Minutes
    scores: Thousandths
    duration: int
    min_gap: int = 0
    max_gap: int | None = None


@dataclass(frozen=True)
class StageLimit:
    """A `MeetingLimit` of one attendee, for each start of each stage.

    ``numbers`` are the number of the day or week, ascending. ``room`` is how many sessions the day or week takes beside
    existing meetings; None for stages that the attendee is not in.
    """

    numbers: tuple[Minutes, ...]
    room: tuple[Minutes | None, ...]


@dataclass(frozen=True)
class Rest:
    """An attendee's rest: stage ``last`` starts at least ``minutes`` after the end of stage ``first``."""

    first: int
    last: int
    minutes: int

    def remaining(self, stages: Sequence[Stage]) -> int:
        """Return the minutes still needed if the stages in between follow each other as early as possible."""
        durations = sum(stage.duration for stage in stages[self.first + 1 : self.last])
        return self.minutes - durations - sum(stage.min_gap for stage in stages[self.first + 1 : self.last + 1])


@dataclass(frozen=True)
class _Parts:
    """Parts [low, high) of the next stage's starts that may follow ``starts`` of a stage; all are indexes.

    ``is_same`` says for each limit whether the parts are in the day or week of their starts. They begin ``slack``
    minutes later than the minimum gap requires; ``slack`` is capped at the rest that is still needed. No start has two
    parts.
    """

    is_same: tuple[bool, ...]
    slack: int
    starts: Minutes
    low: Minutes
    high: Minutes


class SequencePaths:
    """The best paths through stages that follow each other. Raises TooManyLimits."""

    def __init__(self, stages: Sequence[Stage], limits: Sequence[StageLimit] = (), rests: Sequence[Rest] = ()) -> None:
        self._stages = stages
        self._limits = limits
        self._rests = [(rest, minutes) for rest in rests if (minutes := rest.remaining(stages)) > 0]
        self._work = 0
        needed = (minutes if rest.first == 0 else 0 for rest, minutes in self._rests)
        self._initial: State = (*(0 for _ in limits), *needed)
        first = np.flatnonzero(self._has_room(0, self._initial))
        self._reachable: list[dict[State, Minutes]] = [{self._initial: first} if first.size else {}]
        for number in range(len(stages) - 1):
            self._reachable.append(self._reachable_after(number))

    @property
    def first_unreachable(self) -> int | None:
        """The number of the first stage that can't follow those before it, None if there is none."""
        return next((number for number, reachable in enumerate(self._reachable) if not reachable), None)

    @property
    def best_totals(self) -> Thousandths:
        """The highest total score of a path from each start of the first stage, or NO_PATH."""
        totals, _ = self._backward_pass
        found: Thousandths = np.full(self._stages[0].starts.size, NO_PATH, dtype=np.int64)
        for state, reachable in self._reachable[0].items():
            found[reachable] = totals[state]
        return found

    def best_path(self, first: int) -> list[int]:
        """Return the indexes of the starts of the best path from a start of the first stage that has one.

        Of equal totals, the earliest next start wins at each stage.
        """
        path, state = [first], self._initial
        for number, next_starts in enumerate(self._backward_pass[1]):
            here = path[-1]
            there = int(next_starts[state][self._reachable[number][state].searchsorted(here)])
            is_same = tuple(
                bool(limit.numbers[number + 1][there] <= limit.numbers[number][here]) for limit in self._limits
            )
            stage, following = self._stages[number : number + 2]
            slack = following.starts[there] - (stage.starts[here] + stage.duration + following.min_gap)
            state = self._next_state(number, state, is_same, int(slack))
            path.append(there)
        return path

    def _reachable_after(self, number: int) -> dict[State, Minutes]:
        """Return the indexes of the next stage's starts that can be reached, by state: a difference array of parts."""
        size = self._stages[number + 1].starts.size
        masks: dict[State, Mask] = {}
        for _, after, _, low, high in self._transitions(number):
            opened = np.bincount(low, minlength=size + 1)
            closed = np.bincount(high, minlength=size + 1)
            mask = np.cumsum(opened - closed)[:-1] > 0
            masks[after] = masks[after] | mask if after in masks else mask
        found = ((state, np.flatnonzero(mask & self._has_room(number + 1, state))) for state, mask in masks.items())
        return {state: indexes for state, indexes in found if indexes.size}

    @cached_property
    def _backward_pass(self) -> tuple[dict[State, Thousandths], list[dict[State, Minutes]]]:
        """The best totals of the first stage's reachable starts, and the best next start of those of each stage."""
        last = len(self._stages) - 1
        totals = {state: self._stages[last].scores[reachable] for state, reachable in self._reachable[last].items()}
        next_starts: list[dict[State, Minutes]] = []
        for number in reversed(range(last)):
            size, scores = self._stages[number + 1].starts.size, self._stages[number].scores
            best = self._best_next(number, totals)
            totals = {
                state: np.where(keys > NO_PATH, scores[self._reachable[number][state]] + keys // size, NO_PATH)
                for state, keys in best.items()
            }
            next_starts.append({state: size - 1 - keys % size for state, keys in best.items()})
        return totals, next_starts[::-1]

    def _best_next(self, number: int, totals: Mapping[State, Thousandths]) -> dict[State, Thousandths]:
        """Return for each reachable start the highest key (see `_keys`) of those that may follow, or NO_PATH.

        ``totals`` are the best totals of the next stage's reachable starts.
        """
        best = {
            state: np.full(indexes.size, NO_PATH, dtype=np.int64) for state, indexes in self._reachable[number].items()
        }
        queries: dict[State, list[tuple[Thousandths, Minutes, Minutes, Minutes]]] = defaultdict(list)
        for state, after, rows, low, high in self._transitions(number):
            if after in totals:
                queries[after].append((best[state], rows, low, high))
        for after, several in queries.items():
            low, high = (np.concatenate([query[column] for query in several]) for column in (2, 3))
            keys = self._keys(number + 1, self._reachable[number + 1][after], totals[after])
            bounds = np.cumsum([rows.size for _, rows, _, _ in several])[:-1]
            maxima = np.split(range_maxima(keys, low, high), bounds)
            for (target, rows, _, _), found in zip(several, maxima, strict=True):
                target[rows] = np.maximum(target[rows], found)
        return best

    def _keys(self, number: int, reachable: Minutes, totals: Thousandths) -> Thousandths:
        """Combine total and index of each start of a stage: the highest key is the earliest of the best starts."""
        size = self._stages[number].starts.size
        keys = np.full(size, NO_PATH, dtype=np.int64)
        keys[reachable] = np.where(totals > NO_PATH, totals * size + (size - 1 - reachable), NO_PATH)
        return keys

    def _transitions(self, number: int) -> Iterator[tuple[State, State, Minutes, Minutes, Minutes]]:
        """Yield a state, the next state, and the parts that lead to it: (row of the start, low, high).

        The row is the position of the start among those that are reachable in the state.
        """
        parts_by_rest: dict[int, list[_Parts]] = {}
        for state, reachable in self._reachable[number].items():
            needed = max(state[len(self._limits) :], default=0)
            if needed not in parts_by_rest:
                parts_by_rest[needed] = list(self._parts(number, needed))
            row_of = np.full(self._stages[number].starts.size, -1, dtype=np.int64)
            row_of[reachable] = np.arange(reachable.size)
            for parts in parts_by_rest[needed]:
                self._add_work(parts.starts.size + PART_COST)
                if self._is_rested(number, state, parts.slack):
                    rows = row_of[parts.starts]
                    used = rows >= 0
                    if used.any():
                        after = self._next_state(number, state, parts.is_same, parts.slack)
                        yield state, after, rows[used], parts.low[used], parts.high[used]

    def _parts(self, number: int, needed: int) -> Iterator[_Parts]:
        """Yield the parts of the ranges that may follow each start, where at most ``needed`` minutes of rest remain."""
        stage, following = self._stages[number : number + 2]
        earliest = stage.starts + stage.duration + following.min_gap
        low = following.starts.searchsorted(earliest, "left")
        high = np.full_like(low, following.starts.size)
        if following.max_gap is not None:
            latest = stage.starts + (stage.duration + following.max_gap)
            high = np.maximum(following.starts.searchsorted(latest, "right"), low)
        if not self._limits and not needed:
            nonempty = np.flatnonzero(low < high)
            yield _Parts((), 0, nonempty, low[nonempty], high[nonempty])
            return
        # Where the next day or week of each limit begins.
        changes = [limit.numbers[number + 1].searchsorted(limit.numbers[number], "right") for limit in self._limits]
        rested = np.minimum(following.starts.searchsorted(earliest + needed, "left"), high) if needed else low
        singles = [np.minimum(low + count, rested) for count in range(self._most_singles(low, rested) + 1)]
        inside = np.sort([one.clip(rested, high) for one in changes], axis=0) if len(changes) > 1 else changes
        cuts = [rested, *(one.clip(rested, high) for one in inside), high]
        ranges = [*pairwise(singles), *pairwise(cuts)]
        coded = [self._coded(low, high, earliest, following.starts, changes, needed) for low, high in ranges]
        yield from self._grouped(*(np.concatenate(columns) for columns in zip(*coded, strict=True)))

    @staticmethod
    def _coded(
        low: Minutes, high: Minutes, earliest: Minutes, following: Minutes, changes: Sequence[Minutes], needed: int
    ) -> tuple[Minutes, Minutes, Minutes, Minutes]:
        """Return code, start, low and high of the nonempty ranges; the code has the slack and a bit for each limit."""
        starts = np.flatnonzero(low < high)
        low, high = low[starts], high[starts]
        codes = np.minimum(following[low] - earliest[starts], needed) << len(changes)
        for number, change in enumerate(changes):
            codes |= (low < change[starts]).astype(np.int64) << number
        return codes, starts, low, high

    def _grouped(self, codes: Minutes, *columns: Minutes) -> Iterator[_Parts]:
        """Yield the parts (start, low, high) of each code."""
        # The smallest type, because numpy sorts small integers by radix sort.
        order = np.argsort(codes.astype(np.min_scalar_type(codes.max(initial=0))), kind="stable")
        bounds = np.flatnonzero(np.diff(codes[order], prepend=-1))
        for group in np.split(order, bounds[1:]) if order.size else ():
            slack, bits = divmod(int(codes[group[0]]), 1 << len(self._limits))
            is_same = tuple(bool(bits >> number & 1) for number in range(len(self._limits)))
            yield _Parts(is_same, slack, *(column[group] for column in columns))

    def _most_singles(self, low: Minutes, rested: Minutes) -> int:
        """Return how many single starts are split off at most, because rest may still be needed at them."""
        most = int((rested - low).max())
        self._add_work(SINGLE_COST * most * low.size)
        return most

    def _add_work(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise TooManyLimits

    def _has_room(self, number: int, state: State) -> Mask:
        """Return at which starts of a stage all limits take one more session."""
        has_room: Mask = np.ones(self._stages[number].starts.size, dtype=bool)
        for limit, sessions in zip(self._limits, state, strict=False):
            room = limit.room[number]
            if room is not None:
                has_room &= room > sessions
        return has_room

    def _is_rested(self, number: int, state: State, slack: int) -> bool:
        """Return whether the slack is enough for all rests that end with the next stage."""
        needed = zip(self._rests, state[len(self._limits) :], strict=True)
        return all(rest.last != number + 1 or minutes <= slack for (rest, _), minutes in needed)

    def _next_state(self, number: int, state: State, is_same: Sequence[bool], slack: int) -> State:
        """Return the state in which the next stage is reached."""
        sessions = [
            count + (limit.room[number] is not None) if same else 0
            for limit, count, same in zip(self._limits, state, is_same, strict=False)
        ]
        rests = [
            initial if rest.first == number + 1 else max(minutes - slack, 0) if rest.last > number + 1 else 0
            for (rest, initial), minutes in zip(self._rests, state[len(self._limits) :], strict=True)
        ]
        return (*sessions, *rests)


def range_maxima(values: Thousandths, low: Minutes, high: Minutes) -> Thousandths:
    """Return the maximum of each range [low, high) of the values; NO_PATH for an empty range.

    A sparse table (M. A. Bender and M. Farach-Colton, "The LCA problem revisited", LATIN 2000): the maxima of all runs
    of 2^k values, two of which cover any range. Ranges up to the end use suffix maxima.
    """
    maxima = np.full(low.size, NO_PATH, dtype=np.int64)
    to_the_end = (high == values.size) & (low < high)
    maxima[to_the_end] = np.maximum.accumulate(values[::-1])[::-1][low[to_the_end]]
    level = np.where(to_the_end, 0, np.frexp(high - low)[1])  # 2^(level - 1) <= length < 2^level
    runs = values
    for number in range(1, int(level.max(initial=0)) + 1):
        length = 1 << (number - 1)
        ranges = np.flatnonzero(level == number)
        maxima[ranges] = np.maximum(runs[low[ranges]], runs[high[ranges] - length])
        runs = np.maximum(runs[:-length], runs[length:])
    return maxima
