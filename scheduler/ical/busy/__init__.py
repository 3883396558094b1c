"""When the owner of a calendar is busy, read from foreign iCalendar (RFC 5545).

Bytes become components (`lines`), these become frozen events (`reading`, `events`), and these become periods
(`placing`) on clocks (`clocks`, `zones`), recurring ones by following their rules (`rules`, `days`, `following`). What
was decided where the RFC leaves a choice stands in docs/reading-calendars.md.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import datetime

from scheduler.domain.time.clocks import Clock, home_zone
from scheduler.domain.time.periods import Periods
from scheduler.domain.time.zones import find_zone
from scheduler.ical.busy.events import Unreadable
from scheduler.ical.busy.placing import Placed, place
from scheduler.ical.busy.reading import reduce_calendar
from scheduler.ical.parse import UnreadableCalendar


def read_busy(
    objects: Iterable[bytes],
    start: datetime,
    end: datetime,
    clock: Clock,
    ignore_uids: Container[str] = (),
    emails: Collection[str] = (),
) -> Placed:
    """Return when the owner is busy within [start, end), and what could lie there and can't be read.

    All-day events cover days of the owner's ``clock``, and floating times are times on it. Events of ``ignore_uids``
    are not busy, nor are invitations that one of ``emails``, the owner's addresses, has declined. Raises
    UnreadableCalendar for data that is no complete iCalendar, and UnknownZone.
    """
    find_zone(home_zone(clock))
    return place((reduce_calendar(data, emails) for data in objects), start, end, clock, ignore_uids)


def busy_periods(
    objects: Iterable[bytes],
    start: datetime,
    end: datetime,
    clock: Clock,
    ignore_uids: Container[str] = (),
    emails: Collection[str] = (),
) -> Periods:
    """Return the busy periods of `read_busy`, tentative ones too.

    Raises UnreadableCalendar also if anything that could lie within the span can't be read, and UnknownZone.
    """
    placed = read_busy(objects, start, end, clock, ignore_uids, emails)
    if placed.unreadable:
        raise UnreadableCalendar(describe(placed.unreadable))
    return placed.busy


def describe(unreadable: Collection[Unreadable]) -> str:
    """Return what can't be read as a phrase that names the first event, and how many more there are."""
    first = next(iter(unreadable))
    named = f"the event {first.uid!r}" if first.uid else "an event without a UID"
    when = f" of {first.dtstart}" if first.dtstart else ""
    more = f", and {len(unreadable) - 1} more problems" if len(unreadable) > 1 else ""
    return f"{named}{when}: {first.reason}{more}"
