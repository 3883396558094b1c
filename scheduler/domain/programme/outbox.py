"""The outbox: what is to be sent to which target, and what follows from each attempt to send it.

A row of the outbox has a target, a key and a policy. The policy says how rows under one (target, key) relate:

``latest``
    There is one row. A newer revision supersedes an older one; what is sent is rendered at the time of sending.
``ordered``
    There is a row for each payload, and the next begins once the one before has ended.
``once``
    There is one row, sent no earlier than ``not_before`` and no later than ``not_after``.

Everything here is decided from values alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
COSTLY = "what the calendar holds in place of the meeting asks too much of the service: "
"""How the reason of a row begins that waits after an attempt that was too costly."""
LEASE = timedelta(minutes=2)
"""How long a worker may hold a row before another worker takes it over; longer than any attempt may last."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clocks of two processes may differ. What is due later than this and the longest wait allow is due now."""
LONGEST_LEASE = LEASE + CLOCK_TOLERANCE
LONGEST_WAIT = LONGEST_RETRY + CLOCK_TOLERANCE


class DeliveryState(StrEnum):
    """The state of a row of the outbox."""

    WAITING = "waiting"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"


class Policy(StrEnum):
    """How rows under one target and key relate; see the module."""

    LATEST = "latest"
    ORDERED = "ordered"
    ONCE = "once"


@dataclass(frozen=True)
class CalDAVCalendar:
    """A connected calendar as a target, by its id; its address and login are looked up when something is sent."""

    KIND: ClassVar[str] = "caldav"
    id: str


Target = CalDAVCalendar
"""Anything that can be sent to."""


@dataclass(frozen=True)
class Stored:
    """The target holds what was sent. ``etag`` is strong, or None if the server gives none.

    ``note`` is for the reader of the delivery, for example what was put right. ``sequence`` is the SEQUENCE (RFC 5545
    §3.8.7.4) of the stored object; None where it has none.
    """

    etag: str | None
    note: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class TryAgain:
    """The attempt failed in a way that may pass: no connection, a timeout, 429, 5xx.

    ``of_server``: any other request to that server would have failed alike.
    """

    reason: str
    retry_after: timedelta | None = None
    of_server: bool = False


@dataclass(frozen=True)
class Rejected:
    """The attempt failed for good: trying again changes nothing."""

    reason: str


@dataclass(frozen=True)
class TooCostly:
    """Reading what the target holds was ended, because it took more time or memory than is allowed."""

    reason: str


Outcome = Stored | TryAgain | Rejected | TooCostly
"""The result of one attempt."""


@dataclass(frozen=True)
class Attempt:
    """One attempt: its outcome, and the revision that was sent (which may be newer than the one that was claimed)."""

    outcome: Outcome
    revision: int


@dataclass(frozen=True)
class Verdict:
    """What becomes of a row after an attempt: its state, when it is due again (None: not by itself), and why."""

    state: DeliveryState
    due_at: datetime | None = None
    reason: str | None = None


def judge(
    outcome: Outcome,
    *,
    attempts: int,
    since: datetime,
    now: datetime,
    jitter: float,
    not_after: datetime | None = None,
    last_reason: str | None = None,
) -> Verdict:
    """Decide what follows from an attempt: exponential backoff with equal jitter.

    Waits double from FIRST_RETRY to LONGEST_RETRY, each between half and all of that; a server's Retry-After is
    respected up to LONGEST_RETRY. A row that would be due more than GIVE_UP_AFTER after ``since``, when its present
    revision was enqueued, or later than ``not_after`` has failed. One that is too costly twice in a row has failed too:
    ``last_reason`` is what the last recorded attempt left, so an attempt that ended with its worker does not count.
    ``attempts`` counts this one too; ``jitter`` is in [0, 1).
    """
    match outcome:
        case Stored(note=note):
            return Verdict(DeliveryState.DELIVERED, reason=note)
        case Rejected(reason=reason):
            return Verdict(DeliveryState.FAILED, reason=reason)
        case TooCostly(reason=reason) if last_reason is not None and last_reason.startswith(COSTLY):
            remedy = "that was so twice in a row; delete it there and retry this delivery"
            return Verdict(DeliveryState.FAILED, reason=f"{COSTLY}{reason}; {remedy}")
        case TooCostly(reason=reason):
            again = TryAgain(f"{COSTLY}{reason}")
            return judge(again, attempts=attempts, since=since, now=now, jitter=jitter, not_after=not_after)
        case TryAgain(reason=reason, retry_after=retry_after):
            step = min(FIRST_RETRY * 2 ** min(attempts - 1, 20), LONGEST_RETRY)
            due_at = now + max(step * (0.5 + jitter / 2), min(retry_after or timedelta(0), LONGEST_RETRY))
            if not_after is not None and due_at > not_after:
                return Verdict(DeliveryState.FAILED, reason=f"{expired(not_after).reason}; the last attempt: {reason}")
            if due_at - since > GIVE_UP_AFTER:
                gave_up = f"gave up after {attempts} attempts in {GIVE_UP_AFTER.days} days; the last: {reason}"
                return Verdict(DeliveryState.FAILED, reason=gave_up)
            return Verdict(DeliveryState.WAITING, due_at, reason)


def expired(not_after: datetime) -> Rejected:
    """Return the outcome of a row whose deadline (UTC) has passed."""
    return Rejected(f"expired: it was to be sent by {not_after:%Y-%m-%dT%H:%MZ}")
