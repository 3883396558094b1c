"""A person's clock: that of their home zone, or of another zone on the days of a planned move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from scheduler.domain.time.periods import minute_of
from scheduler.domain.time.zones import LocalTime, Offsets, offsets_between
from scheduler.errors import InvalidValue


class OverlappingMoves(InvalidValue):
    """Two planned moves share a day, so that the zone of that day is ambiguous."""

    def __init__(self, zone: str, other: str, day: date) -> None:
        self.zone = zone
        self.other = other
        self.day = day
        super().__init__(f"{day} is in two planned moves, to {zone} and to {other}; end one before the other begins")


class BackwardMove(InvalidValue):
    """A planned move ends before it begins."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.last = last
        super().__init__(f"the move ends on {last}, before it begins on {first}")


@dataclass(frozen=True)
class PlannedMove:
    """Local days in another zone, first and last included. Raises BackwardMove."""

    first: date
    last: date
    zone: str

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BackwardMove(self.first, self.last)

    @property
    def span(self) -> tuple[int, int]:
        """Half-open UTC minutes: midnight before the first day to midnight after the last, in the move's zone."""
        days = (self.first, self.last + timedelta(days=1))
        start, end = (minute_of(LocalTime(datetime.combine(day, time()), self.zone).instant) for day in days)
        return start, end


@dataclass(frozen=True)
class Itinerary:
    """A home zone and the planned moves away from it, sorted by their first days. Raises OverlappingMoves.

    A move ends at the end of its last day, or at the start of the next move if that is earlier: midnight comes at
    different instants in different zones.
    """

    home: str
    moves: tuple[PlannedMove, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", tuple(sorted(self.moves, key=lambda move: move.first)))
        for before, after in zip(self.moves, self.moves[1:], strict=False):
            if after.first <= before.last:
                raise OverlappingMoves(before.zone, after.zone, after.first)

    def zone_spans(self, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """Yield (zone, since, until) in order and without gaps for [start, end), all in UTC minutes."""
        since = start
        spans = [move.span for move in self.moves]
        next_starts = [*(span_start for span_start, _ in spans[1:]), end]
        for move, (move_start, move_end), next_start in zip(self.moves, spans, next_starts, strict=False):
            first, until = max(move_start, since), min(move_end, next_start, end)
            if first < until:
                if since < first:
                    yield self.home, since, first
                yield move.zone, first, until
                since = until
        if since < end:
            yield self.home, since, end


Clock = str | Itinerary
"""A person's clock: the name of their zone, or an itinerary if they have planned moves."""


def clock_offsets(clock: Clock, start: int, end: int) -> Offsets:
    """Return the clock's UTC offsets in [start, end) (UTC minutes)."""
    if isinstance(clock, str):
        return offsets_between(clock, start, end)
    parts = [offsets_between(zone, since, until) for zone, since, until in clock.zone_spans(start, end)]
    if not parts:
        return offsets_between(clock.home, start, end)
    return Offsets(
        np.concatenate([part.since for part in parts]),
        np.concatenate([part.until for part in parts]),
        np.concatenate([part.offset for part in parts]),
    )


def zone_at(clock: Clock, instant: datetime) -> str:
    """Return the zone that the clock follows at an instant."""
    if isinstance(clock, str):
        return clock
    minute = minute_of(instant)
    return next(zone for zone, _, _ in clock.zone_spans(minute, minute + 1))


def home_zone(clock: Clock) -> str:
    """Return the zone that the clock follows outside of planned moves."""
    return clock if isinstance(clock, str) else clock.home
