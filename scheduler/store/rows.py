"""What the repositories share: new ids, and finding a row only inside its programme."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Table, literal, select, true

from scheduler.errors import NotFound
from scheduler.store.tables import people
from scheduler.store.types import UTCDateTime

Place = tuple[str, str]
"""Where a thing stands in a list. In one by age: when it was added (ISO 8601, UTC), and its id."""


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


def lock_people(connection: Connection, programme_id: str, ids: Iterable[str]) -> set[str]:
    """Locks those people's rows, erased ones too, until the transaction ends; gives the ids that there are.

    In the order of their ids, so that two such calls never wait for each other in a ring. A locked row
    can still be referred to: what is added elsewhere for the person does not wait.
    """
    ours = (people.c.programme_id == programme_id) & people.c.id.in_(set(ids))
    query = select(people.c.id).where(ours).order_by(people.c.id).with_for_update(key_share=True)
    return set(connection.scalars(query))


def renew_availability(connection: Connection, programme_id: str, ids: Iterable[str]) -> None:
    """Gives what is known of those people's time a version that it never had; their rows are locked by it.

    To be called before what it is about is changed, people being locked before what belongs to them. A version is
    random and not counted: a database that is restored goes back, and must not come to a version it had already.
    """
    ours = (people.c.programme_id == programme_id) & people.c.id.in_(lock_people(connection, programme_id, ids))
    connection.execute(people.update().where(ours).values(availability_version=new_id()))


def place_of(row: Row[Any]) -> Place:
    """Where a row stands among those of its table, the first added first."""
    return row.created_at.isoformat(), row.id


def beyond(table: Table, place: Place | None) -> ColumnElement[bool]:
    """The condition for the rows that were added after that place; None: for all of them."""
    if place is None:
        return true()
    at = literal(datetime.fromisoformat(place[0]), UTCDateTime)
    return (table.c.created_at > at) | ((table.c.created_at == at) & (table.c.id > place[1]))


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
