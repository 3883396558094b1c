"""Sending what is due in the outbox, and recording what came of it."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from scheduler.domain.programme.fair_queue import Due
from scheduler.domain.programme.outbox import (
    Attempt,
    CalDAVCalendar,
    Outcome,
    Target,
    TryAgain,
    Verdict,
    expired,
    judge,
)
from scheduler.domain.programme.servers import Exchange, Lane
from scheduler.services.calendar_transport import CalendarTransport
from scheduler.services.ports import Context, Transport
from scheduler.services.reasons import redact_reason
from scheduler.services.work import Job
from scheduler.store import Claim, DeliveryRow, StoreUnavailable, Transaction

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


class Deliveries:
    """The work of sending what is due in the outbox.

    The claim and the record are two transactions, and nothing is open between them. A worker that dies in between
    leaves a lease that runs out, and transports are idempotent where their protocol allows it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def find_due(self, tx: Transaction, now: datetime, lanes: Sequence[Lane], full: Sequence[str]) -> list[Due]:
        """Return due rows of the outbox."""
        return tx.outbox.find_due(now, lanes, full)

    def claim(self, tx: Transaction, ids: Collection[str], now: datetime) -> list[Job]:
        """Lease rows of the outbox."""
        return [DeliveryJob(self._context, claim) for claim in tx.outbox.claim(ids, now)]


@dataclass(frozen=True)
class DeliveryJob:
    """A claimed row of the outbox, to be sent."""

    context: Context
    claim: Claim

    @property
    def id(self) -> str:
        """The row's id."""
        return self.claim.delivery_id

    def perform(self, origin: str, seconds: float) -> DeliveryResult:
        """Send the row unless it has expired. An unexpected error is retried like any other failure."""
        started = self.context.clock()
        attempt = self._attempt(seconds)
        outcome, ended = attempt.outcome, self.context.clock()
        verdict = judge(
            outcome,
            attempts=self.claim.attempts,
            since=self.claim.since,
            now=ended,
            jitter=random.random(),  # noqa: S311  # spreads retries; no secret
            not_after=self.claim.not_after,
            last_reason=self.claim.reason,
        )
        exchange = Exchange(
            origin,
            started,
            ended,
            failed=isinstance(outcome, TryAgain) and outcome.of_server,
            retry_after=outcome.retry_after if isinstance(outcome, TryAgain) else None,
        )
        return DeliveryResult(self.context, replace(self.claim, revision=attempt.revision), outcome, verdict, exchange)

    def _attempt(self, seconds: float) -> Attempt:
        claim = self.claim
        if claim.not_after is not None and self.context.clock() > claim.not_after:
            return Attempt(expired(claim.not_after), claim.revision)
        try:
            return _transport(self.context, claim.target).send(claim, seconds)
        except StoreUnavailable:
            raise
        except Exception:  # one object that nobody foresaw must not come back for ever
            log.exception("delivery failed unexpectedly", delivery=claim.delivery_id)
            reason = "the service itself failed; the operator finds the delivery's id in the log"
            return Attempt(TryAgain(reason), claim.revision)


@dataclass(frozen=True)
class DeliveryResult:
    """What came of an attempt to send a row; ``claim.revision`` is the one that was sent."""

    context: Context
    claim: Claim
    outcome: Outcome
    verdict: Verdict
    exchange: Exchange

    @property
    def lock_order(self) -> tuple[str, str]:
        """Rows of the outbox are locked by id."""
        return "", self.claim.delivery_id

    def record(self, tx: Transaction) -> None:
        """Record the outcome, and report it once that is committed."""
        recorded = tx.outbox.record(self.claim, self.outcome, self.verdict, self.exchange.ended)
        tx.after_commit(partial(self._report, recorded=recorded))

    def _report(self, *, recorded: bool) -> None:
        state = self.verdict.state.value
        self.context.observer.delivered(state if recorded else "superseded")
        log.info(
            "delivery",
            delivery=self.claim.delivery_id,
            meeting=self.claim.meeting_id,
            revision=self.claim.revision,
            attempt=self.claim.attempts,
            state=state,
            reason=redact_reason(self.verdict.reason),
            recorded=recorded,
        )


def _transport(context: Context, target: Target) -> Transport:
    match target:
        case CalDAVCalendar():
            return CalendarTransport(context)
