"""Whose each part of a calendar object is: ours, or its reader's, who has it in a calendar of their own.

The properties that we write are ours: when it is, what it is called, who is in it. All else belongs to whoever keeps
the calendar: alarms, colours, categories, answers to the invitation, what their software notes there.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from datetime import timedelta

from icalendar import vDuration

from scheduler.ical.event_times import EventTimes, digest_of
from scheduler.ical.lines import Block, Line

STAMP = "X-MENTORSHIP-STAMP"
TIMES = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"})
PEOPLE = frozenset({"ORGANIZER", "ATTENDEE"})
CLOCKS = frozenset({"DTSTAMP", "LAST-MODIFIED", "CREATED"})
"""When something was written, which by itself is no difference."""
OURS = TIMES | PEOPLE | CLOCKS | {"UID", "SEQUENCE", "STATUS", "TRANSP", "SUMMARY", "DESCRIPTION", "URL", "CONFERENCE"}

WORDS = {
    "times": "the time",
    "title": "the title",
    "description": "the description",
    "status": "the status",
    "people": "the list of people",
    "link": "the link",
}
"""The parts of an object that are ours, in the words in which a change of them is told."""

_DEFAULTS = frozenset({"STATUS:CONFIRMED", "TRANSP:OPAQUE"})
_PARAMETER_DEFAULTS = frozenset(
    {("ROLE", "REQ-PARTICIPANT"), ("PARTSTAT", "NEEDS-ACTION"), ("RSVP", "FALSE"), ("SCHEDULE-AGENT", "SERVER")}
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def is_ours(line: Line, *, with_people: bool) -> bool:
    """Whether a property of an event is ours to say. ``with_people``: our object has an organizer."""
    if line.name in PEOPLE:
        return with_people
    return line.name in OURS or line.name == STAMP


def meanings(lines: Iterable[Line]) -> Counter[Hashable]:
    """What lines say, however a server has written them: order, escapes, quotes and defaults aside."""
    return Counter(meaning for line in lines for meaning in _meanings(line))


def digests(calendar: Block, times: Iterable[EventTimes]) -> dict[str, str]:
    """What stands for each part of an object that is ours, by its name in WORDS.

    Of a property that differs from event to event it is the set of its values, so that one more override
    that says the same is no change.
    """
    events = calendar.all("VEVENT")
    said = {
        "title": _values(events, "SUMMARY"),
        "description": _values(events, "DESCRIPTION"),
        "status": _values(events, "STATUS", "TRANSP"),
        "people": {address for event in events for address in _people(event)},
        "link": _values(events, "URL", "CONFERENCE"),
    }
    return {"times": digest_of(times)} | {name: _digest(values) for name, values in said.items()}


def address(line: Line) -> str:
    """The calendar user that an ORGANIZER or ATTENDEE names, to be compared."""
    return line.value.strip().lower()


def comes_along(attendee: Line, organizers: Iterable[str], invited: Iterable[str]) -> bool:
    """Whether an attendee whom we don't name belongs there: the organizer, or somebody's delegate.

    Many clients list the organizer; a delegation is an answer (RFC 5546 §3.2.2.3).
    """
    if address(attendee) in organizers:
        return True
    delegators = (attendee.parameter("DELEGATED-FROM") or "").lower()
    return any(one in delegators for one in invited)


def _meanings(line: Line) -> Iterator[Hashable]:
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


def told(parts: Iterable[str]) -> str | None:
    """That those parts were put back, as a sentence; None if there are none."""
    words = [WORDS[part] for part in parts]
    if not words:
        return None
    if len(words) == 1:
        return f"{words[0]} had been changed in the calendar; it was put back"
    return f"{', '.join(words[:-1])} and {words[-1]} had been changed in the calendar; they were put back"
