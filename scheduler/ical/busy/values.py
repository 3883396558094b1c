"""Property values as numbers: dates and times on their clocks, durations, and parameters (RFC 5545 §3.2, §3.3)."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from scheduler.errors import SchedulerError
from scheduler.ical.busy.lines import Property

DAY = 86_400
"""Seconds of a day on the wall clock."""
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII | re.IGNORECASE)
_N = r"(\d{1,7})"
_DURATION = re.compile(rf"([+-]?)P(?:{_N}W)?(?:{_N}D)?(?:T(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?", re.ASCII | re.IGNORECASE)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(?:\d\d)?", re.ASCII)
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]+)\s*=\s*("[^"]*"|[^;]*)')


class BadValue(SchedulerError):
    """A property that can't be read; the message says why, as part of a sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Wall(NamedTuple):
    """A date or a time as written, before anything is said about its clock.

    ``seconds`` are counted from 1970-01-01 00:00 on the wall clock; ``is_utc`` is True for the form with Z, which wins
    over a TZID beside it (RFC 5545 §3.2.19).
    """

    seconds: int
    is_date: bool
    is_utc: bool


class Length(NamedTuple):
    """A DURATION: whole days on the wall clock, and seconds of exact time (RFC 5545 §3.3.6)."""

    days: int
    seconds: int


@lru_cache(maxsize=65536)
def parse_wall(text: str) -> Wall:
    """Return the DATE or DATE-TIME. Second 60 is read as 59 (RFC 5545 §3.3.12). Raises BadValue."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise BadValue("is neither a date nor a time")
    year, month, day, hour, minute, second, zulu = match.groups()
    try:
        midnight = (date(int(year), int(month), int(day)).toordinal() - EPOCH_ORDINAL) * DAY
    except ValueError as error:
        raise BadValue("is a date that does not exist") from error
    if hour is None:
        return Wall(midnight, True, False)
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise BadValue("is a time that does not exist")
    return Wall(midnight + int(hour) * 3600 + int(minute) * 60 + min(int(second), 59), False, bool(zulu))


@lru_cache(maxsize=1024)
def parse_length(text: str) -> Length:
    """Return the DURATION; nothing is negative. Raises BadValue."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise BadValue("is no duration")
    weeks, days, hours, minutes, seconds = (int(group or 0) for group in match.groups()[1:])
    length = Length(weeks * 7 + days, hours * 3600 + minutes * 60 + seconds)
    if match[1] == "-" and any(length):
        raise BadValue("is negative")
    return length


@lru_cache(maxsize=1024)
def parse_offset(text: str) -> int:
    """Return a UTC-OFFSET in minutes, its seconds dropped (RFC 5545 §3.3.14). Raises BadValue."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise BadValue("is no offset from UTC")
    minutes = int(match[2]) * 60 + int(match[3])
    if minutes >= 24 * 60:
        raise BadValue("is no offset from UTC")
    return -minutes if match[1] == "-" else minutes


@lru_cache(maxsize=4096)
def parse_parameters(text: str) -> dict[str, str]:
    """Return the parameters by their names in upper case, unquoted; commas and colons need no quotes."""
    return {name.upper(): value.strip().strip('"') for name, value in _PARAMETER.findall(text)}


def value_of(prop: Property) -> str:
    """Return the value of a property. Raises BadValue if its line is broken."""
    if prop.value is None:
        raise BadValue("is a broken line")
    return prop.value
