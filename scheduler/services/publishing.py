"""From a change to every calendar that shows it: owing deliveries, making them, and keeping what came of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from scheduler.domain.programme.meetings import redescribe
from scheduler.domain.programme.outbox import Outcome, Rejected, TryAgain, judge
from scheduler.domain.programme.people import Account
from scheduler.ical.render import render_invite
from scheduler.ical.scheduling import Copy
from scheduler.services.ports import Context
from scheduler.services.reasons import in_our_words
from scheduler.services.secrets import UndecipherableSecret
from scheduler.store import Claim, DeliveryRow, StoredMeeting, StoreUnavailable, Transaction

log = structlog.get_logger(__name__)


def publish_change(tx: Transaction, programme_id: str, stored: StoredMeeting, now: datetime) -> None:
    """Stores a changed meeting and owes it to everybody's feeds and calendars, all in the caller's transaction."""
    tx.meetings.update(programme_id, stored)
    announce(tx, programme_id, stored, now)


def announce(tx: Transaction, programme_id: str, stored: StoredMeeting, now: datetime) -> None:
    """Makes the feeds of everybody in a stored meeting new, and owes it to its two people's calendars."""
    guests = tx.people.find_ids_by_email(programme_id, {guest.email for guest in stored.meeting.guests if guest.email})
    people = (stored.mentor_id, stored.mentee_id)
    tx.people.mark_feeds_changed(programme_id, [*people, *guests], now)
    connected = tx.calendars.of_people(
        programme_id, tx.people.find_many(programme_id, people)
    )  # an erased one has none
    calendars = [calendar.id for owned in connected.values() for calendar in owned if calendar.publish]
    meeting = stored.meeting
    tx.deliveries.owe(programme_id, stored.id, meeting.uids, calendars, meeting.revision, now)


def refresh_descriptions(tx: Transaction, programme_id: str, meetings: Sequence[StoredMeeting], now: datetime) -> None:
    """Publishes meetings again whose names, goals or clocks were changed elsewhere; their times stay."""
    for stored in meetings:
        publish_change(tx, programme_id, replace(stored, meeting=redescribe(stored.meeting, now)), now)


def retry_delivery(context: Context, programme_id: str, meeting_id: str, delivery_id: str) -> DeliveryRow:
    """Where a delivery stands that is made again at once, whatever came of it; what was deleted is put back.

    One under way is left to end. Raises NotFound.
    """
    with context.store.write() as tx:
        tx.meetings.get(programme_id, meeting_id, lock=True)
        return tx.deliveries.retry(programme_id, meeting_id, delivery_id, context.clock())


def deliver_next(context: Context) -> bool:
    """Makes the most overdue delivery, if one is due; whether there was one.

    The claim and the outcome are two transactions and nothing is open between them. Whoever dies in
    between leaves a lease that runs out, and a PUT that is safe to do again.
    """
    with context.store.write() as tx:
        claim = tx.deliveries.claim(context.clock())
    if claim is None:
        return False
    outcome, revision = _tried(context, claim)
    now = context.clock()
    jitter = random.random()  # noqa: S311  # spreads retries; no secret
    verdict = judge(outcome, attempts=claim.attempts, since=claim.since, now=now, jitter=jitter)
    with context.store.write() as tx:
        recorded = tx.deliveries.record(replace(claim, revision=revision), outcome, verdict, now)
    context.observer.delivered(verdict.state.value if recorded else "superseded")
    log.info(
        "delivery",
        delivery=claim.delivery_id,
        meeting=claim.meeting_id,
        revision=revision,
        attempt=claim.attempts,
        state=verdict.state.value,
        reason=in_our_words(verdict.reason),
        recorded=recorded,
    )
    return True


def _tried(context: Context, claim: Claim) -> tuple[Outcome, int]:
    """What came of one attempt, also of one that fails as nothing should.

    Recorded like any other it is put off further each time and given up in the end.
    """
    try:
        return _attempt(context, claim)
    except StoreUnavailable:
        raise
    except Exception:  # one object that nobody foresaw must not come back for ever
        log.exception("delivery failed unexpectedly", delivery=claim.delivery_id)
        return TryAgain("the service itself failed; the operator finds the delivery's id in the log"), claim.revision


def _attempt(context: Context, claim: Claim) -> tuple[Outcome, int]:
    """What came of one attempt, and the revision that was tried."""
    with context.store.read() as tx:
        stored = tx.meetings.get(claim.programme_id, claim.meeting_id)
        rows = tx.deliveries.of_meeting(claim.programme_id, claim.meeting_id)
    meeting = stored.meeting
    copy = copy_for(claim, stored, rows)
    try:
        account = Account(claim.url, claim.username, context.vault.open(claim.password_token))
    except UndecipherableSecret as error:
        return Rejected(str(error)), meeting.revision
    data = render_invite(meeting, claim.uid, copy)
    stored_before = claim.delivered_revision is not None
    return context.calendars.put(account, claim.uid, data, stored_before=stored_before), meeting.revision


def copy_for(owed: Claim | DeliveryRow, stored: StoredMeeting, rows: Sequence[DeliveryRow]) -> Copy:
    """Whose copy of a meeting it is and who is invited by it; ``rows`` are all the meeting's deliveries."""
    inviting = [row.calendar_id for row in rows if row.person_id == stored.mentor_id and row.auto_schedule]
    return Copy(
        is_organizers=owed.person_id == stored.mentor_id,
        auto_schedule=owed.auto_schedule,
        reaches_attendee=any(row.person_id == stored.mentee_id for row in rows),
        invites=inviting[:1] == [owed.calendar_id],
    )
