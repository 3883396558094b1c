"""The program that expands foreign calendars in a child process, and its protocol on standard input and output.

A short calendar can hold a rule that takes minutes to expand, or millions of events, so expansion must be possible
to kill. ``python -m scheduler.ical.expansion SECONDS BYTES`` answers one request after another, each within SECONDS
of processor time, all within BYTES of memory. It exits as soon as its input ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from queue import SimpleQueue
from typing import Any, BinaryIO, NoReturn

import numpy as np

from scheduler.domain.time.periods import Periods
from scheduler.ical.parse import UnreadableCalendar, busy_periods

OUT_OF_MEMORY = 3
"""The exit status when the memory limit is reached."""

Request = tuple[list[bytes], datetime, datetime, str, list[str]]
"""The arguments of `busy_periods`."""


def write_request(
    stream: BinaryIO, objects: Sequence[bytes], start: datetime, end: datetime, zone: str, ignore_uids: Collection[str]
) -> None:
    """Write a request for the busy periods of calendar objects. Raises OSError."""
    header = {
        "sizes": [len(data) for data in objects],
        "start": start.isoformat(),
        "end": end.isoformat(),
        "zone": zone,
        "ignore_uids": list(ignore_uids),
    }
    stream.write(json.dumps(header).encode() + b"\n")
    stream.writelines(objects)
    stream.flush()


def read_response(stream: BinaryIO) -> Periods:
    """Read the busy periods. Raises UnreadableCalendar for an unreadable calendar, EOFError without a response."""
    response = _read_line(stream)
    if "unreadable" in response:
        raise UnreadableCalendar(response["unreadable"])
    return Periods(np.array(response["starts"], dtype=np.int64), np.array(response["ends"], dtype=np.int64))


def _read_request(stream: BinaryIO) -> Request:
    header = _read_line(stream)
    objects = [stream.read(size) for size in header["sizes"]]
    start, end = (datetime.fromisoformat(header[name]) for name in ("start", "end"))
    return objects, start, end, header["zone"], header["ignore_uids"]


def _write_response(stream: BinaryIO, request: Request) -> None:
    try:
        busy = busy_periods(*request)
        response: dict[str, Any] = {"starts": busy.starts.tolist(), "ends": busy.ends.tolist()}
    except UnreadableCalendar as error:
        response = {"unreadable": error.reason}
    stream.write(json.dumps(response).encode() + b"\n")
    stream.flush()


def _read_line(stream: BinaryIO) -> dict[str, Any]:
    """Read one line of JSON. Raises EOFError at the end of the stream."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    found: dict[str, Any] = json.loads(line)
    return found


def main(seconds: int, memory: int) -> NoReturn:
    """Answer requests from standard input, each within ``seconds`` of processor time, all within ``memory`` bytes.

    A second thread reads the input while a request is worked on, so that the parent's end is noticed at once.
    SIGINT and SIGTERM are ignored: Ctrl-C reaches the whole process group, and the parent decides.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _set_limit(resource.RLIMIT_AS, memory)
    requests: SimpleQueue[Request] = SimpleQueue()

    def respond() -> None:
        request = requests.get()
        used = resource.getrusage(resource.RUSAGE_SELF)
        _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + 1)
        _write_response(sys.stdout.buffer, request)

    threading.Thread(target=_repeat, args=(respond,), daemon=True).start()
    _repeat(lambda: requests.put(_read_request(sys.stdin.buffer)))


def _repeat(step: Callable[[], None]) -> NoReturn:
    """Repeat ``step`` until it fails, which ends the whole process."""
    status = 1
    try:
        while True:
            step()
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)


def _set_limit(kind: int, amount: int) -> None:
    """Lower a resource limit, to the inherited hard limit if that is stricter."""
    _, most = resource.getrlimit(kind)
    allowed = amount if most == resource.RLIM_INFINITY else min(amount, most)
    with contextlib.suppress(ValueError):  # on a system without this limit only the parent's deadline holds
        resource.setrlimit(kind, (allowed, most))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
