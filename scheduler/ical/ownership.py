"""Which properties of a calendar object belong to the service, and which to the owner of the calendar.

The properties that the service writes are its own: times, title, people. Everything else belongs to the owner:
alarms, colours, categories, participation status, and whatever their software adds.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator
from datetime import timedelta

from icalendar import vDuration

from scheduler.ical.event_times import EventTimes, times_digest
from scheduler.ical.lines import Block, Line

STAMP = "X-MENTORSHIP-STAMP"
TIMES = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"})
PEOPLE = frozenset({"ORGANIZER", "ATTENDEE"})
CLOCKS = frozenset({"DTSTAMP", "LAST-MODIFIED", "CREATED"})
"""Properties that say when something was written; a change of these alone is no difference."""
OURS = TIMES | PEOPLE | CLOCKS | {"UID", "SEQUENCE", "STATUS", "TRANSP", "SUMMARY", "DESCRIPTION", "URL", "CONFERENCE"}

PART_NAMES = {
    "times": "the time",
    "title": "the title",
    "description": "the description",
    "status": "the status",
    "people": "the list of people",
    "link": "the link",
}
"""The parts of an object that belong to the service, and their names in messages."""

_DEFAULTS = frozenset({"STATUS:CONFIRMED", "TRANSP:OPAQUE"})
_PARAMETER_DEFAULTS = frozenset(
    {("ROLE", "REQ-PARTICIPANT"), ("PARTSTAT", "NEEDS-ACTION"), ("RSVP", "FALSE"), ("SCHEDULE-AGENT", "SERVER")}
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def is_ours(line: Line, *, with_people: bool) -> bool:
    """Return whether a property of an event belongs to the service. ``with_people``: our object has an organizer."""
    if line.name in PEOPLE:
        return with_people
    return line.name in OURS or line.name == STAMP


def normalized(lines: Iterable[Line]) -> Counter[Hashable]:
    """Return the content of lines without differences of order, escaping, quoting and default values."""
    return Counter(part for line in lines for part in _normalized(line))


def content(event: Block, but: Collection[str]) -> Hashable:
    """Return the content of an event without some properties, so that equal means that a reader sees the same."""
    lines = frozenset(normalized(line for line in event.lines if line.name not in but).items())
    return lines, tuple(sorted(str(sorted(map(str, _all_normalized(block)))) for block in event.blocks))


def digests(calendar: Block, times: Iterable[EventTimes]) -> dict[str, str]:
    """Return a digest of each part of an object that belongs to the service, by its key in PART_NAMES.

    A digest covers the set of a property's values over all events, so an override that repeats a value is no change.
    """
    events = calendar.children("VEVENT")
    contents = {
        "title": _values(events, "SUMMARY"),
        "description": _values(events, "DESCRIPTION"),
        "status": _values(events, "STATUS", "TRANSP"),
        "people": {address for event in events for address in _people(event)},
        "link": _values(events, "URL", "CONFERENCE"),
    }
    return {"times": times_digest(times)} | {name: _digest(values) for name, values in contents.items()}


def address(line: Line) -> str:
    """Return the address of an ORGANIZER or ATTENDEE in a form that can be compared."""
    return line.value.strip().lower()


def is_implied_attendee(attendee: Line, organizers: Iterable[str], invited: Iterable[str]) -> bool:
    """Return whether an attendee that we didn't name is implied by ours: the organizer, or somebody's delegate.

    Many clients list the organizer as an attendee; a delegation is an answer (RFC 5546 §3.2.2.3).
    """
    if address(attendee) in organizers:
        return True
    delegators = (attendee.parameter("DELEGATED-FROM") or "").lower()
    return any(one in delegators for one in invited)


def _normalized(line: Line) -> Iterator[Hashable]:
    parameters = frozenset(
        (name, value.strip('"'))
        for name, value in line.parameters
        if name != "VALUE" and (name, value.upper()) not in _PARAMETER_DEFAULTS
    )
    if f"{line.name}:{line.value.upper()}" in _DEFAULTS:
        return
    if line.name in ("EXDATE", "RDATE"):
        yield from ((line.name, parameters, value) for value in line.value.split(","))
    else:
        yield line.name, parameters, _value(line)


def _all_normalized(block: Block) -> list[object]:
    return [block.name, *normalized(block.lines).elements(), *(_all_normalized(inner) for inner in block.blocks)]


def _value(line: Line) -> Hashable:
    if line.name in ("DURATION", "TRIGGER"):
        try:
            length: timedelta = vDuration.from_ical(line.value)  # type: ignore[no-untyped-call]  # icalendar's
            return length
        except ValueError:
            return line.value
    if line.name == "RRULE":
        return frozenset(line.value.upper().split(";"))
    if line.name in PEOPLE:
        return address(line)
    return _text(line.value)


def _text(value: str) -> str:
    text = _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    return "\n".join(row.rstrip() for row in text.splitlines()).strip()


def _values(events: Iterable[Block], *names: str) -> set[str]:
    return {
        f"{line.name}:{_text(line.value)}"
        for event in events
        for line in event.lines
        if line.name in names and f"{line.name}:{line.value.upper()}" not in _DEFAULTS
    }


def _people(event: Block) -> set[str]:
    organizers = {address(line) for line in event.lines if line.name == "ORGANIZER"}
    attendees = [line for line in event.lines if line.name == "ATTENDEE"]
    named = {address(line) for line in attendees if line.parameter("DELEGATED-FROM") is None}
    return organizers | (named - organizers)


def _digest(values: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(sorted(values)).encode()).hexdigest()[:8]


def describe_restored(parts: Iterable[str]) -> str | None:
    """Return a sentence that says which parts were restored, or None if there are none."""
    words = [PART_NAMES[part] for part in parts]
    if not words:
        return None
    if len(words) == 1:
        return f"{words[0]} had been changed in the calendar; it was put back"
    return f"{', '.join(words[:-1])} and {words[-1]} had been changed in the calendar; they were put back"
