"""What the repositories share: new ids, list positions, locks on people, and rows looked up inside their programme."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Table, func, literal, select, true

from scheduler.errors import NotFound
from scheduler.store.tables import people
from scheduler.store.types import UTCDateTime

_T = TypeVar("_T")

Position = tuple[str, str]
"""The sort key of an item in a list. In a list by age: when it was added (ISO 8601, UTC), then its id."""


def new_id() -> str:
    """A fresh id for anything that is stored: a random UUID (RFC 9562 §5.4)."""
    return str(uuid4())


def in_programme(table: Table, programme_id: str, identifier: str) -> ColumnElement[bool]:
    """The condition for the row of that id in the programme."""
    return (table.c.id == identifier) & (table.c.programme_id == programme_id)


def not_erased(programme_id: str) -> ColumnElement[bool]:
    """The condition for the programme's people whose data is not erased."""
    return (people.c.programme_id == programme_id) & people.c.erased_at.is_(None)


def require_people(connection: Connection, programme_id: str, ids: Iterable[str]) -> None:
    """Raises NotFound for the first person who is not in the programme, or erased."""
    wanted = list(dict.fromkeys(ids))
    query = select(people.c.id).where(not_erased(programme_id), people.c.id.in_(wanted))
    check_found("person", wanted, set(connection.scalars(query)))


def lock_people(connection: Connection, programme_id: str, ids: Iterable[str]) -> set[str]:
    """Lock people's rows, erased ones too, until the transaction ends; return the ids that exist.

    Rows are locked in the order of their ids, so that two such calls can't deadlock. A locked row
    can still be referred to: rows of other tables can be added for the person without waiting.
    """
    ours = (people.c.programme_id == programme_id) & people.c.id.in_(set(ids))
    query = select(people.c.id).where(ours).order_by(people.c.id).with_for_update(key_share=True)
    return set(connection.scalars(query))


def renew_availability(connection: Connection, programme_id: str, ids: Iterable[str]) -> None:
    """Give people's availability a new version and lock their rows.

    Call it before the change itself, because people are locked before what belongs to them. A version is random,
    not counted: a database restored from a backup must not reach a version that was used before.
    """
    ours = (people.c.programme_id == programme_id) & people.c.id.in_(lock_people(connection, programme_id, ids))
    connection.execute(people.update().where(ours).values(availability_version=new_id()))


def position_of(row: Row[Any]) -> Position:
    """The position of a row in its table's list by age."""
    return row.created_at.isoformat(), row.id


def added_after(table: Table, position: Position | None) -> ColumnElement[bool]:
    """The condition for the rows behind a position of the list by age; None: all rows."""
    if position is None:
        return true()
    at = literal(datetime.fromisoformat(position[0]), UTCDateTime)
    return (table.c.created_at > at) | ((table.c.created_at == at) & (table.c.id > position[1]))


def check_found(kind: str, wanted: Iterable[str], found: set[str]) -> None:
    """Raises NotFound for the first wanted id that was not found."""
    for identifier in wanted:
        if identifier not in found:
            raise NotFound(kind, identifier)


class Repository:
    """Queries over one connection, inside its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _list(self, table: Table, condition: ColumnElement[bool], build: Callable[[Row[Any]], _T]) -> list[_T]:
        """The values of the rows that meet the condition, the first added first."""
        query = select(table).where(condition).order_by(table.c.created_at, table.c.id)
        return [build(row) for row in self._connection.execute(query)]

    def _list_page(
        self,
        table: Table,
        condition: ColumnElement[bool],
        after: Position | None,
        limit: int,
        build: Callable[[Row[Any]], _T],
    ) -> list[tuple[Position, _T]]:
        """At most ``limit`` values behind a position, the first added first, each with its position."""
        condition = condition & added_after(table, after)
        query = select(table).where(condition).order_by(table.c.created_at, table.c.id).limit(limit)
        return [(position_of(row), build(row)) for row in self._connection.execute(query)]

    def _count(self, table: Table, condition: ColumnElement[bool]) -> int:
        return self._connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()

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
