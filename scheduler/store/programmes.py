"""Programmes and their API keys. Only the SHA-256 of a key is stored.

An expired key is treated as deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, select, true

from scheduler.domain.programme.api_keys import USE_RECORDED_EVERY, ApiKey
from scheduler.store.rows import Repository, build, in_programme, new_id, values_of
from scheduler.store.tables import api_keys, programmes


@dataclass(frozen=True)
class Programme:
    """A programme, to which everything else belongs."""

    id: str
    name: str
    created_at: datetime


class Programmes(Repository):
    """Methods raise NotFound for a programme, or a key of it, that does not exist."""

    def add(self, name: str, now: datetime) -> str:
        """Store a new programme; return its id."""
        programme_id = new_id()
        self._insert(programmes, id=programme_id, name=name, created_at=now)
        return programme_id

    def list_all(self) -> list[Programme]:
        """Every programme, the oldest first; for the operator only."""
        return self._list(programmes, true(), _programme)

    def get(self, programme_id: str) -> Programme:
        """The programme of that id."""
        query = select(programmes).where(programmes.c.id == programme_id)
        return _programme(self._get(query, "programme", programme_id))

    def lock(self, programme_id: str) -> None:
        """Lock the programme until the transaction ends; rows that refer to it can still be added elsewhere."""
        query = select(programmes.c.id).where(programmes.c.id == programme_id)
        self._get(query, "programme", programme_id, lock=True)

    def add_key(self, key: ApiKey, digest: str) -> None:
        """Store a new key by its SHA-256 (hex); the programme's keys that had expired by then are deleted."""
        self.get(key.programme_id)
        expired = (api_keys.c.programme_id == key.programme_id) & (api_keys.c.expires_at <= key.created_at)
        self._connection.execute(api_keys.delete().where(expired))
        self._insert(api_keys, id=key.id, digest=digest, **values_of(key, api_keys))

    def list_keys(self, programme_id: str, now: datetime) -> list[ApiKey]:
        """The programme's keys, the oldest first."""
        return self._list(api_keys, (api_keys.c.programme_id == programme_id) & _is_valid(now), key_of)

    def get_key(self, programme_id: str, key_id: str, now: datetime) -> ApiKey:
        """The programme's key of that id."""
        query = select(api_keys).where(in_programme(api_keys, programme_id, key_id), _is_valid(now))
        return key_of(self._get(query, "key", key_id))

    def expire_key(self, programme_id: str, key_id: str, expires_at: datetime) -> None:
        """Let the key expire at that instant."""
        here = in_programme(api_keys, programme_id, key_id)
        self._change_one(api_keys.update().where(here).values(expires_at=expires_at), "key", key_id)

    def delete_key(self, programme_id: str, key_id: str) -> None:
        """Delete the key."""
        here = in_programme(api_keys, programme_id, key_id)
        self._change_one(api_keys.delete().where(here), "key", key_id)

    def record_key_use(self, key_id: str, now: datetime) -> None:
        """Record when the key was used, unless that is known to the minute or the row is locked."""
        due = (api_keys.c.last_used_at <= now - USE_RECORDED_EVERY) | api_keys.c.last_used_at.is_(None)
        free = select(api_keys.c.id).where(api_keys.c.id == key_id, due).with_for_update(skip_locked=True)
        found = self._connection.scalar(free)
        if found is not None:
            self._connection.execute(api_keys.update().where(api_keys.c.id == found).values(last_used_at=now))


def _is_valid(now: datetime) -> ColumnElement[bool]:
    return (api_keys.c.expires_at > now) | api_keys.c.expires_at.is_(None)


_programme = partial(build, Programme)
key_of = partial(build, ApiKey)
"""The key of a row of ``api_keys``."""
