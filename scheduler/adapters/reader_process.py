"""Reads foreign calendars in child processes with a deadline and a memory limit.

The work is in `scheduler.ical.reader`, the protocol in `scheduler.ical.reader_child`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import BinaryIO, Self, cast

import structlog

from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import MOST_SECONDS, CalendarReader, Message, ReaderBusy, ReadingEnded
from scheduler.ical.reader_child import OUT_OF_MEMORY, read_answer, read_ready, write_question

log = structlog.get_logger(__name__)

SECONDS = {"busy_periods": 30.0}
"""Seconds allowed for a whole calendar: ten times what 10,000 events take, half of them recurring."""
OBJECT_SECONDS = 10.0
"""Seconds allowed for any other question: more than an object just under the bounds takes on a busy machine."""
MEMORY = 2**30
"""Bytes of address space allowed."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")


class ReaderProcess(CalendarReader):
    """A child process for one thread, started on first use and restarted after it was killed.

    Close it when done. The child also exits when its parent does. ``seconds`` are allowed for each question (None: as
    many as SECONDS and OBJECT_SECONDS say); the start of a child does not count.
    """

    def __init__(self, seconds: float | None = None, memory: int = MEMORY) -> None:
        self._seconds = seconds
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, or None."""
        return None if self._process is None else self._process.pid

    def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
        """Return the answer, within the limits. Raises UnreadableCalendar, ReadingEnded, ReaderBusy."""
        allowed = self._seconds or SECONDS.get(question, OBJECT_SECONDS)
        latest = time.monotonic() + seconds - allowed
        process = self._running(latest)
        if time.monotonic() > latest:
            raise ReaderBusy
        with self._killing_late(process, allowed) as late:
            try:
                write_question(cast("BinaryIO", process.stdin), question, message, allowed)
                return read_answer(cast("BinaryIO", process.stdout))
            except (OSError, EOFError) as error:
                raise ReadingEnded(self._why_ended(process, allowed, is_late=late.is_set())) from error

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

    def _running(self, latest: float) -> subprocess.Popen[bytes]:
        """Return the child once it is ready, by that monotonic time. Raises ReaderBusy."""
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = process = subprocess.Popen(  # noqa: S603  # our own program, with a number for an argument
                [sys.executable, "-m", "scheduler.ical.reader_child", str(self._memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may quote the calendar
                env=_environment(),
            )
            with self._killing_late(process, max(0.0, latest - time.monotonic())):
                try:
                    read_ready(cast("BinaryIO", process.stdout))
                except (OSError, EOFError) as error:
                    log.exception("calendar reader did not start")
                    raise ReaderBusy from error
        return self._process

    @contextmanager
    def _killing_late(self, process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
        """Kill the child after that time, and close it unless it answered in time."""
        late = threading.Event()

        def kill() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, kill)
        timer.start()
        answered = False
        try:
            yield late
            answered = True
        except UnreadableCalendar as error:
            answered = not isinstance(error, ReadingEnded)
            raise
        finally:
            timer.cancel()
            timer.join()
            if not answered or late.is_set():
                self.close()

    def _why_ended(self, process: subprocess.Popen[bytes], seconds: float, *, is_late: bool) -> str:
        process.kill()  # it may have closed its output and still run
        status = process.wait()
        if is_late or status == -signal.SIGXCPU:
            return f"reading it takes longer than {seconds:g} seconds"
        if status in (OUT_OF_MEMORY, -signal.SIGKILL):
            return f"reading it takes more than {self._memory // 2**20} MiB of memory"
        log.error("calendar reader failed", status=status)
        return "reading it failed"


class ReaderPool(CalendarReader):
    """Readers for several threads: each question borrows one.

    Who finds none idle waits for a moment, because most questions take milliseconds and the start of a child a second,
    and then starts another: so nobody waits for somebody else's calendar.
    """

    AT_ONCE = 2
    """So many are started without waiting."""
    PATIENCE = 1.0
    """Seconds to wait for an idle one before starting another."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._idle: LifoQueue[ReaderProcess] = LifoQueue()
        self._lock = threading.Lock()
        self._count = 0

    def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
        """Return the answer, within the limits. Raises UnreadableCalendar, ReadingEnded, ReaderBusy."""
        began = time.monotonic()
        reader = self._borrow()
        try:
            return reader.ask(question, message, began + seconds - time.monotonic())
        finally:
            if reader.pid is None:
                with self._lock:
                    self._count -= 1
            else:
                self._idle.put(reader)

    def close(self) -> None:
        """Kill the children that are not in use."""
        with contextlib.suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _borrow(self) -> ReaderProcess:
        with contextlib.suppress(Empty):
            return self._idle.get_nowait()
        with self._lock:
            may_wait = self._count >= self.AT_ONCE
            self._count += not may_wait
        if may_wait:
            with contextlib.suppress(Empty):
                return self._idle.get(timeout=self.PATIENCE)
            with self._lock:
                self._count += 1
        return ReaderProcess(self._seconds)


def _environment() -> dict[str, str]:
    """Return the child's environment: ours without secrets, and one BLAS thread and malloc arena."""
    passed_on = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
    return passed_on | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
