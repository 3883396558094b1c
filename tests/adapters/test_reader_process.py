"""Busy periods worked out in a process of its own, which is ended when a calendar asks too much of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.budget import tries
from support.calendars import event_object
from support.figures import Figures
from support.service import wait_for

from scheduler.adapters.reader_process import MEMORY, SECONDS, ReaderPool, ReaderProcess
from scheduler.domain.programme.outbox import LEASE
from scheduler.domain.time.periods import Periods
from scheduler.ical.busy import busy_periods
from scheduler.ical.parse import UnreadableCalendar
from scheduler.ical.reader import MOST_SECONDS, Message, ReaderBusy, ReadingEnded
from scheduler.services.calendar_server import LONGEST_CALL

START = datetime(2026, 10, 1, tzinfo=UTC)
END = START + timedelta(days=400)
ZONE = "Europe/Berlin"
BUSY_SECONDS = SECONDS["busy_periods"]

HOUR = event_object("hour", "DTSTART:20261008T080000Z", "DTEND:20261008T090000Z")
DAY = event_object("day", "DTSTART;VALUE=DATE:20261012", "DTEND;VALUE=DATE:20261013")
WEEKLY = event_object(
    "weekly", "DTSTART;TZID=Asia/Kolkata:20260101T180000", "DURATION:PT45M", "RRULE:FREQ=WEEKLY;BYDAY=TU,TH"
)
BEYOND_ASCII = event_object("größer", "SUMMARY:Bücher", "DTSTART:20261009T080000Z", "DTEND:20261009T090000Z")
BROKEN = event_object("broken", "DTSTART:20261008T080000Z", "DTEND:yesterday")
SECONDLY = event_object("secondly", "DTSTART:20261008T080000Z", "RRULE:FREQ=SECONDLY")

SECOND_BY_SECOND = ("DTSTART:20260101T000000Z", "DURATION:PT30M")
FOR_AGES = event_object("ages", *SECOND_BY_SECOND, "RRULE:FREQ=SECONDLY;BYHOUR=23;BYMINUTE=59;BYSECOND=59")
NEVER_TRUE = event_object("never", *SECOND_BY_SECOND, "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")
CROWD = [event_object(f"{number}", *NEVER_TRUE.decode().split("\r\n")[6:9]) for number in range(40)]


@pytest.fixture
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as made:
        yield made


def expand(reader: ReaderProcess, *objects: bytes, ignore_uids: tuple[str, ...] = ()) -> Periods:
    return reader.busy_periods(objects, START, END, ZONE, ignore_uids)


def is_running(pid: int | None) -> bool:
    """Also not as a zombie that nobody has buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_child_answers_as_the_parent_would(reader: ReaderProcess) -> None:
    objects = [HOUR, DAY, WEEKLY, BEYOND_ASCII]
    assert expand(reader, *objects) == busy_periods(objects, START, END, ZONE)
    assert len(expand(reader, *objects, ignore_uids=("weekly", "größer"))) == 2


@pytest.mark.parametrize("data", [BROKEN, SECONDLY, b"", b"\x00" * 10, HOUR[:-20]])
def test_unreadable_calendar_has_the_same_reason(data: bytes, reader: ReaderProcess) -> None:
    with pytest.raises(UnreadableCalendar) as here:
        busy_periods([data], START, END, ZONE)
    with pytest.raises(UnreadableCalendar, match=f"^{re.escape(str(here.value))}$"):
        expand(reader, data)
    assert len(expand(reader, HOUR)) == 1


def test_one_child_answers_many_requests(reader: ReaderProcess) -> None:
    assert len(expand(reader)) == 0
    assert reader.pid is None
    expand(reader, HOUR)
    first = reader.pid
    expand(reader, WEEKLY)
    assert reader.pid == first
    reader.close()
    assert not is_running(first)
    assert len(expand(reader, HOUR)) == 1


@pytest.mark.parametrize("objects", [[NEVER_TRUE, *CROWD], [FOR_AGES, *CROWD]], ids=["never true", "for ages"])
def test_calendar_over_the_time_limit_is_unreadable_and_the_next_is_read(objects: list[bytes]) -> None:
    with ReaderProcess(seconds=1) as reader:
        began = time.monotonic()
        with pytest.raises(UnreadableCalendar, match="takes longer than 1 seconds"):
            expand(reader, *objects)
        assert time.monotonic() - began < 3
        assert reader.pid is None
    with ReaderProcess(seconds=20) as reader:
        assert len(expand(reader, HOUR)) == 1


def test_calendar_over_the_memory_limit_is_unreadable_and_the_next_is_read(reader: ReaderProcess) -> None:
    expand(reader, HOUR)
    peak = re.search(r"VmPeak:\s+(\d+) kB", Path(f"/proc/{reader.pid}/status").read_text())
    assert peak
    with ReaderProcess(memory=(int(peak[1]) + 12_000) * 1024) as small:
        with pytest.raises(UnreadableCalendar, match=r"takes more than \d+ MiB of memory"):
            expand(small, NEVER_TRUE)
        assert len(expand(small, HOUR)) == 1


def test_killed_child_is_replaced(reader: ReaderProcess) -> None:
    expand(reader, HOUR)
    assert reader.pid
    os.kill(reader.pid, signal.SIGKILL)
    os.waitid(os.P_PID, reader.pid, os.WEXITED | os.WNOWAIT)
    assert len(expand(reader, HOUR)) == 1
    killer = threading.Timer(0.3, os.kill, [reader.pid, signal.SIGKILL])
    killer.start()
    with pytest.raises(UnreadableCalendar, match="memory"):  # which is what kills on Linux, as a rule
        expand(reader, *CROWD)
    killer.join()
    assert len(expand(reader, HOUR)) == 1


def test_interrupted_request_leaves_no_response_behind(reader: ReaderProcess, request: pytest.FixtureRequest) -> None:
    """Ctrl-C while it waits: else each calendar would get the busy time of the one before."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    interrupt = threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        expand(reader, *CROWD)
    interrupt.join()
    assert len(expand(reader, HOUR)) == 1


def test_child_ignores_the_workers_signals(reader: ReaderProcess) -> None:
    expand(reader, HOUR)
    pid = reader.pid
    assert pid
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert len(expand(reader, HOUR)) == 1
    assert reader.pid == pid


def test_child_gets_no_secrets(reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_SECRET_KEY", "a key that nobody else needs to know")
    expand(reader, HOUR)
    assert b"SCHEDULER" not in Path(f"/proc/{reader.pid}/environ").read_bytes()


def test_start_of_the_child_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(1.5)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ReaderProcess(seconds=1) as reader:
        assert len(expand(reader, HOUR)) == 1


def test_child_that_can_not_start_in_time_blames_no_calendar(reader: ReaderProcess) -> None:
    for seconds in (BUSY_SECONDS - 1, BUSY_SECONDS + 0.01):
        with pytest.raises(ReaderBusy):
            reader.ask("busy_periods", Message([], [HOUR]), seconds)
        assert reader.pid is None
    assert len(expand(reader, HOUR)) == 1


def test_pool_starts_another_reader_when_none_is_idle() -> None:
    pool = ReaderPool(seconds=5)
    with closing(pool), ThreadPoolExecutor(8) as threads:
        slow = [threads.submit(pool.busy_periods, CROWD, START, END, ZONE) for _ in range(3)]
        time.sleep(1)
        began = time.monotonic()
        assert len(pool.busy_periods([HOUR], START, END, ZONE)) == 1
        assert time.monotonic() - began < 4
        assert not any(one.done() for one in slow)
        for one in slow:
            with pytest.raises(ReadingEnded, match="longer than 5 seconds"):
                one.result()


def test_pool_answers_many_threads_with_few_readers() -> None:
    with closing(ReaderPool()) as pool, ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: pool.busy_periods([HOUR], START, END, ZONE), range(200)))
        assert all(len(found) == 1 for found in answers)


OWNER = """
import sys, time
from datetime import UTC, datetime
from scheduler.adapters.reader_process import ReaderProcess

start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 11, 1, tzinfo=UTC)
one, *many = sys.stdin.read().split("@@")
with ReaderProcess() as reader:
    reader.busy_periods([one.encode()], start, end, "UTC")
    print(reader.pid, flush=True)
    reader.busy_periods([data.encode() for data in many], start, end, "UTC")
    time.sleep(60)
"""


@contextmanager
def owner(*objects: bytes) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that has an reader and asks it that much; both by their process."""
    text = b"@@".join([HOUR, *objects])
    with subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(text)
        process.stdin.close()
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("objects", [[], CROWD], ids=["idle", "at work"])
def test_child_ends_with_a_killed_worker(objects: list[bytes]) -> None:
    with owner(*objects) as (process, pid):
        time.sleep(0.3)
        assert is_running(pid)
        process.kill()
        process.wait()
        wait_for(lambda: not is_running(pid), 5)


def test_orphaned_child_ends_by_itself() -> None:
    """Its processor time is bounded too: a stopped owner holds the pipe open and kills nobody."""
    with owner(*CROWD) as (process, pid):
        limits = Path(f"/proc/{pid}/limits").read_text()
        soft = re.search(r"Max cpu time +(\d+)", limits)
        assert soft
        assert int(soft[1]) <= BUSY_SECONDS + 5
        assert re.search(rf"Max address space +{MEMORY} ", limits)
        assert process.poll() is None


def test_time_limit_is_shorter_than_the_lease() -> None:
    assert LEASE.total_seconds() > LONGEST_CALL + MOST_SECONDS + 10


@pytest.mark.prove
def test_large_calendar_is_read(reader: ReaderProcess, figures: Figures) -> None:
    objects = []
    for number in range(tries("events of a large calendar")):
        start = START + timedelta(hours=number % 9000)
        lines = [f"DTSTART:{start:%Y%m%dT%H%M%SZ}", "DURATION:PT30M", f"SUMMARY:Lecture {number}"]
        objects.append(event_object(f"{number}@university", *lines, *["RRULE:FREQ=WEEKLY"] * (number % 50 == 0)))
    began = time.monotonic()
    assert len(expand(reader, *objects)) > 0.9 * len(objects)
    took = time.monotonic() - began
    assert took < BUSY_SECONDS
    figures("the largest honest calendar", events=len(objects), seconds=round(took))
