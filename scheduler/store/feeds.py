"""Feeds and their stored bytes. A feed's token is kept as its SHA-256 alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from scheduler.domain.programme.people import Feed, Show
from scheduler.errors import NotFound
from scheduler.store.rows import Repository, in_programme, new_id, require_people
from scheduler.store.tables import feeds, people


@dataclass(frozen=True)
class FeedPage:
    """A feed as it was last rendered (None: never), and the revision of what it has to show now.

    ``rendered_key`` is whatever the renderer needs to know that the bytes are still right.
    """

    feed_id: str
    programme_id: str
    person_id: str
    show: Show
    body: bytes | None
    gzipped_body: bytes | None
    etag: str | None
    last_modified: datetime | None
    rendered_key: str | None
    calendar_revision: int
    calendar_changed_at: datetime


class Feeds(Repository):
    """Methods that take a programme raise NotFound for a person, or a person's feed, that it does not have.

    A revoked feed is as if it had never been.
    """

    def add(self, programme_id: str, person_id: str, show: Show, digest: str, now: datetime) -> Feed:
        """The feed as stored, with its new id; ``digest`` is the SHA-256 (hex) of its token."""
        require_people(self._connection, programme_id, [person_id])
        feed = Feed(new_id(), person_id, show, now)
        self._insert(
            feeds,
            id=feed.id,
            programme_id=programme_id,
            person_id=person_id,
            show=show,
            digest=digest,
            created_at=now,
        )
        return feed

    def get(self, programme_id: str, person_id: str, feed_id: str) -> Feed:
        """The person's feed of that id."""
        found = next((feed for feed in self.all(programme_id, person_id) if feed.id == feed_id), None)
        if found is None:
            raise NotFound("feed", feed_id)
        return found

    def all(self, programme_id: str, person_id: str) -> list[Feed]:
        """The person's feeds, in the order in which they were made."""
        require_people(self._connection, programme_id, [person_id])
        query = (
            select(feeds)
            .where(feeds.c.programme_id == programme_id, feeds.c.person_id == person_id, feeds.c.revoked_at.is_(None))
            .order_by(feeds.c.created_at, feeds.c.id)
        )
        return [Feed(row.id, row.person_id, row.show, row.created_at) for row in self._connection.execute(query)]

    def rotate(
        self, programme_id: str, person_id: str, feed_id: str, digest: str, old_until: datetime | None = None
    ) -> None:
        """Gives the feed another token; the one before finds it until then (None: no longer), older ones never."""
        self._update_one(
            feeds,
            _one(programme_id, person_id, feed_id),
            "feed",
            feed_id,
            digest=digest,
            previous_digest=None if old_until is None else feeds.c.digest,
            previous_until=old_until,
        )

    def revoke(self, programme_id: str, person_id: str, feed_id: str, now: datetime) -> None:
        """Ends the feed for ever, under every token that it has, and forgets its bytes."""
        self._update_one(
            feeds,
            _one(programme_id, person_id, feed_id),
            "feed",
            feed_id,
            revoked_at=now,
            body=None,
            gzipped_body=None,
            rendered_key=None,
            previous_digest=None,
            previous_until=None,
        )

    def find(self, digest: str, now: datetime) -> FeedPage | None:
        """The feed whose token has that SHA-256 (hex), by one query over indexes; None if unknown or revoked.

        The token before the last rotation counts as long as it was given.
        """
        before = (feeds.c.previous_digest == digest) & (feeds.c.previous_until > now)
        query = (
            select(feeds, people.c.calendar_revision, people.c.calendar_changed_at)
            .join(people, people.c.id == feeds.c.person_id)
            .where((feeds.c.digest == digest) | before, feeds.c.revoked_at.is_(None))
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _page(row)

    def pages(self, programme_id: str, person_id: str) -> list[FeedPage]:
        """The person's feeds with the bytes that are stored of them."""
        require_people(self._connection, programme_id, [person_id])
        query = (
            select(feeds, people.c.calendar_revision, people.c.calendar_changed_at)
            .join(people, people.c.id == feeds.c.person_id)
            .where(feeds.c.programme_id == programme_id, feeds.c.person_id == person_id, feeds.c.revoked_at.is_(None))
            .order_by(feeds.c.created_at, feeds.c.id)
        )
        return [_page(row) for row in self._connection.execute(query)]

    def store_rendering(
        self,
        feed_id: str,
        *,
        rendered_key: str,
        body: bytes,
        etag: str,
        last_modified: datetime,
        gzipped_body: bytes | None = None,
    ) -> None:
        """Keeps the bytes that the next polls are answered with; nothing happens if the feed is revoked."""
        values = {"body": body, "gzipped_body": gzipped_body, "etag": etag, "last_modified": last_modified}
        self._connection.execute(
            feeds.update()
            .where(feeds.c.id == feed_id, feeds.c.revoked_at.is_(None))
            .values(rendered_key=rendered_key, **values)
        )


def _page(row: Row[Any]) -> FeedPage:
    return FeedPage(
        feed_id=row.id,
        programme_id=row.programme_id,
        person_id=row.person_id,
        show=row.show,
        body=row.body,
        gzipped_body=row.gzipped_body,
        etag=row.etag,
        last_modified=row.last_modified,
        rendered_key=row.rendered_key,
        calendar_revision=row.calendar_revision,
        calendar_changed_at=row.calendar_changed_at,
    )


def _one(programme_id: str, person_id: str, feed_id: str) -> ColumnElement[bool]:
    ours = in_programme(feeds, programme_id, feed_id)
    return ours & (feeds.c.person_id == person_id) & feeds.c.revoked_at.is_(None)
