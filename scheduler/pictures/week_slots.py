"""Which slots of an answer there is room for in a picture of weeks, and where each stands beside those it overlaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from scheduler.domain.search.slots import Slot
from scheduler.domain.time.clocks import Clock, clock_between
from scheduler.domain.time.periods import Span, minute_of
from scheduler.pictures.wall_days import Stretch, monday_of, placed

MOST_WEEKS = 6
MOST_SLOTS = 30
MOST_ABREAST = 6
"""How many slots may overlap."""
LEAST_LENGTH = 10
"""Minutes of room that a slot needs beside others, however short it is."""


@dataclass(frozen=True)
class Choice:
    """A slot to be drawn, its rank in the answer from 1 on, and where it is on the organizer's clock."""

    rank: int
    slot: Slot
    where: tuple[Stretch, ...]

    @property
    def room(self) -> Span:
        """The UTC minutes in which it stands beside others."""
        start = minute_of(self.slot.period.start)
        return start, max(minute_of(self.slot.period.end), start + LEAST_LENGTH)


@dataclass(frozen=True)
class ChosenSlot:
    """A choice with which of so many ``lanes`` it has beside others.

    ``starts`` and ``ends`` are the drawn people's local wall minutes since 1970-01-01.
    """

    choice: Choice
    lane: int
    lanes: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def choose_slots(slots: Sequence[Slot], stretches: Sequence[Stretch]) -> list[Choice]:
    """The best slots that there is room for: so many in all, so many at a time, in so many weeks."""
    weeks: set[date] = set()
    chosen: list[Choice] = []
    for rank, slot in enumerate(slots, 1):
        period = minute_of(slot.period.start), minute_of(slot.period.end)
        choice = Choice(rank, slot, tuple(placed([period], stretches)))
        wanted = weeks | {monday_of(stretch.day) for stretch in choice.where}
        if len(wanted) > MOST_WEEKS or _crowd(choice, chosen) > MOST_ABREAST:
            continue
        weeks = wanted
        chosen.append(choice)
        if len(chosen) == MOST_SLOTS:
            break
    return chosen


def in_lanes(chosen: Sequence[Choice], clocks: Sequence[Clock]) -> Iterator[ChosenSlot]:
    """The slots in order of time; those that hang together by overlaps share the breadth of their day."""
    together: list[tuple[Choice, int]] = []
    ends: list[int] = []
    for choice in sorted(chosen, key=lambda choice: choice.slot.period):
        start, end = choice.room
        if ends and start >= max(ends):
            yield from _beside_each_other(together, len(ends), clocks)
            together, ends = [], []
        lane = next((place for place, taken in enumerate(ends) if taken <= start), len(ends))
        ends[lane : lane + 1] = [end]
        together.append((choice, lane))
    yield from _beside_each_other(together, len(ends), clocks)


def _beside_each_other(
    together: Sequence[tuple[Choice, int]], lanes: int, clocks: Sequence[Clock]
) -> Iterator[ChosenSlot]:
    for choice, lane in together:
        period = choice.slot.period
        starts, ends = (tuple(_wall(clock, minute_of(one)) for clock in clocks) for one in (period.start, period.end))
        yield ChosenSlot(choice, lane, lanes, starts, ends)


def _wall(clock: Clock, minute: int) -> int:
    return minute + int(clock_between(clock, minute, minute + 1).offset[0])


def _crowd(choice: Choice, chosen: Sequence[Choice]) -> int:
    """How many slots there are with this one where most overlap it."""
    start, end = choice.room
    beside = [one.room for one in chosen if one.room[0] < end and start < one.room[1]]
    return 1 + max((sum(one <= max(since, start) < other for one, other in beside) for since, _ in beside), default=0)
