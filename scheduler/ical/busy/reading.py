"""Reading: from the bytes of a calendar object to a `ReducedCalendar`. Nothing here knows a span of time or a clock."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from scheduler.ical.busy.events import Group, Moment, Override, ReducedCalendar, Series, Span, Unreadable
from scheduler.ical.busy.lines import EVENT, FREE_BUSY, TIME_ZONE, Component, Property, read_calendars
from scheduler.ical.busy.rules import DAILY, Rule, parse_rule, until_of
from scheduler.ical.busy.values import DAY, BadValue, Wall, parse_length, parse_parameters, parse_wall, value_of
from scheduler.ical.busy.zones import UTC_ZONE, ZoneFinder

_TENTATIVE, _BUSY = "TENTATIVE", "BUSY"
_MAILTO = re.compile(r'mailto:\s*([^\s;:"]+)\s*$', re.IGNORECASE)
_SHOWN = 80
"""The most characters of a foreign value that a reason repeats."""


def reduce_calendar(data: bytes, emails: Collection[str] = ()) -> ReducedCalendar:
    """Return when the events in the data make somebody busy, whose addresses are ``emails``.

    Cancelled and transparent events, and invitations that the owner has declined, bar nothing, whatever is wrong with
    them. Raises UnreadableCalendar only if the data is no complete iCalendar.
    """
    groups: dict[str | int, _Group] = {}
    unreadable: list[Unreadable] = []
    addresses = frozenset(email.casefold() for email in emails)
    number = 0
    for components in read_calendars(data):
        zones = ZoneFinder(one for one in components if one.name == TIME_ZONE)
        for component in components:
            if component.name == TIME_ZONE:
                continue
            number += 1
            uid = next((prop.value or "" for prop in component.values("UID")), "")
            event = _EventReader(component, zones, addresses, uid, number)
            group = groups.setdefault(uid or number, _Group(uid))
            event.read_into(group)
            unreadable += event.problems
    full = (group for group in groups.values() if group.series or group.overrides)
    return ReducedCalendar(
        tuple(Group(group.uid, tuple(group.series), tuple(group.overrides)) for group in full), tuple(unreadable)
    )


@dataclass
class _Group:
    uid: str
    series: list[Series] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)


class _EventReader:
    """Reads one event; what can't be read becomes a problem, and the rest of it is read all the same."""

    def __init__(self, component: Component, zones: ZoneFinder, emails: frozenset[str], uid: str, number: int) -> None:
        self.component = component
        self.zones = zones
        self.emails = emails
        self.uid = uid
        self.number = number
        self.start: Moment | None = None
        self.until: Moment | None = None
        self.problems: list[Unreadable] = []

    def read_into(self, group: _Group) -> None:
        """Add the event to its group if it makes its owner busy, or says that a series does not."""
        if self.component.name == FREE_BUSY:
            group.series += self._free_busy()
            return
        status = self._status()
        is_override = bool(self.component.values("RECURRENCE-ID"))
        if status is None and not is_override:
            return
        at = self._recurrence_id(is_free=status is None) if is_override else None
        span = None if status is None else self._span()
        if at is not None and (span is not None or status is None):
            group.overrides.append(self._override(at, span, is_tentative=status == _TENTATIVE))
        elif span is not None:
            group.series.append(self._series(span, is_tentative=status == _TENTATIVE, recurs=not is_override))

    def _problem(self, reason: str) -> None:
        start = next((prop.value or "" for prop in self.component.values("DTSTART")), "")
        known = (self.uid[:_SHOWN], start[:_SHOWN], reason)
        self.problems.append(Unreadable(*known, since=self.start, until=self.until))

    def _status(self) -> str | None:
        """Return whether the event is busy, or tentative; None if it bars nothing."""
        component = self.component
        shown = component.text("X-MICROSOFT-CDO-BUSYSTATUS")
        status = component.text("STATUS")
        if status == "CANCELLED" or component.text("TRANSP") == "TRANSPARENT" or shown == "FREE":
            return None
        answers = self._answers() if self.emails else []
        if answers and set(answers) == {"DECLINED"}:
            return None
        return _TENTATIVE if _TENTATIVE in {status, shown, *answers} else _BUSY

    def _answers(self) -> list[str]:
        """Return the PARTSTAT of every ATTENDEE that is the owner (RFC 5545 §3.2.12)."""
        found = []
        for prop in self.component.values("ATTENDEE"):
            match = _MAILTO.search(prop.value or "")
            parameters = parse_parameters(prop.parameters)
            if {(match[1] if match else "").casefold(), parameters.get("EMAIL", "").casefold()} & self.emails:
                found.append(parameters.get("PARTSTAT", "NEEDS-ACTION").upper())
        return found

    def _recurrence_id(self, *, is_free: bool) -> Moment | None:
        """Return which occurrence the event overrides; None if that can't be read: then it counts as another event."""
        try:
            prop = self._only("RECURRENCE-ID")
            return prop and self._moment(prop, value_of(prop))
        except BadValue as error:
            if not is_free:
                self._problem(f"its RECURRENCE-ID {error.reason}")
            return None

    def _override(self, at: Moment, span: Span | None, *, is_tentative: bool) -> Override:
        range_ = parse_parameters(self.component.values("RECURRENCE-ID")[0].parameters).get("RANGE", "")
        sequence = self.component.text("SEQUENCE")
        revision = int(sequence) if re.fullmatch(r"\d{1,9}", sequence, re.ASCII) else 0
        rank = (revision, self.component.text("DTSTAMP"), self.number)
        return Override(at, range_.upper() == "THISANDFUTURE", rank, span, is_tentative)

    def _span(self) -> Span | None:
        """Return the event's first span; without an end that can be read, only its start."""
        try:
            prop = self._only("DTSTART")
            if prop is None:
                raise BadValue("is missing")
            self.start = start = self._moment(prop, value_of(prop))
        except BadValue as error:
            self._problem(f"its DTSTART {error.reason}")
            return None
        if not self.component.is_complete:
            self._problem(f"it has no END:{EVENT}")
        name = "DTEND" if self.component.values("DTEND") else "DURATION"
        try:
            prop = self._only(name)
            return self._ended(start, prop, name) if prop else Span(start, None, None)
        except BadValue as error:
            self._problem(f"its {name} {error.reason}")
            return Span(start, None, None)

    def _ended(self, start: Moment, prop: Property, name: str) -> Span:
        if name == "DURATION":
            return Span(start, None, parse_length(value_of(prop)))
        end = self._moment(prop, value_of(prop), start)
        if end.is_date is not start.is_date:
            raise BadValue(
                "is a time, and its DTSTART a date" if start.is_date else "is a date, and its DTSTART a time"
            )
        if end.zone == start.zone and end.wall < start.wall:
            raise BadValue("is before its DTSTART")
        return Span(start, end, None)

    def _series(self, span: Span, *, is_tentative: bool, recurs: bool) -> Series:
        if not recurs or not self.component.properties.keys() & {"RRULE", "RDATE", "EXDATE", "EXRULE"}:
            return Series(span, is_tentative)
        start = span.start
        rules = tuple(self._rules("RRULE", start))
        self.until = self._until(rules, start)
        return Series(
            span,
            is_tentative,
            rules,
            tuple(self._rules("EXRULE", start)),
            tuple(self._added(start)),
            tuple(self._excluded(start)),
        )

    def _rules(self, name: str, start: Moment) -> Iterator[Rule]:
        for prop in self.component.values(name):
            try:
                rule = parse_rule(value_of(prop))
                if start.is_date:
                    if rule.frequency > DAILY:
                        raise BadValue("recurs more often than daily, and its DTSTART is a date")
                    # Times of day mean nothing to an event of whole days (RFC 5545 §3.3.10).
                    rule = rule._replace(by_hour=(), by_minute=(), by_second=())
                yield rule
            except BadValue as error:
                until = until_of(prop.value or "")
                self.until = None if until is None or name != "RRULE" else end_of(until, start)
                self._problem(f"its {name} {error.reason}")

    def _until(self, rules: tuple[Rule, ...], start: Moment) -> Moment | None:
        """Return when a series of one rule ends by its UNTIL; None if it may go on."""
        if len(rules) == 1 and len(self.component.values("RRULE")) == 1 and rules[0].until is not None:
            return end_of(rules[0].until, start)
        return None

    def _added(self, start: Moment) -> Iterator[Span]:
        for prop in self.component.values("RDATE"):
            try:
                for text in _listed(prop):
                    begin, slash, end = text.partition("/")
                    moment = self._moment(prop, begin, start)
                    yield self._period(prop, moment, end, start) if slash else Span(moment, None, None)
            except BadValue as error:
                self._problem(f"its RDATE {error.reason}")

    def _period(self, prop: Property, begin: Moment, text: str, start: Moment | None = None) -> Span:
        """Return a PERIOD (RFC 5545 §3.3.9), whose second part is an end or a length."""
        if text[:1] in "+-Pp":
            return Span(begin, None, parse_length(text))
        end = self._moment(prop, text, start)
        if end.is_date is not begin.is_date or (end.zone == begin.zone and end.wall < begin.wall):
            raise BadValue("is a period that ends before it starts")
        return Span(begin, end, None)

    def _excluded(self, start: Moment) -> Iterator[Moment]:
        for prop in self.component.values("EXDATE"):
            try:
                for text in _listed(prop):
                    yield self._moment(prop, text, start)
            except BadValue as error:
                self._problem(f"its EXDATE {error.reason}")

    def _free_busy(self) -> Iterator[Series]:
        """Yield the busy periods of a VFREEBUSY (RFC 5545 §3.2.9, §3.8.2.6)."""
        for prop in self.component.values("FREEBUSY"):
            kind = parse_parameters(prop.parameters).get("FBTYPE", "BUSY").upper()
            if kind == "FREE":
                continue
            try:
                for text in _listed(prop):
                    begin, _, end = text.partition("/")
                    span = self._period(prop, self._moment(prop, begin), end)
                    yield Series(span, is_tentative=kind == "BUSY-TENTATIVE")
            except BadValue as error:
                self._problem(f"its FREEBUSY {error.reason}")

    def _only(self, name: str) -> Property | None:
        """Return the property of that name, or None. Raises BadValue if there are two different ones."""
        values = self.component.values(name)
        if len(values) > 1 and any(one != values[0] for one in values):
            raise BadValue("is there twice, and different")
        return values[0] if values else None

    def _moment(self, prop: Property, text: str, start: Moment | None = None) -> Moment:
        """Return the date or time on its clock. One without a clock of its own beside a DTSTART is on that one's.

        Z wins over a TZID (RFC 5545 §3.2.19), and a date has no clock but its owner's. Raises BadValue.
        """
        wall = parse_wall(text)
        if wall.is_utc:
            return Moment(wall.seconds, UTC_ZONE, False)
        parameters = parse_parameters(prop.parameters) if prop.parameters else {}
        if wall.is_date or (parameters.get("VALUE", "").upper() == "DATE" and wall.seconds % DAY == 0):
            return Moment(wall.seconds, None, True)
        if "TZID" in parameters:
            return Moment(wall.seconds, self.zones.find(parameters["TZID"]), False)
        return Moment(wall.seconds, start.zone if start else None, False)


def _listed(prop: Property) -> list[str]:
    """Return the values of a list; empty ones, as after a last comma, say nothing."""
    return [text for text in map(str.strip, value_of(prop).split(",")) if text]


def end_of(until: Wall, start: Moment) -> Moment:
    """Return the last moment at which an occurrence can start (RFC 5545 §3.3.10).

    A date, or a time without Z, is on DTSTART's clock, and a date stands for its whole day. Beside a date, midnight UTC
    stands for its date.
    """
    if until.is_date or (start.is_date and until.seconds % DAY == 0):
        return Moment(until.seconds // DAY * DAY + DAY - 1, start.zone, False)
    return Moment(until.seconds, UTC_ZONE if until.is_utc else start.zone, False)
