"""What nearly every request asks first: whose key it is, whether a feed has changed, whether people's time has.

One SELECT each, over an index: see `store.asking`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, bindparam, select

from scheduler.domain.programme.api_keys import ApiKey
from scheduler.store.asking import Asking, Prepared
from scheduler.store.programmes import key_of
from scheduler.store.tables import api_keys, feeds, people
from scheduler.store.types import Identifier

MOST_VERSIONS = 64
"""For so many numbers of people the statement is kept; there are at most 50 attendees."""


class FeedState(NamedTuple):
    """What a feed was last rendered as (None: never), and the revision of what it has to show now."""

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
    """Answers from what was last committed, never from a transaction that is open. Methods raise StoreUnavailable,
    StatementRefused.
    """

    def __init__(self, engine: Engine) -> None:
        self._asking = Asking(engine)
        self._state = Prepared(_STATE, engine)
        self._bodies = {False: Prepared(_BODY, engine), True: Prepared(_GZIPPED_BODY, engine)}
        self._key = Prepared(_KEY, engine)
        self._versions = lru_cache(MOST_VERSIONS)(lambda count: Prepared(_versions_of(count), engine))

    def feed_state(self, digest: str) -> FeedState | None:
        """The feed whose present token has that SHA-256 (hex); None if unknown or revoked."""
        row = self._first(self._state, digest=digest)
        return None if row is None else FeedState(*row)

    def feed_body(self, feed_id: str, etag: str, *, gzipped: bool) -> bytes | None:
        """The bytes that the feed was rendered as under that ETag; None if it has others by now."""
        row = self._first(self._bodies[gzipped], feed_id=feed_id, etag=etag)
        return None if row is None or row.body is None else bytes(row.body)

    def key(self, digest: str, now: datetime) -> ApiKey | None:
        """The key of that SHA-256 (hex), of any programme; None if unknown or ended."""
        row = self._first(self._key, digest=digest)
        return None if row is None or (row.expires_at is not None and row.expires_at <= now) else key_of(row)

    def availability_versions(self, programme_id: str, ids: Collection[str]) -> dict[str, str]:
        """The same as of `People`."""
        if not ids:
            return {}
        asked = {f"id{place}": person_id for place, person_id in enumerate(ids)}
        rows = self._asking.rows(self._versions(len(asked)), {"programme_id": programme_id, **asked})
        return {row.id: row.availability_version for row in rows}

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self._asking.close()

    def _first(self, prepared: Prepared, **values: str) -> Any:
        rows = self._asking.rows(prepared, values)
        return rows[0] if rows else None


def _versions_of(count: int) -> Select[Any]:
    return select(people.c.id, people.c.availability_version).where(
        people.c.programme_id == bindparam("programme_id"),
        people.c.erased_at.is_(None),
        people.c.id.in_([bindparam(f"id{place}", type_=Identifier()) for place in range(count)]),
    )
