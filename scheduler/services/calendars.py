"""People's connected CalDAV calendars: connecting, listing and deleting."""

from __future__ import annotations

from scheduler.domain.programme.people import Account, CalendarState, ConnectedCalendar
from scheduler.domain.programme.servers import Exchange, origin_of
from scheduler.services.ports import Context
from scheduler.services.publishing import publish_coming
from scheduler.store import Position, new_id


def connect_calendar(
    context: Context, programme_id: str, person_id: str, account: Account, *, publish: bool
) -> ConnectedCalendar:
    """Check the login, store the calendar with its password encrypted, and enqueue coming meetings for it.

    If the server does not answer in time, or others are being waited for, it is connecting, and workers go on.
    Raises NotFound, QuotaReached, AlreadyConnected, CalendarRefused, CalendarUnreachable and AddressRefused.
    """
    with context.store.read() as tx:
        tx.people.get(programme_id, person_id)
    started = context.clock()
    auto_schedule = context.checks.check(context.calendars, programme_id, account)
    state = CalendarState.CONNECTING if auto_schedule is None else CalendarState.CONNECTED
    now = context.clock()
    with context.store.write() as tx:
        tx.people.lock(programme_id, [person_id])
        context.quotas.check("calendars_per_person", len(tx.calendars.list_for_person(programme_id, person_id)))
        calendar = ConnectedCalendar(new_id(), person_id, account.url, account.username, publish, state=state)
        password_token = context.vault.seal(account.password)
        tx.calendars.add(programme_id, calendar, password_token, now, auto_schedule=bool(auto_schedule))
        if state is CalendarState.CONNECTED:
            publish_coming(tx, programme_id, calendar, now)
            answer = Exchange(origin_of(account.url), started, now, failed=False)
            tx.servers.record([answer], jitter=0)
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
        tx.conflicts.mark_due(programme_id, [person_id], context.clock())
