"""What the repositories share: new ids, and finding a row only inside its programme."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Table, select

from scheduler.errors import NotFound
from scheduler.store.tables import people


def new_id() -> str:
    """A fresh id for anything that is stored: a random UUID (RFC 9562 §5.4)."""
    return str(uuid4())


def in_programme(table: Table, programme_id: str, identifier: str) -> ColumnElement[bool]:
    """The condition for the row of that id, if it is the programme's."""
    return (table.c.id == identifier) & (table.c.programme_id == programme_id)


def living(programme_id: str) -> ColumnElement[bool]:
    """The condition for the programme's people whose data is not erased."""
    return (people.c.programme_id == programme_id) & people.c.erased_at.is_(None)


def require_people(connection: Connection, programme_id: str, ids: Iterable[str]) -> None:
    """Raises NotFound for the first person who is not in the programme, or erased."""
    wanted = list(dict.fromkeys(ids))
    query = select(people.c.id).where(living(programme_id), people.c.id.in_(wanted))
    missing("person", wanted, set(connection.scalars(query)))


def missing(kind: str, wanted: Iterable[str], found: set[str]) -> None:
    """Raises NotFound for the first wanted id that was not found."""
    for identifier in wanted:
        if identifier not in found:
            raise NotFound(kind, identifier)


class Repository:
    """Queries over one connection, inside its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _insert(self, table: Table, **values: Any) -> None:
        self._connection.execute(table.insert().values(**values))

    def _update_one(
        self, table: Table, condition: ColumnElement[bool], kind: str, identifier: str, /, **values: Any
    ) -> None:
        """Raises NotFound if no row meets the condition."""
        if self._connection.execute(table.update().where(condition).values(**values)).rowcount == 0:
            raise NotFound(kind, identifier)

    def _delete_one(self, table: Table, condition: ColumnElement[bool], kind: str, identifier: str) -> None:
        """Raises NotFound if no row meets the condition."""
        if self._connection.execute(table.delete().where(condition)).rowcount == 0:
            raise NotFound(kind, identifier)
