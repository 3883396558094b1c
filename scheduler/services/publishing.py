"""From a changed meeting to everything that shows it: feeds are renewed, and calendars are owed a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from scheduler.domain.programme.meetings import Meeting, revise
from scheduler.domain.programme.outbox import CalDAVCalendar
from scheduler.domain.programme.people import ConnectedCalendar
from scheduler.domain.programme.routing import route
from scheduler.store import StoredMeeting, Transaction


def publish_change(
    tx: Transaction, programme_id: str, stored: StoredMeeting, meeting: Meeting, now: datetime
) -> StoredMeeting:
    """Store a meeting's new state and publish it, all in the caller's transaction; return what is stored now."""
    changed = replace(stored, meeting=meeting)
    tx.meetings.update(programme_id, changed)
    publish(tx, programme_id, changed, now)
    return changed


def publish(tx: Transaction, programme_id: str, stored: StoredMeeting, now: datetime) -> None:
    """Renew the feeds of everybody in a stored meeting, and enqueue it for the calendars of its two people."""
    guests = tx.people.find_ids_by_email(programme_id, {guest.email for guest in stored.meeting.guests if guest.email})
    people = (stored.mentor_id, stored.mentee_id)
    tx.people.mark_feeds_changed(programme_id, [*people, *guests], now)
    targets = route(*people, tx.calendars.list_published(programme_id, people))
    meeting = stored.meeting
    tx.outbox.enqueue_latest(programme_id, stored.id, list(targets), meeting.uids, meeting.revision, now)


def publish_coming(tx: Transaction, programme_id: str, calendar: ConnectedCalendar, now: datetime) -> None:
    """Enqueue its person's meetings that have not ended for a calendar that was just connected; expects them locked."""
    targets = [CalDAVCalendar(calendar.id)]
    for stored in tx.meetings.list_for_person(programme_id, calendar.person_id) if calendar.publish else []:
        if any(period.end > now for period in stored.meeting.busy):
            uids, revision = stored.meeting.uids, stored.meeting.revision
            tx.outbox.enqueue_latest(programme_id, stored.id, targets, uids, revision, now)


def refresh_descriptions(tx: Transaction, programme_id: str, meetings: Sequence[StoredMeeting], now: datetime) -> None:
    """Publish meetings again whose names, goals or clocks were changed elsewhere; their times stay."""
    for stored in meetings:
        publish_change(tx, programme_id, stored, revise(stored.meeting, now), now)
