"""A delivery: the standing promise that one CalDAV calendar shows one calendar object as it is stored.

There is one for each (calendar, UID). A change raises the revision it owes; what happens after each
attempt is decided here, from values alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
LEASE = timedelta(minutes=2)
"""How long a worker may hold a delivery before another takes it over; longer than any attempt may last."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Stored:
    """The server holds what we meant. ``etag`` is strong, or None if the server gives none.

    ``note`` is what is to be told of it: what was put right, for one.
    """

    etag: str | None
    note: str | None = None


@dataclass(frozen=True)
class TryAgain:
    """Nothing is known to be wrong for good: no connection, a timeout, 429, 5xx.

    ``of_server``: it would have come to the same for every other calendar there.
    """

    reason: str
    retry_after: timedelta | None = None
    of_server: bool = False


@dataclass(frozen=True)
class Rejected:
    """The server answered that it will not take it: trying again changes nothing."""

    reason: str


Outcome = Stored | TryAgain | Rejected
"""What one attempt came to."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of the delivery: its state, when it is due again (None: not by itself), and why."""

    state: DeliveryState
    due_at: datetime | None = None
    reason: str | None = None


def judge(outcome: Outcome, *, attempts: int, since: datetime, now: datetime, jitter: float) -> Verdict:
    """What follows from an attempt.

    ``attempts`` counts this one too, ``since`` is when the revision began to be owed, ``jitter`` is
    in [0, 1). Waits double from FIRST_RETRY to LONGEST_RETRY, each between half and all of that;
    a server's Retry-After is waited out. After GIVE_UP_AFTER the delivery has failed.
    """
    match outcome:
        case Stored(note=note):
            return Verdict(DeliveryState.DELIVERED, reason=note)
        case Rejected(reason=reason):
            return Verdict(DeliveryState.FAILED, reason=reason)
        case TryAgain(reason=reason, retry_after=retry_after):
            step = min(FIRST_RETRY * 2 ** min(attempts - 1, 20), LONGEST_RETRY)
            due_at = now + max(step * (0.5 + jitter / 2), min(retry_after or timedelta(0), LONGEST_RETRY))
            if due_at - since > GIVE_UP_AFTER:
                gave_up = f"gave up after {attempts} attempts in {GIVE_UP_AFTER.days} days; the last: {reason}"
                return Verdict(DeliveryState.FAILED, reason=gave_up)
            return Verdict(DeliveryState.WAITING, due_at, reason)
