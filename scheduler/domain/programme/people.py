"""People of a programme, and what they connect: blackouts, calendars, feeds.

A person is neither a mentor nor a mentee: a mentorship says which, and one person can be both.
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
    """Someone with a clock to live by. ``working_hours`` None is any time, () never.

    ``preferred_hours`` None: they have named none. ``travel`` are planned moves; the other two are how many meetings a
    day or week of theirs may have (None: any number).
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
    """A CalDAV calendar collection on somebody's server, and the login for it."""

    url: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ConnectedCalendar:
    """A person's own CalDAV calendar: read for busy time, written to if ``publish``.

    ``busy`` is what was last read, at ``read_at`` (None: never); ``failure`` is why the last try failed.
    The password is kept apart, encrypted.
    """

    id: str
    person_id: str
    url: str
    username: str
    publish: bool
    busy: Periods
    read_at: datetime | None = None
    failure: str | None = None


class Show(StrEnum):
    """What a feed tells."""

    DETAILS = "details"
    FREE_BUSY = "free_busy"


@dataclass(frozen=True)
class Feed:
    """An ICS feed of one person's meetings; who holds its token reads it."""

    id: str
    person_id: str
    show: Show
    created_at: datetime
