"""Mentorships of a programme."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from scheduler.domain.programme.mentorships import Mentorship
from scheduler.errors import NotFound
from scheduler.store.rows import Position, Repository, in_programme, lock_people, require_people
from scheduler.store.tables import mentorships


class Mentorships(Repository):
    """Methods raise NotFound for a mentorship or a person that the programme does not have."""

    def add(self, programme_id: str, mentorship: Mentorship, now: datetime) -> None:
        """Store a new mentorship under its own id; its two people are locked, so that nobody erases them meanwhile."""
        both = [mentorship.mentor_id, mentorship.mentee_id]
        lock_people(self._connection, programme_id, both)
        require_people(self._connection, programme_id, both)
        self._insert(
            mentorships,
            id=mentorship.id,
            programme_id=programme_id,
            mentor_id=mentorship.mentor_id,
            mentee_id=mentorship.mentee_id,
            created_at=now,
            **_values(mentorship),
        )

    def get(self, programme_id: str, mentorship_id: str, *, lock: bool = False) -> Mentorship:
        """The mentorship of that id, with ``lock`` locked until the transaction ends."""
        query = select(mentorships).where(in_programme(mentorships, programme_id, mentorship_id))
        row = self._connection.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
        if row is None:
            raise NotFound("mentorship", mentorship_id)
        return _mentorship(row)

    def list_all(self, programme_id: str) -> list[Mentorship]:
        """Every mentorship, the first added first."""
        return self._list(mentorships, mentorships.c.programme_id == programme_id, _mentorship)

    def list_page(self, programme_id: str, after: Position | None, limit: int) -> list[tuple[Position, Mentorship]]:
        """At most ``limit`` mentorships behind a position (None: from the first added on), each with its position."""
        return self._list_page(mentorships, mentorships.c.programme_id == programme_id, after, limit, _mentorship)

    def count(self, programme_id: str) -> int:
        """The number of mentorships, ended ones too; none for an unknown programme."""
        return self._count(mentorships, mentorships.c.programme_id == programme_id)

    def list_for_person(self, programme_id: str, person_id: str, *, lock: bool = False) -> list[Mentorship]:
        """The mentorships in which the person is mentor or mentee, the first added first.

        With ``lock`` they are locked, in the order of their ids, until the transaction ends.
        """
        require_people(self._connection, programme_id, [person_id])
        theirs = (mentorships.c.mentor_id == person_id) | (mentorships.c.mentee_id == person_id)
        ours = (mentorships.c.programme_id == programme_id) & theirs
        if lock:
            rows = select(mentorships.c.id).where(ours).order_by(mentorships.c.id).with_for_update(key_share=True)
            self._connection.execute(rows)
        return self._list(mentorships, ours, _mentorship)

    def update(self, programme_id: str, mentorship: Mentorship) -> None:
        """Store a changed mentorship; its two people stay the same."""
        condition = in_programme(mentorships, programme_id, mentorship.id)
        self._update_one(mentorships, condition, "mentorship", mentorship.id, **_values(mentorship))


def _values(mentorship: Mentorship) -> dict[str, Any]:
    return {
        "goals": list(mentorship.goals),
        "expectations": mentorship.expectations,
        "starts_on": mentorship.starts_on,
        "ends_on": mentorship.ends_on,
        "status": mentorship.status,
    }


def _mentorship(row: Row[Any]) -> Mentorship:
    return Mentorship(
        id=row.id,
        mentor_id=row.mentor_id,
        mentee_id=row.mentee_id,
        goals=tuple(row.goals),
        expectations=row.expectations,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        status=row.status,
    )
