"""Recurrence (RFC 5545 §3.3.10), bounded: a meeting's weekly rule and a blackout's yearly or weekly one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from dateutil.rrule import rrulestr

from scheduler.domain.zones import LAST_DATE, LocalTime, local_time
from scheduler.errors import InvalidValue

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""RFC 5545's weekdays in the order of ``date.weekday()``."""


def _listed(value: str) -> re.Pattern[str]:
    """One or more such values, with commas between them."""
    return re.compile(rf"({value})(,({value}))*")


class UnsupportedRule(InvalidValue):
    """An RRULE outside the part of RFC 5545 that this place takes."""

    def __init__(self, rule: str, remedy: str) -> None:
        self.rule = rule
        super().__init__(f"the rule {rule[:200]!r} is not supported here; {remedy}")


@dataclass(frozen=True)
class WeeklyRule:
    """Every ``interval`` weeks on the weekday of the first occurrence, the last one starting at ``until``.

    This is the only rule a cadence answers with, so the only one a meeting series has.
    """

    interval: int
    weekday: str
    until: datetime

    _FORM = re.compile(r"FREQ=WEEKLY(?:;INTERVAL=([1-8]))?;BYDAY=(MO|TU|WE|TH|FR|SA|SU);UNTIL=(\d{8}T\d{6})Z")

    @classmethod
    def parse(cls, text: str) -> WeeklyRule:
        """The rule of a cadence answer, as text. Raises UnsupportedRule for anything else."""
        remedy = "give the rrule of a cadence answer, such as 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406T123000Z'"
        match = cls._FORM.fullmatch(text)
        if not match:
            raise UnsupportedRule(text, remedy)
        try:
            until = datetime.strptime(match[3], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            raise UnsupportedRule(text, remedy) from error
        return cls(int(match[1] or 1), match[2], until)

    def __str__(self) -> str:
        return f"FREQ=WEEKLY;INTERVAL={self.interval};BYDAY={self.weekday};UNTIL={self.until:%Y%m%dT%H%M%SZ}"

    def starts(self, dtstart: datetime, zone: str) -> Iterator[LocalTime]:
        """The wall times of the occurrences, from ``dtstart`` (naive, in ``zone``) through UNTIL."""
        local = LocalTime(dtstart, zone)
        while local.instant <= self.until:
            yield local
            local = LocalTime(local.wall + timedelta(weeks=self.interval), zone)


@dataclass(frozen=True)
class BlackoutRule:
    """A yearly or weekly RRULE on wall times, such as exams every June or a choir every Tuesday.

    Raises UnsupportedRule for any other frequency, for values that RFC 5545 does not allow, and for
    text that is no RRULE.
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
            some = next(iter(rrulestr(self._endless, dtstart=datetime(2000, 1, 1))), None)  # noqa: DTZ001  # a wall time
        except ValueError as error:
            raise UnsupportedRule(self.text, remedy) from error
        if some is None:
            raise UnsupportedRule(self.text, "it never comes; " + remedy)

    def starts(self, first: datetime, after: datetime, before: datetime, zone: str) -> list[datetime]:
        """The wall starts, ``first`` being the first, that lie in [after, before] (all naive, in ``zone``).

        An UNTIL in UTC is an instant, one without offset a wall time, and a date lasts all day.
        """
        found = rrulestr(self._endless, dtstart=self._nearer(first, after)).between(after, before, inc=True)
        until = self._until(zone)
        return [start for start in found if until is None or start <= until]

    def _nearer(self, first: datetime, after: datetime) -> datetime:
        """A later beginning of the same occurrences, some way before ``after``: what lies before it needs no counting.

        The rule comes round every so many weeks or years. One that counts has to begin at its beginning (it is a
        short one), and so has one on 29 February, which other years don't have.
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
    """RFC 5545's name of a date's weekday."""
    return WEEKDAYS[day.weekday()]
