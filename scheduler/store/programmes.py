"""Programmes and their API keys. A key is kept as its SHA-256 alone.

A key that has ended is as if it had never been.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from scheduler.domain.programme.api_keys import USE_NOTED_EVERY, ApiKey, Scope
from scheduler.errors import NotFound
from scheduler.store.rows import Repository, in_programme, new_id
from scheduler.store.tables import api_keys, programmes


@dataclass(frozen=True)
class Programme:
    """A programme: what everything else belongs to."""

    id: str
    name: str
    created_at: datetime


class Programmes(Repository):
    """Methods that take a programme raise NotFound for one, or for a key of it, that there is not."""

    def add(self, name: str, now: datetime) -> str:
        """The id of a new programme."""
        programme_id = new_id()
        self._insert(programmes, id=programme_id, name=name, created_at=now)
        return programme_id

    def all(self) -> list[Programme]:
        """Every programme, the oldest first: for the operator alone."""
        query = select(programmes).order_by(programmes.c.created_at, programmes.c.id)
        return [Programme(row.id, row.name, row.created_at) for row in self._connection.execute(query)]

    def name(self, programme_id: str) -> str:
        """The programme's name."""
        found = self._connection.scalar(select(programmes.c.name).where(programmes.c.id == programme_id))
        if found is None:
            raise NotFound("programme", programme_id)
        return str(found)

    def lock(self, programme_id: str) -> None:
        """Makes others that lock the programme wait until the transaction ends; what it has can still be added to."""
        query = select(programmes.c.id).where(programmes.c.id == programme_id).with_for_update(key_share=True)
        if self._connection.scalar(query) is None:
            raise NotFound("programme", programme_id)

    def add_key(
        self,
        programme_id: str,
        prefix: str,
        digest: str,
        now: datetime,
        *,
        name: str = "",
        scopes: Collection[Scope],
        expires_at: datetime | None = None,
    ) -> ApiKey:
        """A new key of the programme, the one of that SHA-256 (hex); those that have ended are forgotten."""
        self.name(programme_id)
        ended = (api_keys.c.programme_id == programme_id) & (api_keys.c.expires_at <= now)
        self._connection.execute(api_keys.delete().where(ended))
        key = ApiKey(new_id(), programme_id, prefix, name, frozenset(scopes), now, expires_at)
        self._insert(
            api_keys,
            id=key.id,
            programme_id=programme_id,
            prefix=prefix,
            digest=digest,
            created_at=now,
            name=name,
            scopes=sorted(scopes),
            expires_at=expires_at,
        )
        return key

    def keys(self, programme_id: str, now: datetime) -> list[ApiKey]:
        """The programme's keys, the oldest first."""
        query = select(api_keys).where(api_keys.c.programme_id == programme_id, _opens(now))
        return [key_of(row) for row in self._connection.execute(query.order_by(api_keys.c.created_at, api_keys.c.id))]

    def key(self, programme_id: str, key_id: str, now: datetime) -> ApiKey:
        """The programme's key of that id."""
        query = select(api_keys).where(in_programme(api_keys, programme_id, key_id), _opens(now))
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFound("key", key_id)
        return key_of(row)

    def end_key(self, programme_id: str, key_id: str, expires_at: datetime) -> None:
        """Lets the key open nothing from then on."""
        self._update_one(api_keys, in_programme(api_keys, programme_id, key_id), "key", key_id, expires_at=expires_at)

    def delete_key(self, programme_id: str, key_id: str) -> None:
        """Forgets the key, which opens nothing from now on."""
        self._delete_one(api_keys, in_programme(api_keys, programme_id, key_id), "key", key_id)

    def note_key_use(self, key_id: str, now: datetime) -> None:
        """Notes when the key was used, unless that is known well enough, or somebody has the row locked."""
        due = (api_keys.c.last_used_at <= now - USE_NOTED_EVERY) | api_keys.c.last_used_at.is_(None)
        free = select(api_keys.c.id).where(api_keys.c.id == key_id, due).with_for_update(skip_locked=True)
        found = self._connection.scalar(free)
        if found is not None:
            self._connection.execute(api_keys.update().where(api_keys.c.id == found).values(last_used_at=now))


def _opens(now: datetime) -> ColumnElement[bool]:
    return (api_keys.c.expires_at > now) | api_keys.c.expires_at.is_(None)


def key_of(row: Any) -> ApiKey:
    """The key of a row of its table."""
    return ApiKey(
        id=row.id,
        programme_id=row.programme_id,
        prefix=row.prefix,
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
