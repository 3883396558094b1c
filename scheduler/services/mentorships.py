"""Mentorships of a programme: created, listed, changed and ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from scheduler.domain.programme.changes import Change, ChangeType
from scheduler.domain.programme.meetings import cancel_occurrences_from
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.errors import InvalidFields, NotFound, Refused
from scheduler.services.locking import lock_mentorship_with_meetings
from scheduler.services.ports import Context
from scheduler.services.publishing import publish_change, refresh_descriptions
from scheduler.store import Position, StoredMeeting, Transaction


def create_mentorship(context: Context, programme_id: str, mentorship: Mentorship) -> Mentorship:
    """Store a new mentorship. Raises NotFound for a person, with the field, and QuotaReached."""
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        context.quotas.check("mentorships", tx.mentorships.count(programme_id))
        people = {"mentor": mentorship.mentor_id, "mentee": mentorship.mentee_id}
        try:
            tx.people.lock(programme_id, list(people.values()))  # so that nobody erases them meanwhile
        except NotFound as error:
            field = next(name for name, person_id in people.items() if person_id == error.identifier)
            raise NotFound("person", error.identifier, f"/{field}") from error
        tx.mentorships.add(programme_id, mentorship, context.clock())
        _log(context, tx, programme_id, mentorship.id, ChangeType.MENTORSHIP_CREATED)
    return mentorship


def list_mentorships(
    context: Context, programme_id: str, after: Position | None, limit: int
) -> list[tuple[Position, Mentorship]]:
    """At most ``limit`` mentorships after a position, the first added first, each with its position."""
    with context.store.read() as tx:
        return tx.mentorships.list_page(programme_id, after, limit)


def get_mentorship(context: Context, programme_id: str, mentorship_id: str) -> Mentorship:
    """The mentorship of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.mentorships.get(programme_id, mentorship_id)


def update_mentorship(
    context: Context, programme_id: str, mentorship_id: str, changes: Mapping[str, Any]
) -> Mentorship:
    """Change goals, expectations, dates or status; ending a mentorship cancels its future meetings.

    Raises NotFound, InvalidValue, Refused for one that has ended, and InvalidFields for dates that leave booked
    meetings outside.
    """
    now = context.clock()
    with context.store.write() as tx:
        old, meetings = lock_mentorship_with_meetings(tx, programme_id, mentorship_id)
        new = replace(old, **changes)
        if old.status.has_ended and new.status is not old.status:
            raise Refused(f"the mentorship is {old.status} and can't be reopened; start a new one")
        if not new.status.has_ended:
            _check_dates(new, meetings)
        tx.mentorships.update(programme_id, new)
        _log(context, tx, programme_id, mentorship_id, ChangeType.MENTORSHIP_CHANGED)
        if (new.starts_on, new.ends_on) != (old.starts_on, old.ends_on):
            tx.conflicts.mark_returning_due(programme_id, [new.mentor_id, new.mentee_id], now)
        if new.status.has_ended:
            _cancel_future(context, tx, programme_id, meetings, now)
        if new.goals != old.goals:
            refresh_descriptions(
                context, tx, programme_id, tx.meetings.list_for_mentorship(programme_id, mentorship_id), now
            )
    return new


def _log(context: Context, tx: Transaction, programme_id: str, mentorship_id: str, kind: ChangeType) -> None:
    tx.changes.add(programme_id, [Change(kind, mentorship_id=mentorship_id)], context.actor, context.clock())


def _check_dates(mentorship: Mentorship, meetings: list[StoredMeeting]) -> None:
    """Raises InvalidFields if a booked meeting takes place before the mentorship starts or after it ends."""
    for stored in meetings:
        days = [one.start.wall.date() for one in stored.meeting.taking_place]
        first, last = min(days, default=mentorship.starts_on), max(days, default=mentorship.ends_on)
        if first < mentorship.starts_on:
            raise InvalidFields.at("/starts_on", f"a booked meeting takes place on {first}; cancel or move it first")
        if last > mentorship.ends_on:
            raise InvalidFields.at("/ends_on", f"a booked meeting takes place on {last}; cancel or move it first")


def _cancel_future(
    context: Context, tx: Transaction, programme_id: str, meetings: list[StoredMeeting], now: datetime
) -> None:
    for stored in meetings:
        meeting = cancel_occurrences_from(stored.meeting, now, now)
        if meeting is not stored.meeting:
            publish_change(context, tx, programme_id, stored, meeting, now)
