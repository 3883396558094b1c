"""Rows of the outbox as values: a claim for the worker, a delivery for the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from scheduler.domain.programme.outbox import DeliveryState, Policy, Target
from scheduler.domain.programme.routing import PublishedCalendar
from scheduler.store.rows import build
from scheduler.store.targets import target_of


@dataclass(frozen=True)
class Claim:
    """A row that is leased to one worker.

    ``revision`` is the one that was wanted when it was claimed, ``attempts`` counts this one too.
    ``delivered_revision`` and ``sequence`` are the last stored revision and its SEQUENCE (None: nothing was stored, or
    it has none). ``payload`` is None for rows that are rendered when they are sent. ``reason`` is what the last
    recorded attempt left.
    """

    delivery_id: str
    lease: str
    programme_id: str
    meeting_id: str | None
    target: Target
    key: str
    revision: int
    delivered_revision: int | None
    sequence: int | None
    payload: Any
    attempts: int
    since: datetime
    not_after: datetime | None
    reason: str | None


@dataclass(frozen=True)
class DeliveryRow:
    """The state of one calendar object of a meeting on its way to one connected calendar.

    ``due_at`` is when it is tried next or, while it is being delivered, when its lease ends. ``reason`` is why it waits
    or has failed; of a delivered one, what was restored.
    """

    id: str
    calendar: PublishedCalendar
    uid: str
    state: DeliveryState
    wanted_revision: int
    delivered_revision: int | None
    attempts: int
    due_at: datetime | None
    reason: str | None
    delivered_at: datetime | None


def claim_of(row: Row[Any], lease: str, now: datetime) -> Claim:
    """Return the claim of a row of the outbox under a new lease."""
    # The time that a row waited for the one before it under its key does not count.
    is_first = row.policy is Policy.ORDERED and not row.attempts
    return build(
        Claim,
        row,
        delivery_id=row.id,
        lease=lease,
        target=target_of(row),
        revision=row.wanted_revision,
        attempts=row.attempts + 1,
        since=now if is_first else min(row.since, now),
    )


def delivery_of(row: Row[Any]) -> DeliveryRow:
    """Return the delivery of a row of the outbox joined with its calendar and its server."""
    due_at = row.due_at
    if row.state is DeliveryState.WAITING and due_at is not None and row.paused_until is not None:
        due_at = max(due_at, row.paused_until)
    calendar = build(PublishedCalendar, row, id=row.target_id)
    return build(DeliveryRow, row, calendar=calendar, uid=row.key, due_at=due_at)
