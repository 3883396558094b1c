"""People's declared times away."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from scheduler.domain.availability.attendees import Blackout, Days
from scheduler.domain.programme.people import StoredBlackout
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.errors import NotFound
from scheduler.store.rows import (
    Position,
    Repository,
    in_programme,
    lock_people,
    new_id,
    renew_availability,
    require_people,
)
from scheduler.store.tables import blackouts


class Blackouts(Repository):
    """Methods raise NotFound for a person, or a person's blackout, that the programme does not have."""

    def add(self, programme_id: str, person_id: str, blackout: Blackout) -> StoredBlackout:
        """Store a blackout under a new id; the person is locked, so that nobody erases them meanwhile."""
        lock_people(self._connection, programme_id, [person_id])
        require_people(self._connection, programme_id, [person_id])
        renew_availability(self._connection, programme_id, [person_id])
        stored = StoredBlackout(new_id(), person_id, blackout)
        self._insert(blackouts, id=stored.id, programme_id=programme_id, person_id=person_id, **_values(blackout))
        return stored

    def list_for_person(self, programme_id: str, person_id: str) -> list[StoredBlackout]:
        """The person's blackouts, the earliest first."""
        return self.list_for_people(programme_id, [person_id])[person_id]

    def list_for_people(self, programme_id: str, ids: Collection[str]) -> dict[str, list[StoredBlackout]]:
        """Each person's blackouts, the earliest first, in one query."""
        require_people(self._connection, programme_id, ids)
        query = select(blackouts).where(blackouts.c.programme_id == programme_id, blackouts.c.person_id.in_(set(ids)))
        found: dict[str, list[StoredBlackout]] = {person_id: [] for person_id in ids}
        for stored in sorted(map(_stored, self._connection.execute(query)), key=_position):
            found[stored.person_id].append(stored)
        return found

    def get(self, programme_id: str, person_id: str, blackout_id: str) -> StoredBlackout:
        """The person's blackout of that id."""
        query = select(blackouts).where(_one(programme_id, person_id, blackout_id))
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFound("blackout", blackout_id)
        return _stored(row)

    def update(self, programme_id: str, stored: StoredBlackout) -> None:
        """Store a changed blackout."""
        renew_availability(self._connection, programme_id, [stored.person_id])
        condition = _one(programme_id, stored.person_id, stored.id)
        self._update_one(blackouts, condition, "blackout", stored.id, **_values(stored.blackout))

    def delete(self, programme_id: str, person_id: str, blackout_id: str) -> None:
        """Delete the blackout."""
        renew_availability(self._connection, programme_id, [person_id])
        self._delete_one(blackouts, _one(programme_id, person_id, blackout_id), "blackout", blackout_id)


def _one(programme_id: str, person_id: str, blackout_id: str) -> ColumnElement[bool]:
    return in_programme(blackouts, programme_id, blackout_id) & (blackouts.c.person_id == person_id)


def _values(blackout: Blackout) -> dict[str, Any]:
    span = blackout.span
    days, period = (span, None) if isinstance(span, Days) else (None, span)
    return {
        "kind": blackout.kind,
        "title": blackout.title,
        "firm": blackout.firm,
        "first_day": days and days.first,
        "last_day": days and days.last,
        "start_at": period and period.start,
        "end_at": period and period.end,
        "rrule": blackout.rule and blackout.rule.text,
        "time_zone": blackout.time_zone,
    }


def _stored(row: Row[Any]) -> StoredBlackout:
    span = Period(row.start_at, row.end_at) if row.first_day is None else Days(row.first_day, row.last_day)
    rule = None if row.rrule is None else BlackoutRule(row.rrule)
    blackout = Blackout(row.kind, row.title, span, firm=row.firm, rule=rule, time_zone=row.time_zone, id=row.id)
    return StoredBlackout(row.id, row.person_id, blackout)


def _position(stored: StoredBlackout) -> Position:
    span = stored.blackout.span
    return (span.first if isinstance(span, Days) else span.start).isoformat(), stored.id
