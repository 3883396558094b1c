"""Feeds and their stored renderings. Of a feed's token only the SHA-256 is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from scheduler.domain.programme.people import Feed, Show
from scheduler.store.rows import Repository, build, by_age, new_id, of_people, of_person, values_of
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


_PAGES = (
    select(feeds, people.c.calendar_revision, people.c.calendar_changed_at)
    .join(people, people.c.id == feeds.c.person_id)
    .where(feeds.c.revoked_at.is_(None))
)


class Feeds(Repository):
    """Methods that take a programme raise NotFound for a person, or a person's feed, that it does not have.

    Revoked feeds are not found.
    """

    def add(self, programme_id: str, person_id: str, show: Show, digest: str, now: datetime) -> Feed:
        """Add a feed and return it with its new id; ``digest`` is the SHA-256 (hex) of its token."""
        self._require_people(programme_id, [person_id])
        feed = Feed(new_id(), person_id, show, now)
        self._insert(feeds, id=feed.id, programme_id=programme_id, digest=digest, **values_of(feed, feeds))
        return feed

    def get(self, programme_id: str, person_id: str, feed_id: str) -> Feed:
        """Return the person's feed of that id."""
        self._require_people(programme_id, [person_id])
        return build(Feed, self._get(select(feeds).where(_one(programme_id, person_id, feed_id)), "feed", feed_id))

    def list_for_person(self, programme_id: str, person_id: str) -> list[Feed]:
        """Return the person's feeds, the oldest first."""
        self._require_people(programme_id, [person_id])
        theirs = of_people(feeds, programme_id, [person_id]) & feeds.c.revoked_at.is_(None)
        return self._list(feeds, theirs, partial(build, Feed))

    def rotate(
        self, programme_id: str, person_id: str, feed_id: str, digest: str, old_until: datetime | None = None
    ) -> None:
        """Give the feed another token; the previous one is good until ``old_until`` (UTC; None: no longer)."""
        previous_digest = None if old_until is None else feeds.c.digest
        values = {"digest": digest, "previous_digest": previous_digest, "previous_until": old_until}
        self._update(programme_id, person_id, feed_id, values)

    def revoke(self, programme_id: str, person_id: str, feed_id: str, now: datetime) -> None:
        """Revoke the feed, with all of its tokens, and delete its rendering."""
        blank = dict.fromkeys(("body", "gzipped_body", "rendered_key", "previous_digest", "previous_until"))
        self._update(programme_id, person_id, feed_id, blank | {"revoked_at": now})

    def find(self, digest: str, now: datetime) -> FeedPage | None:
        """Find the feed whose token has that SHA-256 (hex); None if unknown or revoked.

        After a rotation the previous token counts until its overlap ends.
        """
        before = (feeds.c.previous_digest == digest) & (feeds.c.previous_until > now)
        row = self._connection.execute(_PAGES.where((feeds.c.digest == digest) | before)).one_or_none()
        return None if row is None else _page(row)

    def list_pages(self, programme_id: str, person_id: str) -> list[FeedPage]:
        """Return the person's feeds with their stored renderings."""
        self._require_people(programme_id, [person_id])
        query = by_age(_PAGES.where(of_people(feeds, programme_id, [person_id])), feeds)
        return [_page(row) for row in self._connection.execute(query)]

    def store_rendering(self, page: FeedPage) -> None:
        """Store the rendering that answers the next polls; a revoked feed stays without."""
        here = (feeds.c.id == page.feed_id) & feeds.c.revoked_at.is_(None)
        self._connection.execute(feeds.update().where(here).values(values_of(page, feeds)))

    def _update(self, programme_id: str, person_id: str, feed_id: str, values: Mapping[str, Any]) -> None:
        change = feeds.update().where(_one(programme_id, person_id, feed_id)).values(values)
        self._change_one(change, "feed", feed_id)


def _page(row: Row[Any]) -> FeedPage:
    return build(FeedPage, row, feed_id=row.id)


def _one(programme_id: str, person_id: str, feed_id: str) -> ColumnElement[bool]:
    return of_person(feeds, programme_id, person_id, feed_id) & feeds.c.revoked_at.is_(None)
