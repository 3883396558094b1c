"""Makes due deliveries and reads connected calendars, one at a time, until told to stop.

The table is the queue: workers claim rows with a lease, so that any number of them can run, and what
one of them drops the next one finds. Stopping finishes the delivery in hand.
"""

from __future__ import annotations

import threading
import time

import structlog

from scheduler.adapters.expander import Expander
from scheduler.services.answers import forget_old_answers
from scheduler.services.calendars import read_next
from scheduler.services.ports import Context
from scheduler.services.publishing import deliver_next

log = structlog.get_logger(__name__)

PAUSE = 0.5
"""Seconds between looks at an empty table."""
PAUSE_AFTER_FAILURE = 5.0
TIDY_EVERY = 600.0


class Worker:
    """One worker: `run` it in a thread of its own, or as the whole process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stopping = threading.Event()
        self._tidy_at = 0.0

    def run(self) -> None:
        """Works until `stop`."""
        log.info("worker started")
        with Expander() as expander:
            while not self._stopping.is_set():
                self._stopping.wait(self._work_once(expander))
        log.info("worker stopped")

    def stop(self) -> None:
        """Lets the work in hand finish and nothing new begin."""
        self._stopping.set()

    def _tidy(self) -> None:
        """Now and then, what has to be forgotten in time even if nobody asks for anything any more."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_EVERY
            forget_old_answers(self._context)

    def _work_once(self, expander: Expander) -> float:
        """Makes a delivery and reads a calendar, if there are any due; after how many seconds to look again."""
        try:
            self._tidy()
            # One of each in turn: neither waits for the other's queue to empty.
            delivered = deliver_next(self._context)
            worked = read_next(self._context, expander.busy_periods) or delivered
        except Exception:  # one broken row or a database away must not end the others' deliveries
            log.exception("worker failed; the lease brings the work back")
            return PAUSE_AFTER_FAILURE
        return 0 if worked else PAUSE
