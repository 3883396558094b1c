"""What the repositories share: rows as values, rows of a programme or a person, lists by age, locks on people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Delete, Row, Select, Table, Update, func, literal, select, tuple_

from scheduler.errors import NotFound
from scheduler.store.tables import people
from scheduler.store.types import UTCDateTime

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _Dataclass = TypeVar("_Dataclass", bound=DataclassInstance)

_T = TypeVar("_T")

Position = tuple[str, str]
"""The sort key of an item in a list. In a list by age: when it was added (ISO 8601, UTC), then its id."""


def new_id() -> str:
    """A fresh id for anything that is stored: a random UUID (RFC 9562 §5.4)."""
    return str(uuid4())


def build(kind: type[_Dataclass], row: Any, **others: Any) -> _Dataclass:
    """The dataclass of a row: each field has the value of the column of its name, but for the others."""
    return kind(**{name: getattr(row, name) for name in _names(kind) if name not in others}, **others)


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def values_of(value: DataclassInstance, table: Table) -> dict[str, Any]:
    """The columns of a dataclass's row: each field, but for the id, that the table has a column of its name for."""
    names = [name for name in _names(type(value)) if name in table.c and name != "id"]
    return {name: getattr(value, name) for name in names}


def in_programme(table: Table, programme_id: str, identifier: str) -> ColumnElement[bool]:
    """The condition for the row of that id in the programme."""
    return (table.c.id == identifier) & (table.c.programme_id == programme_id)


def of_person(table: Table, programme_id: str, person_id: str, identifier: str) -> ColumnElement[bool]:
    """The condition for the row of that id that belongs to a person of the programme."""
    return in_programme(table, programme_id, identifier) & (table.c.person_id == person_id)


def of_people(table: Table, programme_id: str, person_ids: Iterable[str]) -> ColumnElement[bool]:
    """The condition for the rows that belong to any of the programme's people."""
    return (table.c.programme_id == programme_id) & table.c.person_id.in_(set(person_ids))


def not_erased(programme_id: str) -> ColumnElement[bool]:
    """The condition for the programme's people whose data is not erased."""
    return (people.c.programme_id == programme_id) & people.c.erased_at.is_(None)


def by_age(query: Select[Any], table: Table, after: Position | None = None, limit: int | None = None) -> Select[Any]:
    """The first ``limit`` rows (None: all) added after a position (None: from the first on), the first added first."""
    if after is not None:
        position = tuple_(literal(datetime.fromisoformat(after[0]), UTCDateTime), after[1])
        query = query.where(tuple_(table.c.created_at, table.c.id) > position)
    return query.order_by(table.c.created_at, table.c.id).limit(limit)


def check_found(noun: str, wanted: Iterable[str], found: Iterable[str]) -> None:
    """Raises NotFound for the first wanted id that was not found."""
    missing = next((identifier for identifier in wanted if identifier not in found), None)
    if missing is not None:
        raise NotFound(noun, missing)


class Repository:
    """Queries over one connection, inside its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _get(self, query: Select[Any], noun: str, identifier: str, *, lock: bool = False) -> Row[Any]:
        """The one row of a query, with ``lock`` locked until the transaction ends. Raises NotFound if there is none."""
        row = self._connection.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
        if row is None:
            raise NotFound(noun, identifier)
        return row

    def _list(self, table: Table, condition: ColumnElement[bool], make: Callable[[Row[Any]], _T]) -> list[_T]:
        """The values of the rows that meet the condition, the first added first."""
        return [make(row) for row in self._connection.execute(by_age(select(table).where(condition), table))]

    def _list_page(
        self,
        table: Table,
        condition: ColumnElement[bool],
        after: Position | None,
        limit: int,
        make: Callable[[Row[Any]], _T],
    ) -> list[tuple[Position, _T]]:
        """At most ``limit`` values after a position, the first added first, each with its position."""
        query = by_age(select(table).where(condition), table, after, limit)
        return [((row.created_at.isoformat(), row.id), make(row)) for row in self._connection.execute(query)]

    def _count(self, table: Table, condition: ColumnElement[bool]) -> int:
        return self._connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()

    def _insert(self, table: Table, **values: Any) -> None:
        self._connection.execute(table.insert().values(**values))

    def _change_one(self, change: Update | Delete, noun: str, identifier: str) -> None:
        """Update or delete a row. Raises NotFound if there is none."""
        if self._connection.execute(change).rowcount == 0:
            raise NotFound(noun, identifier)

    def _require_people(self, programme_id: str, ids: Iterable[str]) -> None:
        """Raises NotFound for the first person who is not in the programme, or erased."""
        wanted = list(dict.fromkeys(ids))
        query = select(people.c.id).where(not_erased(programme_id), people.c.id.in_(wanted))
        check_found("person", wanted, set(self._connection.scalars(query)))

    def _lock_rows(self, table: Table, condition: ColumnElement[bool]) -> set[str]:
        """Lock rows until the transaction ends; return their ids.

        Rows are locked in the order of their ids, so that two such calls can't deadlock. A locked row can still be
        referred to: rows of other tables can be added for it without waiting.
        """
        query = select(table.c.id).where(condition).order_by(table.c.id).with_for_update(key_share=True)
        return set(self._connection.scalars(query))

    def _lock_people(self, programme_id: str, ids: Iterable[str]) -> set[str]:
        """Lock people's rows, erased ones too, until the transaction ends; return the ids that exist."""
        return self._lock_rows(people, (people.c.programme_id == programme_id) & people.c.id.in_(set(ids)))

    def _renew_availability(self, programme_id: str, ids: Iterable[str]) -> None:
        """Give people's availability a new version and lock their rows.

        Call it before the change itself, because people are locked before what belongs to them. A version is random,
        not counted: a database restored from a backup must not reach a version that was used before.
        """
        locked = people.c.id.in_(self._lock_people(programme_id, ids))
        self._connection.execute(people.update().where(locked).values(availability_version=new_id()))
