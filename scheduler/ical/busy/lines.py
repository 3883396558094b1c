"""iCalendar text as the components and properties that say when somebody is busy; everything else is skipped.

Dirt that says nothing about busy time is no reason to refuse a calendar, so nothing here looks at other properties, at
alarms, to-dos, journals, or at components that no standard knows.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from scheduler.ical.parse import UnreadableCalendar

EVENT, FREE_BUSY, TIME_ZONE = "VEVENT", "VFREEBUSY", "VTIMEZONE"
OBSERVANCES = ("STANDARD", "DAYLIGHT")
MOST_NESTED = 50
"""Components inside each other; calendars have three or four."""

_WANTED = {
    EVENT: frozenset(
        {"UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "STATUS"}
        | {"TRANSP", "SEQUENCE", "DTSTAMP", "ATTENDEE", "X-MICROSOFT-CDO-BUSYSTATUS"}
    ),
    FREE_BUSY: frozenset(("UID", "FREEBUSY")),
    TIME_ZONE: frozenset(("TZID",)),
    **dict.fromkeys(OBSERVANCES, frozenset(("DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"))),
}
_HEADS = {name[:4] for names in _WANTED.values() for name in names if len(name) > 3}
_HEADS |= {"BEGI", "CALS", *(name + end for name in ("END", "UID") for end in ("", ":", ";", " "))}
"""The first four characters of all properties that are looked at, by which most lines are passed over."""
_FOLD = re.compile("\r?\n[ \t]|\r[ \t]")
_BREAK = re.compile("\r\n|\n|\r")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_PARAMETERS = re.compile(r'(?:"[^"]*"|[^":])*(?=:)')
_DIRT = "".join(map(chr, range(33))) + "\x7f\xa0\ufeff"
"""Controls and spaces, which may stand around a value."""


class Property(NamedTuple):
    """One property: its parameters as written (from the semicolon on), and its value, which is None if it is broken."""

    parameters: str
    value: str | None


@dataclass
class Component:
    """An event, a free-busy component, a VTIMEZONE or one of its observances, by the properties of interest."""

    name: str
    properties: dict[str, list[Property]] = field(default_factory=dict)
    observances: list[Component] = field(default_factory=list)
    is_complete: bool = True
    """False if it has no END."""

    def values(self, name: str) -> list[Property]:
        """Return the properties of that name, in the order written."""
        return self.properties.get(name, [])

    def text(self, name: str) -> str:
        """Return the value of the first property of that name in upper case; empty if there is none."""
        found = self.properties.get(name)
        return (found[0].value or "").upper() if found else ""


def read_calendars(data: bytes) -> list[list[Component]]:
    """Return the components of each VCALENDAR in the data.

    Raises UnreadableCalendar if there is none, if one is cut off, nested too deeply or not Gregorian: then anything
    may be missing.
    """
    text = _decode(data)
    if "\n " in text or "\n\t" in text or "\r " in text or "\r\t" in text:
        text = _FOLD.sub("", text)
    reader = _LineReader()
    reader.read(_BREAK.split(text) if "\r" in text else text.split("\n"))
    if reader.open:
        raise UnreadableCalendar("it has no complete VCALENDAR: its end is missing")
    if not reader.calendars:
        raise UnreadableCalendar("it is not iCalendar: it has no complete VCALENDAR")
    return reader.calendars


def _decode(data: bytes) -> str:
    """Return the text: UTF-8, or UTF-16 if a byte order mark says so. What can't be decoded is replaced."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return data.decode(encoding, "replace").replace("\x00", "")


class _LineReader:
    """Collects components from unfolded content lines (RFC 5545 §3.1)."""

    def __init__(self) -> None:
        self.calendars: list[list[Component]] = []
        self.open: list[tuple[str, Component | None]] = []
        """What has begun and not ended, each with its component if that is of interest."""

    def read(self, lines: Iterable[str]) -> None:
        """Read all lines."""
        heads, wanted = _HEADS, _WANTED
        for line in lines:
            if line[:4].upper() not in heads:
                continue
            name, value = _split_name(line)
            if name == "BEGIN":
                self._begin(value)
            elif name == "END":
                self._end(value)
            elif self.open:
                component = self.open[-1][1]
                if component is not None:
                    if name in wanted[component.name]:
                        component.properties.setdefault(name, []).append(_property(line[len(name) :], name))
                elif name == "CALSCALE" and self.open[-1][0] == "VCALENDAR" and value not in {"GREGORIAN", ""}:
                    raise UnreadableCalendar("it is not a VCALENDAR of the Gregorian calendar")

    def _begin(self, name: str) -> None:
        if len(self.open) >= MOST_NESTED:
            raise UnreadableCalendar("it is nested too deeply")
        if name == "VCALENDAR":
            if any(begun == name for begun, _ in self.open):
                raise UnreadableCalendar("it has no complete VCALENDAR: one begins inside another")
            self.calendars.append([])
        component = None
        if self.open and self.calendars and name in _WANTED:
            outer = next((found for _, found in reversed(self.open) if found is not None), None)
            component = Component(name)
            if name in OBSERVANCES:
                if outer is not None and outer.name == TIME_ZONE:
                    outer.observances.append(component)
            else:
                self.calendars[-1].append(component)
                if outer is not None:
                    outer.is_complete = False
        self.open.append((name, component))

    def _end(self, name: str) -> None:
        """Close a component, and with it everything inside that has no end; an end of nothing is ignored."""
        if not any(begun == name for begun, _ in self.open):
            return
        while True:
            begun, component = self.open.pop()
            if begun == name:
                return
            if component is not None:
                component.is_complete = False


def _split_name(line: str) -> tuple[str, str]:
    """Return a line's name, and what follows the first colon, both in upper case and without spaces around."""
    match = _NAME.match(line)
    name = match[0].upper() if match else ""
    return name, line.partition(":")[2].strip(_DIRT).upper() if name in {"BEGIN", "END", "CALSCALE"} else ""


def _property(rest: str, name: str) -> Property:
    """Return the property whose parameters and value follow its name.

    A time has no colon, so that its value follows the last one, whatever its TZID holds. Elsewhere it follows the first
    one outside of quotes.
    """
    if rest[:1] == ":":
        return Property("", rest[1:].strip(_DIRT))
    if name == "ATTENDEE":
        match = _PARAMETERS.match(rest)
        return Property(match[0], rest[match.end() + 1 :].strip(_DIRT)) if match else Property("", None)
    parameters, colon, value = rest.rpartition(":")
    parameters = parameters.strip()
    if not colon and "=" in rest:  # ``DTEND;VALUE=20261208``
        return Property("", rest.rpartition("=")[2].strip(_DIRT))
    if not colon or parameters[:1] not in {"", ";"} or parameters.count('"') % 2:
        return Property("", None)
    return Property(parameters, value.strip(_DIRT))
