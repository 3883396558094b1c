"""Sending what is due in the outbox, one row at a time, and keeping what came of it."""

from __future__ import annotations

import random
from dataclasses import replace

import structlog

from scheduler.domain.programme.outbox import Attempt, CalDAVCalendar, Target, TryAgain, expired, judge
from scheduler.services.calendar_transport import CalendarTransport
from scheduler.services.ports import Context, Transport
from scheduler.services.reasons import redact_reason
from scheduler.store import Claim, DeliveryRow, StoreUnavailable

log = structlog.get_logger(__name__)


def list_deliveries(context: Context, programme_id: str, meeting_id: str) -> list[DeliveryRow]:
    """The meeting's deliveries. Raises NotFound."""
    with context.store.read() as tx:
        return tx.outbox.list_for_meeting(programme_id, meeting_id)


def retry_delivery(context: Context, programme_id: str, meeting_id: str, delivery_id: str) -> DeliveryRow:
    """Make a delivery due at once, whatever its state; an object that somebody deleted is created again.

    One under way is left to end. Raises NotFound.
    """
    with context.store.write() as tx:
        tx.meetings.get(programme_id, meeting_id, lock=True)
        return tx.outbox.retry(programme_id, meeting_id, delivery_id, context.clock())


def deliver_next(context: Context) -> bool:
    """Send the row of the outbox that has been due for longest; return whether one was due.

    The claim and the record are two transactions, and nothing is open between them. A worker that dies in between
    leaves a lease that runs out, and transports are idempotent where their protocol allows it.
    """
    with context.store.write() as tx:
        claim = tx.outbox.claim(context.clock())
    if claim is None:
        return False
    transport = _transport(context, claim.target)
    attempt = _attempt(context, transport, claim)
    outcome, now = attempt.outcome, context.clock()
    jitter = random.random()  # noqa: S311  # spreads retries; no secret
    verdict = judge(
        outcome, attempts=claim.attempts, since=claim.since, now=now, jitter=jitter, not_after=claim.not_after
    )
    with context.store.write() as tx:
        recorded = tx.outbox.record(replace(claim, revision=attempt.revision), outcome, verdict, now)
        if recorded and isinstance(outcome, TryAgain) and outcome.of_server and verdict.due_at:
            # A server that is down must not hold up what waits for other servers.
            tx.outbox.postpone(transport.on_same_server(tx, claim.target), verdict.due_at)
    context.observer.delivered(verdict.state.value if recorded else "superseded")
    log.info(
        "delivery",
        delivery=claim.delivery_id,
        meeting=claim.meeting_id,
        revision=attempt.revision,
        attempt=claim.attempts,
        state=verdict.state.value,
        reason=redact_reason(verdict.reason),
        recorded=recorded,
    )
    return True


def _transport(context: Context, target: Target) -> Transport:
    match target:
        case CalDAVCalendar():
            return CalendarTransport(context)


def _attempt(context: Context, transport: Transport, claim: Claim) -> Attempt:
    """Send a claimed row unless it has expired. An unexpected error is retried like any other failure."""
    if claim.not_after is not None and context.clock() > claim.not_after:
        return Attempt(expired(claim.not_after), claim.revision)
    try:
        return transport.send(claim)
    except StoreUnavailable:
        raise
    except Exception:  # one object that nobody foresaw must not come back for ever
        log.exception("delivery failed unexpectedly", delivery=claim.delivery_id)
        reason = "the service itself failed; the operator finds the delivery's id in the log"
        return Attempt(TryAgain(reason), claim.revision)
