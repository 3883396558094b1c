"""Mentorships of a programme."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import select

from scheduler.domain.programme.mentorships import Mentorship
from scheduler.store.rows import Position, Repository, build, in_programme, values_of
from scheduler.store.tables import mentorships


class Mentorships(Repository):
    """Methods raise NotFound for a mentorship or a person that the programme does not have."""

    def add(self, programme_id: str, mentorship: Mentorship, now: datetime) -> None:
        """Store a new mentorship under its own id; its two people are locked, so that nobody erases them meanwhile."""
        both = [mentorship.mentor_id, mentorship.mentee_id]
        self._lock_people(programme_id, both)
        self._require_people(programme_id, both)
        values = values_of(mentorship, mentorships)
        self._insert(mentorships, id=mentorship.id, programme_id=programme_id, created_at=now, **values)

    def get(self, programme_id: str, mentorship_id: str, *, lock: bool = False) -> Mentorship:
        """The mentorship of that id, with ``lock`` locked until the transaction ends."""
        query = select(mentorships).where(in_programme(mentorships, programme_id, mentorship_id))
        return _mentorship(self._get(query, "mentorship", mentorship_id, lock=lock))

    def find_many(self, programme_id: str, ids: Collection[str]) -> dict[str, Mentorship]:
        """The programme's mentorships among ``ids``, by their id."""
        ours = (mentorships.c.programme_id == programme_id) & mentorships.c.id.in_(set(ids))
        return {one.id: one for one in self._list(mentorships, ours, _mentorship)}

    def list_all(self, programme_id: str) -> list[Mentorship]:
        """Every mentorship, the first added first."""
        return self._list(mentorships, mentorships.c.programme_id == programme_id, _mentorship)

    def list_page(self, programme_id: str, after: Position | None, limit: int) -> list[tuple[Position, Mentorship]]:
        """At most ``limit`` mentorships after a position (None: from the first added on), each with its position."""
        return self._list_page(mentorships, mentorships.c.programme_id == programme_id, after, limit, _mentorship)

    def count(self, programme_id: str) -> int:
        """The number of mentorships, ended ones too; none for an unknown programme."""
        return self._count(mentorships, mentorships.c.programme_id == programme_id)

    def list_for_person(self, programme_id: str, person_id: str, *, lock: bool = False) -> list[Mentorship]:
        """The mentorships in which the person is mentor or mentee, the first added first.

        With ``lock`` they are locked, in the order of their ids, until the transaction ends.
        """
        self._require_people(programme_id, [person_id])
        theirs = (mentorships.c.mentor_id == person_id) | (mentorships.c.mentee_id == person_id)
        ours = (mentorships.c.programme_id == programme_id) & theirs
        if lock:
            self._lock_rows(mentorships, ours)
        return self._list(mentorships, ours, _mentorship)

    def update(self, programme_id: str, mentorship: Mentorship) -> None:
        """Store a changed mentorship; its two people stay the same."""
        here = in_programme(mentorships, programme_id, mentorship.id)
        values = values_of(mentorship, mentorships)
        self._change_one(mentorships.update().where(here).values(values), "mentorship", mentorship.id)


_mentorship = partial(build, Mentorship)
