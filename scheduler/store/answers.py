"""Answers kept under the keys that clients send to be able to repeat a request, encrypted by who keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.store.rows import Repository
from scheduler.store.tables import answers

FORGOTTEN_AT_ONCE = 100
"""How many old answers a new one takes away: more than come, so that they don't pile up, and soon done."""


@dataclass(frozen=True)
class KeptAnswer:
    """What a key stands for: the request that was made under it, and the encrypted answer."""

    fingerprint: str
    answer: str


class Answers(Repository):
    """A key of a programme stands for one request; other programmes' are other keys."""

    def claim(
        self, programme_id: str, key: str, fingerprint: str, now: datetime, forget_before: datetime
    ) -> KeptAnswer | None:
        """What is kept under the key; None: nothing, and it stands for this request from now on.

        Who claims the key at the same moment waits until this transaction has ended. Answers kept before an
        instant (UTC) are forgotten, this key's in any case and some others.
        """
        here = (answers.c.programme_id == programme_id) & (answers.c.key == key)
        self._connection.execute(answers.delete().where(here, answers.c.created_at < forget_before))
        values = {"programme_id": programme_id, "key": key, "fingerprint": fingerprint, "created_at": now}
        if self._insert_unless_there(answer="", **values):
            self._forget(forget_before)
            return None
        row = self._connection.execute(select(answers.c.fingerprint, answers.c.answer).where(here)).one()
        return KeptAnswer(row.fingerprint, row.answer)

    def keep(self, programme_id: str, key: str, answer: str) -> None:
        """Keeps the encrypted answer under a key that this transaction has claimed. Raises NotFound for another one."""
        here = (answers.c.programme_id == programme_id) & (answers.c.key == key)
        self._update_one(answers, here, "answer", key, answer=answer)

    def forget(self, before: datetime) -> None:
        """Forgets answers kept before an instant (UTC), of any programme."""
        self._connection.execute(answers.delete().where(answers.c.created_at < before))

    def _insert_unless_there(self, **values: Any) -> bool:
        """Whether the row is new; one that another transaction is about to insert is waited for."""
        is_sqlite = self._connection.dialect.name == "sqlite"
        insert = sqlite.insert(answers) if is_sqlite else postgresql.insert(answers)
        statement = insert.values(**values).on_conflict_do_nothing().returning(answers.c.key)
        return self._connection.scalar(statement) is not None

    def _forget(self, before: datetime) -> None:
        """Leaves out what another transaction has locked: it is about to be forgotten there."""
        place = (answers.c.programme_id, answers.c.key)
        old = select(*place).where(answers.c.created_at < before).order_by(answers.c.created_at)
        some = old.limit(FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)
        self._connection.execute(answers.delete().where(tuple_(*place).in_(some)))
