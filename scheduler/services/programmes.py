"""Programmes and their API keys."""

from __future__ import annotations

from scheduler.domain.access import ApiKey, Scope
from scheduler.services.ports import Context
from scheduler.services.secrets import KEY_PREFIX, digest, new_token

SHOWN = len(KEY_PREFIX) + 6
"""How much of a key is kept readable, to tell keys apart by."""


def create_programme(context: Context, name: str) -> str:
    """A new programme's first API key, which may do everything and is shown only now."""
    key = new_token(KEY_PREFIX)
    now = context.clock()
    with context.store.write() as tx:
        programme_id = tx.programmes.add(name, now)
        tx.programmes.add_key(programme_id, key[:SHOWN], digest(key), now, name="first", scopes=[Scope.ADMIN])
    return key


def find_key(context: Context, key: str) -> ApiKey | None:
    """The API key, if it opens a programme now."""
    with context.store.read() as tx:
        return tx.programmes.find_key(digest(key), context.clock())
