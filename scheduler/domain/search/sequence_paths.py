"""The best way to go on from each start of a sequence of sessions: forwards what is reached, backwards what is best.

What may follow a start is a range of later ones. It is cut where somebody's next day or week begins, if theirs take
only so many of the sessions, and start by start as long as somebody is still owed rest. Whatever one part of a range
leads to is reached in the same state, and the worth of a start is kept for each state that it is really reached in.
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

NEVER = -1
"""The worth of a start from which the later sessions can't be reached."""
MOST_WORK = 30_000_000
"""How many parts of the starts' ranges are looked at for one question, for each state and forwards and backwards."""
PART_COST = 250
"""What it takes to look at any parts at once, however few they are, in parts."""
SINGLE_COST = 4
"""What it takes to find a part of a single start, in parts."""

State = tuple[int, ...]
"""For each limit, how many sessions the day or week has had before; for each rest, what is owed of it yet."""


class TooManyLimits(InvalidValue):
    """More limits and buffers that the plan's own sessions could reach than can be kept exactly in a moment."""

    def __init__(self) -> None:
        super().__init__(
            "too many of those who are in several sessions have buffers, or limits for a day or a week, that these "
            "could reach; ask for a shorter window, a longer step or fewer sessions"
        )


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
class Rest:
    """The stage ``last`` begins at least so many minutes after the stage ``first`` has ended, others in between."""

    first: int
    last: int
    minutes: int

    def beyond(self, stages: Sequence[Stage]) -> int:
        """By how many minutes the stages in between fall short of it if they follow each other as soon as they may."""
        between = sum(stage.duration for stage in stages[self.first + 1 : self.last])
        return self.minutes - between - sum(stage.rest for stage in stages[self.first + 1 : self.last + 1])


@dataclass(frozen=True)
class _Parts:
    """Parts of the ranges that may follow some starts of a stage, from ``low`` up to ``high`` in the next one's starts.

    All lie in the ``same`` limits' days and weeks as the starts and begin ``extra`` minutes later than they have to
    (or more, if it is as much as anybody is owed). No start has two of them.
    """

    same: tuple[bool, ...]
    extra: int
    starts: Minutes
    low: Minutes
    high: Minutes


class Continuations:
    """The best plans of stages that follow each other. Raises TooManyLimits."""

    def __init__(self, stages: Sequence[Stage], limits: Sequence[Limit] = (), rests: Sequence[Rest] = ()) -> None:
        self._stages = stages
        self._limits = limits
        self._owed = [(rest, beyond) for rest in rests if (beyond := rest.beyond(stages)) > 0]
        self._work = 0
        self._start = (*(0 for _ in limits), *(beyond if rest.first == 0 else 0 for rest, beyond in self._owed))
        fits = np.flatnonzero(self._fits(0, self._start))
        self._reached = [{self._start: fits} if fits.size else {}]
        for place in range(len(stages) - 1):
            self._reached.append(self._reached_after(place))

    @property
    def stuck(self) -> int | None:
        """The first stage that can't follow those before it, if there is one."""
        return next((place for place, reached in enumerate(self._reached) if not reached), None)

    @property
    def worth(self) -> Thousandths:
        """For each start of the first stage the most that a plan from there scores in all, or NEVER."""
        worth, _ = self._best
        whole: Thousandths = np.full(self._stages[0].starts.size, NEVER, dtype=np.int64)
        for state, reached in self._reached[0].items():
            whole[reached] = worth[state]
        return whole

    def places(self, begin: int) -> list[int]:
        """The place of each stage's start in the best plan from that one of the first; of equal ones the earliest.

        A plan has to begin there, as `worth` says.
        """
        places, state = [begin], self._start
        for place, onward in enumerate(self._best[1]):
            here = places[-1]
            there = int(onward[state][self._reached[place][state].searchsorted(here)])
            same = tuple(bool(one.spans[place + 1][there] <= one.spans[place][here]) for one in self._limits)
            stage, following = self._stages[place : place + 2]
            extra = following.starts[there] - (stage.starts[here] + stage.duration + following.rest)
            state = self._after(place, state, same, int(extra))
            places.append(there)
        return places

    def _reached_after(self, place: int) -> dict[State, Minutes]:
        """The next stage's starts that can be reached, by the state they are reached in."""
        size = self._stages[place + 1].starts.size
        reached: dict[State, Mask] = {}
        for _, after, parts, rows in self._moves(place):
            mine = rows >= 0
            opens = np.bincount(parts.low[mine], minlength=size + 1)
            closes = np.bincount(parts.high[mine], minlength=size + 1)
            mask = np.cumsum(opens - closes)[:-1] > 0
            reached[after] = reached[after] | mask if after in reached else mask
        fitting = ((state, np.flatnonzero(mask & self._fits(place + 1, state))) for state, mask in reached.items())
        return {state: places for state, places in fitting if places.size}

    @cached_property
    def _best(self) -> tuple[dict[State, Thousandths], list[dict[State, Minutes]]]:
        """What the first stage's starts that are reached are worth, and for each stage where to go on from them."""
        last = len(self._stages) - 1
        worth = {state: self._stages[last].scores[reached] for state, reached in self._reached[last].items()}
        onward: list[dict[State, Minutes]] = []
        for place in reversed(range(last)):
            size, scores = self._stages[place + 1].starts.size, self._stages[place].scores
            best = self._best_after(place, worth)
            worth = {
                state: np.where(keys > NEVER, scores[self._reached[place][state]] + keys // size, NEVER)
                for state, keys in best.items()
            }
            onward.append({state: size - 1 - keys % size for state, keys in best.items()})
        return worth, onward[::-1]

    def _best_after(self, place: int, worth: Mapping[State, Thousandths]) -> dict[State, Thousandths]:
        """For each start that is reached the best of those that may follow it, as `_keys` numbers them, or NEVER."""
        best = {state: np.full(reached.size, NEVER, dtype=np.int64) for state, reached in self._reached[place].items()}
        asked: dict[State, list[tuple[Thousandths, Minutes, Minutes, Minutes]]] = defaultdict(list)
        for state, after, parts, rows in self._moves(place):
            if after in worth:
                mine = rows >= 0
                asked[after].append((best[state], rows[mine], parts.low[mine], parts.high[mine]))
        for after, several in asked.items():
            low, high = (np.concatenate([row[number] for row in several]) for number in (2, 3))
            keys = self._keys(place + 1, self._reached[place + 1][after], worth[after])
            found = np.split(best_between(keys, low, high), np.cumsum([row[1].size for row in several])[:-1])
            for (theirs, rows, _, _), values in zip(several, found, strict=True):
                theirs[rows] = np.maximum(theirs[rows], values)
        return best

    def _keys(self, place: int, reached: Minutes, worth: Thousandths) -> Thousandths:
        """A stage's starts, worth and place in one number: the greatest is the earliest of those worth most."""
        size = self._stages[place].starts.size
        keys = np.full(size, NEVER, dtype=np.int64)
        keys[reached] = np.where(worth > NEVER, worth * size + (size - 1 - reached), NEVER)
        return keys

    def _moves(self, place: int) -> Iterator[tuple[State, State, _Parts, Minutes]]:
        """From which state to which parts of the starts' ranges lead, and which of those reached each start is.

        A start that is not reached in the state is -1.
        """
        known: dict[int, list[_Parts]] = {}
        for state, reached in self._reached[place].items():
            owed = max(state[len(self._limits) :], default=0)
            if owed not in known:
                known[owed] = list(self._parts(place, owed))
            row = np.full(self._stages[place].starts.size, -1, dtype=np.int64)
            row[reached] = np.arange(reached.size)
            for parts in known[owed]:
                self._count(parts.starts.size + PART_COST)
                if self._is_rested(place, state, parts.extra):
                    rows = row[parts.starts]
                    if (rows >= 0).any():
                        yield state, self._after(place, state, parts.same, parts.extra), parts, rows

    def _parts(self, place: int, owed: int) -> Iterator[_Parts]:
        """The parts of the ranges that may follow each start, where at most so many minutes are owed."""
        stage, following = self._stages[place : place + 2]
        earliest = stage.starts + stage.duration + following.rest
        low = following.starts.searchsorted(earliest, "left")
        high = np.full_like(low, following.starts.size)
        if following.at_most is not None:
            latest = stage.starts + (stage.duration + following.at_most)
            high = np.maximum(following.starts.searchsorted(latest, "right"), low)
        if not self._limits and not owed:
            some = np.flatnonzero(low < high)
            yield _Parts((), 0, some, low[some], high[some])
            return
        over = [one.spans[place + 1].searchsorted(one.spans[place], "right") for one in self._limits]
        rested = np.minimum(following.starts.searchsorted(earliest + owed, "left"), high) if owed else low
        singly = [np.minimum(low + number, rested) for number in range(self._most_singly(low, rested) + 1)]
        inside = np.sort([one.clip(rested, high) for one in over], axis=0) if len(over) > 1 else over
        cuts = [rested, *(one.clip(rested, high) for one in inside), high]
        pairs = [*pairwise(singly), *pairwise(cuts)]
        found = [self._coded(pair, earliest, following.starts, over, owed) for pair in pairs]
        yield from self._parted(*(np.concatenate(rows) for rows in zip(*found, strict=True)))

    def _parted(self, codes: Minutes, *rows: Minutes) -> Iterator[_Parts]:
        """The parts by their codes."""
        # Small numbers are sorted in one pass.
        order = np.argsort(codes.astype(np.min_scalar_type(codes.max(initial=0))), kind="stable")
        bounds = np.flatnonzero(np.diff(codes[order], prepend=-1))
        for mine in np.split(order, bounds[1:]) if order.size else ():
            extra, bits = divmod(int(codes[mine[0]]), 1 << len(self._limits))
            same = tuple(bool(bits >> number & 1) for number in range(len(self._limits)))
            yield _Parts(same, extra, *(row[mine] for row in rows))

    @staticmethod
    def _coded(
        pair: tuple[Minutes, Minutes], earliest: Minutes, following: Minutes, over: Sequence[Minutes], owed: int
    ) -> tuple[Minutes, Minutes, Minutes, Minutes]:
        """What the ranges between two cuts have in common as a number: how much later, and in which days and weeks."""
        starts = np.flatnonzero(pair[0] < pair[1])
        low, high = pair[0][starts], pair[1][starts]
        codes = np.minimum(following[low] - earliest[starts], owed) << len(over)
        for number, one in enumerate(over):
            codes |= (low < one[starts]).astype(np.int64) << number
        return codes, starts, low, high

    def _most_singly(self, low: Minutes, rested: Minutes) -> int:
        """How many starts are looked at one by one after any start, because somebody may be owed rest at them."""
        most = int((rested - low).max())
        self._count(SINGLE_COST * most * low.size)
        return most

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > MOST_WORK:
            raise TooManyLimits

    def _fits(self, place: int, state: State) -> Mask:
        """Where the days and weeks take one more session than they have had."""
        fits: Mask = np.ones(self._stages[place].starts.size, dtype=bool)
        for limit, had in zip(self._limits, state, strict=False):
            room = limit.room[place]
            if room is not None:
                fits &= room > had
        return fits

    def _is_rested(self, place: int, state: State, extra: int) -> bool:
        """Whether nobody whom the next session ends a rest of is owed more than the minutes it begins later."""
        owed = zip(self._owed, state[len(self._limits) :], strict=True)
        return all(rest.last != place + 1 or left <= extra for (rest, _), left in owed)

    def _after(self, place: int, state: State, same: Sequence[bool], extra: int) -> State:
        """The state that the next stage is reached in."""
        had = [
            had + (limit.room[place] is not None) if stays else 0
            for limit, had, stays in zip(self._limits, state, same, strict=False)
        ]
        left = [
            beyond if rest.first == place + 1 else max(left - extra, 0) if rest.last > place + 1 else 0
            for (rest, beyond), left in zip(self._owed, state[len(self._limits) :], strict=True)
        ]
        return (*had, *left)


def best_between(worth: Thousandths, low: Minutes, high: Minutes) -> Thousandths:
    """For each range of places [low, high) the greatest worth in it; NEVER where it is empty.

    The best of every run of 2^k places answers any range by two runs that cover it, and one up to the end by itself.
    """
    best = np.full(low.size, NEVER, dtype=np.int64)
    to_the_end = (high == worth.size) & (low < high)
    best[to_the_end] = np.maximum.accumulate(worth[::-1])[::-1][low[to_the_end]]
    level = np.where(to_the_end, 0, np.frexp(high - low)[1])  # 2^(level - 1) <= length < 2^level
    runs = worth
    for number in range(1, int(level.max(initial=0)) + 1):
        run = 1 << (number - 1)
        mine = np.flatnonzero(level == number)
        best[mine] = np.maximum(runs[low[mine]], runs[high[mine] - run])
        runs = np.maximum(runs[:-run], runs[run:])
    return best
