"""A worker's steps one at a time, in the calling thread."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.domain.programme.outbox import LEASE
from scheduler.domain.programme.servers import Lane
from scheduler.ical.busy import busy_periods
from scheduler.services.calendar_server import LONGEST_CALL
from scheduler.services.delivering import Deliveries
from scheduler.services.ports import Context
from scheduler.services.reading import ComputeBusy, Readings
from scheduler.services.work import Workload
from scheduler.store import Claim, Reading, Transaction


def deliver_next(context: Context, seconds: float = LONGEST_CALL) -> bool:
    """Make one due delivery, and return whether one was due."""
    return _work_once(context, Deliveries(context), seconds)


def read_next(context: Context, compute_busy: ComputeBusy = busy_periods) -> bool:
    """Read one due calendar, and return whether one was due."""
    return _work_once(context, Readings(context, compute_busy))


def _work_once(context: Context, workload: Workload, seconds: float = LONGEST_CALL) -> bool:
    now = context.clock()
    with context.store.write() as tx:
        due = workload.find_due(tx, now, list(Lane), [])
        jobs = workload.claim(tx, [due[0].id], now) if due else []
    for job in jobs:
        result = job.perform(due[0].origin, seconds)
        with context.store.write() as tx:
            result.record(tx)
            tx.servers.record([result.exchange], 0.5)
    return bool(jobs)


def claim_next(tx: Transaction, now: datetime) -> Claim | None:
    """Claim the row of the outbox that has been due for longest, if one is due."""
    due = tx.outbox.find_due(now, list(Lane), [])
    claims = tx.outbox.claim([due[0].id], now) if due else []
    return claims[0] if claims else None


def claim_reading(tx: Transaction, now: datetime, lease: timedelta = LEASE) -> Reading | None:
    """Claim the calendar that has been due to be read for longest, if one is due."""
    due = tx.calendars.find_due(now, timedelta(hours=1), list(Lane), [])
    claimed = tx.calendars.claim_readings([due[0].id], now, timedelta(hours=1), lease) if due else []
    return claimed[0] if claimed else None
