"""Booked meetings: read, renamed, moved and cancelled, each change in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from scheduler.domain.availability.attendees import Days
from scheduler.domain.availability.obstacles import Obstacle
from scheduler.domain.programme import meetings
from scheduler.domain.programme.api_keys import RESTRICTED, Viewer
from scheduler.domain.programme.changes import LoggedChange, changes_between
from scheduler.domain.programme.meetings import MeetingCancelled, MeetingStatus, Occurrence
from scheduler.domain.programme.rederiving import rederive_conflicts
from scheduler.domain.time.series import Series
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.domain.time.zones import local_time
from scheduler.services.booking import check_day, check_free, load_pair, read_start
from scheduler.services.locking import lock_meeting
from scheduler.services.ports import Context
from scheduler.services.publishing import log_changes, publish, publish_change
from scheduler.store import Position, StoredMeeting


def list_meetings(
    context: Context, programme_id: str, mentorship_id: str, after: Position | None, limit: int
) -> list[tuple[Position, StoredMeeting]]:
    """At most ``limit`` of a mentorship's meetings after a position, the first booked first. Raises NotFound."""
    with context.store.read() as tx:
        return tx.meetings.list_page(programme_id, mentorship_id, after, limit)


def get_meeting(context: Context, programme_id: str, meeting_id: str) -> StoredMeeting:
    """The meeting of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.meetings.get(programme_id, meeting_id)


def update_meeting(
    context: Context, programme_id: str, meeting_id: str, changes: Mapping[str, str | None]
) -> StoredMeeting:
    """Change a meeting's ``title`` (None: the default one) or ``conference_url``. Raises NotFound, MeetingCancelled."""
    with context.store.write() as tx:
        _, stored = lock_meeting(tx, programme_id, meeting_id)
        if stored.meeting.status is MeetingStatus.CANCELLED:
            raise MeetingCancelled
        title = changes.get("title", stored.own_title)
        conference_url = changes.get("conference_url", stored.meeting.conference_url)
        if (title, conference_url) != (stored.own_title, stored.meeting.conference_url):
            # The default title is made from the people's names when the meeting is loaded.
            changed = {"title": title or "", "conference_url": conference_url}
            meeting = meetings.revise(stored.meeting, context.clock(), **changed)
            publish_change(context, tx, programme_id, replace(stored, own_title=title), meeting, context.clock())
        return tx.meetings.get(programme_id, meeting_id)


def cancel_meeting(context: Context, programme_id: str, meeting_id: str) -> StoredMeeting:
    """Cancel a meeting as a whole. Raises NotFound, MeetingCancelled."""
    with context.store.write() as tx:
        _, stored = lock_meeting(tx, programme_id, meeting_id)
        cancelled = meetings.cancel(stored.meeting, context.clock())
        return publish_change(context, tx, programme_id, stored, cancelled, context.clock())


def move_occurrence(
    context: Context,
    programme_id: str,
    meeting_id: str,
    recurrence_id: datetime,
    start: datetime,
    viewer: Viewer = RESTRICTED,
    *,
    because: Mapping[datetime, Sequence[Obstacle]] | None = None,
) -> StoredMeeting:
    """Move one occurrence to a start at which both people can meet; a naive start is local time of the meeting's zone.

    The series' own time bars nothing, but its other occurrences count towards the limits of a day and a week.
    ``because`` is what `publish_change` logs. Raises NotFound, SlotTaken, OverlapsOwnOccurrence, MeetingCancelled,
    OccurrenceNotChangeable, InvalidFields.
    """
    with context.store.write() as tx:
        mentorship, stored = lock_meeting(tx, programme_id, meeting_id)
        series = stored.meeting.series
        start = read_start(start, series.time_zone)
        tx.people.get_many(programme_id, [mentorship.mentor_id, mentorship.mentee_id])  # neither is erased
        local = local_time(start, series.time_zone)
        day = local.wall.date()
        check_day(day, mentorship, "/start")
        attendees = load_pair(context, tx, programme_id, mentorship, Days(day, day), except_meeting=meeting_id)
        moved = meetings.move_occurrence(stored.meeting, recurrence_id, start, context.clock())
        others = tuple(one.period for one in moved.taking_place if one.recurrence_id.wall != recurrence_id)
        attendees = tuple(replace(one, meetings=one.meetings + others) for one in attendees)
        check_free(attendees, Series(local, None, series.duration), viewer)
        return publish_change(context, tx, programme_id, stored, moved, context.clock(), because)


def cancel_occurrence(context: Context, programme_id: str, meeting_id: str, recurrence_id: datetime) -> StoredMeeting:
    """Cancel one occurrence of a meeting. Raises NotFound, MeetingCancelled, OccurrenceNotChangeable."""
    with context.store.write() as tx:
        _, stored = lock_meeting(tx, programme_id, meeting_id)
        cancelled = meetings.cancel_occurrence(stored.meeting, recurrence_id, context.clock())
        return publish_change(context, tx, programme_id, stored, cancelled, context.clock())


def list_changes(
    context: Context, programme_id: str, meeting_id: str, after: Position | None, limit: int
) -> list[tuple[Position, LoggedChange]]:
    """At most ``limit`` changes of a meeting after a position, the oldest first. Raises NotFound."""
    with context.store.read() as tx:
        found = tx.changes.list_for_meeting(programme_id, meeting_id, None if after is None else int(after[0]), limit)
    return [((str(one.position), ""), one) for one in found]


def rederive_meetings(context: Context) -> list[tuple[str, tuple[Occurrence, ...]]]:
    """Derive the UTC times of every series that another tz release derived, with their conflicts; log what moves.

    Returns: the meetings whose times moved, each as its id and the moved occurrences.
    """
    shifted = []
    with context.store.read() as tx:
        stale = tx.meetings.list_with_other_tz_database(TZ_DATABASE_VERSION)
    for programme_id, meeting_id in stale:
        with context.store.write() as tx:
            _, stored = lock_meeting(tx, programme_id, meeting_id)
            now, old = context.clock(), stored.meeting
            meeting, moved = meetings.rederive(old, now)
            derived = replace(stored, meeting=meeting)
            tx.meetings.update(programme_id, derived)
            if moved:
                conflicts = tx.conflicts.list_for_meetings(programme_id, [meeting_id])[meeting_id]
                tx.conflicts.put(programme_id, meeting_id, rederive_conflicts(conflicts, old, meeting))
                log_changes(context, tx, programme_id, derived, changes_between(old, meeting, {}), now)
                publish(tx, programme_id, derived, now)
                tx.conflicts.mark_due(programme_id, [stored.mentor_id, stored.mentee_id], now)
                shifted.append((meeting_id, moved))
    return shifted
