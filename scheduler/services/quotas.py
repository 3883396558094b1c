"""Room for one more: counted inside the transaction that adds it, with what it belongs to locked.

Each function raises QuotaReached if there is none, and NotFound for what it would belong to.
"""

from __future__ import annotations

from scheduler.domain.availability.attendees import Blackout
from scheduler.services.ports import Context
from scheduler.store import Transaction


def make_room_for_person(context: Context, tx: Transaction, programme_id: str) -> None:
    """In the programme."""
    tx.programmes.lock(programme_id)
    context.quotas.check("people", tx.people.count(programme_id))


def make_room_for_mentorship(context: Context, tx: Transaction, programme_id: str) -> None:
    """In the programme."""
    tx.programmes.lock(programme_id)
    context.quotas.check("mentorships", tx.mentorships.count(programme_id))


def make_room_for_key(context: Context, tx: Transaction, programme_id: str) -> None:
    """In the programme."""
    tx.programmes.lock(programme_id)
    context.quotas.check("keys", len(tx.programmes.list_keys(programme_id, context.clock())))


def make_room_for_meeting(context: Context, tx: Transaction, programme_id: str, mentorship_id: str) -> None:
    """In the mentorship, which the caller has locked."""
    context.quotas.check("meetings_per_mentorship", tx.meetings.count(programme_id, mentorship_id))


def make_room_for_calendar(context: Context, tx: Transaction, programme_id: str, person_id: str) -> None:
    """At the person."""
    tx.people.lock(programme_id, [person_id])
    context.quotas.check("calendars_per_person", len(tx.calendars.all(programme_id, person_id)))


def make_room_for_feed(context: Context, tx: Transaction, programme_id: str, person_id: str) -> None:
    """At the person."""
    tx.people.lock(programme_id, [person_id])
    context.quotas.check("feeds_per_person", len(tx.feeds.all(programme_id, person_id)))


def make_room_for_blackout(
    context: Context, tx: Transaction, programme_id: str, person_id: str, new: Blackout, old: Blackout | None = None
) -> None:
    """At the person; one that comes again needs a place among those too. ``old`` is the one whose place it takes."""
    tx.people.lock(programme_id, [person_id])
    present = [stored.blackout for stored in tx.blackouts.list_for_person(programme_id, person_id)]
    if old is None:
        context.quotas.check("blackouts_per_person", len(present))
    if new.rule is not None and (old is None or old.rule is None):
        context.quotas.check("recurring_blackouts_per_person", sum(one.rule is not None for one in present))
