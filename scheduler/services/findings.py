"""Findings: differences between what is stored and what feeds and calendars show, decided from values alone.

A finding refers to things by their ids and holds no personal data, so that an operator may see it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.programme.meetings import Meeting, MeetingStatus, rederive
from scheduler.domain.programme.outbox import DeliveryState
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.ical.merge import Merged
from scheduler.ical.ownership import PART_NAMES
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import CalendarReader
from scheduler.services.feeds import etag_of
from scheduler.services.reasons import redact_reason
from scheduler.store import DeliveryRow, FeedPage, Login, StoredMeeting

LATE = timedelta(minutes=10)
"""How long a delivery may be overdue before it counts as stuck."""


@dataclass(frozen=True)
class Finding:
    """A difference, or something that can't be checked. ``remedy`` is what to do about it, in one line."""

    about: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.about}: {self.problem}; {self.remedy}"


def check_meeting(stored: StoredMeeting, now: datetime) -> Finding | None:
    """Return what is wrong if the stored occurrences are not those that follow from the series."""
    meeting, about = stored.meeting, f"meeting {stored.id}"
    if meeting.status is MeetingStatus.CANCELLED:
        return None
    if meeting.tz_database != TZ_DATABASE_VERSION:
        return Finding(about, f"derived under tz release {meeting.tz_database}", "run 'scheduler migrate'")
    named = [occurrence.recurrence_id for occurrence in meeting.occurrences]
    if named != meeting.series.nominal_starts:
        return Finding(about, "its occurrences are not those of its rule", "cancel it and book it again")
    _, moved = rederive(meeting, now)
    if not moved:
        return None
    walls = ", ".join(f"{occurrence.start.wall:%Y-%m-%dT%H:%M}" for occurrence in moved)
    again = f"UPDATE meetings SET tz_database = '' WHERE id = '{stored.id}', then run 'scheduler migrate'"  # noqa: S608  # shown, not run
    return Finding(about, f"the stored UTC times of {walls} ({meeting.series.time_zone}) are not theirs", again)


def check_deliveries(
    stored: StoredMeeting, rows: Sequence[DeliveryRow], logins: Collection[Login], now: datetime
) -> Iterator[Finding]:
    """Yield the deliveries that are stuck, failed or outdated, and the published calendars that have none."""
    for row in rows:
        problem = _delivery_problem(row, stored.meeting, now)
        if problem:
            yield Finding(f"meeting {stored.id}, calendar {row.calendar.id}", problem, _remedy(stored.id, row))
    if not any(period.end > now for period in stored.meeting.busy):
        return
    known = {(row.calendar.id, row.uid) for row in rows}
    for login in logins:
        is_theirs = login.publish and login.person_id in (stored.mentor_id, stored.mentee_id)
        if is_theirs and any((login.calendar_id, uid) not in known for uid in stored.meeting.uids):
            about = f"meeting {stored.id}, calendar {login.calendar_id}"
            yield Finding(about, "no delivery to this calendar exists", "disconnect the calendar and connect it again")


def check_object(
    reader: CalendarReader,
    stored: StoredMeeting,
    row: DeliveryRow,
    meant: bytes,
    held: bytes | None,
    *,
    is_invitation: bool,
) -> Finding | None:
    """Return what differs between the object that was delivered, ``meant``, and the one in the calendar, ``held``.

    Properties that the calendar's owner added are no difference. Of an invitation, which the server keeps as the
    organizer's calendar has it, only times and status are compared. Raises ReaderBusy.
    """
    about, again = f"meeting {stored.id}, calendar {row.calendar.id}", _retry(stored.id, row)
    if held is None:
        twice = f"to create it again, {again}, and once more after that has failed because it was deleted"
        return None if _is_cancelled(meant) else Finding(about, "the event is not there any more", twice)
    try:
        merged = reader.merge(meant, held, row.uid)
    except UnreadableCalendar:
        return Finding(about, "the event there can't be read", f"delete it there and {again}")
    if merged is None:
        return Finding(about, "another object is stored in its place", f"delete that there and {again}")
    problem = _difference(merged, is_invitation=is_invitation)
    remedy = f"{again}: it is corrected, and what its owner added is kept"
    return Finding(about, problem, remedy) if problem else None


def check_feed(page: FeedPage, fresh: bytes) -> Finding | None:
    """Return what is wrong if the stored bytes of a rendered feed are not those of a fresh rendering."""
    remedy = f"UPDATE feeds SET rendered_key = NULL WHERE id = '{page.feed_id}', and start the service again"  # noqa: S608  # shown, not run
    about = f"feed {page.feed_id}"
    if page.body != fresh:
        return Finding(about, "its stored bytes are not those of its meetings", remedy)
    if page.etag != etag_of(fresh):
        return Finding(about, "its ETag is not that of its bytes", remedy)
    if page.gzipped_body is not None and _decompressed(page.gzipped_body) != fresh:
        return Finding(about, "its gzipped bytes are not those of its bytes", remedy)
    return None


def _delivery_problem(row: DeliveryRow, meeting: Meeting, now: datetime) -> str | None:
    if row.state is DeliveryState.FAILED:
        return f"the delivery has failed ({redact_reason(row.reason)})"
    if row.state is DeliveryState.DELIVERED:
        is_old = row.delivered_revision != row.wanted_revision or row.wanted_revision < meeting.revision
        return "it counts as delivered, but an earlier version was" if is_old and row.uid in meeting.uids else None
    if row.due_at is None:
        return "the delivery waits without a due time"
    if row.due_at < now - LATE:
        words = "due" if row.state is DeliveryState.WAITING else "leased by a worker that is gone"
        return f"the delivery has been {words} since {row.due_at:%Y-%m-%dT%H:%MZ}"
    return None


def _remedy(meeting_id: str, row: DeliveryRow) -> str:
    is_late = row.due_at is not None and row.state is not DeliveryState.FAILED
    return "see that a worker runs" if is_late else f"correct the cause and {_retry(meeting_id, row)}"


def _retry(meeting_id: str, row: DeliveryRow) -> str:
    return f"POST /v1/meetings/{meeting_id}/deliveries/{row.id}/retry"


def _difference(merged: Merged, *, is_invitation: bool) -> str | None:
    if merged.is_newer:
        return "the calendar holds a later version than is stored here (a restored backup?)"
    parts = [part for part in merged.restored if not is_invitation or part in ("times", "status")]
    if parts:
        return f"changed in the calendar: {', '.join(PART_NAMES[part] for part in parts)}"
    return "the calendar holds another version" if merged.differs and not is_invitation else None


def _is_cancelled(data: bytes) -> bool:
    return b"\r\nSTATUS:CANCELLED\r\n" in data and b"\r\nSTATUS:CONFIRMED\r\n" not in data


def _decompressed(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None
