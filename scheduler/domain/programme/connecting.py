"""When a calendar server that gave no usable answer is tried again, and when connecting is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.programme.outbox import FIRST_RETRY, GIVE_UP_AFTER


def next_attempt(since: datetime, now: datetime, longest: timedelta, jitter: float) -> datetime | None:
    """Return when to try again to connect a calendar that was added at ``since``; None: it is given up.

    A wait is between half and all of the time tried so far, so that waits grow exponentially, at least FIRST_RETRY and
    at most ``longest``. It is given up if it would take more than GIVE_UP_AFTER in all. ``jitter`` is in [0, 1).
    """
    step = min(max(now - since, FIRST_RETRY), longest)
    due_at = now + step * (0.5 + jitter / 2)
    return None if due_at - since > GIVE_UP_AFTER else due_at
