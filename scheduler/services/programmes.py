"""Programmes and their API keys."""

from __future__ import annotations

from scheduler.services.ports import Context
from scheduler.services.secrets import KEY_PREFIX, digest, new_token


def create_programme(context: Context, name: str) -> str:
    """A new programme's first API key, which may do everything and is shown only now."""
    key = new_token(KEY_PREFIX)
    now = context.clock()
    with context.store.write() as tx:
        programme_id = tx.programmes.add(name, now)
        tx.programmes.add_key(programme_id, key[: len(KEY_PREFIX) + 6], digest(key), now)
    return key


def programme_of(context: Context, key: str) -> str | None:
    """The programme that an API key belongs to, or None."""
    with context.store.read() as tx:
        return tx.programmes.programme_of_key(digest(key))
