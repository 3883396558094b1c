"""Programmes and their API keys. A key is kept as its SHA-256 alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from scheduler.domain.access import ApiKey, Scope
from scheduler.errors import NotFound
from scheduler.store.rows import Repository, new_id
from scheduler.store.tables import api_keys, programmes


class Programmes(Repository):
    """Everything else belongs to one of these."""

    def add(self, name: str, now: datetime) -> str:
        """The id of a new programme."""
        programme_id = new_id()
        self._insert(programmes, id=programme_id, name=name, created_at=now)
        return programme_id

    def name(self, programme_id: str) -> str:
        """The programme's name. Raises NotFound."""
        found = self._connection.scalar(select(programmes.c.name).where(programmes.c.id == programme_id))
        if found is None:
            raise NotFound("programme", programme_id)
        return str(found)

    def add_key(
        self, programme_id: str, prefix: str, digest: str, now: datetime, *, name: str = "", scopes: Collection[Scope]
    ) -> ApiKey:
        """A new key of the programme, the one of that SHA-256 (hex). Raises NotFound."""
        self.name(programme_id)
        key = ApiKey(new_id(), programme_id, prefix, name, frozenset(scopes), now)
        self._insert(
            api_keys,
            id=key.id,
            programme_id=programme_id,
            prefix=prefix,
            digest=digest,
            created_at=now,
            name=name,
            scopes=sorted(scopes),
        )
        return key

    def find_key(self, digest: str, now: datetime) -> ApiKey | None:
        """The key of that SHA-256 (hex), of any programme; None if unknown or expired."""
        row = self._connection.execute(select(api_keys).where(api_keys.c.digest == digest)).one_or_none()
        if row is None or (row.expires_at is not None and row.expires_at <= now):
            return None
        return _key(row)


def _key(row: Row[Any]) -> ApiKey:
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
