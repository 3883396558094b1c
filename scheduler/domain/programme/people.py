"""People of a programme, and what belongs to them: blackouts, calendars, feeds.

Mentor and mentee are roles in a mentorship; one person can have both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from scheduler.domain.availability.attendees import DEFAULT_HOURS, NO_BUFFER, Blackout, Buffer, WorkingHours
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.periods import Periods


@dataclass(frozen=True)
class Person:
    """A person of a programme. ``working_hours`` None is any time, () never; ``preferred_hours`` None is no preference.

    ``at_most_per_day`` and ``at_most_per_week`` limit the meetings in a local day and week (None: no limit).
    """

    id: str
    name: str
    email: str
    time_zone: str
    working_hours: tuple[WorkingHours, ...] | None = DEFAULT_HOURS
    buffer: Buffer = NO_BUFFER
    preferred_hours: tuple[WorkingHours, ...] | None = None
    travel: tuple[PlannedMove, ...] = ()
    at_most_per_day: int | None = None
    at_most_per_week: int | None = None


@dataclass(frozen=True)
class StoredBlackout:
    """A blackout with its id and its person."""

    id: str
    person_id: str
    blackout: Blackout


@dataclass(frozen=True)
class Account:
    """A CalDAV calendar collection and its login."""

    url: str
    username: str
    password: str = field(repr=False)


class CalendarState(StrEnum):
    """Whether the login of a calendar has been found to open it."""

    CONNECTING = "connecting"
    """Its server has not answered yet, and is tried again."""
    CONNECTED = "connected"
    FAILED = "failed"
    """Its server refused, or never answered, and is not tried again."""


@dataclass(frozen=True)
class ConnectedCalendar:
    """A person's own CalDAV calendar, without its password: read for busy time, and written to if ``publish``.

    Nothing is read from it, written to it or expected of it before it is connected. ``busy`` was last read at
    ``read_at`` (None: never); ``failure`` is why the last attempt to connect or to read failed (None: it did not).
    """

    id: str
    person_id: str
    url: str
    username: str
    publish: bool
    busy: Periods = field(default_factory=Periods.none)
    read_at: datetime | None = None
    failure: str | None = None
    state: CalendarState = CalendarState.CONNECTED


class Show(StrEnum):
    """What a feed shows."""

    DETAILS = "details"
    FREE_BUSY = "free_busy"


@dataclass(frozen=True)
class Feed:
    """An ICS feed of a person's meetings, readable with its token."""

    id: str
    person_id: str
    show: Show
    created_at: datetime
