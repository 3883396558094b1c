"""The one place for time zones: local time to UTC and back, and what each zone's clock does when.

Two libraries, one tz release. ``zoneinfo`` with the pinned ``tzdata`` wheel does the arithmetic
(the machine's own tz files are never read: they lag). ``pytz`` knows which zones a country has
and refuses wall times that a person typed and that do not exist or occur twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pytz

from scheduler.domain.time.periods import EPOCH, Minutes, minute_of
from scheduler.domain.time.zone_names import ZONE_NAMES, describe_suggestions
from scheduler.errors import InvalidValue

FIRST_DATE = date(1973, 1, 1)
"""From here on every zone's offset is a whole number of minutes."""
LAST_DATE = date(2037, 12, 31)
"""Up to here pytz and zoneinfo know the same summer times."""
LAST_INSTANT = datetime.combine(LAST_DATE, time(), UTC)


class UnknownZone(InvalidValue):
    """No zone of the tz database has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"unknown time zone {name[:60]!r}; {describe_suggestions(name)}")


class UnknownCountry(InvalidValue):
    """No zones are known for this ISO 3166 code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"unknown country {code[:60]!r}; use an ISO 3166 code of two letters such as 'DE'")


class NonexistentTime(InvalidValue):
    """A wall time that a clock change skips."""

    def __init__(self, local: datetime, zone: str) -> None:
        self.local = local
        self.zone = zone
        super().__init__(
            f"{local:%Y-%m-%d %H:%M} does not exist in {zone}: the clock goes forward over it; choose another time"
        )


class AmbiguousTime(InvalidValue):
    """A wall time that a clock change repeats."""

    def __init__(self, local: datetime, zone: str) -> None:
        self.local = local
        self.zone = zone
        super().__init__(
            f"{local:%Y-%m-%d %H:%M} occurs twice in {zone}: the clock goes back over it; give it with its UTC offset"
        )


class OutsideCalendar(InvalidValue):
    """A date that the tz libraries do not both answer for."""

    def __init__(self, day: date) -> None:
        self.day = day
        super().__init__(f"{day} is outside the supported dates, {FIRST_DATE} to {LAST_DATE}")


@dataclass(frozen=True)
class LocalTime:
    """A wall time in a zone: ``fold`` is 1 for the second pass of a repeated hour (PEP 495)."""

    wall: datetime
    zone: str
    fold: int = 0

    def __post_init__(self) -> None:
        if self.wall.tzinfo is not None:
            raise TypeError("a wall time carries no offset")

    @property
    def instant(self) -> datetime:
        """The UTC instant; a time in a gap takes the offset before it (RFC 5545 §3.3.5)."""
        return self.wall.replace(tzinfo=find_zone(self.zone), fold=self.fold).astimezone(UTC)

    @property
    def is_sayable(self) -> bool:
        """Whether iCalendar's local form means this instant: it can't say the second pass."""
        return self.instant == LocalTime(self.wall, self.zone).instant


@lru_cache(maxsize=1024)  # zoneinfo itself keeps no more than eight, and reads the others from their files again
def find_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises UnknownZone, with the nearest valid name."""
    if name not in ZONE_NAMES:
        raise UnknownZone(name)
    return ZoneInfo(name)


def zones_of_country(code: str) -> tuple[str, ...]:
    """The zones in use in a country (ISO 3166 alpha-2, any case), the most populous first.

    Raises UnknownCountry.
    """
    try:
        return tuple(pytz.country_timezones[code.upper()])
    except KeyError as error:
        raise UnknownCountry(code) from error


def local_time(instant: datetime, zone: str) -> LocalTime:
    """What the wall clock of that zone reads at that instant."""
    local = instant.astimezone(find_zone(zone))
    return LocalTime(local.replace(tzinfo=None, fold=0), zone, local.fold)


def in_zone(instant: datetime, zone: str) -> datetime:
    """The same instant as an aware datetime of that zone, for display with its offset."""
    return instant.astimezone(find_zone(zone))


def typed_time(wall: datetime, zone: str) -> datetime:
    """The UTC instant of a wall time that a person typed.

    Raises NonexistentTime or AmbiguousTime where a clock change makes it mean nothing or two things.
    """
    find_zone(zone)
    check_date(wall.date())
    try:
        return pytz.timezone(zone).localize(wall, is_dst=None).astimezone(UTC)
    except pytz.NonExistentTimeError as error:
        raise NonexistentTime(wall, zone) from error
    except pytz.AmbiguousTimeError as error:
        raise AmbiguousTime(wall, zone) from error


def check_date(day: date) -> date:
    """The date, if it is within FIRST_DATE to LAST_DATE. Raises OutsideCalendar."""
    if not FIRST_DATE <= day <= LAST_DATE:
        raise OutsideCalendar(day)
    return day


@dataclass(frozen=True)
class Offsets:
    """A zone's UTC offsets over a span: stretches of constant offset, in order, without gaps.

    ``since[i]`` is the UTC minute at which stretch i begins (the first is the span's beginning),
    ``until[i]`` the one at which it ends, ``offset[i]`` what the clock adds to UTC, in minutes.
    """

    since: Minutes
    until: Minutes
    offset: Minutes

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return zip(self.since.tolist(), self.until.tolist(), self.offset.tolist(), strict=True)

    def between(self, start: int, end: int) -> Offsets:
        """The stretches that touch [start, end), clipped to it (UTC minutes)."""
        first = self.until.searchsorted(start, "right")
        last = self.since.searchsorted(end, "left")
        return Offsets(
            np.maximum(self.since[first:last], start),
            np.minimum(self.until[first:last], end),
            self.offset[first:last],
        )

    def at(self, minutes: Minutes) -> Minutes:
        """The offset in force at each UTC minute."""
        return self.offset[self.since.searchsorted(minutes, "right") - 1]


@lru_cache(maxsize=1024)
def offsets_between(zone: str, start: int, end: int) -> Offsets:
    """The stretches of constant offset that a zone's clock has in [start, end) (UTC minutes)."""
    first = (EPOCH + timedelta(minutes=start - _MARGIN)).year
    last = (EPOCH + timedelta(minutes=end + _MARGIN)).year
    return _offsets_of_years(zone, first, last).between(start, end)


def resolve_walls(walls: Minutes, zone: str) -> Minutes:
    """UTC minutes of wall times given as minutes since 1970-01-01 00:00 on that zone's clock.

    A time in a gap takes the offset before it; a repeated one is its first (RFC 5545 §3.3.5).
    """
    if not walls.size:
        return walls
    table = offsets_between(zone, int(walls.min()) - _MARGIN, int(walls.max()) + _MARGIN)
    # A stretch lasts until the wall clock has both run out of it and reached the next.
    runs_out = table.until[:-1] + table.offset[:-1]
    reached = table.since[1:] + table.offset[1:]
    return walls - table.offset[np.searchsorted(np.maximum(runs_out, reached), walls, "right")]


_MARGIN = 2 * 1440
"""More minutes than any zone's clock is away from UTC."""


@lru_cache(maxsize=4096)
def _offsets_of_years(zone: str, first: int, last: int) -> Offsets:
    """The stretches of whole years, put together from each year's changes."""
    begin = minute_of(datetime(first, 1, 1, tzinfo=UTC))
    end = minute_of(datetime(last + 1, 1, 1, tzinfo=UTC))
    changes = [change for year in range(first, last + 1) for change in _changes_of_year(zone, year)]
    since = np.array([begin, *(minute for minute, _ in changes)], dtype=np.int64)
    until = np.append(since[1:], end)
    offset = np.array([_offset_at(find_zone(zone), begin), *(offset for _, offset in changes)], dtype=np.int64)
    return Offsets(since, until, offset)


@lru_cache(maxsize=65536)
def _changes_of_year(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """(UTC minute, offset from then on) of each change of offset in a year.

    ``zoneinfo`` does not show its table, so each day is asked and the day of a change is bisected;
    no zone has two changes within a day after 1973.
    """
    info = find_zone(zone)
    begin = minute_of(datetime(year, 1, 1, tzinfo=UTC))
    end = minute_of(datetime(year + 1, 1, 1, tzinfo=UTC))
    changes = []
    offset = _offset_at(info, begin - 1)
    for day in range(begin, end, 1440):
        last_minute = min(day + 1440, end) - 1
        after = _offset_at(info, last_minute)
        if after != offset:
            changes.append((_bisect_change(info, day - 1, last_minute), after))
            offset = after
    return tuple(changes)


def _bisect_change(info: ZoneInfo, before: int, after: int) -> int:
    old = _offset_at(info, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(info, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset_at(info: ZoneInfo, minute: int) -> int:
    offset = (EPOCH + timedelta(minutes=minute)).astimezone(info).utcoffset()
    assert offset is not None  # every IANA zone has an offset
    return int(offset.total_seconds()) // 60
