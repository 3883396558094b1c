"""VTIMEZONE components (RFC 5545 §3.6.5) that every calendar client reads the same way.

Widely used clients read only two observances with a yearly RRULE with one BYDAY each, and ignore RDATE. A zone is
written as such a pair where that is exact, and as one observance per change without recurrence where it is not
(Ramadan in Casablanca, "the Sunday after the first Saturday" in Santiago, a zone that abolished summer time).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

from scheduler.domain.time.periods import instant_of, minute_of
from scheduler.domain.time.zones import find_zone, offsets_between

BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001  # DTSTART of an observance is a wall time
"""The first onset of an observance: earlier than any meeting."""

_POSIX_RULE = re.compile(r",M(\d+)\.(\d)\.(\d)(?:/([+-]?\d+)(?::(\d+))?(?::(\d+))?)?")
_POSIX_DAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Onset:
    """The start of an observance: a wall time at the offset before it, the new offset, and the TZNAME."""

    wall: datetime
    offset_before: timedelta
    offset: timedelta
    name: str


@dataclass(frozen=True)
class YearlyRule:
    """A yearly date such as the second Sunday of March (``nth`` -1: the last), at a time of the day."""

    month: int
    nth: int
    weekday: int
    time: timedelta

    def wall(self, year: int) -> datetime:
        """Return the wall time of the rule in that year. ``weekday`` counts from Sunday, 0."""
        if self.nth > 0:
            first = datetime(year, self.month, 1 + 7 * (self.nth - 1))  # noqa: DTZ001  # a wall time
            return first + _DAY * ((self.weekday - first.isoweekday()) % 7) + self.time
        last = datetime(year + self.month // 12, self.month % 12 + 1, 1) - _DAY  # noqa: DTZ001  # a wall time
        return last - _DAY * ((last.isoweekday() - self.weekday) % 7) + self.time

    @property
    def recurrence(self) -> vRecur:
        """The same as an RRULE."""
        return vRecur(FREQ="YEARLY", BYMONTH=self.month, BYDAY=f"{self.nth}{_POSIX_DAYS[self.weekday]}")


@dataclass(frozen=True)
class Observance:
    """An onset, repeated every year if there is a rule."""

    onset: Onset
    rule: YearlyRule | None = None


def vtimezone(zone: str, first: datetime, last: datetime) -> Timezone:
    """Return the VTIMEZONE of an IANA zone, exact for the calendar years (UTC) of ``first`` to ``last``.

    Whole years are covered so that most objects carry the same text. Raises UnknownZone.
    """
    component = Timezone()
    component.add("TZID", zone)
    observances = _observances(zone, first.astimezone(UTC).year, last.astimezone(UTC).year)
    lowest = min(observance.onset.offset for observance in observances)
    for observance in observances:
        component.add_component(_component(observance, daylight=observance.onset.offset > lowest))
    return component


def _component(observance: Observance, *, daylight: bool) -> TimezoneDaylight | TimezoneStandard:
    component = TimezoneDaylight() if daylight else TimezoneStandard()
    onset = observance.onset
    component.add("DTSTART", onset.wall)
    component.add("TZOFFSETFROM", onset.offset_before)
    component.add("TZOFFSETTO", onset.offset)
    component.add("TZNAME", onset.name)
    if observance.rule is not None:
        component.add("RRULE", observance.rule.recurrence)
    return component


@lru_cache(maxsize=1024)
def _observances(zone: str, first_year: int, last_year: int) -> tuple[Observance, ...]:
    """Return a zone's observances over whole years: a yearly pair if that is exact, else every onset."""
    at_first, *changes = _onsets(zone, first_year, last_year)
    years = range(first_year, last_year + 1)
    pair = _yearly_pair(changes, _posix_rules(zone), years)
    return pair or tuple(Observance(onset) for onset in (at_first, *changes))


def _onsets(zone: str, first_year: int, last_year: int) -> Iterator[Onset]:
    """Yield the offset in force when the years begin, then every change within them."""
    start = minute_of(datetime(first_year, 1, 1, tzinfo=UTC))
    end = minute_of(datetime(last_year + 1, 1, 1, tzinfo=UTC))
    clock = offsets_between(zone, start, end)
    before = timedelta(minutes=int(clock.offset[0]))
    wall = BEGINNING
    for minute, offset_minutes in zip(clock.since.tolist(), clock.offset.tolist(), strict=True):
        instant, offset = instant_of(minute), timedelta(minutes=offset_minutes)
        if minute != start:
            wall = instant.replace(tzinfo=None) + before
        name = instant.astimezone(find_zone(zone)).tzname() or zone
        yield Onset(wall, before, offset, name)
        before = offset


def _yearly_pair(
    changes: Sequence[Onset], rules: Sequence[Sequence[YearlyRule]], years: Iterable[int]
) -> tuple[Observance, ...]:
    """Return the changes as two observances with the zone's POSIX rules; an empty tuple if that is not exact."""
    found = []
    for candidates in rules:
        exact = next((rule for rule in candidates if _matches_exactly(rule, changes, years)), None)
        if exact is None:
            return ()
        onset = next(change for change in changes if change.wall.month == exact.month)
        earliest = Onset(exact.wall(BEGINNING.year), onset.offset_before, onset.offset, onset.name)
        found.append(Observance(earliest, exact))
    is_all = len(found) == 2 and {rule.rule.month for rule in found if rule.rule} >= {c.wall.month for c in changes}
    return tuple(found) if is_all else ()


def _matches_exactly(rule: YearlyRule, changes: Iterable[Onset], years: Iterable[int]) -> bool:
    """Return whether the rule gives exactly the changes of its month, one a year and all alike."""
    mine = [change for change in changes if change.wall.month == rule.month]
    kinds = {(change.offset_before, change.offset, change.name) for change in mine}
    return len(kinds) == 1 and [change.wall for change in mine] == [rule.wall(year) for year in years]


@lru_cache(maxsize=1024)
def _posix_rules(zone: str) -> tuple[tuple[YearlyRule, ...], ...]:
    """Return the two rules of the footer of the zone's TZif file (RFC 8536 §3.3), each as candidates, or nothing."""
    content = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    footer = content.rstrip(b"\n").rsplit(b"\n", 1)[-1].decode("ascii", "replace")
    return tuple(_candidate_rules(*match.groups()) for match in _POSIX_RULE.finditer(footer))


def _candidate_rules(
    month: str, week: str, day: str, hours: str | None, minutes: str | None, seconds: str | None
) -> tuple[YearlyRule, ...]:
    """Return candidates for a POSIX rule as a weekday of the month and a time of day, the likeliest first.

    POSIX allows times from -167 to 167 hours. A time on another day means another weekday, but which one of the
    month depends on the year.
    """
    size = timedelta(hours=abs(int(hours or 2)), minutes=int(minutes or 0), seconds=int(seconds or 0))
    days, time = divmod(-size if (hours or "").startswith("-") else size, _DAY)
    likeliest = -1 if week == "5" else int(week)
    others = (1, 2, 3, 4, -1) if days else ()
    weekday = (int(day) + days) % 7
    return tuple(YearlyRule(int(month), nth, weekday, time) for nth in (likeliest, *others))
