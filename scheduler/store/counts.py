"""How many things a programme has, for those that are too many to be loaded and counted."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, func, select

from scheduler.store.rows import Repository, living
from scheduler.store.tables import meetings, mentorships, people


class Counts(Repository):
    """What another programme has counts as nothing. Lock what they belong to first, for a number that stays true."""

    def people(self, programme_id: str) -> int:
        """The programme's people, without the erased."""
        return self._count(people, living(programme_id))

    def mentorships(self, programme_id: str) -> int:
        """The programme's mentorships, ended ones too."""
        return self._count(mentorships, mentorships.c.programme_id == programme_id)

    def meetings(self, programme_id: str, mentorship_id: str) -> int:
        """The mentorship's meetings (series and single ones), cancelled ones too."""
        ours = (meetings.c.programme_id == programme_id) & (meetings.c.mentorship_id == mentorship_id)
        return self._count(meetings, ours)

    def _count(self, table: Table, condition: ColumnElement[bool]) -> int:
        return self._connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
