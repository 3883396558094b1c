"""Answers stored under the Idempotency-Keys of their requests, encrypted by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.store.rows import Repository
from scheduler.store.tables import answers

DELETED_PER_CLAIM = 100
"""How many expired answers a claim deletes at most, so that they don't pile up and a claim stays quick."""


@dataclass(frozen=True)
class StoredAnswer:
    """The fingerprint of the request that was made under a key, and the encrypted answer."""

    fingerprint: str
    answer: str


class Answers(Repository):
    """Each key belongs to one programme and stands for one request."""

    def claim(
        self, programme_id: str, key: str, fingerprint: str, now: datetime, expired_before: datetime
    ) -> StoredAnswer | None:
        """Claim the key for a request and return None, or return the answer that is stored under the key.

        Another claim of the key waits until this transaction ends. Answers stored before ``expired_before`` (UTC) do
        not count: this key's is deleted, and some others.
        """
        here = (answers.c.programme_id == programme_id) & (answers.c.key == key)
        self._connection.execute(answers.delete().where(here, answers.c.created_at < expired_before))
        values = {"programme_id": programme_id, "key": key, "fingerprint": fingerprint, "created_at": now}
        if self._insert_if_absent(answer="", **values):
            self._delete_some(expired_before)
            return None
        row = self._connection.execute(select(answers.c.fingerprint, answers.c.answer).where(here)).one()
        return StoredAnswer(row.fingerprint, row.answer)

    def store(self, programme_id: str, key: str, answer: str) -> None:
        """Store the encrypted answer under a key that this transaction has claimed. Raises NotFound for another key."""
        here = (answers.c.programme_id == programme_id) & (answers.c.key == key)
        self._change_one(answers.update().where(here).values(answer=answer), "answer", key)

    def delete_expired(self, before: datetime) -> None:
        """Delete the answers stored before an instant (UTC), of every programme."""
        self._connection.execute(answers.delete().where(answers.c.created_at < before))

    def _insert_if_absent(self, **values: Any) -> bool:
        """Insert the row unless the key has one, and return whether it did; waits for a concurrent insert."""
        is_sqlite = self._connection.dialect.name == "sqlite"
        insert = sqlite.insert(answers) if is_sqlite else postgresql.insert(answers)
        statement = insert.values(**values).on_conflict_do_nothing().returning(answers.c.key)
        return self._connection.scalar(statement) is not None

    def _delete_some(self, before: datetime) -> None:
        """Delete some expired answers, except those that another transaction has locked to delete them."""
        identity = (answers.c.programme_id, answers.c.key)
        old = select(*identity).where(answers.c.created_at < before).order_by(answers.c.created_at)
        some = old.limit(DELETED_PER_CLAIM).with_for_update(skip_locked=True)
        self._connection.execute(answers.delete().where(tuple_(*identity).in_(some)))
