"""Reading foreign calendar objects (RFC 5545) to merge ours with them: their identity, and the times of their events.

Only bytes are parsed; nothing is fetched, whatever the text names. Busy time is read in `scheduler.ical.busy`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from icalendar import Calendar, Component, Event, vDDDLists, vDDDTypes, vRecur
from icalendar.timezone import tzp

from scheduler.domain.time.zones import FIRST_DATE, LocalTime, find_zone
from scheduler.errors import SchedulerError
from scheduler.ical.foreign_zones import ForeignZones, IanaZones
from scheduler.ical.values import listed

tzp.use(IanaZones())

PARSE_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What icalendar, recurring_ical_events and dateutil raise on malformed input."""
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_COPIED = ("UID", "SEQUENCE", "STATUS", "TRANSP", "DURATION", "RRULE")
_BROKEN_LINE = re.compile(rf"into parts: '\s*({'|'.join(_TIMES)}|STATUS|TRANSP|BEGIN|END)\b", re.IGNORECASE)
_CALENDAR = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t]*BEGIN[ \t]*:[ \t]*VCALENDAR[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
MOST_SEQUENCE = 2**31 - 1
"""The highest INTEGER (RFC 5545 §3.3.8)."""
_DAY = timedelta(days=1)
_T = TypeVar("_T", date, datetime, timedelta)


class UnreadableCalendar(SchedulerError):
    """A calendar that can't be read in full, so that its owner's time is unknown."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the calendar can't be read: {reason}; correct it where it is kept")


@dataclass(frozen=True)
class Identity:
    """UID, SEQUENCE and time of change of an object; ``changed_at`` is LAST-MODIFIED, else DTSTAMP (UTC)."""

    uid: str
    sequence: int
    changed_at: datetime | None


def read_identity(data: bytes) -> Identity | None:
    """Return the identity of a calendar object, or None if it is not exactly one event or series that can be read."""
    try:
        events = [event for calendar in parse_calendars(data) for event in calendar.walk("VEVENT")]
        if len({str(event["UID"]) for event in events}) != 1:
            return None
        master = next((event for event in events if "RECURRENCE-ID" not in event), events[0])
        changed_at = _value(master, "LAST-MODIFIED", datetime) or _value(master, "DTSTAMP", datetime)
        sequence = int(str(master.get("SEQUENCE", 0)))
        if abs(sequence) > MOST_SEQUENCE:
            return None
        return Identity(str(master["UID"]), sequence, changed_at and changed_at.astimezone(UTC))
    except (UnreadableCalendar, *PARSE_ERRORS):
        return None


def parse_calendars(data: bytes) -> list[Component]:
    """Parse the VCALENDARs in the data. Raises UnreadableCalendar unless all are complete."""
    try:
        calendars = Calendar.from_ical(data, multiple=True)
    except PARSE_ERRORS as error:
        raise UnreadableCalendar("it is not iCalendar") from error
    if not calendars or len(calendars) != len(_CALENDAR.findall(data)):
        raise UnreadableCalendar("it has no complete VCALENDAR, or not only those")
    for calendar in calendars:
        if calendar.name != "VCALENDAR" or str(calendar.get("CALSCALE", "GREGORIAN")).upper() != "GREGORIAN":
            raise UnreadableCalendar("it is not a VCALENDAR of the Gregorian calendar")
    return list(calendars)


@dataclass(frozen=True)
class EventReader:
    """Reads the events of one VCALENDAR for an owner in ``zone``."""

    zones: ForeignZones
    zone: str

    def span(self, event: Component) -> tuple[datetime, datetime]:
        """Return an event's start and end in UTC; without DTEND by RFC 5545 §3.6.1."""
        start, end = (_value(event, name, date) for name in ("DTSTART", "DTEND"))
        length = _value(event, "DURATION", timedelta)
        if start is None:
            raise UnreadableCalendar("an event has no DTSTART")
        if end is not None and isinstance(end, datetime) is not isinstance(start, datetime):
            raise UnreadableCalendar("an event starts with a date and ends with a time, or the other way round")
        if isinstance(start, datetime):
            begins = start.astimezone(UTC)
            ends = end.astimezone(UTC) if isinstance(end, datetime) else _after(start, length or timedelta(0))
            backward = ends < begins
        else:
            last = start + -(-(length or _DAY) // _DAY) * _DAY if end is None else end
            begins, ends = self._midnight(start), self._midnight(max(last, start + _DAY))
            backward = last < start
        if backward:
            raise UnreadableCalendar("an event ends before it starts")
        return begins, ends

    def _midnight(self, day: date) -> datetime:
        return LocalTime(datetime(day.year, day.month, day.day), self.zone).instant  # noqa: DTZ001  # a wall time

    def reduced(self, event: Component) -> Event:
        """Return the event reduced to what says when it is busy, every time with an offset or as a date.

        recurring_ical_events copies the event for each occurrence, and guesses at times without an offset.
        """
        for name, message in event.errors:
            if name in _TIMES or (name is None and _BROKEN_LINE.search(message)):
                raise UnreadableCalendar(f"an event has a broken {name or 'line'}")
        reduced = Event()
        for name in _COPIED:
            if name in event:
                reduced[name] = event[name]
        _check_rules(event)
        for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
            moment = _value(event, name, date)
            if moment is not None:
                params: Mapping[str, str] = event[name].params
                reduced[name] = vDDDTypes(self._localized(moment, params))
                reduced[name].params.update({key: value for key, value in params.items() if key == "RANGE"})
        for name in ("RDATE", "EXDATE"):
            if name in event:
                reduced[name] = [self._all_localized(dates) for dates in listed(event[name])]
        self.span(reduced)
        return reduced

    def _all_localized(self, dates: object) -> vDDDLists:
        """Return the dates of an RDATE or EXDATE with offsets; a period is a pair of start and end or length."""
        if not isinstance(dates, vDDDLists):
            raise UnreadableCalendar("an event has a broken RDATE or EXDATE")
        return vDDDLists([self._localized(each.dt, dates.params) for each in dates.dts])

    def _localized(self, time: Any, params: Mapping[str, str]) -> Any:
        """Return a time with an offset: a local time gets the zone of its TZID, a floating one the owner's."""
        if isinstance(time, tuple):
            return tuple(self._localized(part, params) for part in time)
        if not isinstance(time, datetime) or time.tzinfo is not None:
            return time
        if "TZID" not in params:
            return time.replace(tzinfo=find_zone(self.zone))
        clock = self.zones.find(params["TZID"])
        if clock is None:
            raise UnreadableCalendar(f"its time zone {params['TZID'][:80]!r} is neither known nor defined in it")
        return time.replace(tzinfo=clock)


def _value(component: Component, name: str, kind: type[_T]) -> _T | None:
    """Return the value of a property of that kind, or None. Raises UnreadableCalendar for any other kind."""
    value = component.get(name)
    found = getattr(value, "dt", None)
    if value is not None and not isinstance(found, kind):
        raise UnreadableCalendar(f"an event has a broken {name}")
    return found


def _after(start: datetime, length: timedelta) -> datetime:
    """Return the UTC instant a DURATION later: days on the wall clock, the rest exact (RFC 5545 §3.3.6)."""
    days, rest = divmod(length, _DAY)
    return (start + days * _DAY).astimezone(UTC) + rest


def _check_rules(event: Component) -> None:
    """Raise UnreadableCalendar for a rule that takes too long to expand: sub-hourly, or hourly from long ago."""
    for rule in listed(event.get("RRULE", [])):
        if not isinstance(rule, vRecur):
            raise UnreadableCalendar("an event has a broken RRULE")
        frequencies = {str(frequency).upper() for frequency in rule.get("FREQ", ())}
        sub_hourly = len(rule.get("BYMINUTE", (0,))) * len(rule.get("BYSECOND", (0,))) > 1
        if sub_hourly or frequencies & {"SECONDLY", "MINUTELY"}:
            raise UnreadableCalendar("an event recurs more often than hourly")
        start = _value(event, "DTSTART", date)
        if "HOURLY" in frequencies and start is not None and start.year < FIRST_DATE.year:
            raise UnreadableCalendar(f"an event recurs hourly since before {FIRST_DATE.year}")
        if any(int(interval) < 1 for interval in listed(rule.get("INTERVAL", 1))):
            raise UnreadableCalendar("an event recurs at an interval of nothing")
