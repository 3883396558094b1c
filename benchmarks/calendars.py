"""Reading a large calendar: ours beside recurring-ical-events, each in a process of its own, answers compared.

10,000 events of a university, every other one weekly with an EXDATE and an override, over 800 days. Both begin with
the same bytes and end with merged periods in UTC; what is counted is processor time, and memory at its peak.

``python -m benchmarks.calendars ours|peer NUMBER`` is such a process.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.inputs import SEED, ZONES
from benchmarks.runner import Bar, Contest, DifferentAnswers, Row
from scheduler.domain.time.periods import Periods, minute_after, minute_of

EVENTS = 10_000
START = datetime(2026, 10, 1, tzinfo=UTC)
END = START + timedelta(days=800)
OWNER = "Europe/Berlin"
LEAST_RATIO = 20
_HALF_HOUR = timedelta(minutes=30)
_FORM = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Measured:
    """What one reader needed, and a digest of its answer."""

    seconds: float
    mebibytes: float
    digest: str


def contests() -> Iterator[Contest]:
    """None: these runs are too long to be repeated."""
    return iter(())


def bars(rows: list[Row]) -> list[Bar]:
    """What has to hold of time and memory; there are no rows. Raises DifferentAnswers."""
    assert not rows
    for events in (EVENTS // 20, EVENTS):
        ours, peer = measure("ours", events), measure("peer", events)
        if ours.digest != peer.digest:
            raise DifferentAnswers(f"the calendar of {events:,} events: recurring-ical-events finds other periods")
    ratio = peer.seconds / ours.seconds
    size = f"calendar of {EVENTS:,} events over 800 days"
    times = f"{ours.seconds:.1f} s, recurring-ical-events {peer.seconds:.0f} s"
    memory = f"{ours.mebibytes:.0f} MiB, recurring-ical-events {peer.mebibytes:.0f} MiB"
    return [
        Bar(
            f"{size}: {ratio:.0f} times faster than recurring-ical-events (at least {LEAST_RATIO}): {times}", ratio > 20
        ),
        Bar(f"{size}: less memory than recurring-ical-events: {memory}", ours.mebibytes < peer.mebibytes),
    ]


def measure(reader: str, events: int) -> Measured:
    """Return what a reader needs for a calendar of so many events, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.calendars", reader, str(events)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # our own program
    return Measured(**json.loads(answer))


def calendar(events: int) -> bytes:
    """Return the calendar, the same in every process. Its hours are those of a day, when no clock changes."""
    chance = random.Random(SEED)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//benchmark//calendars//EN"]
    for number in range(events):
        zone = ZONES[number % len(ZONES)]
        weekly = number % 2 == 1
        day = START.replace(tzinfo=None) + timedelta(days=chance.randrange(60 if weekly else 790))
        start = day + timedelta(hours=8) + chance.randrange(20) * _HALF_HOUR
        rest = [_time("EXDATE", zone, start + timedelta(weeks=3)), "RRULE:FREQ=WEEKLY"] if weekly else []
        lines += _event(number, zone, start, rest)
        if weekly:
            moved = start + timedelta(weeks=5)
            lines += _event(number, zone, moved + timedelta(hours=1), [_time("RECURRENCE-ID", zone, moved)])
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _event(number: int, zone: str, start: datetime, rest: list[str]) -> list[str]:
    said = [f"UID:{number}@university.example", "DTSTAMP:20260901T000000Z", f"SUMMARY:Lecture {number}", "SEQUENCE:1"]
    said += ["DESCRIPTION:What it is about\\, and what to bring", "LOCATION:Room 5", "STATUS:CONFIRMED"]
    times = [_time("DTSTART", zone, start), _time("DTEND", zone, start + _HALF_HOUR)]
    return ["BEGIN:VEVENT", *said, *times, *rest, "END:VEVENT"]


def _time(name: str, zone: str, wall: datetime) -> str:
    return f"{name};TZID={zone}:{wall:{_FORM}}"


def with_ours(data: bytes) -> Periods:
    """Return the busy periods as the service reads them."""
    from scheduler.ical.busy import busy_periods

    return busy_periods([data], START, END, OWNER)


def with_peer(data: bytes) -> Periods:
    """Return the busy periods as recurring-ical-events finds them."""
    import icalendar
    import recurring_ical_events

    found = recurring_ical_events.of(icalendar.Calendar.from_ical(data)).between(START, END)
    bounds = [(minute_of(event["DTSTART"].dt), minute_after(event["DTEND"].dt)) for event in found]
    pairs = np.array(bounds, dtype=np.int64).reshape(-1, 2)
    return Periods.merged(pairs[:, 0], pairs[:, 1]).within(minute_of(START), minute_of(END))


def main(reader: str, events: str) -> None:
    """Print what a reader needed, as JSON."""
    data = calendar(int(events))
    read = {"ours": with_ours, "peer": with_peer}[reader]
    read(calendar(2))  # imports, and tables made once
    begun = time.process_time()
    busy = read(data)
    seconds = time.process_time() - begun
    digest = hashlib.sha256(busy.starts.tobytes() + busy.ends.tobytes()).hexdigest()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mebibytes": peak, "digest": digest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
