"""The rate of one worker that delivers to a CalDAV server on loopback, where the network costs nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass

from structlog.testing import capture_logs

from benchmarks.load.contest import login, make_collection
from benchmarks.load.processes import HOST
from benchmarks.load.seed import SeededCalendar
from benchmarks.load.service import Service
from scheduler.domain.programme.people import Account
from scheduler.services.calendars import connect_calendar
from scheduler.services.delivering import deliver_next
from scheduler.services.ports import Context

OWNER, PASSWORD = "worker", "any"  # Radicale takes every password here


@dataclass(frozen=True)
class Delivered:
    """How many invites were delivered, in how many seconds, with how much of the worker's processor time."""

    count: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.count / self.seconds


def deliver_all(context: Context, calendar: SeededCalendar, radicale: Service) -> Delivered:
    """Connect a new collection to the calendar's person, and make every due delivery to it."""
    collection = f"/{OWNER}-{calendar.person_id}/calendar/"
    make_collection(radicale.port, collection)
    account = Account(f"http://{HOST}:{radicale.port}{collection}", login(collection), PASSWORD)
    connect_calendar(context, calendar.programme_id, calendar.person_id, account, publish=True)
    began, cpu, count = time.perf_counter(), time.process_time(), 0
    with capture_logs():  # a line for each delivery would fill the screen
        while deliver_next(context):
            count += 1
    return Delivered(count, time.perf_counter() - began, time.process_time() - cpu)
