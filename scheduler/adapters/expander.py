"""Expands foreign calendars in a child process with a deadline and a memory limit.

This module handles the process; the work and the protocol are in `scheduler.ical.expansion`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import BinaryIO, Self, cast

import structlog

from scheduler.domain.time.periods import Periods
from scheduler.ical.expansion import OUT_OF_MEMORY, read_response, write_request
from scheduler.ical.parse import UnreadableCalendar

log = structlog.get_logger(__name__)

SECONDS = 30
"""Seconds allowed for one calendar: three times what 10,000 events take, a tenth of them recurring."""
MEMORY = 2**30
"""Bytes of address space allowed."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")


class Expander:
    """A child process for one thread, started on first use and restarted after it was killed.

    Close it when done. The child also exits when its parent does.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._timed_out = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, or None."""
        return None if self._process is None else self._process.pid

    def busy_periods(
        self, objects: Sequence[bytes], start: datetime, end: datetime, zone: str, ignore_uids: Collection[str] = ()
    ) -> Periods:
        """Return what `scheduler.ical.parse.busy_periods` returns, within the time and memory limits.

        Raises UnreadableCalendar, also for a calendar that exceeds a limit.
        """
        if not objects:
            return Periods.none()
        process = self._running()
        deadline = threading.Timer(self._seconds, self._kill_late, [process])
        deadline.start()
        responded = False
        try:
            write_request(cast("BinaryIO", process.stdin), objects, start, end, zone, ignore_uids)
            periods = read_response(cast("BinaryIO", process.stdout))
            responded = True
            return periods
        except UnreadableCalendar:
            responded = True
            raise
        except (OSError, EOFError) as error:
            raise UnreadableCalendar(self._why_ended(process)) from error
        finally:
            deadline.cancel()
            deadline.join()
            if not responded or self._timed_out:
                self.close()

    def close(self) -> None:
        """Kill the child, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # unread input is lost with the child
                cast("BinaryIO", stream).close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._timed_out = False
            command = ["-m", "scheduler.ical.expansion", str(int(self._seconds) + 1), str(self._memory)]
            self._process = subprocess.Popen(  # noqa: S603  # our own program, with numbers for arguments
                [sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may quote the calendar
                env=_environment(),
            )
        return self._process

    def _kill_late(self, process: subprocess.Popen[bytes]) -> None:
        self._timed_out = True
        process.kill()

    def _why_ended(self, process: subprocess.Popen[bytes]) -> str:
        process.kill()  # it may have closed its output and still run
        status = process.wait()
        if self._timed_out or status == -signal.SIGXCPU:
            return f"expanding its events takes longer than {self._seconds:g} seconds"
        if status in (OUT_OF_MEMORY, -signal.SIGKILL):
            return f"expanding its events takes more than {self._memory // 2**20} MiB of memory"
        log.error("calendar expansion failed", status=status)
        return "expanding its events failed"


class Expanders:
    """Expanders for several threads: each call borrows one, and none waits for another's calendar."""

    def __init__(self) -> None:
        self._free: deque[Expander] = deque()

    def busy_periods(
        self, objects: Sequence[bytes], start: datetime, end: datetime, zone: str, ignore_uids: Collection[str] = ()
    ) -> Periods:
        """Return what `Expander.busy_periods` returns. Raises UnreadableCalendar."""
        try:
            expander = self._free.pop()
        except IndexError:
            expander = Expander()
        try:
            return expander.busy_periods(objects, start, end, zone, ignore_uids)
        finally:
            self._free.append(expander)

    def close(self) -> None:
        """Kill the children that are not in use."""
        while self._free:
            self._free.pop().close()


def _environment() -> dict[str, str]:
    """Return the child's environment: ours without secrets, and one BLAS thread and malloc arena."""
    passed_on = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
    return passed_on | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
