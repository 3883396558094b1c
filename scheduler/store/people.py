"""People of a programme.

An erased person keeps a row, because past meetings refer to it, but no personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, literal, select

from scheduler.domain.availability.attendees import DEFAULT_HOURS, NO_BUFFER, Buffer, WorkingHours
from scheduler.domain.programme.meetings import Party
from scheduler.domain.programme.people import Person
from scheduler.errors import NotFound
from scheduler.store.outbox import delete_deliveries
from scheduler.store.rows import (
    Position,
    Repository,
    check_found,
    in_programme,
    lock_people,
    new_id,
    not_erased,
    renew_availability,
)
from scheduler.store.tables import blackouts, calendars, feeds, people
from scheduler.store.types import UTCDateTime

ERASED_NAME = "deleted person"


_SELECT_VERSIONS = select(people.c.id, people.c.availability_version).where(
    people.c.programme_id == bindparam("programme_id"),
    people.c.erased_at.is_(None),
    people.c.id.in_(bindparam("ids", expanding=True)),
)
"""Built once, because every search runs it and building takes longer than running."""


class People(Repository):
    """Methods raise NotFound for a person who is not in the programme, or erased, unless they say otherwise."""

    def add(self, programme_id: str, person: Person, now: datetime) -> None:
        """Store a new person under the person's own id."""
        self._insert(
            people,
            id=person.id,
            programme_id=programme_id,
            created_at=now,
            changed_at=now,
            calendar_revision=1,
            calendar_changed_at=now,
            availability_version=new_id(),
            **_values(person),
        )

    def get(self, programme_id: str, person_id: str) -> Person:
        """The person of that id."""
        return self.get_many(programme_id, [person_id])[0]

    def list_all(self, programme_id: str) -> list[Person]:
        """Everyone, the first added first."""
        return self._list(people, not_erased(programme_id), _person)

    def list_page(self, programme_id: str, after: Position | None, limit: int) -> list[tuple[Position, Person]]:
        """At most ``limit`` people behind a position (None: from the first added on), each with their position."""
        return self._list_page(people, not_erased(programme_id), after, limit, _person)

    def count(self, programme_id: str) -> int:
        """The number of people; none for an unknown programme."""
        return self._count(people, not_erased(programme_id))

    def get_many(self, programme_id: str, ids: Sequence[str]) -> list[Person]:
        """The people of those ids, in that order."""
        found = self.find_many(programme_id, ids)
        check_found("person", ids, set(found))
        return [found[person_id] for person_id in ids]

    def find_many(self, programme_id: str, ids: Sequence[str]) -> dict[str, Person]:
        """The people of those ids that the programme has, by id."""
        query = select(people).where(not_erased(programme_id), people.c.id.in_(set(ids)))
        return {row.id: _person(row) for row in self._connection.execute(query)}

    def availability_versions(self, programme_id: str, ids: Collection[str]) -> dict[str, str]:
        """The availability versions of the people of those ids that the programme has, by id.

        While a version stays the same, so do the person, their blackouts, their calendars and their meetings.
        """
        rows = self._connection.execute(_SELECT_VERSIONS, {"programme_id": programme_id, "ids": list(ids)})
        return {row.id: row.availability_version for row in rows}

    def lock(self, programme_id: str, ids: Sequence[str]) -> list[Person]:
        """Lock the people of those ids until the transaction ends; return them in that order.

        Rows are locked in the order of their ids, so that two such calls can't deadlock.
        """
        lock_people(self._connection, programme_id, ids)
        return self.get_many(programme_id, ids)

    def lock_including_erased(self, programme_id: str, ids: Collection[str]) -> None:
        """Lock people as `lock` does, erased ones too; ids that the programme does not have are ignored."""
        lock_people(self._connection, programme_id, ids)

    def update(self, programme_id: str, person: Person, now: datetime) -> None:
        """Store a changed person."""
        condition = in_programme(people, programme_id, person.id) & not_erased(programme_id)
        self._update_one(people, condition, "person", person.id, changed_at=now, **_values(person))
        renew_availability(self._connection, programme_id, [person.id])

    def mark_feeds_changed(self, programme_id: str, ids: Collection[str], now: datetime) -> None:
        """Give people's feeds a new revision and delete the stored bytes. The time of change never goes back.

        Erased people are taken too.
        """
        instant = literal(now, UTCDateTime)
        changed_at = case((people.c.calendar_changed_at > instant, people.c.calendar_changed_at), else_=instant)
        ours = (people.c.programme_id == programme_id) & people.c.id.in_(set(ids))
        check_found("person", ids, lock_people(self._connection, programme_id, ids))
        self._connection.execute(
            people.update()
            .where(ours)
            .values(calendar_revision=people.c.calendar_revision + 1, calendar_changed_at=changed_at)
        )
        theirs = feeds.c.person_id.in_(set(ids))
        self._connection.execute(feeds.update().where(theirs).values(body=None, gzipped_body=None))

    def erase(self, programme_id: str, person_id: str, now: datetime) -> None:
        """Delete the person's data, blackouts, calendars, deliveries to these, and feeds.

        Meetings and mentorships stay; the caller cancels and ends them.
        """
        condition = in_programme(people, programme_id, person_id) & not_erased(programme_id)
        blank = Person(person_id, ERASED_NAME, "", "", DEFAULT_HOURS, NO_BUFFER)
        values = _values(blank) | {"email": None, "email_key": None}
        del values["time_zone"]  # past meetings are still shown in it
        self._update_one(people, condition, "person", person_id, changed_at=now, erased_at=now, **values)
        renew_availability(self._connection, programme_id, [person_id])
        theirs = select(calendars.c.id).where(calendars.c.person_id == person_id)
        delete_deliveries(self._connection, theirs)
        for table in (blackouts, calendars, feeds):
            self._connection.execute(table.delete().where(table.c.person_id == person_id))

    def get_party(self, programme_id: str, person_id: str) -> Party:
        """The person as a party of a meeting; an erased one is a "deleted person" without an email."""
        query = select(people.c.name, people.c.email, people.c.time_zone, people.c.travel)
        row = self._connection.execute(query.where(in_programme(people, programme_id, person_id))).one_or_none()
        if row is None:
            raise NotFound("person", person_id)
        return Party(row.name, row.email, row.time_zone, row.travel)

    def find_ids_by_email(self, programme_id: str, emails: Collection[str]) -> list[str]:
        """The ids of the people who have one of those emails, whatever its case.

        Several may share one.
        """
        query = (
            select(people.c.id)
            .where(not_erased(programme_id), people.c.email_key.in_({email.casefold() for email in emails}))
            .order_by(people.c.created_at, people.c.id)
        )
        return list(self._connection.scalars(query))


def _values(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "email": person.email,
        "email_key": person.email.casefold(),
        "time_zone": person.time_zone,
        "working_hours": _hours_as_json(person.working_hours),
        "buffer_before": person.buffer.before,
        "buffer_after": person.buffer.after,
        "preferred_hours": _hours_as_json(person.preferred_hours),
        "travel": person.travel,
        "at_most_per_day": person.at_most_per_day,
        "at_most_per_week": person.at_most_per_week,
    }


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        time_zone=row.time_zone,
        working_hours=_hours_from_json(row.working_hours),
        buffer=Buffer(row.buffer_before, row.buffer_after),
        preferred_hours=_hours_from_json(row.preferred_hours),
        travel=row.travel,
        at_most_per_day=row.at_most_per_day,
        at_most_per_week=row.at_most_per_week,
    )


def _hours_as_json(hours: Iterable[WorkingHours] | None) -> list[dict[str, Any]] | None:
    if hours is None:
        return None
    return [{"days": list(entry.days), "start": entry.start, "end": entry.end} for entry in hours]


def _hours_from_json(hours: list[dict[str, Any]] | None) -> tuple[WorkingHours, ...] | None:
    if hours is None:
        return None
    return tuple(WorkingHours(tuple(entry["days"]), entry["start"], entry["end"]) for entry in hours)
