"""Connecting calendars whose servers did not answer while the request waited."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from scheduler.domain.programme.connecting import next_attempt
from scheduler.domain.programme.outbox import GIVE_UP_AFTER
from scheduler.domain.programme.people import Account, CalendarState
from scheduler.domain.programme.servers import Exchange
from scheduler.errors import Refused
from scheduler.services.calendar_server import AddressRefused, CalendarRefused, CalendarUnreachable
from scheduler.services.ports import Context
from scheduler.services.publishing import publish_coming
from scheduler.services.secrets import UndecipherableSecret
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
        context, calendar = self.context, self.reading.calendar
        started = ended = context.clock()
        auto_schedule = False
        error: Exception | None = None
        try:
            account = Account(calendar.url, calendar.username, context.vault.open(self.reading.password_token))
            try:
                auto_schedule = context.calendars.check(account, seconds)
            finally:
                ended = context.clock()
        except (CalendarRefused, CalendarUnreachable, AddressRefused, UndecipherableSecret) as failure:
            error = failure
        retry_after = error.retry_after if isinstance(error, CalendarUnreachable) else None
        failed = isinstance(error, CalendarUnreachable) and error.of_server
        exchange = Exchange(origin, started, ended, failed, retry_after)
        return ConnectionResult(context, self.reading, self.longest, auto_schedule, error, exchange)


@dataclass(frozen=True)
class ConnectionResult:
    """What came of an attempt to connect: whether the server invites by itself, or the error."""

    context: Context
    reading: Reading
    longest: timedelta
    auto_schedule: bool
    error: Exception | None
    exchange: Exchange

    @property
    def lock_order(self) -> tuple[str, str]:
        """People are locked by id inside their programme."""
        return self.reading.programme_id, self.reading.calendar.person_id

    def record(self, tx: Transaction) -> None:
        """Keep that the calendar is connected and enqueue coming meetings for it, or why it is not."""
        now, calendar, error = self.context.clock(), self.reading.calendar, self.error
        if error is None:
            state = CalendarState.CONNECTED
            recorded = tx.calendars.record_connected(calendar.id, now, auto_schedule=self.auto_schedule)
            if recorded:
                publish_coming(tx, self.reading.programme_id, calendar, now)
        else:
            failure, due_at = self._judge(error, now)
            state = CalendarState.FAILED if due_at is None else CalendarState.CONNECTING
            recorded = tx.calendars.record_connection_failure(calendar.id, failure, due_at)
        if recorded:
            tx.after_commit(partial(self._report, state))

    def _judge(self, error: Exception, now: datetime) -> tuple[str, datetime | None]:
        """Return why it is not connected, and when that is tried again; None: never."""
        if isinstance(error, Refused):
            return str(error), None
        jitter = random.random()  # noqa: S311  # spreads retries; no secret
        due_at = next_attempt(self.reading.created_at, now, self.longest, jitter)
        if due_at is None:
            return f"gave up after {GIVE_UP_AFTER.days} days; the last attempt: {error}", None
        return str(error), due_at

    def _report(self, state: CalendarState) -> None:
        error = None if self.error is None else type(self.error).__name__
        log.info("calendar checked", calendar=self.reading.calendar.id, state=state.value, error=error)
