"""Everything in the database that is encrypted, of all programmes: for the operator who changes the secret key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Table, and_, select, tuple_

from scheduler.store.rows import Repository
from scheduler.store.tables import answers, calendars

_PLACES: dict[str, tuple[Table, Column[str], tuple[Column[str], ...]]] = {
    "calendar passwords": (calendars, calendars.c.password_token, (calendars.c.id,)),
    "kept answers": (answers, answers.c.answer, (answers.c.programme_id, answers.c.key)),
}
KINDS = tuple(_PLACES)
"""What is kept encrypted."""


@dataclass(frozen=True)
class Sealed:
    """One encrypted text and where it is kept: its kind, and the values of the row's primary key."""

    kind: str
    place: tuple[str, ...]
    text: str


class SealedTexts(Repository):
    """Texts in the order of their places, so that a walk through them in batches leaves none out."""

    def after(self, kind: str, place: Sequence[str] | None, most: int) -> list[Sealed]:
        """So many of the texts that come after a place (None: from the beginning)."""
        table, column, key = _PLACES[kind]
        query = select(*key, column).select_from(table).order_by(*key).limit(most)
        if place is not None:
            query = query.where(tuple_(*key) > tuple_(*place))
        return [Sealed(kind, tuple(row[:-1]), row[-1]) for row in self._connection.execute(query)]

    def replace(self, sealed: Sealed, text: str) -> bool:
        """Keeps another text in its place, unless what is there has changed meanwhile; whether it did."""
        table, column, key = _PLACES[sealed.kind]
        here = and_(*(part == value for part, value in zip(key, sealed.place, strict=True)))
        update = table.update().where(here, column == sealed.text).values({column: text})
        return self._connection.execute(update).rowcount == 1
