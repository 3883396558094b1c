"""People's connected CalDAV calendars: connecting, listing, deleting, and reading busy time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, time, timedelta

import structlog

from scheduler.domain.programme.outbox import LEASE, CalDAVCalendar
from scheduler.domain.programme.people import Account, ConnectedCalendar
from scheduler.domain.time.periods import Periods
from scheduler.ical.parse import UnreadableCalendar, busy_periods
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.ports import Context
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import Position, new_id

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(days=1)
LOOK_AHEAD = timedelta(days=400)
"""How far busy time is read: a search spans at most 366 days."""
RETRY_AFTER = timedelta(minutes=1)

ComputeBusy = Callable[[Sequence[bytes], datetime, datetime, str, Collection[str]], Periods]
"""From calendar objects, start, end (UTC), their owner's zone and UIDs to ignore, to the owner's busy periods."""


def connect_calendar(
    context: Context, programme_id: str, person_id: str, account: Account, *, publish: bool
) -> ConnectedCalendar:
    """Check the login, store the calendar with its password encrypted, and enqueue coming meetings for it.

    Raises NotFound, QuotaReached, AlreadyConnected, CalendarRefused, CalendarUnreachable and AddressRefused.
    """
    with context.store.read() as tx:
        tx.people.get(programme_id, person_id)
    auto_schedule = context.calendars.check(account)
    now = context.clock()
    with context.store.write() as tx:
        tx.people.lock(programme_id, [person_id])
        context.quotas.check("calendars_per_person", len(tx.calendars.list_for_person(programme_id, person_id)))
        calendar = ConnectedCalendar(new_id(), person_id, account.url, account.username, publish)
        password_token = context.vault.seal(account.password)
        tx.calendars.add(programme_id, calendar, password_token, now, auto_schedule=auto_schedule)
        targets = [CalDAVCalendar(calendar.id)]
        for stored in tx.meetings.list_for_person(programme_id, person_id):
            if publish and any(period.end > now for period in stored.meeting.busy):
                uids, revision = stored.meeting.uids, stored.meeting.revision
                tx.outbox.enqueue_latest(programme_id, stored.id, targets, uids, revision, now)
    return calendar


def list_calendars(
    context: Context, programme_id: str, person_id: str, after: Position | None, limit: int
) -> list[tuple[Position, ConnectedCalendar]]:
    """At most ``limit`` of a person's calendars after a position, the first connected first. Raises NotFound."""
    with context.store.read() as tx:
        return tx.calendars.list_page(programme_id, person_id, after, limit)


def get_calendar(context: Context, programme_id: str, person_id: str, calendar_id: str) -> ConnectedCalendar:
    """The person's calendar of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.calendars.get(programme_id, person_id, calendar_id)


def delete_calendar(context: Context, programme_id: str, person_id: str, calendar_id: str) -> None:
    """Disconnect a calendar and erase its login; the events in it stay. Raises NotFound."""
    with context.store.write() as tx:
        tx.calendars.delete(programme_id, person_id, calendar_id)


def read_next(context: Context, compute_busy: ComputeBusy = busy_periods) -> bool:
    """Read the busy time of the connected calendar that has been due for longest; return whether one was due.

    ``compute_busy`` may raise UnreadableCalendar, for example when it takes too long: that is recorded as the failure.
    """
    now = context.clock()
    with context.store.write() as tx:
        reading = tx.calendars.claim_reading(now, LEASE)
    if reading is None:
        return False
    calendar = reading.calendar
    with context.store.read() as tx:
        meetings = tx.meetings.list_for_person(reading.programme_id, calendar.person_id)
    ours = {uid for stored in meetings for uid in stored.meeting.uids}
    start = datetime.combine((now - LOOK_BACK).date(), time(), UTC)
    try:
        account = Account(calendar.url, calendar.username, context.vault.open(reading.password_token))
        objects = context.calendars.read_objects(account, start, start + LOOK_AHEAD)
        busy = compute_busy(objects, start, start + LOOK_AHEAD, reading.time_zone, ours)
    except (CalendarRefused, CalendarUnreachable, AddressRefused, UnreadableCalendar, UndecipherableSecret) as error:
        with context.store.write() as tx:
            tx.calendars.record_read_failure(calendar.id, str(error), context.clock() + RETRY_AFTER)
        context.observer.calendar_read("failed")
        log.warning("calendar not read", calendar=calendar.id, error=type(error).__name__)
        return True
    with context.store.write() as tx:
        tx.calendars.record_read(calendar.id, busy, context.clock(), context.clock() + context.refresh)
    context.observer.calendar_read("read")
    log.info("calendar read", calendar=calendar.id, objects=len(objects), busy=len(busy))
    return True
