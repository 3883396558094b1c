"""Recurrence rules (RFC 5545 §3.3.10): the two kinds that a meeting series may have, and those of a blackout."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import ClassVar, Self

from dateutil.rrule import rrulestr

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


def _listed(value: str) -> re.Pattern[str]:
    """A pattern for one or more values, separated by commas."""
    return re.compile(rf"({value})(,({value}))*")


class UnsupportedRule(InvalidValue):
    """The RRULE is outside the part of RFC 5545 that is supported here."""

    def __init__(self, rule: str, remedy: str) -> None:
        self.rule = rule
        super().__init__(f"the rule {rule[:200]!r} is not supported here; {remedy}")


class SeriesRule(ABC):
    """A rule of a cadence or of a meeting series."""

    until: datetime
    """The UTC start of the last occurrence."""

    @property
    @abstractmethod
    def min_round_days(self) -> int:
        """The least number of days after which the pattern repeats."""

    @property
    @abstractmethod
    def per_week(self) -> int:
        """The number of occurrences in a whole week, of the weeks that have any."""

    @abstractmethod
    def dates(self, first: date) -> Iterator[date]:
        """Yield the dates of the occurrences from ``first`` on, without end."""

    @abstractmethod
    def with_until(self, until: datetime) -> Self:
        """Return the rule with its last occurrence at another UTC start."""

    def starts(self, dtstart: datetime, zone: str) -> Iterator[LocalTime]:
        """Yield the local starts of the occurrences, from ``dtstart`` (naive, in ``zone``) through UNTIL."""
        for day in self.dates(dtstart.date()):
            local = LocalTime(datetime.combine(day, dtstart.time()), zone)
            if local.instant > self.until:
                return
            yield local


@dataclass(frozen=True)
class WeeklyRule(SeriesRule):
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
        if not match or not days or days != tuple(day for day in WEEKDAYS if day in days):
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

    def with_until(self, until: datetime) -> Self:
        """Return the rule with its last occurrence at another UTC start."""
        return replace(self, until=until)

    def dates(self, first: date) -> Iterator[date]:
        """Yield the dates of the occurrences from ``first`` on, without end."""
        monday = first - timedelta(days=first.weekday())
        for week in count():
            for day in self.weekdays:
                found = monday + timedelta(weeks=week * self.interval, days=WEEKDAYS.index(day))
                if found >= first:
                    yield found


@dataclass(frozen=True)
class MonthlyRule(SeriesRule):
    """The ``ordinal``-th weekday of every month; -1 is the last.

    >>> rule = parse_rule("FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20270129T090000Z")
    >>> [start.wall.date().isoformat() for start in rule.starts(datetime(2026, 11, 27, 10), "Europe/Berlin")]
    ['2026-11-27', '2026-12-25', '2027-01-29']
    """

    ordinal: int
    weekday: str
    until: datetime

    _FORM = re.compile(rf"FREQ=MONTHLY(?:;INTERVAL=1)?;BYDAY=([1-4]|-1)({'|'.join(WEEKDAYS)});UNTIL=({_UNTIL})")

    @classmethod
    def parse(cls, text: str) -> MonthlyRule | None:
        """Return the rule; None if the text is no monthly rule."""
        match = cls._FORM.fullmatch(text)
        return cls(int(match[1]), match[2], _instant(match[3])) if match else None

    def __str__(self) -> str:
        return f"FREQ=MONTHLY;BYDAY={self.ordinal}{self.weekday};UNTIL={self.until:%Y%m%dT%H%M%SZ}"

    @property
    def min_round_days(self) -> int:
        """The least number of days after which the pattern repeats."""
        return MIN_MONTH_DAYS

    @property
    def per_week(self) -> int:
        """The number of occurrences in a whole week, of the weeks that have any."""
        return 1

    def with_until(self, until: datetime) -> Self:
        """Return the rule with its last occurrence at another UTC start."""
        return replace(self, until=until)

    def dates(self, first: date) -> Iterator[date]:
        """Yield the dates of the occurrences from ``first`` on, without end."""
        for month in count(12 * first.year + first.month - 1):
            found = self._in_month(*divmod(month, 12))
            if found >= first:
                yield found

    def _in_month(self, year: int, month: int) -> date:
        if self.ordinal > 0:
            begin = date(year, month + 1, 1)
            return begin + timedelta(days=(WEEKDAYS.index(self.weekday) - begin.weekday()) % 7 + 7 * (self.ordinal - 1))
        end = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)
        return end - timedelta(days=(end.weekday() - WEEKDAYS.index(self.weekday)) % 7)


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

    _PARTS: ClassVar = {
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
        parts = [part.partition("=")[::2] for part in self.text.split(";")]
        named = dict(parts)
        is_readable = (
            len(self.text) <= 200
            and len(named) == len(parts)
            and "FREQ" in named
            and all(name in self._PARTS and self._PARTS[name].fullmatch(value) for name, value in parts)
            and not {"COUNT", "UNTIL"} <= named.keys()
            and not (named["FREQ"] == "WEEKLY" and ("BYMONTHDAY" in named or re.search(r"\d", named.get("BYDAY", ""))))
        )
        remedy = "use FREQ=YEARLY or FREQ=WEEKLY with INTERVAL, BYDAY, BYMONTH, BYMONTHDAY, UNTIL or COUNT"
        if not is_readable:
            raise UnsupportedRule(self.text, remedy)
        try:
            self._until("UTC")
            occurrence = next(iter(rrulestr(self._endless, dtstart=datetime(2000, 1, 1))), None)  # noqa: DTZ001  # a wall time
        except ValueError as error:
            raise UnsupportedRule(self.text, remedy) from error
        if occurrence is None:
            raise UnsupportedRule(self.text, "it has no occurrence; " + remedy)

    def starts(self, first: datetime, after: datetime, before: datetime, zone: str) -> list[datetime]:
        """Return the wall starts in [after, before], counted from ``first`` on (all naive, in ``zone``).

        An UNTIL with Z is an instant, one without is a wall time, and a date includes its whole day.
        """
        found = rrulestr(self._endless, dtstart=self._skip_rounds(first, after)).between(after, before, inc=True)
        until = self._until(zone)
        return [start for start in found if until is None or start <= until]

    def _skip_rounds(self, first: datetime, after: datetime) -> datetime:
        """A later first occurrence, before ``after``, from which the rule gives the same occurrences.

        Whole rounds of weeks or years are skipped. A rule with COUNT is counted from its beginning (at most 999
        occurrences), and so is one that begins on 29 February, which other years do not have.
        """
        interval = int(match[1]) if (match := re.search(r"INTERVAL=(\d+)", self.text)) else 1
        if "COUNT=" in self.text or (first.month, first.day) == (2, 29):
            return first
        if "FREQ=YEARLY" in self.text:
            rounds = (after.year - first.year) // interval - 1
            return first.replace(year=first.year + rounds * interval) if rounds > 0 else first
        rounds = (after - first) // timedelta(weeks=interval) - 1
        return first + rounds * timedelta(weeks=interval) if rounds > 0 else first

    @property
    def _endless(self) -> str:
        """The rule without its UNTIL."""
        return ";".join(part for part in self.text.split(";") if not part.startswith("UNTIL="))

    def _until(self, zone: str) -> datetime | None:
        match = re.search(r"UNTIL=(\d{8})(?:T(\d{6})(Z?))?", self.text)
        if not match:
            return None
        wall = datetime.strptime(match[1] + (match[2] or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007  # a wall time
        if wall.date() > LAST_DATE:
            return None
        return local_time(wall.replace(tzinfo=UTC), zone).wall if match[3] else wall


def weekday_of(day: date) -> str:
    """Return RFC 5545's name of a date's weekday."""
    return WEEKDAYS[day.weekday()]
