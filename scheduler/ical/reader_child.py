"""The program that reads foreign calendars in a child process, and its protocol on standard input and output.

``python -m scheduler.ical.reader_child BYTES`` says when it is ready, and then answers one question after another, all
within BYTES of memory and each within its seconds of processor time. It exits as soon as its input ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from math import ceil
from queue import SimpleQueue
from typing import Any, BinaryIO, NoReturn

from scheduler.ical.bounds import TooLarge
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import Message, answer

OUT_OF_MEMORY = 3
"""The exit status when the memory limit is reached."""


def write_question(stream: BinaryIO, question: str, message: Message, seconds: float) -> None:
    """Write a question that may take so many seconds. Raises OSError."""
    _write(stream, {"question": question, "seconds": seconds}, message)


def read_ready(stream: BinaryIO) -> None:
    """Wait until the child is ready. Raises EOFError if it ends before."""
    _read(stream)


def read_answer(stream: BinaryIO) -> Message:
    """Read an answer. Raises UnreadableCalendar if that is the answer, EOFError without one."""
    header, message = _read(stream)
    if "unreadable" in header:
        raise (TooLarge if header["too_large"] else UnreadableCalendar)(header["unreadable"])
    return message


def _write(stream: BinaryIO, header: dict[str, Any], message: Message) -> None:
    """Write one line of JSON and the parts of the message."""
    line = header | {"value": message.value, "sizes": [len(part) for part in message.parts]}
    stream.write(json.dumps(line).encode() + b"\n")
    stream.writelines(message.parts)
    stream.flush()


def _read(stream: BinaryIO) -> tuple[dict[str, Any], Message]:
    """Read what `_write` wrote. Raises EOFError at the end of the stream."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header: dict[str, Any] = json.loads(line)
    parts = [stream.read(size) for size in header["sizes"]]
    if any(len(part) != size for part, size in zip(parts, header["sizes"], strict=True)):
        raise EOFError
    return header, Message(header["value"], parts)


def main(memory: int) -> NoReturn:
    """Answer questions from standard input within ``memory`` bytes.

    A second thread reads the input while a question is worked on, so that the parent's end is noticed at once.
    SIGINT and SIGTERM are ignored: Ctrl-C reaches the whole process group, and the parent decides.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _set_limit(resource.RLIMIT_AS, memory)
    questions: SimpleQueue[tuple[dict[str, Any], Message]] = SimpleQueue()

    def respond() -> None:
        header, message = questions.get()
        used = resource.getrusage(resource.RUSAGE_SELF)
        _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + ceil(header["seconds"]) + 2)
        _respond(header["question"], message)

    threading.Thread(target=_repeat, args=(respond,), daemon=True).start()
    _write(sys.stdout.buffer, {}, Message("ready"))
    _repeat(lambda: questions.put(_read(sys.stdin.buffer)))


def _respond(question: str, message: Message) -> None:
    header: dict[str, Any] = {}
    try:
        found = answer(question, message)
    except UnreadableCalendar as error:
        header = {"unreadable": error.reason, "too_large": isinstance(error, TooLarge)}
        found = Message(None)
    _write(sys.stdout.buffer, header, found)


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
