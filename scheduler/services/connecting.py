"""Connecting calendars whose servers did not answer while the request waited."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from scheduler.domain.programme.connecting import next_attempt
from scheduler.domain.programme.outbox import GIVE_UP_AFTER
from scheduler.domain.programme.people import CalendarState
from scheduler.domain.programme.servers import Exchange
from scheduler.errors import Refused
from scheduler.services.calendar_calls import CallFailed, call_server
from scheduler.services.ports import Context
from scheduler.services.publishing import publish_coming
from scheduler.store import Reading, Transaction

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ConnectionJob:
    """A leased calendar, to be connected; ``longest`` is the longest wait between two attempts."""

    context: Context
    reading: Reading
    longest: timedelta

    @property
    def id(self) -> str:
        """The calendar's id."""
        return self.reading.calendar.id

    def perform(self, origin: str, seconds: float) -> ConnectionResult:
        """Check the calendar and its login."""
        checked, exchange = call_server(
            self.context, self.reading, origin, lambda account: self.context.calendars.check(account, seconds)
        )
        return ConnectionResult(self.context, self.reading, self.longest, checked, exchange)


@dataclass(frozen=True)
class ConnectionResult:
    """What came of an attempt to connect: whether the server invites by itself (``checked``), or the error."""

    context: Context
    reading: Reading
    longest: timedelta
    checked: bool | CallFailed
    exchange: Exchange

    @property
    def lock_order(self) -> tuple[str, str]:
        """People are locked by id inside their programme."""
        return self.reading.programme_id, self.reading.calendar.person_id

    def record(self, tx: Transaction) -> None:
        """Keep that the calendar is connected and enqueue coming meetings for it, or why it is not."""
        now, calendar, checked = self.context.clock(), self.reading.calendar, self.checked
        if isinstance(checked, bool):
            state = CalendarState.CONNECTED
            recorded = tx.calendars.record_connected(calendar.id, now, auto_schedule=checked)
            if recorded:
                publish_coming(tx, self.reading.programme_id, calendar, now)
        else:
            failure, due_at = self._judge(checked, now)
            state = CalendarState.FAILED if due_at is None else CalendarState.CONNECTING
            recorded = tx.calendars.record_connection_failure(calendar.id, failure, due_at)
        if recorded:
            tx.after_commit(partial(self._report, state))

    def _judge(self, error: CallFailed, now: datetime) -> tuple[str, datetime | None]:
        """Return why it is not connected, and when that is tried again; None: never."""
        if isinstance(error, Refused):
            return str(error), None
        jitter = random.random()  # noqa: S311  # spreads retries; no secret
        due_at = next_attempt(self.reading.created_at, now, self.longest, jitter)
        if due_at is None:
            return f"gave up after {GIVE_UP_AFTER.days} days; the last attempt: {error}", None
        return str(error), due_at

    def _report(self, state: CalendarState) -> None:
        error = None if isinstance(self.checked, bool) else type(self.checked).__name__
        log.info("calendar checked", calendar=self.reading.calendar.id, state=state.value, error=error)
