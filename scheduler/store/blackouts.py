"""People's declared times away."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select

from scheduler.domain.availability.attendees import Blackout, Days
from scheduler.domain.programme.people import StoredBlackout
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.store.rows import Position, Repository, build, new_id, of_people, of_person, values_of
from scheduler.store.tables import blackouts


class Blackouts(Repository):
    """Methods raise NotFound for a person, or a person's blackout, that the programme does not have."""

    def add(self, programme_id: str, person_id: str, blackout: Blackout) -> StoredBlackout:
        """Store a blackout under a new id; the person is locked, so that nobody erases them meanwhile."""
        self._renew_availability(programme_id, [person_id])
        self._require_people(programme_id, [person_id])
        stored = StoredBlackout(new_id(), person_id, blackout)
        self._insert(blackouts, id=stored.id, programme_id=programme_id, person_id=person_id, **_values(blackout))
        return stored

    def list_for_person(self, programme_id: str, person_id: str) -> list[StoredBlackout]:
        """The person's blackouts, the earliest first."""
        return self.list_for_people(programme_id, [person_id])[person_id]

    def list_for_people(self, programme_id: str, ids: Collection[str]) -> dict[str, list[StoredBlackout]]:
        """Each person's blackouts, the earliest first, in one query."""
        self._require_people(programme_id, ids)
        query = select(blackouts).where(of_people(blackouts, programme_id, ids))
        found: dict[str, list[StoredBlackout]] = {person_id: [] for person_id in ids}
        for stored in sorted(map(_stored, self._connection.execute(query)), key=_position):
            found[stored.person_id].append(stored)
        return found

    def get(self, programme_id: str, person_id: str, blackout_id: str) -> StoredBlackout:
        """The person's blackout of that id."""
        query = select(blackouts).where(of_person(blackouts, programme_id, person_id, blackout_id))
        return _stored(self._get(query, "blackout", blackout_id))

    def update(self, programme_id: str, stored: StoredBlackout) -> None:
        """Store a changed blackout."""
        self._renew_availability(programme_id, [stored.person_id])
        here = of_person(blackouts, programme_id, stored.person_id, stored.id)
        self._change_one(blackouts.update().where(here).values(_values(stored.blackout)), "blackout", stored.id)

    def delete(self, programme_id: str, person_id: str, blackout_id: str) -> None:
        """Delete the blackout."""
        self._renew_availability(programme_id, [person_id])
        here = of_person(blackouts, programme_id, person_id, blackout_id)
        self._change_one(blackouts.delete().where(here), "blackout", blackout_id)


def _values(blackout: Blackout) -> dict[str, Any]:
    span = blackout.span
    days, period = (span, None) if isinstance(span, Days) else (None, span)
    return values_of(blackout, blackouts) | {
        "first_day": days and days.first,
        "last_day": days and days.last,
        "start_at": period and period.start,
        "end_at": period and period.end,
        "rrule": blackout.rule and blackout.rule.text,
    }


def _stored(row: Row[Any]) -> StoredBlackout:
    span = Period(row.start_at, row.end_at) if row.first_day is None else Days(row.first_day, row.last_day)
    rule = None if row.rrule is None else BlackoutRule(row.rrule)
    return StoredBlackout(row.id, row.person_id, build(Blackout, row, span=span, rule=rule))


def _position(stored: StoredBlackout) -> Position:
    span = stored.blackout.span
    return (span.first if isinstance(span, Days) else span.start).isoformat(), stored.id
