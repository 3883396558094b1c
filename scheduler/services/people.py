"""People of a programme: created, listed, changed and deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from scheduler.domain.programme.changes import Change, ChangeType
from scheduler.domain.programme.meetings import Party, cancel_occurrences_from, revise
from scheduler.domain.programme.mentorships import MentorshipStatus
from scheduler.domain.programme.people import Person
from scheduler.services.checking import check_person
from scheduler.services.locking import lock_person
from scheduler.services.offering import Consequences
from scheduler.services.ports import Context
from scheduler.services.publishing import publish_change, refresh_descriptions
from scheduler.store import Position, Transaction


def create_person(context: Context, programme_id: str, person: Person) -> Person:
    """Store a new person. Raises QuotaReached."""
    with context.store.write() as tx:
        tx.programmes.lock(programme_id)
        context.quotas.check("people", tx.people.count(programme_id))
        tx.people.add(programme_id, person, context.clock())
        _log(context, tx, programme_id, person.id, ChangeType.PERSON_CREATED)
    return person


def list_people(
    context: Context, programme_id: str, after: Position | None, limit: int
) -> list[tuple[Position, Person]]:
    """At most ``limit`` people after a position, the first added first, each with their position."""
    with context.store.read() as tx:
        return tx.people.list_page(programme_id, after, limit)


def get_person(context: Context, programme_id: str, person_id: str) -> Person:
    """The person of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.people.get(programme_id, person_id)


def update_person(
    context: Context, programme_id: str, person_id: str, changes: Mapping[str, Any]
) -> tuple[Person, Consequences]:
    """Change some fields of a person; their meetings show a new name, address or clock. Raises NotFound.

    What other hours, travel or another zone do to booked meetings is never decided by itself: it opens conflicts.

    A person who changes zone keeps the zone of their series.
    """
    now = context.clock()
    with context.store.write() as tx:
        old = lock_person(tx, programme_id, person_id)
        person = replace(old, **changes)
        tx.people.update(programme_id, person, now)
        tx.people.mark_feeds_changed(programme_id, [person_id], now)
        if _as_party(person) != _as_party(old):
            refresh_descriptions(context, tx, programme_id, tx.meetings.list_for_person(programme_id, person_id), now)
        _log(context, tx, programme_id, person_id, ChangeType.PERSON_CHANGED)
        return person, check_person(context, tx, programme_id, person_id)


def delete_person(context: Context, programme_id: str, person_id: str) -> None:
    """End a person's mentorships, cancel their future meetings, and erase their feeds, secrets and personal data.

    Past meetings stay, without the name; nothing about them is left to be decided. Raises NotFound.
    """
    now = context.clock()
    with context.store.write() as tx:
        person = lock_person(tx, programme_id, person_id)
        as_guest = tx.meetings.list_for_guest(programme_id, person.email)
        meetings = tx.meetings.list_for_person(programme_id, person_id)
        for mentorship in tx.mentorships.list_for_person(programme_id, person_id):
            if not mentorship.status.has_ended:
                tx.mentorships.update(programme_id, replace(mentorship, status=MentorshipStatus.CANCELLED))
        tx.people.erase(programme_id, person_id, now)
        _log(context, tx, programme_id, person_id, ChangeType.PERSON_ERASED)
        for old in meetings:
            stored = tx.meetings.get(programme_id, old.id)
            settled = tuple(replace(one, to_be_moved=None) for one in stored.meeting.occurrences)
            cancelled = cancel_occurrences_from(revise(stored.meeting, now, occurrences=settled), now, now)
            publish_change(context, tx, programme_id, stored, cancelled, now)
        _end_conflicts(tx, programme_id, [stored.id for stored in meetings], now)
        tx.conflicts.forget_person(programme_id, person_id)
        # If someone else of the programme has the same address, the guest is that person and stays.
        for old in [] if tx.people.find_ids_by_email(programme_id, {person.email}) else as_guest:
            stored = tx.meetings.get(programme_id, old.id)
            guests = tuple(guest for guest in stored.meeting.guests if not _is_same(guest, person))
            publish_change(context, tx, programme_id, stored, revise(stored.meeting, now, guests=guests), now)
        # Another thread may cache the person again until the commit.
        tx.after_commit(lambda: context.availability_cache.remove(person_id))


def _end_conflicts(tx: Transaction, programme_id: str, meeting_ids: Collection[str], now: datetime) -> None:
    """End what is left undecided about meetings, also of those that have begun: nobody is asked about it any more."""
    for meeting_id, conflicts in tx.conflicts.list_for_meetings(programme_id, meeting_ids).items():
        ended = [(one, one.ended_by_time(now)) for one in conflicts]
        tx.conflicts.put(programme_id, meeting_id, [new for old, new in ended if new is not old])


def _log(context: Context, tx: Transaction, programme_id: str, person_id: str, kind: ChangeType) -> None:
    tx.changes.add(programme_id, [Change(kind, person_id=person_id)], context.actor, context.clock())


def _as_party(person: Person) -> Party:
    """The person as meetings show them."""
    return Party(person.name, person.email, person.time_zone, person.travel)


def _is_same(guest: Party, person: Person) -> bool:
    return guest.email is not None and guest.email.casefold() == person.email.casefold()
