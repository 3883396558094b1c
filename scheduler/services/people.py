"""People, their blackouts and their feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from scheduler.domain.availability.attendees import Blackout
from scheduler.domain.programme.meetings import Party, cancel_from, redescribe
from scheduler.domain.programme.mentorships import MentorshipStatus
from scheduler.domain.programme.people import Feed, Person, Show, StoredBlackout
from scheduler.services.locking import lock_person
from scheduler.services.ports import Context
from scheduler.services.publishing import publish_change, refresh_descriptions
from scheduler.services.quotas import make_room_for_blackout, make_room_for_feed, make_room_for_person
from scheduler.services.secrets import digest, new_token

AT_ONCE = timedelta()
"""No overlap: what is rotated is dead from that moment on."""


def add_person(context: Context, programme_id: str, person: Person) -> Person:
    """Stores a new person. Raises QuotaReached."""
    with context.store.write() as tx:
        make_room_for_person(context, tx, programme_id)
        tx.people.add(programme_id, person, context.clock())
    return person


def change_person(context: Context, programme_id: str, person_id: str, changes: Mapping[str, Any]) -> Person:
    """Changes some fields of a person; meetings they are in show a new name, address or clock.

    A person who changes zone keeps their series where they are anchored. Raises NotFound.
    """
    now = context.clock()
    with context.store.write() as tx:
        old = lock_person(tx, programme_id, person_id)
        person = replace(old, **changes)
        tx.people.update(programme_id, person, now)
        tx.people.mark_feeds_changed(programme_id, [person_id], now)
        if _as_party(person) != _as_party(old):
            refresh_descriptions(tx, programme_id, tx.meetings.list_for_person(programme_id, person_id), now)
    return person


def delete_person(context: Context, programme_id: str, person_id: str) -> None:
    """Ends a person's mentorships, cancels their future meetings, and erases their feeds, secrets and personal data.

    What already took place stays, without the name. Raises NotFound.
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
        for old in meetings:
            stored = tx.meetings.get(programme_id, old.id)
            meeting = cancel_from(redescribe(stored.meeting, now), now, now)
            publish_change(tx, programme_id, replace(stored, meeting=meeting), now)
        # Somebody else of the programme may have the same address: then they are the guest who stays.
        for old in [] if tx.people.find_ids_by_email(programme_id, {person.email}) else as_guest:
            stored = tx.meetings.get(programme_id, old.id)
            guests = tuple(guest for guest in stored.meeting.guests if not _is(guest, person))
            meeting = redescribe(stored.meeting, now, guests=guests)
            publish_change(tx, programme_id, replace(stored, meeting=meeting), now)
    context.availability_cache.remove(person_id)


def add_blackout(context: Context, programme_id: str, person_id: str, blackout: Blackout) -> StoredBlackout:
    """Declares a time away. Raises NotFound for the person, QuotaReached."""
    with context.store.write() as tx:
        make_room_for_blackout(context, tx, programme_id, person_id, blackout)
        return tx.blackouts.add(programme_id, person_id, blackout)


def create_feed(context: Context, programme_id: str, person_id: str, show: Show) -> tuple[Feed, str]:
    """A new feed of a person's meetings and its token, which is shown only now. Raises NotFound, QuotaReached."""
    token = new_token()
    with context.store.write() as tx:
        make_room_for_feed(context, tx, programme_id, person_id)
        return tx.feeds.add(programme_id, person_id, show, digest(token), context.clock()), token


def rotate_feed(
    context: Context, programme_id: str, person_id: str, feed_id: str, overlap: timedelta = AT_ONCE
) -> tuple[Feed, str]:
    """The same feed under a new token; the old one reads it for the overlap. Raises NotFound."""
    token = new_token()
    until = context.clock() + overlap if overlap > AT_ONCE else None
    with context.store.write() as tx:
        tx.feeds.rotate(programme_id, person_id, feed_id, digest(token), until)
        return tx.feeds.get(programme_id, person_id, feed_id), token


def _as_party(person: Person) -> Party:
    """What meetings show of a person."""
    return Party(person.name, person.email, person.time_zone, person.travel)


def _is(guest: Party, person: Person) -> bool:
    return guest.email is not None and guest.email.casefold() == person.email.casefold()
