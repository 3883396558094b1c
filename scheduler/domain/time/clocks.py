"""The clock a person lives by: their zone's, or another's on the days of a planned move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from scheduler.domain.time.periods import minute_of
from scheduler.domain.time.zones import LocalTime, Offsets, offsets_between
from scheduler.errors import InvalidValue


class OverlappingStays(InvalidValue):
    """Two planned moves that share a day, so that the clock of that day is not known."""

    def __init__(self, zone: str, other: str, day: date) -> None:
        self.zone = zone
        self.other = other
        self.day = day
        super().__init__(f"{day} is in two planned moves, to {zone} and to {other}; end one before the other begins")


class BackwardStay(InvalidValue):
    """A planned move that ends before it begins."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.last = last
        super().__init__(f"the move ends on {last}, before it begins on {first}")


@dataclass(frozen=True)
class Stay:
    """Local days in another zone, first and last included. Raises BackwardStay."""

    first: date
    last: date
    zone: str

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BackwardStay(self.first, self.last)

    @property
    def span(self) -> tuple[int, int]:
        """From the beginning of the first to the end of the last day on that zone's clock, in UTC minutes."""
        days = (self.first, self.last + timedelta(days=1))
        begin, end = (minute_of(LocalTime(datetime.combine(day, time()), self.zone).instant) for day in days)
        return begin, end


@dataclass(frozen=True)
class Itinerary:
    """A home zone, and the stays away from it in order.

    A stay lasts until the end of its last day or the beginning of the next stay. Raises OverlappingStays.
    """

    home: str
    stays: tuple[Stay, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "stays", tuple(sorted(self.stays, key=lambda stay: stay.first)))
        for before, after in zip(self.stays, self.stays[1:], strict=False):
            if after.first <= before.last:
                raise OverlappingStays(before.zone, after.zone, after.first)

    def stretches(self, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """The zones that hold in [start, end) (UTC minutes), in order and without gaps: (zone, since, until)."""
        since = start
        spans = [stay.span for stay in self.stays]
        for place, (stay, (begin, until)) in enumerate(zip(self.stays, spans, strict=True)):
            following = spans[place + 1][0] if place + 1 < len(spans) else end
            begin, until = max(begin, since), min(until, following, end)
            if begin < until:
                if since < begin:
                    yield self.home, since, begin
                yield stay.zone, begin, until
                since = until
        if since < end:
            yield self.home, since, end


Clock = str | Itinerary
"""A zone's name for someone who stays there."""


def clock_between(clock: Clock, start: int, end: int) -> Offsets:
    """The stretches of constant offset that a clock has in [start, end) (UTC minutes)."""
    if isinstance(clock, str):
        return offsets_between(clock, start, end)
    parts = [offsets_between(zone, since, until) for zone, since, until in clock.stretches(start, end)]
    if not parts:
        return offsets_between(clock.home, start, end)
    return Offsets(
        np.concatenate([part.since for part in parts]),
        np.concatenate([part.until for part in parts]),
        np.concatenate([part.offset for part in parts]),
    )


def zone_at(clock: Clock, instant: datetime) -> str:
    """The zone whose clock holds at a UTC instant."""
    if isinstance(clock, str):
        return clock
    minute = minute_of(instant)
    return next(zone for zone, _, _ in clock.stretches(minute, minute + 1))


def home_of(clock: Clock) -> str:
    """The zone of someone who is at home."""
    return clock if isinstance(clock, str) else clock.home
