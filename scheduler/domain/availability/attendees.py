"""An attendee, and what keeps one from meeting: hours, blackouts, busy periods, and an unknown calendar."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

import numpy as np

from scheduler.domain.time.clocks import Clock, Itinerary, Stay
from scheduler.domain.time.periods import Minutes, Period, Periods, minute_of
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.domain.time.units import DAY
from scheduler.errors import InvalidValue


class BackwardDays(InvalidValue):
    """A span of days whose last day comes before its first."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.last = last
        super().__init__(f"the last day {last} comes before the first day {first}")


@dataclass(frozen=True)
class WorkingHours:
    """Wall hours on some weekdays: minutes of the day, ``end`` at or before ``start`` meaning the next day."""

    days: tuple[str, ...]
    start: int
    end: int

    @property
    def length(self) -> int:
        """Minutes of the wall clock from start to end; equal ends are 24 hours."""
        return (self.end - self.start - 1) % DAY + 1


MOST_HOURS = 70
"""So many entries working hours have at most: ten a day."""
DEFAULT_HOURS: tuple[WorkingHours, ...] = (WorkingHours(("MO", "TU", "WE", "TH", "FR"), 9 * 60, 17 * 60),)


@dataclass(frozen=True)
class Buffer:
    """Minutes around a meeting that no busy period may touch."""

    before: int = 0
    after: int = 0


NO_BUFFER = Buffer()


class BlackoutKind(StrEnum):
    """Why somebody is away."""

    EXAM = "exam"
    BREAK = "break"
    HOLIDAY = "holiday"
    LEAVE = "leave"
    OTHER = "other"


@dataclass(frozen=True)
class Days:
    """Whole local days, both included. Raises BackwardDays."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BackwardDays(self.first, self.last)


@dataclass(frozen=True)
class Blackout:
    """A declared time away: whole local days, or a period between two instants.

    One that is not ``firm`` bars nothing and is only better avoided. With a ``rule`` it comes again, the
    span itself being the first; a timed one then keeps the wall times it has in ``time_zone``. ``id`` is what a
    stored one goes by, and says nothing of what it is.
    """

    kind: BlackoutKind
    title: str
    span: Days | Period
    firm: bool = True
    rule: BlackoutRule | None = None
    time_zone: str | None = None
    id: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Unknown:
    """Why somebody's calendar can't be relied on, and when it was last read (None: never)."""

    reason: str
    read_at: datetime | None = None


@dataclass(frozen=True)
class Attendee:
    """Someone who is to meet, with all that is known of their time. ``hours`` None is any time, () never.

    ``meetings`` are those that count towards the most a day and a week (from Monday on) may have, and towards the
    gap between two of the same people; a meeting belongs to the local day on which it starts. ``past_burden`` is what
    they have borne of odd hours so far.
    """

    zone: str
    hours: tuple[WorkingHours, ...] | None = DEFAULT_HOURS
    blackouts: tuple[Blackout, ...] = ()
    busy: Periods = field(default_factory=Periods.none)
    buffer: Buffer = NO_BUFFER
    required: bool = True
    name: str | None = None
    unknown: Unknown | None = None
    travel: tuple[Stay, ...] = ()
    meetings: tuple[Period, ...] = ()
    at_most_per_day: int | None = None
    at_most_per_week: int | None = None
    preferred_hours: tuple[WorkingHours, ...] | None = None
    past_burden: int = 0

    @property
    def clock(self) -> Clock:
        """The clock that hours and all-day blackouts are read on. Raises OverlappingStays."""
        return Itinerary(self.zone, self.travel) if self.travel else self.zone

    @cached_property
    def meeting_starts(self) -> Minutes:
        """When the meetings start (UTC minutes); the same meeting counts once."""
        return np.array([minute_of(meeting.start) for meeting in set(self.meetings)], dtype=np.int64)
