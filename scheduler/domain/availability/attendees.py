"""Attendees and their availability: working hours, blackouts, busy periods, buffers, and unknown calendars."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from scheduler.domain.time.clocks import Clock, Itinerary, PlannedMove
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.domain.time.units import DAY
from scheduler.errors import InvalidValue


class BackwardDays(InvalidValue):
    """The last day comes before the first."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.last = last
        super().__init__(f"the last day {last} comes before the first day {first}")


@dataclass(frozen=True)
class WorkingHours:
    """Hours on some weekdays, as minutes of the local day; an ``end`` at or before ``start`` is on the next day."""

    days: tuple[str, ...]
    start: int
    end: int

    @property
    def length(self) -> int:
        """Wall minutes from start to end; 24 hours if they are equal."""
        return (self.end - self.start - 1) % DAY + 1


MAX_HOURS_ENTRIES = 70
"""The most entries that working hours may have: ten a day."""
DEFAULT_HOURS: tuple[WorkingHours, ...] = (WorkingHours(("MO", "TU", "WE", "TH", "FR"), 9 * 60, 17 * 60),)


@dataclass(frozen=True)
class Buffer:
    """Minutes before and after a meeting that no busy period may touch."""

    before: int = 0
    after: int = 0


NO_BUFFER = Buffer()


class BlackoutKind(StrEnum):
    """The reason of a blackout."""

    EXAM = "exam"
    BREAK = "break"
    HOLIDAY = "holiday"
    LEAVE = "leave"
    OTHER = "other"


@dataclass(frozen=True)
class Days:
    """Whole local days, first and last included. Raises BackwardDays."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BackwardDays(self.first, self.last)


@dataclass(frozen=True)
class Blackout:
    """A time that somebody declared to be away: whole local days, or a period between two instants.

    Only a ``firm`` one bars meetings; the others lower the score. With a ``rule`` it recurs, and ``span`` is the
    first occurrence; a timed one then keeps its wall times in ``time_zone`` (None: the person's home zone). ``id`` is
    that of a stored blackout, and is not compared.
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
    """Why somebody's calendar is not known at present, and when it was last read (None: never)."""

    reason: str
    read_at: datetime | None = None


@dataclass(frozen=True)
class Attendee:
    """A person to meet, with their availability. ``hours`` None is any time, () is never.

    ``meetings`` count towards ``at_most_per_day`` and ``at_most_per_week`` (from Monday on) and towards the gap
    between meetings of the same people; a meeting belongs to the local day on which it starts. ``past_burden`` is
    their burden of odd hours so far. ``id`` is a stored person's.
    """

    zone: str
    hours: tuple[WorkingHours, ...] | None = DEFAULT_HOURS
    blackouts: tuple[Blackout, ...] = ()
    busy: Periods = field(default_factory=Periods.none)
    buffer: Buffer = NO_BUFFER
    required: bool = True
    name: str | None = None
    unknown: Unknown | None = None
    travel: tuple[PlannedMove, ...] = ()
    meetings: tuple[Period, ...] = ()
    at_most_per_day: int | None = None
    at_most_per_week: int | None = None
    preferred_hours: tuple[WorkingHours, ...] | None = None
    past_burden: int = 0
    id: str | None = None

    @property
    def clock(self) -> Clock:
        """The clock for hours and all-day blackouts. Raises OverlappingMoves."""
        return Itinerary(self.zone, self.travel) if self.travel else self.zone
