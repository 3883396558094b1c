"""Time zones: local time to UTC and back, and the UTC offsets of a zone over a span.

Two libraries use the same tz release. ``zoneinfo`` does the arithmetic with the pinned ``tzdata`` package; the
machine's own tz files are never read, because they lag behind. ``pytz`` lists the zones of a country, and detects
wall times that do not exist or occur twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pytz

from scheduler.domain.time.periods import EPOCH, Minutes, minute_of
from scheduler.domain.time.zone_names import ZONE_NAMES, describe_suggestions
from scheduler.errors import InvalidValue

FIRST_DATE = date(1973, 1, 1)
"""From this date on every zone's offset is a whole number of minutes."""
LAST_DATE = date(2037, 12, 31)
"""Until this date pytz and zoneinfo have the same clock changes."""
LAST_INSTANT = datetime.combine(LAST_DATE, time(), UTC)


class UnknownZone(InvalidValue):
    """No zone of the tz database has the name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"unknown time zone {name[:60]!r}; {describe_suggestions(name)}")


class UnknownCountry(InvalidValue):
    """The tz database has no zones for the ISO 3166 code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"unknown country {code[:60]!r}; use an ISO 3166 code of two letters such as 'DE'")


class NonexistentTime(InvalidValue):
    """A clock change skips the wall time."""

    def __init__(self, local: datetime, zone: str) -> None:
        self.local = local
        self.zone = zone
        super().__init__(
            f"{local:%Y-%m-%d %H:%M} does not exist in {zone}: the clock goes forward over it; choose another time"
        )


class AmbiguousTime(InvalidValue):
    """A clock change repeats the wall time."""

    def __init__(self, local: datetime, zone: str) -> None:
        self.local = local
        self.zone = zone
        super().__init__(
            f"{local:%Y-%m-%d %H:%M} occurs twice in {zone}: the clock goes back over it; give it with its UTC offset"
        )


class OutsideCalendar(InvalidValue):
    """A date for which the two tz libraries may differ."""

    def __init__(self, day: date) -> None:
        self.day = day
        super().__init__(f"{day} is outside the supported dates, {FIRST_DATE} to {LAST_DATE}")


@dataclass(frozen=True)
class LocalTime:
    """A wall time in a zone; ``fold`` is 1 for the second pass of a repeated hour (PEP 495).

    >>> LocalTime(datetime(2027, 7, 1, 9), "Europe/Berlin").instant
    datetime.datetime(2027, 7, 1, 7, 0, tzinfo=datetime.timezone.utc)
    >>> in_a_gap = LocalTime(datetime(2027, 3, 28, 2, 30), "Europe/Berlin")
    >>> in_zone(in_a_gap.instant, "Europe/Berlin").isoformat()
    '2027-03-28T03:30:00+02:00'
    """

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
    def has_local_form(self) -> bool:
        """Whether iCalendar's local form (RFC 5545 §3.3.5) can express the instant; the second pass has none."""
        return self.instant == LocalTime(self.wall, self.zone).instant


@lru_cache(maxsize=1024)  # zoneinfo itself keeps no more than eight, and reads the others from their files again
def find_zone(name: str) -> ZoneInfo:
    """Return the zone with that IANA name. Raises UnknownZone, with names to use instead."""
    if name not in ZONE_NAMES:
        raise UnknownZone(name)
    return ZoneInfo(name)


def zones_of_country(code: str) -> tuple[str, ...]:
    """Return the zones of a country (ISO 3166 alpha-2, any case), the most populous first.

    Raises UnknownCountry.
    """
    try:
        return tuple(pytz.country_timezones[code.upper()])
    except KeyError as error:
        raise UnknownCountry(code) from error


def local_time(instant: datetime, zone: str) -> LocalTime:
    """Return the wall time of a zone at an instant."""
    local = instant.astimezone(find_zone(zone))
    return LocalTime(local.replace(tzinfo=None, fold=0), zone, local.fold)


def in_zone(instant: datetime, zone: str) -> datetime:
    """Return the instant as an aware datetime in the zone, for display with its offset."""
    return instant.astimezone(find_zone(zone))


def resolve_typed_time(wall: datetime, zone: str) -> datetime:
    """Return the UTC instant of a wall time that a person typed.

    Raises NonexistentTime if a clock change skips it, AmbiguousTime if one repeats it, UnknownZone, OutsideCalendar.
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
    """Return the date. Raises OutsideCalendar unless it is from FIRST_DATE to LAST_DATE."""
    if not FIRST_DATE <= day <= LAST_DATE:
        raise OutsideCalendar(day)
    return day


@dataclass(frozen=True)
class Offsets:
    """A clock's UTC offsets over a span, as half-open periods of constant offset, in order and without gaps.

    In the UTC minutes [since[i], until[i]) the clock is ``offset[i]`` minutes ahead of UTC.
    """

    since: Minutes
    until: Minutes
    offset: Minutes

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return zip(self.since.tolist(), self.until.tolist(), self.offset.tolist(), strict=True)

    def between(self, start: int, end: int) -> Offsets:
        """Return the offsets in [start, end) (UTC minutes)."""
        first = self.until.searchsorted(start, "right")
        last = self.since.searchsorted(end, "left")
        return Offsets(
            np.maximum(self.since[first:last], start),
            np.minimum(self.until[first:last], end),
            self.offset[first:last],
        )

    def at(self, minutes: Minutes) -> Minutes:
        """Return the offset at each UTC minute."""
        return self.offset[self.since.searchsorted(minutes, "right") - 1]

    @cached_property
    def turns(self) -> Minutes:
        """The wall minutes from which each offset but the first holds.

        An offset holds until the wall clock has passed its last minute and reached the first one of the next offset.
        """
        turns: Minutes = np.maximum(self.until[:-1] + self.offset[:-1], self.since[1:] + self.offset[1:])
        return turns

    def resolve(self, walls: Minutes) -> Minutes:
        """Return the UTC minutes of wall minutes, by the rule of `resolve_wall_times`.

        Before and after the span its first and its last offset hold.
        """
        resolved: Minutes = walls - self.offset[np.searchsorted(self.turns, walls, "right")]
        return resolved


@lru_cache(maxsize=1024)
def offsets_between(zone: str, start: int, end: int) -> Offsets:
    """Return a zone's UTC offsets in [start, end) (UTC minutes)."""
    first = (EPOCH + timedelta(minutes=start - _MARGIN)).year
    last = (EPOCH + timedelta(minutes=end + _MARGIN)).year
    return _offsets_of_years(zone, first, last).between(start, end)


def resolve_wall_times(walls: Minutes, zone: str) -> Minutes:
    """Return the UTC minutes of wall minutes (minutes since 1970-01-01 00:00 on the zone's clock).

    A time in a gap takes the offset before it; a repeated one is its first (RFC 5545 §3.3.5).
    """
    if not walls.size:
        return walls
    table = offsets_between(zone, int(walls.min()) - _MARGIN, int(walls.max()) + _MARGIN)
    return table.resolve(walls)


_MARGIN = 2 * 1440
"""More minutes than any zone's clock is away from UTC."""


@lru_cache(maxsize=4096)
def _offsets_of_years(zone: str, first: int, last: int) -> Offsets:
    """The offsets of whole years, combined from each year's changes."""
    begin = minute_of(datetime(first, 1, 1, tzinfo=UTC))
    end = minute_of(datetime(last + 1, 1, 1, tzinfo=UTC))
    changes = [change for year in range(first, last + 1) for change in _changes_of_year(zone, year)]
    since = np.array([begin, *(minute for minute, _ in changes)], dtype=np.int64)
    until = np.append(since[1:], end)
    offset = np.array([_offset_at(find_zone(zone), begin), *(offset for _, offset in changes)], dtype=np.int64)
    return Offsets(since, until, offset)


_BETWEEN_READINGS = 6 * 1440


@lru_cache(maxsize=65536)
def _changes_of_year(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """(UTC minute, new offset) of each change of offset in a year.

    ``zoneinfo`` does not publish its table, so the offset is read every six days, and a change between two readings
    is bisected. No zone has two changes within six days after 1973: the shortest summer time was a week, in Brazil.
    """
    info = find_zone(zone)
    begin = minute_of(datetime(year, 1, 1, tzinfo=UTC))
    end = minute_of(datetime(year + 1, 1, 1, tzinfo=UTC))
    changes = []
    offset = _offset_at(info, begin - 1)
    for first_minute in range(begin, end, _BETWEEN_READINGS):
        last_minute = min(first_minute + _BETWEEN_READINGS, end) - 1
        after = _offset_at(info, last_minute)
        if after != offset:
            changes.append((_bisect_change(info, first_minute - 1, last_minute), after))
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
