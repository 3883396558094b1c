"""People's connected CalDAV calendars, and the leases under which they are connected and read.

A leased calendar is due again when its lease ends, so that a worker that dies leaves nothing to clean up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from scheduler.domain.programme.fair_queue import Due
from scheduler.domain.programme.outbox import CLOCK_TOLERANCE
from scheduler.domain.programme.people import CalendarState, ConnectedCalendar
from scheduler.domain.programme.routing import PublishedCalendar
from scheduler.domain.programme.servers import Lane, origin_of
from scheduler.domain.time.clocks import Clock, Itinerary, PlannedMove
from scheduler.domain.time.periods import Periods
from scheduler.errors import Refused
from scheduler.store.outbox import delete_deliveries
from scheduler.store.rows import Position, Repository, build, by_age, of_people, of_person, values_of
from scheduler.store.servers import Servers
from scheduler.store.tables import calendars, people


class AlreadyConnected(Refused):
    """The person has connected a calendar at that address; meetings would be stored there twice."""

    def __init__(self, calendar_id: str) -> None:
        self.calendar_id = calendar_id
        super().__init__(f"this address is connected as calendar {calendar_id!r}; disconnect that first")


@dataclass(frozen=True)
class Reading:
    """A calendar that is leased to be connected or read, with its encrypted password, and its owner's clock and email.

    ``created_at``: when it was added, UTC.
    """

    calendar: ConnectedCalendar
    programme_id: str
    password_token: str
    time_zone: str
    travel: tuple[PlannedMove, ...]
    email: str
    created_at: datetime

    @property
    def clock(self) -> Clock:
        """Its owner's clock."""
        return Itinerary(self.time_zone, self.travel) if self.travel else self.time_zone


@dataclass(frozen=True)
class Login:
    """The address and login of a connected calendar. The token is the encrypted password."""

    calendar_id: str
    person_id: str
    url: str
    username: str
    password_token: str
    publish: bool
    auto_schedule: bool


class Calendars(Repository):
    """Methods that take a programme raise NotFound for a person, or a person's calendar, that it does not have."""

    def add(
        self, programme_id: str, calendar: ConnectedCalendar, password_token: str, now: datetime, *, auto_schedule: bool
    ) -> None:
        """Store a new calendar, which is due to be connected or read at once.

        The person is locked, so that a meeting booked meanwhile is enqueued for it either by that booking or by the
        caller. Raises AlreadyConnected for an address that the person has connected.
        """
        self._renew_availability(programme_id, [calendar.person_id])
        self._require_people(programme_id, [calendar.person_id])
        is_same = (calendars.c.person_id == calendar.person_id) & (calendars.c.url == calendar.url)
        connected = self._connection.scalar(select(calendars.c.id).where(is_same).limit(1))
        if connected is not None:
            raise AlreadyConnected(connected)
        self._insert(
            calendars,
            id=calendar.id,
            programme_id=programme_id,
            origin=origin_of(calendar.url),
            password_token=password_token,
            auto_schedule=auto_schedule,
            read_due_at=now,
            created_at=now,
            **values_of(calendar, calendars),
        )

    def list_for_person(self, programme_id: str, person_id: str) -> list[ConnectedCalendar]:
        """Return the person's calendars, in the order of their connection."""
        return self.list_for_people(programme_id, [person_id])[person_id]

    def list_page(
        self, programme_id: str, person_id: str, after: Position | None, limit: int
    ) -> list[tuple[Position, ConnectedCalendar]]:
        """At most ``limit`` of the person's calendars after a position (None: from the first connected on)."""
        self._require_people(programme_id, [person_id])
        theirs = of_people(calendars, programme_id, [person_id])
        return self._list_page(calendars, theirs, after, limit, _calendar)

    def list_for_people(self, programme_id: str, ids: Collection[str]) -> dict[str, list[ConnectedCalendar]]:
        """Return each person's calendars, in the order of their connection, with one query."""
        self._require_people(programme_id, ids)
        found: dict[str, list[ConnectedCalendar]] = {person_id: [] for person_id in ids}
        for calendar in self._list(calendars, of_people(calendars, programme_id, ids), _calendar):
            found[calendar.person_id].append(calendar)
        return found

    def get(self, programme_id: str, person_id: str, calendar_id: str) -> ConnectedCalendar:
        """Return the person's calendar of that id."""
        query = select(calendars).where(of_person(calendars, programme_id, person_id, calendar_id))
        return _calendar(self._get(query, "calendar", calendar_id))

    def delete(self, programme_id: str, person_id: str, calendar_id: str) -> None:
        """Delete the calendar, its password and its deliveries; the person is locked, so that none is added."""
        self._renew_availability(programme_id, [person_id])
        self.get(programme_id, person_id, calendar_id)
        delete_deliveries(self._connection, [calendar_id])
        self._connection.execute(calendars.delete().where(calendars.c.id == calendar_id))
        Servers(self._connection).forget_unused()

    def list_published(self, programme_id: str, ids: Collection[str]) -> list[PublishedCalendar]:
        """Return these people's calendars that meetings are published to, in the order of their connection."""
        theirs = of_people(calendars, programme_id, ids) & calendars.c.publish & _IS_CONNECTED
        query = by_age(select(calendars.c.id, calendars.c.person_id, calendars.c.auto_schedule), calendars)
        return [build(PublishedCalendar, row) for row in self._connection.execute(query.where(theirs))]

    def find_login(self, calendar_id: str) -> Login | None:
        """Return the login of a calendar of any programme; None if it is not connected."""
        row = self._connection.execute(select(calendars).where(calendars.c.id == calendar_id)).one_or_none()
        return None if row is None else _login(row)

    def list_logins(self, programme_id: str) -> list[Login]:
        """Return the logins of the programme's calendars that are connected, in the order of their connection."""
        return self._list(calendars, (calendars.c.programme_id == programme_id) & _IS_CONNECTED, _login)

    def find_due(self, now: datetime, longest: timedelta, lanes: Sequence[Lane], full: Sequence[str]) -> list[Due]:
        """Return calendars that are due to be connected or read, in turns among programmes, as `Servers.find_due` says.

        A calendar that is due more than ``longest`` ahead is due too: the clock of a process was wrong.
        """
        is_due = _is_due(now, longest)
        return Servers(self._connection).find_due(calendars, calendars.c.read_due_at, is_due, now, lanes, full)

    def oldest_due(self, now: datetime, longest: timedelta) -> dict[Lane, datetime]:
        """Return since when the oldest due calendar has been due, by the lane of its server."""
        return Servers(self._connection).oldest_due(calendars, calendars.c.read_due_at, _is_due(now, longest), now)

    def claim_readings(
        self, ids: Collection[str], now: datetime, longest: timedelta, lease: timedelta
    ) -> list[Reading]:
        """Lease those of the calendars that are due still and that no other worker is leasing."""
        query = (
            select(calendars, people.c.time_zone, people.c.travel, people.c.email)
            .join(people, people.c.id == calendars.c.person_id)
            .where(calendars.c.id.in_(ids), _is_due(now, longest))
            .order_by(calendars.c.id)
            .with_for_update(of=calendars, skip_locked=True, key_share=True)
        )
        rows = self._connection.execute(query).all()
        claimed = calendars.update().where(calendars.c.id.in_([row.id for row in rows]))
        self._connection.execute(claimed.values(read_due_at=now + lease))
        return [build(Reading, row, calendar=_calendar(row)) for row in rows]

    def record_read(self, calendar_id: str, busy: Periods, now: datetime, due_at: datetime) -> bool:
        """Replace the busy periods by those just read; return False if the calendar is no longer connected."""
        return self._record(
            calendar_id, CalendarState.CONNECTED, busy=busy, read_at=now, failure=None, read_due_at=due_at
        )

    def record_read_failure(self, calendar_id: str, failure: str, due_at: datetime) -> bool:
        """Store why reading failed and keep the busy periods; return False if it is no longer connected."""
        return self._record(calendar_id, CalendarState.CONNECTED, failure=failure, read_due_at=due_at)

    def record_connected(self, calendar_id: str, now: datetime, *, auto_schedule: bool) -> bool:
        """Store that a calendar is connected, and due to be read; return False if it was no longer connecting.

        Among its person's calendars it is the one connected last.
        """
        values = {"state": CalendarState.CONNECTED, "failure": None, "created_at": now, "read_due_at": now}
        return self._record(calendar_id, CalendarState.CONNECTING, auto_schedule=auto_schedule, **values)

    def record_connection_failure(self, calendar_id: str, failure: str, due_at: datetime | None) -> bool:
        """Store why a calendar did not connect, and when that is tried again (None: never).

        Returns False if it was no longer connecting.
        """
        again = {"state": CalendarState.FAILED} if due_at is None else {"read_due_at": due_at}
        return self._record(calendar_id, CalendarState.CONNECTING, failure=failure, **again)

    def _record(self, calendar_id: str, present: CalendarState, **values: Any) -> bool:
        """Change a calendar that is in that state; return False if it is not."""
        whose = select(calendars.c.programme_id, calendars.c.person_id).where(calendars.c.id == calendar_id)
        for programme_id, person_id in self._connection.execute(whose).all():
            self._renew_availability(programme_id, [person_id])
        update = calendars.update().where(calendars.c.id == calendar_id, calendars.c.state == present)
        return self._connection.execute(update.values(**values)).rowcount == 1


_IS_CONNECTED = calendars.c.state == CalendarState.CONNECTED


def _is_due(now: datetime, longest: timedelta) -> ColumnElement[bool]:
    due_at = calendars.c.read_due_at
    return (calendars.c.state != CalendarState.FAILED) & ((due_at <= now) | (due_at > now + longest + CLOCK_TOLERANCE))


_calendar = partial(build, ConnectedCalendar)


def _login(row: Row[Any]) -> Login:
    return build(Login, row, calendar_id=row.id)
