"""When the events of one calendar object are, as values that can be compared whoever wrote the text."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import recurring_ical_events
from icalendar import Calendar, Event

from scheduler.ical.foreign_zones import ForeignZones
from scheduler.ical.parse import MALFORMED, EventReader, UnreadableCalendar, calendars_in

_NEVER = datetime.min.replace(tzinfo=UTC)
_SEASONS = tuple(timedelta(weeks=weeks) for weeks in (0, 13, 26, 39))


@dataclass(frozen=True)
class EventTimes:
    """When one event is: UTC instants; dates count from midnight UTC, floating times as UTC.

    ``recurrence_id`` None is the series itself, or an event that stands alone. ``offsets`` are those of the clock
    that it follows, season by season: two names of one zone are the same. Times that make no sense are the first
    instant there is.
    """

    recurrence_id: datetime | None
    start: datetime
    end: datetime
    rule: str
    added: tuple[datetime, ...]
    taken_out: tuple[datetime, ...]
    offsets: tuple[timedelta | None, ...]

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start


def read_times(data: bytes) -> list[EventTimes]:
    """The times of every event in the data, in the order written. Raises UnreadableCalendar."""
    try:
        return [
            _times(EventReader(ForeignZones.of(calendar), "UTC"), event)
            for calendar in calendars_in(data)
            for event in calendar.walk("VEVENT")
        ]
    except MALFORMED as error:
        raise UnreadableCalendar(f"an event is malformed ({type(error).__name__})") from error


def digest_of(times: Iterable[EventTimes]) -> str:
    """What stands for all the times of an object. An override that changes no time changes nothing."""
    found = list(times)
    master = next((each for each in found if each.recurrence_id is None), None)
    said = sorted(str(each) for each in found if not (master and _says_nothing(each, master)))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:8]


def _says_nothing(override: EventTimes, master: EventTimes) -> bool:
    return override.recurrence_id == override.start and override.length == master.length


def _times(reader: EventReader, event: Any) -> EventTimes:
    """The event's times; where those make no sense, only which occurrence it is."""
    try:
        return _readable_times(reader, event)
    except UnreadableCalendar:
        return EventTimes(_name(reader, event), _NEVER, _NEVER, "", (), (), ())


def _readable_times(reader: EventReader, event: Any) -> EventTimes:
    lean: Any = reader.lean(event)
    start, end = reader.span(lean)
    rule = lean.get("RRULE")
    first = lean["DTSTART"].dt
    seasons = _SEASONS if isinstance(first, datetime) and rule else ()
    return EventTimes(
        recurrence_id=_name(reader, event),
        start=start,
        end=end,
        rule="" if rule is None else ";".join(sorted(rule.to_ical().decode().upper().split(";"))),
        added=_instants(lean, "RDATE"),
        taken_out=_instants(lean, "EXDATE"),
        offsets=tuple((first + season).utcoffset() for season in seasons),
    )


def _name(reader: EventReader, event: Any) -> datetime | None:
    """The instant of the RECURRENCE-ID, None if there is none. Raises UnreadableCalendar."""
    if "RECURRENCE-ID" not in event:
        return None
    named = Event()
    named["DTSTART"] = event["RECURRENCE-ID"]
    value: Any = reader.lean(named)["DTSTART"]
    return _instant(value.dt)


def _instants(event: Any, name: str) -> tuple[datetime, ...]:
    return tuple(sorted({_instant(each.dt) for dates in event.get(name, []) for each in dates.dts}))


def _instant(moment: Any) -> datetime:
    """A date, a date-time or the start of a period as a UTC instant. Raises UnreadableCalendar for a time of day."""
    if isinstance(moment, tuple):
        moment = moment[0]
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    if not isinstance(moment, date):
        raise UnreadableCalendar("an event has a time of day where a date belongs")
    return datetime.combine(moment, time(), UTC)


def instances(data: bytes, instants: Collection[datetime]) -> set[datetime]:
    """Those UTC instants at which the series in the data begins an occurrence, its overrides left aside."""
    near = Calendar()
    for calendar in calendars_in(data):
        reader = EventReader(ForeignZones.of(calendar), "UTC")
        masters = [event for event in calendar.walk("VEVENT") if "RECURRENCE-ID" not in event]
        near.subcomponents.extend(map(reader.lean, masters))
    found = recurring_ical_events.of(near).between(min(instants), max(instants) + timedelta(seconds=1))
    return {_instant(event["DTSTART"].dt) for event in found} & set(instants)
