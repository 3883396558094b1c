"""Mentorships of a programme."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from scheduler.domain.programme.mentorships import Mentorship
from scheduler.errors import NotFound
from scheduler.store.rows import Place, Repository, beyond, in_programme, lock_people, place_of, require_people
from scheduler.store.tables import mentorships


class Mentorships(Repository):
    """Every method raises NotFound for a mentorship or a person that the programme does not have."""

    def add(self, programme_id: str, mentorship: Mentorship, now: datetime) -> None:
        """Stores a new mentorship under the id it comes with; its two people are locked, so that they stay."""
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
            **_changeable(mentorship),
        )

    def get(self, programme_id: str, mentorship_id: str, *, lock: bool = False) -> Mentorship:
        """The mentorship of that id; with ``lock`` nobody else can change it until the transaction ends."""
        query = select(mentorships).where(in_programme(mentorships, programme_id, mentorship_id))
        row = self._connection.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
        if row is None:
            raise NotFound("mentorship", mentorship_id)
        return _mentorship(row)

    def all(self, programme_id: str) -> list[Mentorship]:
        """Every mentorship, in the order in which they were added."""
        return self._where(mentorships.c.programme_id == programme_id)

    def page(self, programme_id: str, after: Place | None, most: int) -> list[tuple[Place, Mentorship]]:
        """So many of those that were added after that place (None: from the beginning), each with its own."""
        query = select(mentorships).where(mentorships.c.programme_id == programme_id, beyond(mentorships, after))
        rows = self._connection.execute(query.order_by(mentorships.c.created_at, mentorships.c.id).limit(most))
        return [(place_of(row), _mentorship(row)) for row in rows]

    def of_person(self, programme_id: str, person_id: str, *, lock: bool = False) -> list[Mentorship]:
        """Those in which the person is mentor or mentee, in the order in which they were added.

        With ``lock`` nobody else can change them until the transaction ends; they are locked in the order of their ids.
        """
        require_people(self._connection, programme_id, [person_id])
        theirs = (mentorships.c.mentor_id == person_id) | (mentorships.c.mentee_id == person_id)
        ours = (mentorships.c.programme_id == programme_id) & theirs
        if lock:
            rows = select(mentorships.c.id).where(ours).order_by(mentorships.c.id).with_for_update(key_share=True)
            self._connection.execute(rows)
        return self._where(ours)

    def change(self, programme_id: str, mentorship: Mentorship) -> None:
        """Stores what the mentorship has become; its two people stay."""
        condition = in_programme(mentorships, programme_id, mentorship.id)
        self._update_one(mentorships, condition, "mentorship", mentorship.id, **_changeable(mentorship))

    def _where(self, condition: ColumnElement[bool]) -> list[Mentorship]:
        query = select(mentorships).where(condition).order_by(mentorships.c.created_at, mentorships.c.id)
        return [_mentorship(row) for row in self._connection.execute(query)]


def _changeable(mentorship: Mentorship) -> dict[str, Any]:
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
