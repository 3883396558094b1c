"""Busy periods worked out in a process of its own: what it is asked, what it answers, and its program.

A short calendar can hold a rule that takes minutes to follow, or millions of events; what follows it has to be
something that can be ended. ``python -m scheduler.ical.expanding SECONDS BYTES`` answers one question after
another with at most that much processor time each and that much memory. It ends when its input does, at once.
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
"""How the process ends when the memory does not suffice."""

Question = tuple[list[bytes], datetime, datetime, str, list[str]]
"""The arguments of `busy_periods`."""


def write_question(
    stream: BinaryIO, objects: Sequence[bytes], start: datetime, end: datetime, zone: str, ignore_uids: Collection[str]
) -> None:
    """Asks for busy periods. Raises OSError."""
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


def read_answer(stream: BinaryIO) -> Periods:
    """The busy periods. Raises UnreadableCalendar where they can't be known, EOFError if there is no answer."""
    answer = _line(stream)
    if "unreadable" in answer:
        raise UnreadableCalendar(answer["unreadable"])
    return Periods(np.array(answer["starts"], dtype=np.int64), np.array(answer["ends"], dtype=np.int64))


def _read_question(stream: BinaryIO) -> Question:
    header = _line(stream)
    objects = [stream.read(size) for size in header["sizes"]]
    start, end = (datetime.fromisoformat(header[name]) for name in ("start", "end"))
    return objects, start, end, header["zone"], header["ignore_uids"]


def _write_answer(stream: BinaryIO, question: Question) -> None:
    try:
        busy = busy_periods(*question)
        answer: dict[str, Any] = {"starts": busy.starts.tolist(), "ends": busy.ends.tolist()}
    except UnreadableCalendar as error:
        answer = {"unreadable": error.reason}
    stream.write(json.dumps(answer).encode() + b"\n")
    stream.flush()


def _line(stream: BinaryIO) -> dict[str, Any]:
    """The next line's object. Raises EOFError where the stream ends first."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    found: dict[str, Any] = json.loads(line)
    return found


def main(seconds: int, memory: int) -> NoReturn:
    """Answers what comes on standard input, at most ``seconds`` of processor time each, with ``memory`` bytes.

    The input is read while an answer is worked out, so that the end of whoever asked is noticed at once.
    Signals that are meant for whoever asked (Ctrl-C reaches the whole group) are theirs to act on.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, memory)
    questions: SimpleQueue[Question] = SimpleQueue()

    def answer() -> None:
        question = questions.get()
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + 1)
        _write_answer(sys.stdout.buffer, question)

    threading.Thread(target=_repeat, args=(answer,), daemon=True).start()
    _repeat(lambda: questions.put(_read_question(sys.stdin.buffer)))


def _repeat(step: Callable[[], None]) -> NoReturn:
    """Goes on until something goes wrong, which ends the process, and with it the other thread."""
    status = 1
    try:
        while True:
            step()
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)


def _limit(kind: int, amount: int) -> None:
    """Sets a limit, or a stricter one where we were given one that can't be raised."""
    _, most = resource.getrlimit(kind)
    allowed = amount if most == resource.RLIM_INFINITY else min(amount, most)
    with contextlib.suppress(ValueError):  # a system that knows no such limit leaves the deadline alone to hold
        resource.setrlimit(kind, (allowed, most))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
