"""Reading the busy time of connected calendars, and recording what came of it; connecting them first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import structlog

from scheduler.domain.programme.fair_queue import Due
from scheduler.domain.programme.outbox import LEASE
from scheduler.domain.programme.people import CalendarState
from scheduler.domain.programme.servers import Exchange, Lane
from scheduler.domain.time.clocks import Clock
from scheduler.domain.time.periods import Periods
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import ReaderBusy, ReadingEnded
from scheduler.services.calendar_calls import CallFailed, call_server
from scheduler.services.connecting import ConnectionJob
from scheduler.services.ports import Context
from scheduler.services.work import Job
from scheduler.store import Reading, Transaction

log = structlog.get_logger(__name__)

LOOK_BACK = timedelta(days=1)
LOOK_AHEAD = timedelta(days=400)
"""How far busy time is read: a search spans at most 366 days."""
RETRY_AFTER = timedelta(minutes=1)

ComputeBusy = Callable[[Sequence[bytes], datetime, datetime, Clock, Collection[str], Collection[str]], Periods]
"""From calendar objects, start, end (UTC), their owner's clock, UIDs to ignore and their owner's addresses, to busy
periods."""


class Readings:
    """The work of reading connected calendars that are due, and of connecting those that are not connected yet.

    ``compute_busy`` may raise UnreadableCalendar, for example when it takes too long, and ReaderBusy: that is recorded
    as the failure.
    """

    def __init__(self, context: Context, compute_busy: ComputeBusy) -> None:
        self._context = context
        self._compute_busy = compute_busy

    def find_due(self, tx: Transaction, now: datetime, lanes: Sequence[Lane], full: Sequence[str]) -> list[Due]:
        """Return due calendars."""
        return tx.calendars.find_due(now, longest_wait(self._context), lanes, full)

    def claim(self, tx: Transaction, ids: Collection[str], now: datetime) -> list[Job]:
        """Lease calendars."""
        readings = tx.calendars.claim_readings(ids, now, longest_wait(self._context), LEASE)
        return [self._job(reading) for reading in readings]

    def _job(self, reading: Reading) -> Job:
        if reading.calendar.state is CalendarState.CONNECTING:
            return ConnectionJob(self._context, reading, longest_wait(self._context))
        return ReadingJob(self._context, self._compute_busy, reading)


def longest_wait(context: Context) -> timedelta:
    """Return how far ahead a calendar can be due; one that is due later was so by a wrong clock."""
    return max(context.refresh, RETRY_AFTER, LEASE)


@dataclass(frozen=True)
class ReadingJob:
    """A leased calendar, to be read."""

    context: Context
    compute_busy: ComputeBusy
    reading: Reading

    @property
    def id(self) -> str:
        """The calendar's id."""
        return self.reading.calendar.id

    def perform(self, origin: str, seconds: float) -> ReadingResult:
        """Read the calendar's busy time, or find why that is not possible."""
        context = self.context
        start = datetime.combine((context.clock() - LOOK_BACK).date(), time(), UTC)
        end = start + LOOK_AHEAD
        objects, exchange = call_server(
            context, self.reading, origin, lambda account: context.calendars.read_objects(account, start, end, seconds)
        )
        busy = self._busy(objects, start, end) if isinstance(objects, list) else objects
        return ReadingResult(context, self.reading, busy, exchange)

    def _busy(self, objects: list[bytes], start: datetime, end: datetime) -> Periods | UnreadableCalendar | ReaderBusy:
        """Return the busy periods between two instants, without those of our own meetings, or why that failed."""
        with self.context.store.read() as tx:
            meetings = tx.meetings.list_for_person(self.reading.programme_id, self.reading.calendar.person_id)
        ours = {uid for stored in meetings for uid in stored.meeting.uids}
        try:
            return self.compute_busy(objects, start, end, self.reading.clock, ours, [self.reading.email])
        except (UnreadableCalendar, ReaderBusy) as error:
            return error


@dataclass(frozen=True)
class ReadingResult:
    """What came of reading a calendar: its busy periods, or the error."""

    context: Context
    reading: Reading
    busy: Periods | CallFailed | UnreadableCalendar | ReaderBusy
    exchange: Exchange

    @property
    def lock_order(self) -> tuple[str, str]:
        """People are locked by id inside their programme."""
        return self.reading.programme_id, self.reading.calendar.person_id

    def record(self, tx: Transaction) -> None:
        """Replace the calendar's busy periods, or keep why it could not be read."""
        now, calendar_id = self.context.clock(), self.reading.calendar.id
        if isinstance(self.busy, Periods):
            tx.calendars.record_read(calendar_id, self.busy, now, now + self.context.refresh)
            if self.busy != self.reading.calendar.busy:
                tx.conflicts.mark_due(self.reading.programme_id, [self.reading.calendar.person_id], now)
        else:
            # Reading it again soon would be ended again, after as long.
            wait = self.context.refresh if isinstance(self.busy, ReadingEnded) else RETRY_AFTER
            tx.calendars.record_read_failure(calendar_id, str(self.busy), now + wait)
        tx.after_commit(self._report)

    def _report(self) -> None:
        calendar_id = self.reading.calendar.id
        if isinstance(self.busy, Periods):
            self.context.observer.calendar_read("read")
            log.info("calendar read", calendar=calendar_id, busy=len(self.busy))
        else:
            self.context.observer.calendar_read("failed")
            log.warning("calendar not read", calendar=calendar_id, error=type(self.busy).__name__)
