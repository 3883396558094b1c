"""The lookups that begin nearly every request: API keys, feeds, and the versions of people's availability.

Each is one SELECT over an index, through a `QueryPool`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, bindparam, select

from scheduler.domain.programme.api_keys import ApiKey
from scheduler.store.programmes import key_of
from scheduler.store.query_pool import CompiledQuery, QueryPool
from scheduler.store.tables import api_keys, feeds, people
from scheduler.store.types import Identifier

MOST_VERSIONS = 64
"""How many compiled queries for versions are cached, one a number of people; there are at most 50 attendees."""


class FeedState(NamedTuple):
    """A feed's last rendering (None: never rendered), and the present revision of the person's calendar."""

    feed_id: str
    etag: str | None
    last_modified: datetime | None
    rendered_key: str | None
    is_gzipped: bool
    calendar_revision: int


_STATE = (
    select(
        feeds.c.id.label("feed_id"),
        feeds.c.etag,
        feeds.c.last_modified,
        feeds.c.rendered_key,
        feeds.c.gzipped_body.is_not(None).label("is_gzipped"),
        people.c.calendar_revision,
    )
    .join(people, people.c.id == feeds.c.person_id)
    .where(feeds.c.digest == bindparam("digest"), feeds.c.revoked_at.is_(None))
)
_THE_FEED = (feeds.c.id == bindparam("feed_id"), feeds.c.etag == bindparam("etag"), feeds.c.revoked_at.is_(None))
_BODY = select(feeds.c.body).where(*_THE_FEED)
_GZIPPED_BODY = select(feeds.c.gzipped_body.label("body")).where(*_THE_FEED)
_KEY = select(api_keys).where(api_keys.c.digest == bindparam("digest"))


class Lookups:
    """Finds what was last committed, never what an open transaction has written.

    Methods raise StoreUnavailable, StatementRefused.
    """

    def __init__(self, engine: Engine) -> None:
        self._pool = QueryPool(engine)
        self._state = CompiledQuery(_STATE, engine)
        self._bodies = {False: CompiledQuery(_BODY, engine), True: CompiledQuery(_GZIPPED_BODY, engine)}
        self._key = CompiledQuery(_KEY, engine)
        self._versions = lru_cache(MOST_VERSIONS)(lambda count: CompiledQuery(_versions_of(count), engine))

    def feed_state(self, digest: str) -> FeedState | None:
        """Find the feed whose present token has that SHA-256 (hex); None if unknown or revoked."""
        row = self._first(self._state, digest=digest)
        return None if row is None else FeedState(*row)

    def feed_body(self, feed_id: str, etag: str, *, gzipped: bool) -> bytes | None:
        """Return the feed's bytes under that ETag; None if it has another one by now."""
        row = self._first(self._bodies[gzipped], feed_id=feed_id, etag=etag)
        return None if row is None or row.body is None else bytes(row.body)

    def key(self, digest: str, now: datetime) -> ApiKey | None:
        """Find the API key with that SHA-256 (hex), of any programme; None if unknown or ended."""
        row = self._first(self._key, digest=digest)
        return None if row is None or (row.expires_at is not None and row.expires_at <= now) else key_of(row)

    def availability_versions(self, programme_id: str, ids: Collection[str]) -> dict[str, str]:
        """The same as of `People`."""
        if not ids:
            return {}
        bound = {f"id{position}": person_id for position, person_id in enumerate(ids)}
        rows = self._pool.fetch_all(self._versions(len(bound)), {"programme_id": programme_id, **bound})
        return {row.id: row.availability_version for row in rows}

    def close(self) -> None:
        """Close every idle connection."""
        self._pool.close()

    def _first(self, query: CompiledQuery, **values: str) -> Any:
        rows = self._pool.fetch_all(query, values)
        return rows[0] if rows else None


def _versions_of(count: int) -> Select[Any]:
    return select(people.c.id, people.c.availability_version).where(
        people.c.programme_id == bindparam("programme_id"),
        people.c.erased_at.is_(None),
        people.c.id.in_([bindparam(f"id{position}", type_=Identifier()) for position in range(count)]),
    )
