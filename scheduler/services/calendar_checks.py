"""Checks of calendars that a request waits for: few at a time, none for long.

A server can be slow on purpose, and who waits for it answers nobody else.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

from scheduler.domain.programme.people import Account
from scheduler.services.calendar_server import CalendarServer

PLACES = 2
"""The most checks at a time in a process. A programme has one at a time."""
CHECK_SECONDS = 5.0
LONGEST_WAIT = 4.5
"""Seconds that a request waits; less than a check and its connection may take, so that silence is no refusal."""


class CalendarChecks:
    """The places for checks in a process. Each has a thread, so that a request may leave before its check ends."""

    def __init__(self, longest_wait: float = LONGEST_WAIT) -> None:
        self._longest_wait = longest_wait
        self._threads = ThreadPoolExecutor(PLACES, "check")
        self._lock = threading.Lock()
        self._programmes: set[str] = set()
        """Those that hold a place."""

    def check(self, calendars: CalendarServer, programme_id: str, account: Account) -> bool | None:
        """Check an account as `CalendarServer.check` does; None if no place is free, or no answer comes in time.

        A place is held until the check itself has ended. Raises what the check raises.
        """
        with self._lock:
            if len(self._programmes) == PLACES or programme_id in self._programmes:
                return None
            self._programmes.add(programme_id)
        future = self._threads.submit(self._check, calendars, programme_id, account)
        ended, _ = wait([future], self._longest_wait)
        return future.result() if ended else None

    def _check(self, calendars: CalendarServer, programme_id: str, account: Account) -> bool:
        try:
            return calendars.check(account, CHECK_SECONDS)
        finally:
            with self._lock:
                self._programmes.remove(programme_id)
