"""Programmes and their API keys. A key is kept as its SHA-256 alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

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

    def add_key(self, programme_id: str, prefix: str, digest: str, now: datetime) -> None:
        """Lets the key of that SHA-256 (hex) act for the programme; ``prefix`` is for people to tell keys apart.

        Raises NotFound.
        """
        self.name(programme_id)
        self._insert(api_keys, id=new_id(), programme_id=programme_id, prefix=prefix, digest=digest, created_at=now)

    def programme_of_key(self, digest: str) -> str | None:
        """The id of the programme that the key of that SHA-256 (hex) acts for."""
        return self._connection.scalar(select(api_keys.c.programme_id).where(api_keys.c.digest == digest))
