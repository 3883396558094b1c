"""Reading a feed: the bytes are rendered once for each revision of what the person's calendar holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import __version__
from scheduler.domain.people import Show
from scheduler.domain.zones import TZ_DATABASE_VERSION
from scheduler.ical.render import Audience, FeedEntry, render_feed
from scheduler.services.ports import Context
from scheduler.services.secrets import digest
from scheduler.store import FeedPage, StoredMeeting

HORIZON = timedelta(days=365)
"""Meetings that ended longer than this before the calendar's last change are left out of its feeds."""


@dataclass(frozen=True)
class FeedDocument:
    """What a feed answers: the same bytes, ETag and Last-Modified until the content changes."""

    body: bytes
    etag: str
    last_modified: datetime


def read_feed(context: Context, token: str) -> FeedDocument | None:
    """The feed that a token opens; None for an unknown and for a revoked one alike."""
    with context.store.read() as tx:
        page = tx.feeds.find(digest(token))
    if page is None:
        return None
    if page.rendered_key == _key(page) and page.body is not None and page.etag and page.last_modified:
        return FeedDocument(page.body, page.etag, page.last_modified)
    return _render_again(context, page)


def _key(page: FeedPage) -> str:
    """Names everything that the bytes depend on."""
    return f"{page.calendar_revision}/{__version__}/{TZ_DATABASE_VERSION}"


def _render_again(context: Context, page: FeedPage) -> FeedDocument:
    with context.store.read() as tx:
        person = tx.people.get(page.programme_id, page.person_id)
        own = tx.meetings.of_person(page.programme_id, page.person_id)
        invited = tx.meetings.as_guest(page.programme_id, person.email)
    inside = Audience.DETAILS if page.show is Show.DETAILS else Audience.FREE_BUSY
    outside = Audience.GUEST if page.show is Show.DETAILS else Audience.FREE_BUSY
    entries = [FeedEntry(stored.meeting, inside) for stored in own if _is_recent(stored, page)]
    invited = [stored for stored in invited if page.person_id not in {stored.mentor_id, stored.mentee_id}]
    entries += [FeedEntry(stored.meeting, outside) for stored in invited if _is_recent(stored, page)]
    entries.sort(key=lambda entry: (entry.meeting.created_at, entry.meeting.uid))
    name = f"Mentoring: {person.name}" if page.show is Show.DETAILS else "Mentoring: busy times"
    body = render_feed(name, entries)
    document = _document(body, page)
    with context.store.write() as tx:
        tx.feeds.store_rendering(
            page.feed_id,
            rendered_key=_key(page),
            body=document.body,
            etag=document.etag,
            last_modified=document.last_modified,
        )
    return document


def _document(body: bytes, page: FeedPage) -> FeedDocument:
    """The bytes with the validators they had before if they are the same.

    Otherwise both are new ones: Last-Modified counts whole seconds, never goes back, and never stays.
    """
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if etag == page.etag and page.last_modified:
        return FeedDocument(body, etag, page.last_modified)
    changed = page.calendar_changed_at.replace(microsecond=0)
    if page.last_modified and changed <= page.last_modified:
        changed = page.last_modified + timedelta(seconds=1)
    return FeedDocument(body, etag, changed)


def _is_recent(stored: StoredMeeting, page: FeedPage) -> bool:
    last = max(occurrence.period.end for occurrence in stored.meeting.occurrences)
    return last >= page.calendar_changed_at - HORIZON
