"""The kinds of targets that the outbox can have: another kind is one more entry of TARGET_KINDS."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, or_

from scheduler.domain.programme.outbox import CalDAVCalendar, Target
from scheduler.store.tables import calendars, outbox


@dataclass(frozen=True)
class TargetKind:
    """A class of targets, the table of what their ids name, and the noun for it in errors."""

    target: type[Target]
    table: Table
    noun: str

    def ids_of(self, targets: Iterable[Target]) -> list[str]:
        """The ids of the targets of this kind."""
        return [target.id for target in targets if isinstance(target, self.target)]


TARGET_KINDS = {CalDAVCalendar.KIND: TargetKind(CalDAVCalendar, calendars, "calendar")}
"""Every kind, under the name that the outbox stores."""
FOR_CALENDARS = outbox.c.target_kind == CalDAVCalendar.KIND
"""The condition for rows to connected calendars."""


def target_of(row: Row[Any]) -> Target:
    """The target of a row of the outbox."""
    return TARGET_KINDS[row.target_kind].target(row.target_id)


def are_for(targets: Collection[Target]) -> ColumnElement[bool]:
    """The condition for rows to any of the targets."""
    return or_(
        *(
            (outbox.c.target_kind == name) & outbox.c.target_id.in_(kind.ids_of(targets))
            for name, kind in TARGET_KINDS.items()
        )
    )
