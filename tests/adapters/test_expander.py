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
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.budget import tries
from support.calendars import event_object
from support.figures import Figures
from support.service import wait_for

from scheduler.adapters.expander import MEMORY, SECONDS, Expander
from scheduler.adapters.guarded_http import Guard
from scheduler.domain.programme.outbox import LEASE
from scheduler.domain.time.periods import Periods
from scheduler.ical.parse import UnreadableCalendar, busy_periods

START = datetime(2026, 10, 1, tzinfo=UTC)
END = START + timedelta(days=400)
ZONE = "Europe/Berlin"

HOUR = event_object("hour", "DTSTART:20261008T080000Z", "DTEND:20261008T090000Z")
DAY = event_object("day", "DTSTART;VALUE=DATE:20261012", "DTEND;VALUE=DATE:20261013")
WEEKLY = event_object(
    "weekly", "DTSTART;TZID=Asia/Kolkata:20260101T180000", "DURATION:PT45M", "RRULE:FREQ=WEEKLY;BYDAY=TU,TH"
)
BEYOND_ASCII = event_object("größer", "SUMMARY:Bücher", "DTSTART:20261009T080000Z", "DTEND:20261009T090000Z")
BROKEN = event_object("broken", "DTSTART:20261008T080000Z", "DTEND:yesterday")
SECONDLY = event_object("secondly", "DTSTART:20261008T080000Z", "RRULE:FREQ=SECONDLY")

FOR_AGES = event_object("ages", "DTSTART:20260101T000000Z", "DURATION:PT30M", "RRULE:FREQ=HOURLY;BYMONTHDAY=-32")
NEVER_TRUE = event_object(
    "never", "DTSTART:20260101T000000Z", "DURATION:PT30M", "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"
)
CROWD = [event_object(f"{number}", *NEVER_TRUE.decode().split("\r\n")[6:9]) for number in range(20)]
HOURLY = ("DTSTART:20260930T000000Z", "DURATION:PT30M", "RRULE:FREQ=HOURLY")
MORE = [line for number in range(8) for line in ("END:VEVENT", "BEGIN:VEVENT", f"UID:{number}", *HOURLY)]
HEAP = event_object("heap", *HOURLY, *MORE)


@pytest.fixture
def expander() -> Iterator[Expander]:
    with Expander() as made:
        yield made


def expand(expander: Expander, *objects: bytes, ignore_uids: tuple[str, ...] = ()) -> Periods:
    return expander.busy_periods(objects, START, END, ZONE, ignore_uids)


def is_running(pid: int | None) -> bool:
    """Also not as a zombie that nobody has buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_child_answers_as_the_parent_would(expander: Expander) -> None:
    objects = [HOUR, DAY, WEEKLY, BEYOND_ASCII]
    assert expand(expander, *objects) == busy_periods(objects, START, END, ZONE)
    assert len(expand(expander, *objects, ignore_uids=("weekly", "größer"))) == 2


@pytest.mark.parametrize("data", [BROKEN, SECONDLY, b"", b"\x00" * 10, HOUR[:-20]])
def test_unreadable_calendar_has_the_same_reason(data: bytes, expander: Expander) -> None:
    with pytest.raises(UnreadableCalendar) as here:
        busy_periods([data], START, END, ZONE)
    with pytest.raises(UnreadableCalendar, match=f"^{re.escape(str(here.value))}$"):
        expand(expander, data)
    assert len(expand(expander, HOUR)) == 1


def test_one_child_answers_many_requests(expander: Expander) -> None:
    assert len(expand(expander)) == 0
    assert expander.pid is None
    expand(expander, HOUR)
    first = expander.pid
    expand(expander, WEEKLY)
    assert expander.pid == first
    expander.close()
    assert not is_running(first)
    assert len(expand(expander, HOUR)) == 1


@pytest.mark.parametrize("objects", [[NEVER_TRUE, *CROWD], [FOR_AGES, *CROWD]], ids=["never true", "for ages"])
def test_calendar_over_the_time_limit_is_unreadable_and_the_next_is_read(objects: list[bytes]) -> None:
    with Expander(seconds=1) as expander:
        began = time.monotonic()
        with pytest.raises(UnreadableCalendar, match="takes longer than 1 seconds"):
            expand(expander, *objects)
        assert time.monotonic() - began < 3
        assert expander.pid is None
    with Expander(seconds=20) as expander:
        assert len(expand(expander, HOUR)) == 1


def test_calendar_over_the_memory_limit_is_unreadable_and_the_next_is_read(expander: Expander) -> None:
    expand(expander, HOUR)
    peak = re.search(r"VmPeak:\s+(\d+) kB", Path(f"/proc/{expander.pid}/status").read_text())
    assert peak
    with Expander(memory=(int(peak[1]) + 12_000) * 1024) as small:
        with pytest.raises(UnreadableCalendar, match=r"takes more than \d+ MiB of memory"):
            expand(small, HEAP)
        assert len(expand(small, HOUR)) == 1


def test_killed_child_is_replaced(expander: Expander) -> None:
    expand(expander, HOUR)
    assert expander.pid
    os.kill(expander.pid, signal.SIGKILL)
    os.waitid(os.P_PID, expander.pid, os.WEXITED | os.WNOWAIT)
    assert len(expand(expander, HOUR)) == 1
    killer = threading.Timer(0.3, os.kill, [expander.pid, signal.SIGKILL])
    killer.start()
    with pytest.raises(UnreadableCalendar, match="memory"):  # which is what kills on Linux, as a rule
        expand(expander, *CROWD)
    killer.join()
    assert len(expand(expander, HOUR)) == 1


def test_interrupted_request_leaves_no_response_behind(expander: Expander) -> None:
    """Ctrl-C while it waits: else each calendar would get the busy time of the one before."""
    interrupt = threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        expand(expander, *CROWD)
    interrupt.join()
    assert len(expand(expander, HOUR)) == 1


def test_child_ignores_the_workers_signals(expander: Expander) -> None:
    expand(expander, HOUR)
    pid = expander.pid
    assert pid
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert len(expand(expander, HOUR)) == 1
    assert expander.pid == pid


def test_child_gets_no_secrets(expander: Expander, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_SECRET_KEY", "a key that nobody else needs to know")
    expand(expander, HOUR)
    assert b"SCHEDULER" not in Path(f"/proc/{expander.pid}/environ").read_bytes()


OWNER = """
import sys, time
from datetime import UTC, datetime
from scheduler.adapters.expander import Expander

start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 11, 1, tzinfo=UTC)
one, *many = sys.stdin.read().split("@@")
with Expander() as expander:
    expander.busy_periods([one.encode()], start, end, "UTC")
    print(expander.pid, flush=True)
    expander.busy_periods([data.encode() for data in many], start, end, "UTC")
    time.sleep(60)
"""


@contextmanager
def owner(*objects: bytes) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that has an expander and asks it that much; both by their process."""
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
        assert int(soft[1]) <= SECONDS + 5
        assert re.search(rf"Max address space +{MEMORY} ", limits)
        assert process.poll() is None


def test_time_limit_is_shorter_than_the_lease() -> None:
    assert Guard().job_seconds + SECONDS < LEASE.total_seconds()


@pytest.mark.prove
def test_large_calendar_is_read(expander: Expander, figures: Figures) -> None:
    objects = []
    for number in range(tries("events of a large calendar")):
        start = START + timedelta(hours=number % 9000)
        lines = [f"DTSTART:{start:%Y%m%dT%H%M%SZ}", "DURATION:PT30M", f"SUMMARY:Lecture {number}"]
        objects.append(event_object(f"{number}@university", *lines, *["RRULE:FREQ=WEEKLY"] * (number % 50 == 0)))
    began = time.monotonic()
    assert len(expand(expander, *objects)) > 0.9 * len(objects)
    took = time.monotonic() - began
    assert took < SECONDS
    figures("the largest honest calendar", events=len(objects), seconds=round(took))
