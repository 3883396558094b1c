"""The rate of one worker that delivers to a CalDAV server on loopback, where the network costs nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from structlog.testing import capture_logs

from benchmarks.load.contest import login, make_collection
from benchmarks.load.processes import HOST
from benchmarks.load.seed import SeededCalendar
from benchmarks.load.service import Service
from scheduler.domain.programme.people import Account
from scheduler.services.calendars import connect_calendar
from scheduler.services.delivering import Deliveries
from scheduler.services.ports import Context
from scheduler.worker import Worker

THREADS = 16
PAUSE = 0.05
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
    worker = Worker(context, [(Deliveries(context), THREADS)])
    thread = threading.Thread(target=worker.run)
    began, cpu = time.perf_counter(), time.process_time()
    with capture_logs() as logged:  # a line for each delivery would fill the screen
        thread.start()
        while _is_unfinished(context):
            time.sleep(PAUSE)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        worker.stop()
        thread.join()
    return Delivered(sum(line["event"] == "delivery" for line in logged), seconds, cpu_seconds)


def _is_unfinished(context: Context) -> bool:
    with context.store.read() as tx:
        return tx.outbox.next_due() is not None
