"""What stands in the database, in a feed or in somebody's calendar, and isn't as it should be: decided from values.

A finding names things by their ids alone, so that it may be shown to whoever runs the service.
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
from scheduler.ical.lines import NotOneCalendar
from scheduler.ical.merge import Merged, merge
from scheduler.ical.ownership import PART_NAMES
from scheduler.ical.parse import UnreadableCalendar, read_identity
from scheduler.services.feeds import etag_of
from scheduler.services.reasons import redact_reason
from scheduler.store import DeliveryRow, FeedPage, Login, StoredMeeting

LATE = timedelta(minutes=10)
"""How long after its time a delivery is taken for one that nobody will make."""


@dataclass(frozen=True)
class Finding:
    """Something that differs, or can't be known; ``remedy`` says what to do about it, in one line."""

    about: str
    says: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.about}: {self.says}; {self.remedy}"


def of_meeting(stored: StoredMeeting, now: datetime) -> Iterator[Finding]:
    """Where the occurrences that are stored are not those which the series comes to."""
    meeting, about = stored.meeting, f"meeting {stored.id}"
    if meeting.status is MeetingStatus.CANCELLED:
        return
    if meeting.tz_database != TZ_DATABASE_VERSION:
        yield Finding(about, f"derived under tz release {meeting.tz_database}", "run 'scheduler migrate'")
        return
    named = [occurrence.recurrence_id for occurrence in meeting.occurrences]
    if named != meeting.series.nominal_starts:
        yield Finding(about, "its occurrences are not those of its rule", "cancel it and book it again")
        return
    _, moved = rederive(meeting, now)
    if moved:
        walls = ", ".join(f"{occurrence.start.wall:%Y-%m-%dT%H:%M}" for occurrence in moved)
        again = f"UPDATE meetings SET tz_database = '' WHERE id = '{stored.id}', then run 'scheduler migrate'"  # noqa: S608  # shown, not run
        yield Finding(about, f"the stored UTC times of {walls} ({meeting.series.time_zone}) are not theirs", again)


def of_stranger(login: Login, uid: str) -> Finding:
    """Of an event that we stored once and know nothing of."""
    about = f"calendar {login.calendar_id}"
    says = f"the event {uid} there is one of ours, and nothing here knows of it"
    return Finding(about, says, "delete it there, or book it again if it is to take place")


def of_deliveries(
    stored: StoredMeeting, rows: Sequence[DeliveryRow], logins: Collection[Login], now: datetime
) -> Iterator[Finding]:
    """What is owed to no one who should have it, and what is owed and will not come by itself."""
    for row in rows:
        says = _stuck(row, stored.meeting, now)
        if says:
            yield Finding(f"meeting {stored.id}, calendar {row.calendar_id}", says, _remedy(stored.id, row))
    if not any(period.end > now for period in stored.meeting.busy):
        return
    known = {(row.calendar_id, row.uid) for row in rows}
    for login in logins:
        is_theirs = login.publish and login.person_id in (stored.mentor_id, stored.mentee_id)
        if is_theirs and any((login.calendar_id, uid) not in known for uid in stored.meeting.uids):
            about = f"meeting {stored.id}, calendar {login.calendar_id}"
            yield Finding(about, "it is not owed to this calendar", "disconnect the calendar and connect it again")


def of_object(
    stored: StoredMeeting, row: DeliveryRow, meant: bytes, held: bytes | None, *, is_invitation: bool
) -> Iterator[Finding]:
    """What differs between what was delivered and what the calendar holds (None: nothing).

    What the calendar's owner added is no difference. Where it ``is_invitation``, which the server keeps in the
    organizer's words, only its times and its status are compared.
    """
    about, again = f"meeting {stored.id}, calendar {row.calendar_id}", _retry(stored.id, row)
    if held is None:
        if not _is_cancelled(meant):
            twice = f"if it is to be there, {again}, and again once that has failed because it was deleted"
            yield Finding(about, "the event is not there any more", twice)
        return
    theirs = read_identity(held)
    if theirs is None or theirs.uid != row.uid:
        yield Finding(about, "something else lies in its place", f"take it away there and {again}")
        return
    try:
        merged = merge(meant, held)
    except (UnreadableCalendar, NotOneCalendar):
        yield Finding(about, "the event there can't be read", f"delete it there and {again}")
        return
    says = _difference(merged, is_invitation=is_invitation)
    if says:
        yield Finding(about, says, f"{again}: what is ours is put right, and what its owner added is kept")


def of_feed(page: FeedPage, fresh: bytes) -> Iterator[Finding]:
    """Where the bytes that a feed is answered with are not those that follow from what is stored."""
    assert page.body is not None  # only one that is rendered can differ
    remedy = f"UPDATE feeds SET rendered_key = NULL WHERE id = '{page.feed_id}', and start the service again"  # noqa: S608  # shown, not run
    about = f"feed {page.feed_id}"
    if page.body != fresh:
        yield Finding(about, "its stored bytes are not those that its meetings come to", remedy)
    elif page.etag != etag_of(fresh):
        yield Finding(about, "its ETag is not that of its bytes", remedy)
    elif page.gzipped_body is not None and _unzipped(page.gzipped_body) != fresh:
        yield Finding(about, "its gzipped bytes are others than its bytes", remedy)


def of_nonsense(about: str, reason: str) -> Finding:
    """Rows that contradict themselves."""
    return Finding(about, f"what is stored of it can't be read ({reason})", "restore a backup that can be")


def of_unknown(login: Login, reason: str) -> Finding:
    """A calendar that can't be looked into: what it holds is not known."""
    says = f"it can't be read, so what it holds is unknown ({redact_reason(reason)})"
    return Finding(f"calendar {login.calendar_id}", says, "ask its owner, and connect it again if its login changed")


def of_lost_password(login: Login) -> Finding:
    """A calendar whose password can't be decrypted."""
    remedy = "add the key that it was stored under to SCHEDULER_OLD_SECRET_KEYS, or connect the calendar again"
    return Finding(f"calendar {login.calendar_id}", "its password can't be decrypted", remedy)


def _stuck(row: DeliveryRow, meeting: Meeting, now: datetime) -> str | None:
    if row.state is DeliveryState.FAILED:
        return f"the delivery has failed ({redact_reason(row.reason)})"
    if row.state is DeliveryState.DELIVERED:
        is_old = row.delivered_revision != row.wanted_revision or row.wanted_revision < meeting.revision
        return "it counts as delivered, but an earlier version was" if is_old and row.uid in meeting.uids else None
    if row.due_at is None:
        return "the delivery waits for nothing"
    if row.due_at < now - LATE:
        words = "due" if row.state is DeliveryState.WAITING else "under way and its worker gone"
        return f"the delivery has been {words} since {row.due_at:%Y-%m-%dT%H:%MZ}"
    return None


def _remedy(meeting_id: str, row: DeliveryRow) -> str:
    is_late = row.due_at is not None and row.state is not DeliveryState.FAILED
    return "see that a worker runs" if is_late else f"set right what it names and {_retry(meeting_id, row)}"


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


def _unzipped(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None
