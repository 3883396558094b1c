"""What the use cases need from the world outside, and nothing about how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.programme.outbox import Outcome
from scheduler.domain.programme.people import Account
from scheduler.domain.programme.quotas import Quotas
from scheduler.services.availability_cache import AvailabilityCache
from scheduler.services.secrets import Vault
from scheduler.store import Store

Clock = Callable[[], datetime]
"""Tells the present UTC instant."""


class CalendarServer(Protocol):
    """Somebody's CalDAV server (RFC 4791). Every call is bounded in time; none logs what it carries."""

    def check(self, account: Account) -> bool:
        """Makes sure that this is a calendar collection that the login opens.

        True if the server invites attendees by itself (calendar-auto-schedule, RFC 6638 §2). Raises CalendarRefused
        with what the server said, CalendarUnreachable, AddressRefused.
        """

    def put(self, account: Account, uid: str, data: bytes, *, stored_before: bool) -> Outcome:
        """Makes the calendar object with that UID say what ``data`` says, and keeps what its owner added to it.

        Doing it twice is doing it once: what is already there as we mean it counts as stored and is not written.
        What was ``stored_before`` and is gone is not put back, nor a later version replaced. Never raises for what
        a server or a network can do; the outcome says it.
        """

    def read_object(self, account: Account, uid: str) -> bytes | None:
        """The calendar object with that UID as stored there; None if there is none.

        Raises CalendarRefused, CalendarUnreachable, AddressRefused.
        """

    def read_objects(self, account: Account, start: datetime, end: datetime) -> list[bytes]:
        """The calendar objects with events that touch [start, end), as stored there, in any order.

        Raises CalendarRefused, CalendarUnreachable, AddressRefused; never answers with a part.
        """


class Observer(Protocol):
    """Told what happened, to count it, and never to whom. Nothing that it does changes anything; it never raises."""

    def searched(self, kind: str, seconds: float, *, found: bool) -> None:
        """A search of that kind (``slots``, ``cadences``) took so long, and came to something or not."""

    def delivered(self, outcome: str) -> None:
        """An attempt to deliver ended: in a delivery state, or ``superseded`` if another worker has taken over."""

    def calendar_read(self, outcome: str) -> None:
        """A connected calendar was ``read``, or that has ``failed``."""


class Unobserved:
    """An Observer that counts nothing."""

    def searched(self, kind: str, seconds: float, *, found: bool) -> None:
        """Does nothing."""

    def delivered(self, outcome: str) -> None:
        """Does nothing."""

    def calendar_read(self, outcome: str) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class Context:
    """What every use case is given."""

    store: Store
    vault: Vault
    calendars: CalendarServer
    clock: Clock
    refresh: timedelta
    """How often connected calendars are read."""
    stale_after: timedelta
    """After how long without a reading a calendar is unknown."""
    quotas: Quotas = field(default_factory=Quotas)
    """The most that there may be of each kind of thing."""
    observer: Observer = field(default_factory=Unobserved)
    availability_cache: AvailabilityCache = field(default_factory=AvailabilityCache)
    """Stored people's availability, cached by this process."""
