"""The worker: makes due deliveries and reads connected calendars, one at a time, until it is stopped.

Any number of workers share one database: each leases the row that it works on, and a lease that runs out is taken over
by another worker. Stopping finishes the work in hand.
"""

from __future__ import annotations

import threading
import time

import structlog

from scheduler.services.answers import delete_expired_answers
from scheduler.services.calendars import ComputeBusy, read_next
from scheduler.services.delivering import deliver_next
from scheduler.services.ports import Context

log = structlog.get_logger(__name__)

PAUSE = 0.5
"""Seconds between two looks at the database when nothing is due."""
PAUSE_AFTER_FAILURE = 5.0
TIDY_EVERY = 600.0


class Worker:
    """One worker: `run` it in a thread of its own, or as the whole process.

    ``compute_busy`` has to end within a bounded time and memory.
    """

    def __init__(self, context: Context, compute_busy: ComputeBusy) -> None:
        self._context = context
        self._compute_busy = compute_busy
        self._stopping = threading.Event()
        self._tidy_at = 0.0

    def run(self) -> None:
        """Work until `stop` is called."""
        log.info("worker started")
        while not self._stopping.is_set():
            self._stopping.wait(self._work_once())
        log.info("worker stopped")

    def stop(self) -> None:
        """Let the work in hand finish and nothing new begin."""
        self._stopping.set()

    def _tidy(self) -> None:
        """Delete stored answers to repeated requests once they are too old, every ``TIDY_EVERY`` seconds."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_EVERY
            delete_expired_answers(self._context)

    def _work_once(self) -> float:
        """Make one delivery and read one calendar, if any are due; return the seconds to wait before the next look."""
        try:
            self._tidy()
            # One of each in turn, so that neither waits for the other's queue to empty.
            delivered = deliver_next(self._context)
            worked = read_next(self._context, self._compute_busy) or delivered
        except Exception:  # one broken row, or a lost database, must not end all other work
            log.exception("worker failed; the lease brings the work back")
            return PAUSE_AFTER_FAILURE
        return 0 if worked else PAUSE
