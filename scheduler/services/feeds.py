"""Reading feeds. A feed is rendered once for each revision of the person's calendar, and its bytes are stored."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from scheduler import __version__
from scheduler.domain.programme.people import Show
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.errors import SchedulerError
from scheduler.ical.render import Audience, View, render_feed
from scheduler.services.ports import Context
from scheduler.store import FeedPage, StoredMeeting

SECOND = timedelta(seconds=1)
HORIZON = timedelta(days=365)
"""A feed leaves out meetings that ended longer than this before the calendar's last change."""


class FeedChanged(SchedulerError):
    """The feed was rendered again or revoked while it was being read."""

    def __init__(self, feed_id: str) -> None:
        super().__init__(f"feed {feed_id!r} changed while it was read; read it again")


class FeedVersion(NamedTuple):
    """A feed's ETag and Last-Modified, which change with its content. ``is_gzipped``: gzip makes it smaller."""

    etag: str
    last_modified: datetime
    is_gzipped: bool


class CurrentFeed(NamedTuple):
    """A feed whose rendering is current. ``page`` holds the rendering if it has been loaded.

    ``rendered_at`` (UTC) is when the rendering began, if it was made for this request.
    """

    feed_id: str
    version: FeedVersion
    page: FeedPage | None = None
    rendered_at: datetime | None = None


def find_rendered_feed(context: Context, token_digest: str) -> CurrentFeed | None:
    """Find the feed whose present token has that SHA-256 (hex), with one query, if its stored rendering is current.

    None otherwise: then `read_feed` decides. Raises StoreUnavailable, StatementRefused.
    """
    state = context.store.lookups.feed_state(token_digest)
    if state is None or state.rendered_key != _key(state.calendar_revision):
        return None
    assert state.etag is not None  # stored together with the key
    assert state.last_modified is not None
    return CurrentFeed(state.feed_id, FeedVersion(state.etag, state.last_modified, state.is_gzipped))


def read_feed(context: Context, token_digest: str) -> CurrentFeed | None:
    """Read the feed whose token has that SHA-256 (hex), rendered again if the person's meetings have changed.

    None for an unknown and for a revoked token alike. Raises StoreUnavailable.
    """
    with context.store.read() as tx:
        page = tx.feeds.find(token_digest, context.clock())
    if page is None:
        return None
    rendered_at = None
    if not is_rendered(page):
        rendered_at = context.clock()
        page = _render_again(context, page, rendered_at)
    assert page.etag is not None  # stored together with the key
    assert page.last_modified is not None
    version = FeedVersion(page.etag, page.last_modified, page.gzipped_body is not None)
    return CurrentFeed(page.feed_id, version, page, rendered_at)


def load_body(context: Context, feed: CurrentFeed, *, gzipped: bool) -> bytes:
    """Return the bytes of the feed's version. Raises FeedChanged, StoreUnavailable, StatementRefused."""
    if feed.page is not None:
        body = feed.page.gzipped_body if gzipped else feed.page.body
    else:
        body = context.store.lookups.feed_body(feed.feed_id, feed.version.etag, gzipped=gzipped)
    if body is None:
        raise FeedChanged(feed.feed_id)
    return body


def _key(calendar_revision: int) -> str:
    """Return a name for everything that the bytes depend on."""
    return f"{calendar_revision}/{__version__}/{TZ_DATABASE_VERSION}"


def is_rendered(page: FeedPage) -> bool:
    """Whether the stored bytes are current."""
    return page.body is not None and page.rendered_key == _key(page.calendar_revision)


def etag_of(body: bytes) -> str:
    """Return the quoted ETag of a feed's bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def render_page(context: Context, page: FeedPage) -> bytes:
    """Render the feed from the meetings that are stored now, as iCalendar (RFC 5545)."""
    with context.store.read() as tx:
        person = tx.people.get(page.programme_id, page.person_id)
        own = tx.meetings.list_for_person(page.programme_id, page.person_id)
        invited = tx.meetings.list_for_guest(page.programme_id, person.email)
    inside = Audience.DETAILS if page.show is Show.DETAILS else Audience.FREE_BUSY
    outside = Audience.GUEST if page.show is Show.DETAILS else Audience.FREE_BUSY
    entries = [View(stored.meeting, inside) for stored in own if _is_recent(stored, page)]
    invited = [stored for stored in invited if page.person_id not in {stored.mentor_id, stored.mentee_id}]
    entries += [View(stored.meeting, outside) for stored in invited if _is_recent(stored, page)]
    entries.sort(key=lambda entry: (entry.meeting.created_at, entry.meeting.uid))
    name = f"Mentoring: {person.name}" if page.show is Show.DETAILS else "Mentoring: busy times"
    return render_feed(name, entries)


def _render_again(context: Context, page: FeedPage, now: datetime) -> FeedPage:
    """Render the feed, store the rendering and return it. The same bytes as before keep their validators.

    A new Last-Modified is ``now``, when the rendering began, rounded up to the next whole second: it is later than any
    date that was sent with another version, also with one whose rendering could not be stored.
    """
    body = render_page(context, page)
    etag = etag_of(body)
    gzipped = gzip.compress(body, mtime=0)  # without a time in it the same text gives the same bytes
    modified = now.replace(microsecond=0) + SECOND
    if page.last_modified:
        modified = page.last_modified if etag == page.etag else max(modified, page.last_modified + SECOND)
    rendered = replace(
        page,
        body=body,
        gzipped_body=gzipped if len(gzipped) < len(body) else None,
        etag=etag,
        last_modified=modified,
        rendered_key=_key(page.calendar_revision),
    )
    # A poll does not wait for writers. If the rendering can't be stored now, the next poll renders again.
    context.store.write_if_free(lambda tx: tx.feeds.store_rendering(rendered))
    return rendered


def _is_recent(stored: StoredMeeting, page: FeedPage) -> bool:
    last = max(occurrence.period.end for occurrence in stored.meeting.occurrences)
    return last >= page.calendar_changed_at - HORIZON
