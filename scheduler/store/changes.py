"""The log of changes, one for all resources of a programme."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from scheduler.domain.programme.changes import Change, ChangeType, LoggedChange
from scheduler.store.rows import Repository, build, in_programme, values_of
from scheduler.store.tables import changes, meetings


class Changes(Repository):
    """Entries are added, and never changed."""

    def add(self, programme_id: str, made: Iterable[Change], actor: str, now: datetime) -> None:
        """Add entries, in their order."""
        rows = [
            values_of(one, changes) | {"programme_id": programme_id, "type": one.type.value, "actor": actor, "at": now}
            for one in made
        ]
        if rows:
            self._connection.execute(changes.insert(), rows)

    def list_for_meeting(
        self, programme_id: str, meeting_id: str, after: int | None, limit: int | None
    ) -> list[LoggedChange]:
        """Return at most ``limit`` of a meeting's entries after a position, in order. Raises NotFound."""
        self._get(select(meetings.c.id).where(in_programme(meetings, programme_id, meeting_id)), "meeting", meeting_id)
        query = select(changes).where(changes.c.programme_id == programme_id, changes.c.meeting_id == meeting_id)
        if after is not None:
            query = query.where(changes.c.position > after)
        rows = self._connection.execute(query.order_by(changes.c.position).limit(limit))
        return [build(LoggedChange, row, change=build(Change, row, type=ChangeType(row.type))) for row in rows]
