"""Every encrypted text in the database, of all programmes; for the operator who changes the secret key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Table, and_, select, tuple_

from scheduler.store.rows import Repository
from scheduler.store.tables import answers, calendars

_COLUMNS: dict[str, tuple[Table, Column[str], tuple[Column[str], ...]]] = {
    "calendar passwords": (calendars, calendars.c.password_token, (calendars.c.id,)),
    "kept answers": (answers, answers.c.answer, (answers.c.programme_id, answers.c.key)),
}
SEALED_KINDS = tuple(_COLUMNS)
"""What is stored encrypted."""


@dataclass(frozen=True)
class SealedText:
    """An encrypted text, what it is, and the primary key of its row."""

    kind: str
    row_key: tuple[str, ...]
    text: str


class SealedTexts(Repository):
    """Encrypted texts in the order of their rows' primary keys."""

    def list_after(self, kind: str, row_key: Sequence[str] | None, limit: int) -> list[SealedText]:
        """At most ``limit`` texts of rows behind a primary key (None: from the first on)."""
        table, column, key = _COLUMNS[kind]
        query = select(*key, column).select_from(table).order_by(*key).limit(limit)
        if row_key is not None:
            query = query.where(tuple_(*key) > tuple_(*row_key))
        return [SealedText(kind, tuple(row[:-1]), row[-1]) for row in self._connection.execute(query)]

    def update(self, sealed: SealedText, text: str) -> bool:
        """Replace a text unless it has changed meanwhile; return whether it was replaced."""
        table, column, key = _COLUMNS[sealed.kind]
        here = and_(*(part == value for part, value in zip(key, sealed.row_key, strict=True)))
        update = table.update().where(here, column == sealed.text).values({column: text})
        return self._connection.execute(update).rowcount == 1
