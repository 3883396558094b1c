"""What the use cases need from the world outside, and nothing about how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.deliveries import Outcome
from scheduler.domain.people import Account
from scheduler.services.secrets import Vault
from scheduler.store import Store

Clock = Callable[[], datetime]
"""Tells the present UTC instant."""


class CalendarServer(Protocol):
    """Somebody's CalDAV server (RFC 4791). Every call is bounded in time; none logs what it carries."""

    def check(self, account: Account) -> None:
        """Makes sure that this is a calendar collection that the login opens.

        Raises CalendarRefused with what the server said, CalendarUnreachable, AddressRefused.
        """

    def put(self, account: Account, uid: str, data: bytes, etag: str | None) -> Outcome:
        """Makes the calendar object with that UID hold ``data``, if nobody changed it since ``etag``.

        Doing it twice is doing it once: what is already there as we mean it counts as stored. Never raises
        for what a server or a network can do; the outcome says it.
        """

    def read_objects(self, account: Account, start: datetime, end: datetime) -> list[bytes]:
        """The calendar objects with events that touch [start, end), as stored there, in any order.

        Raises CalendarRefused, CalendarUnreachable, AddressRefused; never answers with a part.
        """


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
