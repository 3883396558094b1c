"""What the use cases need from the world outside, and nothing about how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.programme.changes import SERVICE
from scheduler.domain.programme.outbox import Attempt
from scheduler.domain.programme.quotas import Quotas
from scheduler.ical.reader import CalendarReader
from scheduler.services.availability_cache import AvailabilityCache
from scheduler.services.calendar_checks import CalendarChecks
from scheduler.services.calendar_server import CalendarServer
from scheduler.services.lanes import SearchLanes
from scheduler.services.secrets import Vault
from scheduler.store import Claim, Store

Clock = Callable[[], datetime]
"""Tells the present UTC instant."""


class Transport(Protocol):
    """Sends rows of the outbox to one kind of target, as they are when they are sent."""

    def send(self, claim: Claim, seconds: float) -> Attempt:
        """Make one attempt, which takes no longer than that.

        Sending twice has the effect of sending once, as far as the target's protocol allows it. A failure of a server
        or a network is an outcome and never raised. Raises StoreUnavailable.
        """


class Observer:
    """Told what happened, and never to whom. This one does nothing; a subclass may count, and never raises."""

    def searched(self, kind: str, seconds: float, *, found: bool) -> None:
        """A search of that kind (``slots``, ``cadences``) took so long, and came to something or not."""

    def delivered(self, outcome: str) -> None:
        """An attempt to deliver ended: in a delivery state, or ``superseded`` if another worker has taken over."""

    def calendar_read(self, outcome: str) -> None:
        """A connected calendar was ``read``, or that has ``failed``."""

    def meetings_checked(self, outcome: str) -> None:
        """A worker has ``checked`` the meetings of a person whose time may have changed, or that has ``failed``."""


@dataclass(frozen=True)
class Context:
    """What every use case is given."""

    store: Store
    vault: Vault
    calendars: CalendarServer
    reader: CalendarReader
    """Reads what foreign calendars hold where that can be ended."""
    clock: Clock
    refresh: timedelta
    """How often connected calendars are read."""
    stale_after: timedelta
    """After how long without a reading a calendar is unknown."""
    quotas: Quotas = field(default_factory=Quotas)
    """The most that there may be of each kind of thing."""
    observer: Observer = field(default_factory=Observer)
    availability_cache: AvailabilityCache = field(default_factory=AvailabilityCache)
    """Stored people's availability, cached by this process."""
    lanes: SearchLanes = field(default_factory=SearchLanes)
    """The places of this process's large searches."""
    checks: CalendarChecks = field(default_factory=CalendarChecks)
    """The checks of calendars that requests of this process wait for."""
    actor: str = SERVICE
    """Who makes the changes, for the log: ``key:<id>``, or the service itself."""
