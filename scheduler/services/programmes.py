"""Programmes and their API keys: made, found, rotated, revoked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from scheduler.domain.programme.api_keys import DEFAULT_OVERLAP, ApiKey, Scope, check_revocable
from scheduler.errors import NotFound, SchedulerError
from scheduler.services.ports import Context
from scheduler.services.quotas import make_room_for_key
from scheduler.services.secrets import KEY_PREFIX, digest, new_token
from scheduler.store import Programme

SHOWN = len(KEY_PREFIX) + 6
"""How much of a key is kept readable, to tell keys apart by."""


class SeveralFit(SchedulerError):
    """A name or a prefix that fits more than one thing."""

    def __init__(self, kind: str, given: str, ids: Collection[str]) -> None:
        super().__init__(f"{given!r} fits several {kind}s; give the id of one: {', '.join(sorted(ids))}")


def create_programme(context: Context, name: str) -> str:
    """A new programme's first API key, which may do everything and is shown only now."""
    key = new_token(KEY_PREFIX)
    now = context.clock()
    with context.store.write() as tx:
        programme_id = tx.programmes.add(name, now)
        tx.programmes.add_key(programme_id, key[:SHOWN], digest(key), now, name="first", scopes=[Scope.ADMIN])
    return key


def find_programme(context: Context, given: str) -> Programme:
    """The programme of that id or name. Raises NotFound, SeveralFit."""
    with context.store.read() as tx:
        every = tx.programmes.list_all()
    fitting = [one for one in every if one.id == given] or [one for one in every if one.name == given]
    if not fitting:
        raise NotFound("programme", given)
    if len(fitting) > 1:
        raise SeveralFit("programme", given, [one.id for one in fitting])
    return fitting[0]


def find_key(context: Context, key: str) -> ApiKey | None:
    """The API key, if it opens a programme now; its use is noted, once a minute and if that can be done at once."""
    now = context.clock()
    found = context.store.lookups.key(digest(key), now)
    if found is not None and found.is_use_news(now):
        key_id = found.id
        context.store.write_if_free(lambda tx: tx.programmes.record_key_use(key_id, now))
    return found


def create_key(
    context: Context, programme_id: str, name: str, scopes: Collection[Scope], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key of the programme, and what opens it, which is shown only now. Raises NotFound, QuotaReached."""
    key = new_token(KEY_PREFIX)
    with context.store.write() as tx:
        make_room_for_key(context, tx, programme_id)
        return tx.programmes.add_key(
            programme_id,
            key[:SHOWN],
            digest(key),
            context.clock(),
            name=name,
            scopes=scopes,
            expires_at=expires_at,
        ), key


def rotate_key(
    context: Context, programme_id: str, key_id: str, overlap: timedelta = DEFAULT_OVERLAP
) -> tuple[ApiKey, str]:
    """A new key with the name, the scopes and the end of the old one, and what opens it, which is shown only now.

    The old one ends after the overlap; without any it is gone at once. Raises NotFound, and QuotaReached
    where two keys stand in for one.
    """
    key = new_token(KEY_PREFIX)
    now = context.clock()
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        old = tx.programmes.get_key(programme_id, key_id, now)
        if overlap > timedelta():
            make_room_for_key(context, tx, programme_id)
            tx.programmes.expire_key(programme_id, key_id, old.end_after(overlap, now))
        else:
            tx.programmes.delete_key(programme_id, key_id)
        return tx.programmes.add_key(
            programme_id,
            key[:SHOWN],
            digest(key),
            now,
            name=old.name,
            scopes=old.scopes,
            expires_at=old.expires_at,
        ), key


def revoke_key(context: Context, programme_id: str, key_id: str, *, even_the_last: bool = False) -> None:
    """Ends a key at once. Raises NotFound, and LastAdminKey unless told that even that one may go."""
    now = context.clock()
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        tx.programmes.get_key(programme_id, key_id, now)
        if not even_the_last:
            check_revocable(key_id, tx.programmes.list_keys(programme_id, now))
        tx.programmes.delete_key(programme_id, key_id)
