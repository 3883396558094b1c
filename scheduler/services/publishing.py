"""From a changed meeting to everything that shows it: feeds are renewed, and calendars are owed a delivery."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from scheduler.domain.availability.obstacles import Obstacle
from scheduler.domain.programme.changes import Change, ChangeType, changes_between
from scheduler.domain.programme.meetings import Meeting, revise
from scheduler.domain.programme.outbox import CalDAVCalendar
from scheduler.domain.programme.people import ConnectedCalendar
from scheduler.domain.programme.routing import route
from scheduler.services.ports import Context
from scheduler.store import StoredMeeting, Transaction


def publish_change(
    context: Context,
    tx: Transaction,
    programme_id: str,
    stored: StoredMeeting,
    meeting: Meeting,
    now: datetime,
    because: Mapping[datetime, Sequence[Obstacle]] | None = None,
) -> StoredMeeting:
    """Store a meeting's new state, publish it and log it, all in the caller's transaction; return what is stored now.

    Conflicts of occurrences that changed end. Those who wait for their time to be free again are checked later.
    ``because`` says, by the wall start of an occurrence, what made the service change it.
    """
    changed = replace(stored, meeting=meeting)
    tx.meetings.update(programme_id, changed, was=stored.meeting)
    made = list(changes_between(stored.meeting, meeting, because or {}))
    if any(one.type is not ChangeType.MEETING_CHANGED for one in made):
        # What the service changes has a conflict of its own, which its caller stores.
        _end_conflicts(tx, programme_id, stored.id, {one.recurrence_id for one in made} - set(because or ()), now)
        tx.conflicts.mark_returning_due(programme_id, [stored.mentor_id, stored.mentee_id], now)
    log_changes(context, tx, programme_id, changed, made, now)
    publish(tx, programme_id, changed, now)
    return changed


def log_changes(
    context: Context,
    tx: Transaction,
    programme_id: str,
    stored: StoredMeeting,
    made: Iterable[Change],
    now: datetime,
) -> None:
    """Log changes of a meeting."""
    entries = [replace(one, meeting_id=stored.id, mentorship_id=stored.mentorship_id) for one in made]
    tx.changes.add(programme_id, entries, context.actor, now)


def _end_conflicts(
    tx: Transaction, programme_id: str, meeting_id: str, changed: Collection[datetime | None], now: datetime
) -> None:
    """End the conflicts of the occurrences that changed, by their wall starts; None: of all."""
    if not changed:
        return
    ended = [
        (one, one.ended_by_change(now))
        for one in tx.conflicts.list_for_meetings(programme_id, [meeting_id])[meeting_id]
        if None in changed or one.recurrence_id.wall in changed
    ]
    tx.conflicts.put(programme_id, meeting_id, [new for old, new in ended if new is not old])


def publish(tx: Transaction, programme_id: str, stored: StoredMeeting, now: datetime) -> None:
    """Renew the feeds of everybody in a stored meeting, and enqueue it for the calendars of its two people."""
    guests = tx.people.find_ids_by_email(programme_id, {guest.email for guest in stored.meeting.guests if guest.email})
    people = (stored.mentor_id, stored.mentee_id)
    tx.people.mark_feeds_changed(programme_id, [*people, *guests], now)
    targets = route(*people, tx.calendars.list_published(programme_id, people))
    meeting = stored.meeting
    if targets:
        tx.outbox.enqueue_latest(programme_id, stored.id, list(targets), meeting.uids, meeting.revision, now)


def publish_coming(tx: Transaction, programme_id: str, calendar: ConnectedCalendar, now: datetime) -> None:
    """Enqueue its person's meetings that have not ended for a calendar that was just connected; expects them locked."""
    targets = [CalDAVCalendar(calendar.id)]
    for stored in tx.meetings.list_for_person(programme_id, calendar.person_id) if calendar.publish else []:
        if any(period.end > now for period in stored.meeting.busy):
            uids, revision = stored.meeting.uids, stored.meeting.revision
            tx.outbox.enqueue_latest(programme_id, stored.id, targets, uids, revision, now)


def refresh_descriptions(
    context: Context, tx: Transaction, programme_id: str, meetings: Sequence[StoredMeeting], now: datetime
) -> None:
    """Publish meetings again whose names, goals or clocks were changed elsewhere; their times stay."""
    for stored in meetings:
        publish_change(context, tx, programme_id, stored, revise(stored.meeting, now), now)
