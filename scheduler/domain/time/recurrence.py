"""Recurrence rules (RFC 5545 §3.3.10): the two kinds that a meeting series may have, and those of a blackout."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import count
from typing import ClassVar

from dateutil.rrule import MONTHLY, rrule, rrulebase, rrulestr, weekday

from scheduler.domain.time.zones import LAST_DATE, LocalTime, local_time
from scheduler.errors import InvalidValue

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""RFC 5545's weekdays in the order of ``date.weekday()``."""
DAY_NAMES = dict(
    zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
MIN_MONTH_DAYS = 28
"""The least number of days from the n-th weekday of one month to that of the next."""
_UNTIL = r"\d{8}T\d{6}Z"
_NO_END = datetime.combine(date.max, time())


def _listed(value: str) -> re.Pattern[str]:
    """A pattern for one or more values, separated by commas."""
    return re.compile(rf"({value})(,({value}))*")


class UnsupportedRule(InvalidValue):
    """The RRULE is outside the part of RFC 5545 that is supported here."""

    def __init__(self, rule: str, remedy: str) -> None:
        self.rule = rule
        super().__init__(f"the rule {rule[:200]!r} is not supported here; {remedy}")


class _DatedRule(ABC):
    """What the rules of cadences and of meeting series have in common."""

    until: datetime
    """The UTC start of the last occurrence."""

    @abstractmethod
    def dates(self, first: date) -> Iterator[date]:
        """Yield the dates of the occurrences from ``first`` on, without end."""

    def starts(self, dtstart: datetime, zone: str) -> Iterator[LocalTime]:
        """Yield the local starts of the occurrences, from ``dtstart`` (naive, in ``zone``) through UNTIL."""
        for day in self.dates(dtstart.date()):
            local = LocalTime(datetime.combine(day, dtstart.time()), zone)
            if local.instant > self.until:
                return
            yield local


@dataclass(frozen=True)
class WeeklyRule(_DatedRule):
    """On each of the weekdays, every ``interval`` weeks; weeks begin on Monday.

    >>> rule = parse_rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20261103T133000Z")
    >>> for start in rule.starts(datetime(2026, 10, 20, 14, 30), "Europe/Berlin"):
    ...     print(start.wall, start.instant)
    2026-10-20 14:30:00 2026-10-20 12:30:00+00:00
    2026-11-03 14:30:00 2026-11-03 13:30:00+00:00
    """

    interval: int
    weekdays: tuple[str, ...]
    until: datetime

    _FORM = re.compile(rf"FREQ=WEEKLY(?:;INTERVAL=([1-8]))?;BYDAY=([A-Z,]+);UNTIL=({_UNTIL})")

    @classmethod
    def parse(cls, text: str) -> WeeklyRule | None:
        """Return the rule; None if the text is no weekly rule, or its weekdays are repeated or out of order."""
        match = cls._FORM.fullmatch(text)
        days = tuple(match[2].split(",")) if match else ()
        if not match or days != tuple(day for day in WEEKDAYS if day in days):
            return None
        return cls(int(match[1] or 1), days, _instant(match[3]))

    def __str__(self) -> str:
        days = ",".join(self.weekdays)
        return f"FREQ=WEEKLY;INTERVAL={self.interval};BYDAY={days};UNTIL={self.until:%Y%m%dT%H%M%SZ}"

    @property
    def min_round_days(self) -> int:
        """The least number of days after which the pattern repeats."""
        return 7 * self.interval

    @property
    def per_week(self) -> int:
        """The number of occurrences in a whole week, of the weeks that have any."""
        return len(self.weekdays)

    def dates(self, first: date) -> Iterator[date]:
        """Yield the dates of the occurrences from ``first`` on, without end."""
        # A cadence search expands rules for thousands of dates; dateutil takes five times as long.
        monday = first - timedelta(days=first.weekday())
        weeks = (monday + timedelta(weeks=week) for week in count(step=self.interval))
        days = (week + timedelta(days=WEEKDAYS.index(day)) for week in weeks for day in self.weekdays)
        return (day for day in days if day >= first)


@dataclass(frozen=True)
class MonthlyRule(_DatedRule):
    """The ``ordinal``-th weekday of every month; -1 is the last.

    >>> rule = parse_rule("FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20270129T090000Z")
    >>> [start.wall.date().isoformat() for start in rule.starts(datetime(2026, 11, 27, 10), "Europe/Berlin")]
    ['2026-11-27', '2026-12-25', '2027-01-29']
    """

    ordinal: int
    weekday: str
    until: datetime

    min_round_days: ClassVar = MIN_MONTH_DAYS
    per_week: ClassVar = 1
    _FORM = re.compile(rf"FREQ=MONTHLY(?:;INTERVAL=1)?;BYDAY=([1-4]|-1)({'|'.join(WEEKDAYS)});UNTIL=({_UNTIL})")

    @classmethod
    def parse(cls, text: str) -> MonthlyRule | None:
        """Return the rule; None if the text is no monthly rule."""
        match = cls._FORM.fullmatch(text)
        return cls(int(match[1]), match[2], _instant(match[3])) if match else None

    def __str__(self) -> str:
        return f"FREQ=MONTHLY;BYDAY={self.ordinal}{self.weekday};UNTIL={self.until:%Y%m%dT%H%M%SZ}"

    def dates(self, first: date) -> Iterator[date]:
        """Yield the dates of the occurrences from ``first`` on, without end."""
        nth_weekday = weekday(WEEKDAYS.index(self.weekday), self.ordinal)
        found = rrule(MONTHLY, datetime.combine(first, time()), byweekday=nth_weekday)
        return (start.date() for start in found)


SeriesRule = WeeklyRule | MonthlyRule
"""A rule of a cadence or of a meeting series."""


def parse_rule(text: str) -> SeriesRule:
    """Return the rule of a cadence answer. Raises UnsupportedRule for any other text."""
    remedy = "give the rrule of a cadence answer, such as 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406T123000Z'"
    try:
        rule = WeeklyRule.parse(text) or MonthlyRule.parse(text)
    except ValueError as error:
        raise UnsupportedRule(text, remedy) from error
    if rule is None:
        raise UnsupportedRule(text, remedy)
    return rule


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@dataclass(frozen=True)
class BlackoutRule:
    """A yearly or weekly RRULE on wall times, such as exams every June or a choir every Tuesday.

    Raises UnsupportedRule for any other frequency, for values that RFC 5545 does not allow, for rules without any
    occurrence, and for texts that are no RRULE.

    >>> choir = BlackoutRule("FREQ=WEEKLY;BYDAY=TU")
    >>> first, after, before = datetime(2026, 9, 1, 19), datetime(2026, 10, 1), datetime(2026, 10, 14)
    >>> [start.isoformat() for start in choir.starts(first, after, before, "Europe/Berlin")]
    ['2026-10-06T19:00:00', '2026-10-13T19:00:00']
    """

    text: str

    _VALUES: ClassVar = {
        "FREQ": re.compile(r"YEARLY|WEEKLY"),
        "INTERVAL": re.compile(r"[1-9]|1\d|20"),
        "COUNT": re.compile(r"[1-9]\d{0,2}"),
        "UNTIL": re.compile(r"\d{8}(T\d{6}Z?)?"),
        "BYDAY": _listed(rf"([+-]?([1-9]|[1-4]\d|5[0-3]))?({'|'.join(WEEKDAYS)})"),
        "BYMONTH": _listed(r"[1-9]|1[0-2]"),
        "BYMONTHDAY": _listed(r"[+-]?([1-9]|[12]\d|3[01])"),
        "WKST": re.compile("|".join(WEEKDAYS)),
    }

    def __post_init__(self) -> None:
        parts = self._parts
        is_readable = (
            len(self.text) <= 200
            and len(parts) == self.text.count(";") + 1
            and "FREQ" in parts
            and all(name in self._VALUES and self._VALUES[name].fullmatch(value) for name, value in parts.items())
            and not {"COUNT", "UNTIL"} <= parts.keys()
            and not (parts["FREQ"] == "WEEKLY" and ("BYMONTHDAY" in parts or re.search(r"\d", parts.get("BYDAY", ""))))
        )
        remedy = "use FREQ=YEARLY or FREQ=WEEKLY with INTERVAL, BYDAY, BYMONTH, BYMONTHDAY, UNTIL or COUNT"
        if not is_readable:
            raise UnsupportedRule(self.text, remedy)
        try:
            self._last("UTC")
            occurrence = next(iter(self._from(datetime(2000, 1, 1))), None)  # noqa: DTZ001  # a wall time
        except ValueError as error:
            raise UnsupportedRule(self.text, remedy) from error
        if occurrence is None:
            raise UnsupportedRule(self.text, "it has no occurrence; " + remedy)

    def starts(self, first: datetime, after: datetime, before: datetime, zone: str) -> list[datetime]:
        """Return the wall starts in [after, before], counted from ``first`` on (all naive, in ``zone``).

        An UNTIL with Z is an instant, one without is a wall time, and a date includes its whole day.
        """
        return self._from(self._skip_rounds(first, after)).between(after, min(before, self._last(zone)), inc=True)

    def _skip_rounds(self, first: datetime, after: datetime) -> datetime:
        """A later first occurrence, before ``after``, from which the rule gives the same occurrences.

        Whole rounds of weeks or years are skipped. A rule with COUNT is counted from its beginning (at most 999
        occurrences), and so is one that begins on 29 February, which other years do not have.
        """
        interval = int(self._parts.get("INTERVAL", 1))
        if "COUNT" in self._parts or (first.month, first.day) == (2, 29):
            return first
        if self._parts["FREQ"] == "YEARLY":
            rounds = (after.year - first.year) // interval - 1
            return first.replace(year=first.year + rounds * interval) if rounds > 0 else first
        rounds = (after - first) // timedelta(weeks=interval) - 1
        return first + rounds * timedelta(weeks=interval) if rounds > 0 else first

    @cached_property
    def _parts(self) -> dict[str, str]:
        return {name: value for name, _, value in (part.partition("=") for part in self.text.split(";"))}

    def _from(self, first: datetime) -> rrulebase:
        """The rule from a wall time on, without its UNTIL."""
        endless = ";".join(f"{name}={value}" for name, value in self._parts.items() if name != "UNTIL")
        return rrulestr(endless, dtstart=first)

    def _last(self, zone: str) -> datetime:
        """The wall time after which no occurrence starts, from UNTIL."""
        match = re.fullmatch(r"(\d{8})(?:T(\d{6})(Z?))?", self._parts.get("UNTIL", ""))
        if not match:
            return _NO_END
        wall = datetime.strptime(match[1] + (match[2] or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007  # a wall time
        if wall.date() > LAST_DATE:
            return _NO_END
        return local_time(wall.replace(tzinfo=UTC), zone).wall if match[3] else wall


def weekday_of(day: date) -> str:
    """Return RFC 5545's name of a date's weekday."""
    return WEEKDAYS[day.weekday()]
