"""Other people's iCalendar (RFC 5545) read: what an object is, and when its events make somebody busy.

What can't be read is refused as a whole: a part of a calendar looks exactly like free time.
Only bytes are parsed; nothing is fetched, whatever the text names.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import recurring_ical_events
from icalendar import Calendar, Component, Event, vDDDLists, vDDDTypes, vRecur
from icalendar.timezone import tzp

from scheduler.domain.time.periods import Period, Periods, minute_after, minute_of
from scheduler.domain.time.zones import FIRST_DATE, LocalTime, find_zone
from scheduler.errors import SchedulerError
from scheduler.ical.foreign_zones import ForeignZones, IanaZones

tzp.use(IanaZones())

MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What icalendar, recurring_ical_events and dateutil raise on input that is not what they expect."""
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_COPIED = ("UID", "SEQUENCE", "STATUS", "TRANSP", "DURATION", "RRULE")
_BROKEN_LINE = re.compile(rf"into parts: '\s*({'|'.join(_TIMES)}|STATUS|TRANSP|BEGIN|END)\b", re.IGNORECASE)
_CALENDAR = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t]*BEGIN[ \t]*:[ \t]*VCALENDAR[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_MARGIN = timedelta(days=2)
"""More than any local day reaches beyond the same day of UTC."""
_DAY = timedelta(days=1)


class UnreadableCalendar(SchedulerError):
    """A calendar that can't be understood in full, so that nothing is known of its owner's time."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the calendar can't be read: {reason}; correct it where it is kept")


@dataclass(frozen=True)
class Identity:
    """Which version of which event an object holds. ``changed_at`` is its LAST-MODIFIED, else its DTSTAMP (UTC)."""

    uid: str
    sequence: int
    changed_at: datetime | None


def read_identity(data: bytes) -> Identity | None:
    """The identity of a calendar object read back from a server; None if it is not one event or series."""
    try:
        events = [event for calendar in calendars_in(data) for event in calendar.walk("VEVENT")]
        if len({str(event["UID"]) for event in events}) != 1:
            return None
        master = next((event for event in events if "RECURRENCE-ID" not in event), events[0])
        changed_at = _moment(master, "LAST-MODIFIED") or _moment(master, "DTSTAMP")
        if changed_at is not None and not isinstance(changed_at, datetime):
            return None
        sequence = int(str(master.get("SEQUENCE", 0)))
        return Identity(str(master["UID"]), sequence, changed_at and changed_at.astimezone(UTC))
    except (UnreadableCalendar, *MALFORMED):
        return None


def busy_periods(
    objects: Iterable[bytes], start: datetime, end: datetime, zone: str, ignore_uids: Container[str] = ()
) -> Periods:
    """When the events of calendar objects make their owner busy within [start, end), seconds rounded outwards.

    Cancelled and transparent events do not (RFC 5545 §3.8.2.7). All-day events take the owner's local days, and
    floating times are read on the owner's clock: ``zone``. Raises UnreadableCalendar for anything that is
    malformed or in an unknown zone, and for events that may recur more often than hourly; UnknownZone.
    """
    find_zone(zone)
    found: list[Period] = []
    for data in objects:
        try:
            for calendar in calendars_in(data):
                found += EventReader(ForeignZones.of(calendar), zone).busy(calendar, start, end, ignore_uids)
        except MALFORMED as error:
            raise UnreadableCalendar(f"an event is malformed ({type(error).__name__})") from error
    return Periods.of(found).within(minute_of(start), minute_after(end))


def calendars_in(data: bytes) -> list[Component]:
    """The VCALENDARs in the data, all of them whole."""
    try:
        calendars = Calendar.from_ical(data, multiple=True)
    except MALFORMED as error:
        raise UnreadableCalendar("it is not iCalendar") from error
    if not calendars or len(calendars) != len(_CALENDAR.findall(data)):
        raise UnreadableCalendar("it has no complete VCALENDAR, or not only those")
    for calendar in calendars:
        if calendar.name != "VCALENDAR" or str(calendar.get("CALSCALE", "GREGORIAN")).upper() != "GREGORIAN":
            raise UnreadableCalendar("it is not a VCALENDAR of the Gregorian calendar")
    return list(calendars)


@dataclass(frozen=True)
class EventReader:
    """Reads the events of one VCALENDAR for an owner who lives in ``zone``."""

    zones: ForeignZones
    zone: str

    def busy(
        self, calendar: Component, start: datetime, end: datetime, ignore_uids: Container[str]
    ) -> Iterator[Period]:
        """The periods of every event that counts and lies near [start, end)."""
        by_uid: dict[str, list[Event]] = {}
        for number, event in enumerate(calendar.walk("VEVENT")):
            uid = str(event.get("UID", f"no UID {number}"))
            if uid not in ignore_uids:
                by_uid.setdefault(uid, []).append(self.lean(event))
        recurring = Calendar()
        for events in by_uid.values():
            if any(name in event for event in events for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
                recurring.subcomponents.extend(events)
            else:
                yield from self._periods(events)
        if recurring.subcomponents:
            near = recurring_ical_events.of(recurring).between(start - _MARGIN, end + _MARGIN)
            yield from self._periods(near)

    def _periods(self, events: Iterable[Component]) -> Iterator[Period]:
        for event in events:
            cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
            transparent = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
            start, end = self.span(event)
            if start < end and not cancelled and not transparent:
                yield Period(start, end)

    def span(self, event: Component) -> tuple[datetime, datetime]:
        """When an event begins and ends, in UTC, by RFC 5545 §3.6.1 where it has no DTEND."""
        start, end, length = _moment(event, "DTSTART"), _moment(event, "DTEND"), _duration(event)
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

    def lean(self, event: Component) -> Event:
        """The event with its times only, all of them with an offset or a date.

        The library copies an event for each of its occurrences, and would guess at times without an offset.
        """
        for name, message in event.errors:
            if name in _TIMES or (name is None and _BROKEN_LINE.search(message)):
                raise UnreadableCalendar(f"an event has a broken {name or 'line'}")
        lean = Event()
        for name in _COPIED:
            if name in event:
                lean[name] = event[name]
        _refuse_endless(event)
        for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
            moment = _moment(event, name)
            if moment is not None:
                params: Mapping[str, str] = event[name].params
                lean[name] = vDDDTypes(self._placed(moment, params))
                lean[name].params.update({key: value for key, value in params.items() if key == "RANGE"})
        for name in ("RDATE", "EXDATE"):
            if name in event:
                lean[name] = [self._all_placed(dates) for dates in _listed(event[name])]
        self.span(lean)
        return lean

    def _all_placed(self, dates: object) -> vDDDLists:
        """The dates of an RDATE or EXDATE; periods become pairs of the start and the end or the length."""
        if not isinstance(dates, vDDDLists):
            raise UnreadableCalendar("an event has a broken RDATE or EXDATE")
        return vDDDLists([self._placed(each.dt, dates.params) for each in dates.dts])

    def _placed(self, time: Any, params: Mapping[str, str]) -> Any:
        """A time as it is if it has an offset or is a date; else on the clock that it names, or on the owner's."""
        if isinstance(time, tuple):
            return tuple(self._placed(part, params) for part in time)
        if not isinstance(time, datetime) or time.tzinfo is not None:
            return time
        if "TZID" not in params:
            return time.replace(tzinfo=find_zone(self.zone))
        clock = self.zones.find(params["TZID"])
        if clock is None:
            raise UnreadableCalendar(f"its time zone {params['TZID'][:80]!r} is neither known nor defined in it")
        return time.replace(tzinfo=clock)


def _moment(component: Component, name: str) -> date | None:
    """A property's date or date-time, None if there is none. Raises UnreadableCalendar for anything else."""
    value = component.get(name)
    moment = getattr(value, "dt", None)
    if value is not None and not isinstance(moment, date):
        raise UnreadableCalendar(f"an event has a broken {name}")
    return moment


def _duration(event: Component) -> timedelta | None:
    value = event.get("DURATION")
    length = getattr(value, "dt", None)
    if value is not None and not isinstance(length, timedelta):
        raise UnreadableCalendar("an event has a broken DURATION")
    return length


def _after(start: datetime, length: timedelta) -> datetime:
    """The UTC instant a DURATION later: whole days on the wall clock, the rest exactly (RFC 5545 §3.3.6)."""
    days, rest = divmod(length, _DAY)
    return (start + days * _DAY).astimezone(UTC) + rest


def _refuse_endless(event: Component) -> None:
    """Raises UnreadableCalendar for a rule that takes too long to follow: oftener than hourly, or hourly for ages."""
    for rule in _listed(event.get("RRULE", [])):
        if not isinstance(rule, vRecur):
            raise UnreadableCalendar("an event has a broken RRULE")
        frequencies = {str(frequency).upper() for frequency in rule.get("FREQ", ())}
        sub_hourly = len(rule.get("BYMINUTE", (0,))) * len(rule.get("BYSECOND", (0,))) > 1
        if sub_hourly or frequencies & {"SECONDLY", "MINUTELY"}:
            raise UnreadableCalendar("an event recurs more often than hourly")
        start = _moment(event, "DTSTART")
        if "HOURLY" in frequencies and start is not None and start.year < FIRST_DATE.year:
            raise UnreadableCalendar(f"an event recurs hourly since before {FIRST_DATE.year}")
        if any(int(interval) < 1 for interval in _listed(rule.get("INTERVAL", 1))):
            raise UnreadableCalendar("an event recurs at an interval of nothing")


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
