"""An override that overrides nothing: one occurrence as the rule gives it, to hold what its owner put to it."""

from __future__ import annotations

from datetime import UTC, datetime

from scheduler.domain.time.zones import local_time
from scheduler.ical.event_times import EventTimes
from scheduler.ical.lines import Block, Line
from scheduler.ical.ownership import STAMP, TIMES


def plain_override(master: Block, times: EventTimes, instant: datetime) -> Block:
    """The occurrence of our series that begins at a UTC instant, as an override (RFC 5545 §3.8.4.4)."""
    start = next(line for line in master.lines if line.name == "DTSTART")
    end = next(line for line in master.lines if line.name in ("DTEND", "DURATION"))
    kept = [line for line in master.lines if line.name not in TIMES and line.name != STAMP]
    said = _at(start, instant)
    ends = end if end.name == "DURATION" else _at(end, instant + times.length)
    name = Line.of(said.text.replace("DTSTART", "RECURRENCE-ID", 1))
    return Block("VEVENT", [said, ends, name, *kept], list(master.blocks))


def _at(line: Line, instant: datetime) -> Line:
    """The line with that instant in its own form: UTC, or its zone's local time."""
    zone = line.parameter("TZID")
    if zone is None:
        return line.saying(f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    return line.saying(f"{local_time(instant, zone).wall:%Y%m%dT%H%M%S}")
