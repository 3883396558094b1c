"""People of a programme.

An erased person keeps a row, because past meetings refer to it, but no personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, literal, select

from scheduler.domain.availability.attendees import Buffer
from scheduler.domain.programme.meetings import Party
from scheduler.domain.programme.people import Person
from scheduler.store.outbox import delete_deliveries
from scheduler.store.rows import (
    Position,
    Repository,
    build,
    by_age,
    check_found,
    in_programme,
    new_id,
    not_erased,
    values_of,
)
from scheduler.store.servers import Servers
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
        """At most ``limit`` people after a position (None: from the first added on), each with their position."""
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
        self._lock_people(programme_id, ids)
        return self.get_many(programme_id, ids)

    def lock_including_erased(self, programme_id: str, ids: Collection[str]) -> None:
        """Lock people as `lock` does, erased ones too; ids that the programme does not have are ignored."""
        self._lock_people(programme_id, ids)

    def update(self, programme_id: str, person: Person, now: datetime) -> None:
        """Store a changed person."""
        self._update(programme_id, person.id, changed_at=now, **_values(person))

    def mark_feeds_changed(self, programme_id: str, ids: Collection[str], now: datetime) -> None:
        """Give people's feeds a new revision and delete the stored bytes. The time of change never goes back.

        Erased people are taken too.
        """
        instant = literal(now, UTCDateTime)
        changed_at = case((people.c.calendar_changed_at > instant, people.c.calendar_changed_at), else_=instant)
        ours = (people.c.programme_id == programme_id) & people.c.id.in_(set(ids))
        check_found("person", ids, self._lock_people(programme_id, ids))
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
        values = _values(Person(person_id, ERASED_NAME, "", "")) | {"email": None, "email_key": None}
        del values["time_zone"]  # past meetings are still shown in it
        self._update(programme_id, person_id, changed_at=now, erased_at=now, **values)
        theirs = select(calendars.c.id).where(calendars.c.person_id == person_id)
        delete_deliveries(self._connection, theirs)
        for table in (blackouts, calendars, feeds):
            self._connection.execute(table.delete().where(table.c.person_id == person_id))
        Servers(self._connection).forget_unused()

    def get_party(self, programme_id: str, person_id: str) -> Party:
        """The person as a party of a meeting; an erased one is a "deleted person" without an email."""
        query = select(people).where(in_programme(people, programme_id, person_id))
        return build(Party, self._get(query, "person", person_id))

    def find_ids_by_email(self, programme_id: str, emails: Collection[str]) -> list[str]:
        """The ids of the people who have one of those emails, whatever its case.

        Several may share one.
        """
        keys = {email.casefold() for email in emails}
        if not keys:
            return []
        query = select(people.c.id).where(not_erased(programme_id), people.c.email_key.in_(keys))
        return list(self._connection.scalars(by_age(query, people)))

    def _update(self, programme_id: str, person_id: str, **values: Any) -> None:
        condition = in_programme(people, programme_id, person_id) & not_erased(programme_id)
        self._change_one(people.update().where(condition).values(**values), "person", person_id)
        self._renew_availability(programme_id, [person_id])


def _values(person: Person) -> dict[str, Any]:
    return values_of(person, people) | {
        "email_key": person.email.casefold(),
        "buffer_before": person.buffer.before,
        "buffer_after": person.buffer.after,
    }


def _person(row: Row[Any]) -> Person:
    return build(Person, row, buffer=Buffer(row.buffer_before, row.buffer_after))
