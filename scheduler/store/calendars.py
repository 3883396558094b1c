"""People's connected CalDAV calendars, and the leases under which they are read.

A leased calendar is due again when its lease ends, so that a worker that dies leaves nothing to clean up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from scheduler.domain.programme.people import ConnectedCalendar
from scheduler.domain.programme.routing import PublishedCalendar
from scheduler.domain.time.periods import Periods
from scheduler.errors import NotFound, Refused
from scheduler.store.outbox import delete_deliveries
from scheduler.store.rows import (
    Position,
    Repository,
    in_programme,
    lock_people,
    new_id,
    renew_availability,
    require_people,
)
from scheduler.store.tables import calendars, people


class AlreadyConnected(Refused):
    """The person has connected a calendar at that address; meetings would be stored there twice."""

    def __init__(self, calendar_id: str) -> None:
        self.calendar_id = calendar_id
        super().__init__(f"this address is connected as calendar {calendar_id!r}; disconnect that first")


@dataclass(frozen=True)
class Reading:
    """A calendar that is leased to be read, with its encrypted password and its owner's time zone."""

    calendar: ConnectedCalendar
    programme_id: str
    password_token: str
    time_zone: str


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


_LOGINS = select(
    calendars.c.id,
    calendars.c.person_id,
    calendars.c.url,
    calendars.c.username,
    calendars.c.password_token,
    calendars.c.publish,
    calendars.c.auto_schedule,
)


class Calendars(Repository):
    """Methods that take a programme raise NotFound for a person, or a person's calendar, that it does not have."""

    def add(
        self,
        programme_id: str,
        person_id: str,
        *,
        url: str,
        username: str,
        password_token: str,
        publish: bool,
        now: datetime,
        auto_schedule: bool = False,
    ) -> ConnectedCalendar:
        """Store a calendar, which is due to be read at once, and return it with its new id.

        The person is locked, so that a meeting booked meanwhile is enqueued for it either by that booking or by the
        caller. Raises AlreadyConnected for an address that the person has connected.
        """
        lock_people(self._connection, programme_id, [person_id])
        require_people(self._connection, programme_id, [person_id])
        same = select(calendars.c.id).where(calendars.c.person_id == person_id, calendars.c.url == url).limit(1)
        connected = self._connection.scalar(same)
        if connected is not None:
            raise AlreadyConnected(connected)
        renew_availability(self._connection, programme_id, [person_id])
        calendar = ConnectedCalendar(new_id(), person_id, url, username, publish, Periods.none())
        self._insert(
            calendars,
            id=calendar.id,
            programme_id=programme_id,
            person_id=person_id,
            url=url,
            username=username,
            password_token=password_token,
            publish=publish,
            auto_schedule=auto_schedule,
            busy=calendar.busy,
            read_due_at=now,
            created_at=now,
        )
        return calendar

    def list_for_person(self, programme_id: str, person_id: str) -> list[ConnectedCalendar]:
        """Return the person's calendars, in the order of their connection."""
        return self.list_for_people(programme_id, [person_id])[person_id]

    def list_page(
        self, programme_id: str, person_id: str, after: Position | None, limit: int
    ) -> list[tuple[Position, ConnectedCalendar]]:
        """At most ``limit`` of the person's calendars behind a position (None: from the first connected on)."""
        require_people(self._connection, programme_id, [person_id])
        theirs = (calendars.c.programme_id == programme_id) & (calendars.c.person_id == person_id)
        return self._list_page(calendars, theirs, after, limit, _calendar)

    def list_for_people(self, programme_id: str, ids: Collection[str]) -> dict[str, list[ConnectedCalendar]]:
        """Return each person's calendars, in the order of their connection, with one query."""
        require_people(self._connection, programme_id, ids)
        query = (
            select(calendars)
            .where(calendars.c.programme_id == programme_id, calendars.c.person_id.in_(set(ids)))
            .order_by(calendars.c.created_at, calendars.c.id)
        )
        found: dict[str, list[ConnectedCalendar]] = {person_id: [] for person_id in ids}
        for row in self._connection.execute(query):
            found[row.person_id].append(_calendar(row))
        return found

    def get(self, programme_id: str, person_id: str, calendar_id: str) -> ConnectedCalendar:
        """Return the person's calendar of that id."""
        row = self._connection.execute(
            select(calendars).where(_one(programme_id, person_id, calendar_id))
        ).one_or_none()
        if row is None:
            raise NotFound("calendar", calendar_id)
        return _calendar(row)

    def delete(self, programme_id: str, person_id: str, calendar_id: str) -> None:
        """Delete the calendar, its password and its deliveries; the person is locked, so that none is added."""
        lock_people(self._connection, programme_id, [person_id])
        self.get(programme_id, person_id, calendar_id)
        delete_deliveries(self._connection, [calendar_id])
        renew_availability(self._connection, programme_id, [person_id])
        self._connection.execute(calendars.delete().where(calendars.c.id == calendar_id))

    def list_published(self, programme_id: str, ids: Collection[str]) -> list[PublishedCalendar]:
        """Return these people's calendars that meetings are published to, in the order of their connection."""
        query = (
            select(calendars.c.id, calendars.c.person_id, calendars.c.auto_schedule)
            .where(calendars.c.programme_id == programme_id, calendars.c.person_id.in_(set(ids)), calendars.c.publish)
            .order_by(calendars.c.created_at, calendars.c.id)
        )
        return [PublishedCalendar(*row) for row in self._connection.execute(query)]

    def find_login(self, calendar_id: str) -> Login | None:
        """Return the login of a calendar of any programme; None if it is not connected."""
        row = self._connection.execute(_LOGINS.where(calendars.c.id == calendar_id)).one_or_none()
        return None if row is None else Login(*row)

    def list_logins(self, programme_id: str) -> list[Login]:
        """Return the logins of the programme's calendars, in the order of their connection."""
        query = _LOGINS.where(calendars.c.programme_id == programme_id)
        rows = self._connection.execute(query.order_by(calendars.c.created_at, calendars.c.id))
        return [Login(*row) for row in rows]

    def list_on_server_of(self, calendar_id: str) -> list[str]:
        """Return the ids of all calendars, of any programme, that have the scheme, host and port of that one's URL."""
        url = self._connection.scalar(select(calendars.c.url).where(calendars.c.id == calendar_id))
        if url is None:
            return []
        scheme, _, rest = url.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}/"
        query = select(calendars.c.id).where(calendars.c.url.startswith(origin, autoescape=True))
        return list(self._connection.scalars(query))

    def claim_reading(self, now: datetime, lease: timedelta) -> Reading | None:
        """Lease the calendar that has been due for longest, of any programme; None if none is due."""
        query = (
            select(calendars, people.c.time_zone)
            .join(people, people.c.id == calendars.c.person_id)
            .where(calendars.c.read_due_at <= now)
            .order_by(calendars.c.read_due_at, calendars.c.id)
            .limit(1)
            .with_for_update(of=calendars, skip_locked=True, key_share=True)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        self._connection.execute(calendars.update().where(calendars.c.id == row.id).values(read_due_at=now + lease))
        return Reading(_calendar(row), row.programme_id, row.password_token, row.time_zone)

    def record_read(self, calendar_id: str, busy: Periods, now: datetime, due_at: datetime) -> bool:
        """Replace the busy periods by those just read; return False if the calendar is no longer connected."""
        return self._record(calendar_id, busy=busy, read_at=now, failure=None, read_due_at=due_at)

    def record_read_failure(self, calendar_id: str, failure: str, due_at: datetime) -> bool:
        """Store why reading failed and keep the busy periods; return False if it is no longer connected."""
        return self._record(calendar_id, failure=failure, read_due_at=due_at)

    def _record(self, calendar_id: str, **values: Any) -> bool:
        whose = select(calendars.c.programme_id, calendars.c.person_id).where(calendars.c.id == calendar_id)
        for programme_id, person_id in self._connection.execute(whose).all():
            renew_availability(self._connection, programme_id, [person_id])
        update = calendars.update().where(calendars.c.id == calendar_id).values(**values)
        return self._connection.execute(update).rowcount == 1


def _one(programme_id: str, person_id: str, calendar_id: str) -> ColumnElement[bool]:
    return in_programme(calendars, programme_id, calendar_id) & (calendars.c.person_id == person_id)


def _calendar(row: Row[Any]) -> ConnectedCalendar:
    return ConnectedCalendar(
        id=row.id,
        person_id=row.person_id,
        url=row.url,
        username=row.username,
        publish=row.publish,
        busy=row.busy,
        read_at=row.read_at,
        failure=row.failure,
    )
