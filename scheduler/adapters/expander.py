"""Busy periods of other people's calendars, worked out where it can be ended: in a process of its own.

It knows processes and deadlines; what is worked out, and how it is asked for, `scheduler.ical.expanding` knows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Sequence
from datetime import datetime
from types import TracebackType
from typing import BinaryIO, Self, cast

import structlog

from scheduler.domain.time.periods import Periods
from scheduler.ical.expanding import OUT_OF_MEMORY, read_answer, write_question
from scheduler.ical.parse import UnreadableCalendar

log = structlog.get_logger(__name__)

SECONDS = 30
"""How long working out one calendar may take: three times what 10,000 events take, a tenth of them recurring."""
MEMORY = 2**30
"""How many bytes of address space it may take."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")


class Expander:
    """One process for one thread, started when it is first needed and again when it had to be ended.

    Close it; should nobody live to do so, the process ends with the one that started it.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._late = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return None if self._process is None else self._process.pid

    def busy_periods(
        self, objects: Sequence[bytes], start: datetime, end: datetime, zone: str, ignore_uids: Collection[str] = ()
    ) -> Periods:
        """As `scheduler.ical.parse.busy_periods`, within the time and the memory given.

        Raises UnreadableCalendar, also for a calendar for which those do not suffice.
        """
        if not objects:
            return Periods.none()
        process = self._running()
        deadline = threading.Timer(self._seconds, self._end_late, [process])
        deadline.start()
        answered = False
        try:
            write_question(cast("BinaryIO", process.stdin), objects, start, end, zone, ignore_uids)
            periods = read_answer(cast("BinaryIO", process.stdout))
            answered = True
            return periods
        except UnreadableCalendar:
            answered = True
            raise
        except (OSError, EOFError) as error:
            raise UnreadableCalendar(self._why_ended(process)) from error
        finally:
            deadline.cancel()
            deadline.join()
            if not answered or self._late:
                self.close()

    def close(self) -> None:
        """Ends the process, if there is one, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what it was not able to read is lost with it
                cast("BinaryIO", stream).close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._late = False
            command = ["-m", "scheduler.ical.expanding", str(int(self._seconds) + 1), str(self._memory)]
            self._process = subprocess.Popen(  # noqa: S603  # our own program, with numbers for arguments
                [sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may quote the calendar
                env=_environment(),
            )
        return self._process

    def _end_late(self, process: subprocess.Popen[bytes]) -> None:
        self._late = True
        process.kill()

    def _why_ended(self, process: subprocess.Popen[bytes]) -> str:
        process.kill()  # it may have closed its end and live on
        status = process.wait()
        if self._late or status == -signal.SIGXCPU:
            return f"it takes longer than {self._seconds:g} seconds to work out when its events are"
        if status in (OUT_OF_MEMORY, -signal.SIGKILL):
            return f"it takes more than {self._memory // 2**20} MiB of memory to work out when its events are"
        log.error("expansion broke off", status=status)
        return "working out when its events are broke off"


def _environment() -> dict[str, str]:
    """What the process needs of ours, which holds secrets. It has one thread that computes, so one of each will do."""
    passed_on = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
    return passed_on | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
