"""Reading a feed: the bytes are rendered once for each revision of what the person's calendar holds."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from scheduler import __version__
from scheduler.domain.programme.people import Show
from scheduler.domain.time.zones import TZ_DATABASE_VERSION
from scheduler.ical.render import Audience, FeedEntry, render_feed
from scheduler.services.ports import Context
from scheduler.services.secrets import digest
from scheduler.store import FeedPage, StoredMeeting

HORIZON = timedelta(days=365)
"""Meetings that ended longer than this before the calendar's last change are left out of its feeds."""


class FeedVersion(NamedTuple):
    """A feed's ETag and Last-Modified: the same until the content changes. ``is_gzipped``: gzip makes it smaller."""

    etag: str
    last_modified: datetime
    is_gzipped: bool


@dataclass(frozen=True)
class FeedDocument:
    """What a feed answers; ``gzipped_body`` None: no shorter than the body itself."""

    body: bytes
    gzipped_body: bytes | None
    etag: str
    last_modified: datetime

    @property
    def version(self) -> FeedVersion:
        """What tells it from the feed's other versions."""
        return FeedVersion(self.etag, self.last_modified, self.gzipped_body is not None)


class PolledFeed(NamedTuple):
    """A feed whose stored bytes are right at this moment."""

    feed_id: str
    version: FeedVersion


def poll_feed(context: Context, token_digest: str) -> PolledFeed | None:
    """The feed whose present token has that SHA-256, by one query, if there is nothing to render.

    None does not say that there is no such feed: `read_feed` knows. Raises StoreUnavailable.
    """
    state = context.store.lookups.feed_state(token_digest)
    if state is None or state.rendered_key != _key(state.calendar_revision):
        return None
    assert state.etag is not None  # stored together with the key
    assert state.last_modified is not None
    return PolledFeed(state.feed_id, FeedVersion(state.etag, state.last_modified, state.is_gzipped))


def stored_body(context: Context, polled: PolledFeed, *, gzipped: bool) -> bytes | None:
    """That version's bytes; None if the feed has changed since. Raises StoreUnavailable."""
    return context.store.lookups.feed_body(polled.feed_id, polled.version.etag, gzipped=gzipped)


def read_feed(context: Context, token: str) -> FeedDocument | None:
    """The feed that a token opens; None for an unknown and for a revoked one alike."""
    with context.store.read() as tx:
        page = tx.feeds.find(digest(token), context.clock())
    if page is None:
        return None
    is_right = page.rendered_key == _key(page.calendar_revision)
    if is_right and page.body is not None and page.etag and page.last_modified:
        return FeedDocument(page.body, page.gzipped_body, page.etag, page.last_modified)
    return _render_again(context, page)


def _key(calendar_revision: int) -> str:
    """Names everything that the bytes depend on."""
    return f"{calendar_revision}/{__version__}/{TZ_DATABASE_VERSION}"


def is_rendered(page: FeedPage) -> bool:
    """Whether the stored bytes are what the feed is answered with."""
    return page.body is not None and page.rendered_key == _key(page.calendar_revision)


def etag_of(body: bytes) -> str:
    """The ETag, quoted, that follows from a feed's bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def render_page(context: Context, page: FeedPage) -> bytes:
    """The feed's bytes as they follow from what is stored at this moment."""
    with context.store.read() as tx:
        person = tx.people.get(page.programme_id, page.person_id)
        own = tx.meetings.list_for_person(page.programme_id, page.person_id)
        invited = tx.meetings.list_for_guest(page.programme_id, person.email)
    inside = Audience.DETAILS if page.show is Show.DETAILS else Audience.FREE_BUSY
    outside = Audience.GUEST if page.show is Show.DETAILS else Audience.FREE_BUSY
    entries = [FeedEntry(stored.meeting, inside) for stored in own if _is_recent(stored, page)]
    invited = [stored for stored in invited if page.person_id not in {stored.mentor_id, stored.mentee_id}]
    entries += [FeedEntry(stored.meeting, outside) for stored in invited if _is_recent(stored, page)]
    entries.sort(key=lambda entry: (entry.meeting.created_at, entry.meeting.uid))
    name = f"Mentoring: {person.name}" if page.show is Show.DETAILS else "Mentoring: busy times"
    return render_feed(name, entries)


def _render_again(context: Context, page: FeedPage) -> FeedDocument:
    document = _document(render_page(context, page), page)
    # Whoever polls does not wait for whoever writes: what can't be kept now is made again at the next poll.
    context.store.write_if_free(
        lambda tx: tx.feeds.store_rendering(
            page.feed_id,
            rendered_key=_key(page.calendar_revision),
            body=document.body,
            gzipped_body=document.gzipped_body,
            etag=document.etag,
            last_modified=document.last_modified,
        )
    )
    return document


def _document(body: bytes, page: FeedPage) -> FeedDocument:
    """The bytes with the validators they had before if they are the same.

    Otherwise both are new ones: Last-Modified counts whole seconds, never goes back, and never stays.
    """
    etag = etag_of(body)
    gzipped = gzip.compress(body, mtime=0)  # without a time in it the same text gives the same bytes
    smaller = gzipped if len(gzipped) < len(body) else None
    if etag == page.etag and page.last_modified:
        return FeedDocument(body, smaller, etag, page.last_modified)
    changed = page.calendar_changed_at.replace(microsecond=0)
    if page.last_modified and changed <= page.last_modified:
        changed = page.last_modified + timedelta(seconds=1)
    return FeedDocument(body, smaller, etag, changed)


def _is_recent(stored: StoredMeeting, page: FeedPage) -> bool:
    last = max(occurrence.period.end for occurrence in stored.meeting.occurrences)
    return last >= page.calendar_changed_at - HORIZON
