"""Feeds and their stored renderings. Of a feed's token only the SHA-256 is stored."""

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
    """A feed with its last rendering (None: never rendered), and the present revision of the person's calendar.

    ``rendered_key`` is set by the renderer, to compare with later.
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

    Revoked feeds are not found.
    """

    def add(self, programme_id: str, person_id: str, show: Show, digest: str, now: datetime) -> Feed:
        """Add a feed and return it with its new id; ``digest`` is the SHA-256 (hex) of its token."""
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
        """Return the person's feed of that id."""
        found = next((feed for feed in self.list_for_person(programme_id, person_id) if feed.id == feed_id), None)
        if found is None:
            raise NotFound("feed", feed_id)
        return found

    def list_for_person(self, programme_id: str, person_id: str) -> list[Feed]:
        """Return the person's feeds, the oldest first."""
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
        """Give the feed another token; the previous one is good until ``old_until`` (UTC; None: no longer)."""
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
        """Revoke the feed, with all of its tokens, and delete its rendering."""
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
        """Find the feed whose token has that SHA-256 (hex); None if unknown or revoked.

        After a rotation the previous token counts until its overlap ends.
        """
        before = (feeds.c.previous_digest == digest) & (feeds.c.previous_until > now)
        query = (
            select(feeds, people.c.calendar_revision, people.c.calendar_changed_at)
            .join(people, people.c.id == feeds.c.person_id)
            .where((feeds.c.digest == digest) | before, feeds.c.revoked_at.is_(None))
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _page(row)

    def list_pages(self, programme_id: str, person_id: str) -> list[FeedPage]:
        """Return the person's feeds with their stored renderings."""
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
        """Store the bytes that answer the next polls; a revoked feed stays without."""
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
