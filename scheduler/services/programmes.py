"""Programmes and their API keys: created, found, rotated and revoked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from scheduler.domain.programme.api_keys import DEFAULT_OVERLAP, ApiKey, Scope, check_revocable
from scheduler.errors import NotFound, SchedulerError
from scheduler.services.ports import Context
from scheduler.services.secrets import KEY_PREFIX, digest, new_token
from scheduler.store import Programme, Transaction, new_id

SHOWN = len(KEY_PREFIX) + 6
"""How many characters of a key stay readable, so that people can tell keys apart."""


class SeveralFit(SchedulerError):
    """A name or a prefix that fits more than one thing."""

    def __init__(self, kind: str, given: str, ids: Collection[str]) -> None:
        super().__init__(f"{given!r} fits several {kind}s; give the id of one: {', '.join(sorted(ids))}")


def create_programme(context: Context, name: str) -> str:
    """Create a programme; return its first API key, which has the scope admin and is shown only now."""
    with context.store.write() as tx:
        programme_id = tx.programmes.add(name, context.clock())
        _, secret = _add_key(context, tx, programme_id, "first", [Scope.ADMIN], None)
    return secret


def list_programmes(context: Context) -> list[Programme]:
    """Every programme, the oldest first."""
    with context.store.read() as tx:
        return tx.programmes.list_all()


def find_programme(context: Context, given: str) -> str:
    """Return the id of the programme with that id or name. Raises NotFound, SeveralFit."""
    return _only_fit("programme", given, {one.id: one.name for one in list_programmes(context)})


def find_key_id(context: Context, programme_id: str, given: str) -> str:
    """Return the id of the programme's key with that id or those first characters. Raises NotFound, SeveralFit."""
    return _only_fit("key", given, {key.id: key.prefix for key in list_keys(context, programme_id)})


def _only_fit(kind: str, given: str, names: Mapping[str, str]) -> str:
    """Return the given id, or the only id with the given name. Raises NotFound, SeveralFit."""
    fitting = [given] if given in names else [one for one, name in names.items() if name == given]
    if not fitting:
        raise NotFound(kind, given)
    if len(fitting) > 1:
        raise SeveralFit(kind, given, fitting)
    return fitting[0]


def find_key(context: Context, secret: str) -> ApiKey | None:
    """The API key of a secret, if it is valid now. Its use is recorded once a minute, if no lock is in the way."""
    now = context.clock()
    found = context.store.lookups.key(digest(secret), now)
    if found is not None and found.is_use_due(now):
        key_id = found.id
        context.store.write_if_free(lambda tx: tx.programmes.record_key_use(key_id, now))
    return found


def create_key(
    context: Context, programme_id: str, name: str, scopes: Collection[Scope], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Create a key; return it with its secret, which is shown only now. Raises NotFound, QuotaReached."""
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        _check_quota(context, tx, programme_id)
        return _add_key(context, tx, programme_id, name, scopes, expires_at)


def list_keys(context: Context, programme_id: str) -> list[ApiKey]:
    """The programme's valid keys, the oldest first."""
    with context.store.read() as tx:
        return tx.programmes.list_keys(programme_id, context.clock())


def get_key(context: Context, programme_id: str, key_id: str) -> ApiKey:
    """The programme's valid key of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.programmes.get_key(programme_id, key_id, context.clock())


def rotate_key(
    context: Context, programme_id: str, key_id: str, overlap: timedelta = DEFAULT_OVERLAP
) -> tuple[ApiKey, str]:
    """Replace a key by one of the same name, scopes and end; return it with its secret, which is shown only now.

    The old key expires after the overlap; without an overlap it is deleted at once. Raises NotFound, and QuotaReached
    if both keys are too many.
    """
    now = context.clock()
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        old = tx.programmes.get_key(programme_id, key_id, now)
        if overlap:
            _check_quota(context, tx, programme_id)
            tx.programmes.expire_key(programme_id, key_id, old.end_after(overlap, now))
        else:
            tx.programmes.delete_key(programme_id, key_id)
        return _add_key(context, tx, programme_id, old.name, old.scopes, old.expires_at)


def revoke_key(context: Context, programme_id: str, key_id: str, *, even_the_last: bool = False) -> None:
    """Delete a key. Raises NotFound, and LastAdminKey unless ``even_the_last``."""
    now = context.clock()
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        tx.programmes.get_key(programme_id, key_id, now)
        if not even_the_last:
            check_revocable(key_id, tx.programmes.list_keys(programme_id, now))
        tx.programmes.delete_key(programme_id, key_id)


def _check_quota(context: Context, tx: Transaction, programme_id: str) -> None:
    """Raises QuotaReached if one more key is too many for the programme, which the caller has locked."""
    context.quotas.check("keys", len(tx.programmes.list_keys(programme_id, context.clock())))


def _add_key(
    context: Context,
    tx: Transaction,
    programme_id: str,
    name: str,
    scopes: Collection[Scope],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    secret = new_token(KEY_PREFIX)
    key = ApiKey(new_id(), programme_id, secret[:SHOWN], name, frozenset(scopes), context.clock(), expires_at)
    tx.programmes.add_key(key, digest(secret))
    return key, secret
