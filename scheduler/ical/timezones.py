"""VTIMEZONE components (RFC 5545 §3.6.5) that every calendar client reads the same way.

Widely used clients read only two observances with a yearly RRULE with one BYDAY each, and ignore RDATE. A zone is
written as such a pair where that is exact, and as one observance per change without recurrence where it is not
(Ramadan in Casablanca, "the Sunday after the first Saturday" in Santiago, a zone that abolished summer time).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files

from dateutil.relativedelta import FR, MO, SA, SU, TH, TU, WE, relativedelta
from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

from scheduler.domain.time.periods import instant_of, minute_of
from scheduler.domain.time.zones import find_zone, offsets_between

BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001  # DTSTART of an observance is a wall time
"""The first onset of an observance: earlier than any meeting."""

_POSIX_RULE = re.compile(r",M(\d+)\.(\d)\.(\d)(?:/([+-]?\d+)(?::(\d+))?(?::(\d+))?)?")
_WEEKDAYS = (SU, MO, TU, WE, TH, FR, SA)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class YearlyRule:
    """A yearly date such as the second Sunday of March (``nth`` -1: the last), at a time of the day."""

    month: int
    nth: int
    weekday: int
    time: timedelta

    def wall(self, year: int) -> datetime:
        """Return the wall time of the rule in that year. ``weekday`` counts from Sunday, 0."""
        weekday = _WEEKDAYS[self.weekday](self.nth)
        first_day = datetime(year, self.month, 1)  # noqa: DTZ001  # a wall time
        return first_day + relativedelta(day=1 if self.nth > 0 else 31, weekday=weekday) + self.time

    @property
    def recurrence(self) -> vRecur:
        """The same as an RRULE."""
        return vRecur(FREQ="YEARLY", BYMONTH=self.month, BYDAY=f"{self.nth}{_WEEKDAYS[self.weekday]}")


@dataclass(frozen=True)
class Observance:
    """A wall time at the offset before it, the new offset and the TZNAME; repeated every year if there is a rule."""

    wall: datetime
    offset_before: timedelta
    offset: timedelta
    name: str
    rule: YearlyRule | None = None


def vtimezone(zone: str, first: datetime, last: datetime) -> Timezone:
    """Return the VTIMEZONE of an IANA zone, exact for the calendar years (UTC) of ``first`` to ``last``.

    Whole years are covered so that most objects carry the same text. Raises UnknownZone.
    """
    component = Timezone()
    component.add("TZID", zone)
    observances = _observances(zone, first.astimezone(UTC).year, last.astimezone(UTC).year)
    lowest = min(observance.offset for observance in observances)
    for observance in observances:
        component.add_component(_component(observance, daylight=observance.offset > lowest))
    return component


def _component(observance: Observance, *, daylight: bool) -> TimezoneDaylight | TimezoneStandard:
    component = TimezoneDaylight() if daylight else TimezoneStandard()
    component.add("DTSTART", observance.wall)
    component.add("TZOFFSETFROM", observance.offset_before)
    component.add("TZOFFSETTO", observance.offset)
    component.add("TZNAME", observance.name)
    if observance.rule is not None:
        component.add("RRULE", observance.rule.recurrence)
    return component


@lru_cache(maxsize=1024)
def _observances(zone: str, first_year: int, last_year: int) -> tuple[Observance, ...]:
    """Return a zone's observances over whole years: a yearly pair if that is exact, else every onset."""
    at_first, *changes = _onsets(zone, first_year, last_year)
    years = range(first_year, last_year + 1)
    return _yearly_pair(changes, _posix_rules(zone), years) or (at_first, *changes)


def _onsets(zone: str, first_year: int, last_year: int) -> Iterator[Observance]:
    """Yield the offset in force when the years begin, then every change within them."""
    start = minute_of(datetime(first_year, 1, 1, tzinfo=UTC))
    end = minute_of(datetime(last_year + 1, 1, 1, tzinfo=UTC))
    before = None
    for minute, _, offset_minutes in offsets_between(zone, start, end):
        instant, offset = instant_of(minute), timedelta(minutes=offset_minutes)
        wall = BEGINNING if before is None else instant.replace(tzinfo=None) + before
        name = instant.astimezone(find_zone(zone)).tzname() or zone
        yield Observance(wall, offset if before is None else before, offset, name)
        before = offset


def _yearly_pair(
    changes: Sequence[Observance], rules: Iterable[Sequence[YearlyRule]], years: Iterable[int]
) -> tuple[Observance, ...]:
    """Return the changes as two observances with the zone's POSIX rules; an empty tuple if that is not exact."""
    found = []
    for candidates in rules:
        of_month = [change for change in changes if change.wall.month == candidates[0].month]
        exact = next((rule for rule in candidates if _matches_exactly(rule, of_month, years)), None)
        if exact is None:
            return ()
        found.append(replace(of_month[0], wall=exact.wall(BEGINNING.year), rule=exact))
    is_all = len(found) == 2 and {one.wall.month for one in found} >= {change.wall.month for change in changes}
    return tuple(found) if is_all else ()


def _matches_exactly(rule: YearlyRule, changes: Iterable[Observance], years: Iterable[int]) -> bool:
    """Return whether the rule gives exactly these changes, one a year and all alike."""
    kinds = {(change.offset_before, change.offset, change.name) for change in changes}
    return len(kinds) == 1 and [change.wall for change in changes] == [rule.wall(year) for year in years]


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
