"""The times of the events in a calendar object, as values that compare equal however the text was written."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import recurring_ical_events
from icalendar import Calendar, Component, Event

from scheduler.ical.foreign_zones import ForeignZones
from scheduler.ical.parse import PARSE_ERRORS, EventReader, UnreadableCalendar, parse_calendars

_NEVER = datetime.min.replace(tzinfo=UTC)
_SEASONS = tuple(timedelta(weeks=weeks) for weeks in (0, 13, 26, 39))


@dataclass(frozen=True)
class EventTimes:
    """The times of one event, in UTC. A date counts from midnight UTC, a floating time as UTC.

    ``recurrence_id`` is None for the master or a single event. ``offsets`` are the UTC offsets of its zone in four
    seasons, so that two names of one zone compare equal. Unreadable times are the earliest instant.
    """

    recurrence_id: datetime | None
    start: datetime
    end: datetime
    rule: str
    added: tuple[datetime, ...]
    excluded: tuple[datetime, ...]
    offsets: tuple[timedelta | None, ...]

    @property
    def length(self) -> timedelta:
        """The time from start to end."""
        return self.end - self.start


def read_times(data: bytes) -> list[EventTimes]:
    """Return the times of every event in the data, in the order written. Raises UnreadableCalendar."""
    try:
        return [times for calendar in parse_calendars(data) for times in _all_times(calendar)]
    except PARSE_ERRORS as error:
        raise UnreadableCalendar(f"an event is malformed ({type(error).__name__})") from error


def times_digest(times: Iterable[EventTimes]) -> str:
    """Return a digest of all times of an object; overrides that change no time are left out."""
    found = list(times)
    master = next((each for each in found if each.recurrence_id is None), None)
    changed = sorted(_digest_text(each) for each in found if not (master and changes_no_time(each, master)))
    return hashlib.sha256("\n".join(changed).encode()).hexdigest()[:8]


def _digest_text(times: EventTimes) -> str:
    """Return the text that is digested. Digests are stored in calendars, so it never changes."""
    values = (times.recurrence_id, times.start, times.end, times.rule, times.added, times.excluded, times.offsets)
    names = ("recurrence_id", "start", "end", "rule", "added", "taken_out", "offsets")
    return f"EventTimes({', '.join(f'{name}={value!r}' for name, value in zip(names, values, strict=True))})"


def changes_no_time(override: EventTimes, master: EventTimes) -> bool:
    """Return whether an override takes place when the series' event alone would have it."""
    return override.recurrence_id == override.start and override.length == master.length


def _all_times(calendar: Component) -> list[EventTimes]:
    reader = EventReader(ForeignZones.of(calendar), "UTC")
    return [_times(reader, event) for event in calendar.walk("VEVENT")]


def _times(reader: EventReader, event: Any) -> EventTimes:
    """Return the event's times; where they can't be read, only its RECURRENCE-ID."""
    try:
        return _readable_times(reader, event)
    except UnreadableCalendar:
        return EventTimes(_recurrence_id(reader, event), _NEVER, _NEVER, "", (), (), ())


def _readable_times(reader: EventReader, event: Any) -> EventTimes:
    reduced: Any = reader.reduced(event)
    start, end = reader.span(reduced)
    rule = reduced.get("RRULE")
    first = reduced["DTSTART"].dt
    seasons = _SEASONS if isinstance(first, datetime) and rule else ()
    return EventTimes(
        recurrence_id=_recurrence_id(reader, event),
        start=start,
        end=end,
        rule="" if rule is None else ";".join(sorted(rule.to_ical().decode().upper().split(";"))),
        added=_all_to_utc(reduced, "RDATE"),
        excluded=_all_to_utc(reduced, "EXDATE"),
        offsets=tuple((first + season).utcoffset() for season in seasons),
    )


def _recurrence_id(reader: EventReader, event: Any) -> datetime | None:
    """Return the RECURRENCE-ID as a UTC instant, or None. Raises UnreadableCalendar."""
    if "RECURRENCE-ID" not in event:
        return None
    named = Event()
    named["DTSTART"] = event["RECURRENCE-ID"]
    value: Any = reader.reduced(named)["DTSTART"]
    return _to_utc(value.dt)


def _all_to_utc(event: Any, name: str) -> tuple[datetime, ...]:
    return tuple(sorted({_to_utc(each.dt) for dates in event.get(name, []) for each in dates.dts}))


def _to_utc(moment: Any) -> datetime:
    """Return a date, a date-time or the start of a period as a UTC instant. Raises UnreadableCalendar for a time."""
    if isinstance(moment, tuple):
        moment = moment[0]
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    if not isinstance(moment, date):
        raise UnreadableCalendar("an event has a time of day where a date belongs")
    return datetime.combine(moment, time(), UTC)


def find_occurrences(data: bytes, instants: Collection[datetime]) -> set[datetime]:
    """Return those of the UTC instants at which the series has an occurrence by its rule, overrides ignored."""
    near = Calendar()
    for calendar in parse_calendars(data):
        reader = EventReader(ForeignZones.of(calendar), "UTC")
        masters = [event for event in calendar.walk("VEVENT") if "RECURRENCE-ID" not in event]
        near.subcomponents.extend(map(reader.reduced, masters))
    found = recurring_ical_events.of(near).between(min(instants), max(instants) + timedelta(seconds=1))
    return {_to_utc(event["DTSTART"].dt) for event in found} & set(instants)
