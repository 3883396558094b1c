"""An override that changes nothing: an occurrence as the rule gives it, to hold properties that its owner added."""

from __future__ import annotations

from datetime import UTC, datetime

from scheduler.domain.time.zones import local_time
from scheduler.ical.event_times import EventTimes
from scheduler.ical.lines import Block, Line
from scheduler.ical.ownership import CLOCKS, STAMP, TIMES, content


def unchanged_override(master: Block, times: EventTimes, instant: datetime) -> Block:
    """Return the occurrence of our series at a UTC instant as an override (RFC 5545 §3.8.4.4)."""
    start = next(line for line in master.lines if line.name == "DTSTART")
    end = next(line for line in master.lines if line.name in ("DTEND", "DURATION"))
    kept = [line for line in master.lines if line.name not in TIMES and line.name != STAMP]
    dtstart = _at(start, instant)
    ends = end if end.name == "DURATION" else _at(end, instant + times.length)
    name = Line.parse(dtstart.text.replace("DTSTART", "RECURRENCE-ID", 1))
    return Block("VEVENT", [dtstart, ends, name, *kept], list(master.blocks))


def adds_nothing(override: Block, master: Block) -> bool:
    """Return whether an unchanged override says what the series' event says, so that readers need only that."""
    but = TIMES | CLOCKS | {STAMP}
    return content(override, but) == content(master, but)


def _at(line: Line, instant: datetime) -> Line:
    """Return the line with another instant in the form it has: UTC, or local time with TZID."""
    zone = line.parameter("TZID")
    if zone is None:
        return line.with_value(f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    return line.with_value(f"{local_time(instant, zone).wall:%Y%m%dT%H%M%S}")
