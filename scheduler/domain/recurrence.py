"""Recurrence (RFC 5545 §3.3.10), bounded: a meeting's weekly rule and a blackout's yearly or weekly one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from dateutil.rrule import rrulestr

from scheduler.domain.zones import LocalTime
from scheduler.errors import InvalidValue

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""RFC 5545's weekdays in the order of ``date.weekday()``."""


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

    Raises UnsupportedRule for any other frequency and for text that is no RRULE.
    """

    text: str

    _PARTS = frozenset({"FREQ", "INTERVAL", "BYDAY", "BYMONTH", "BYMONTHDAY", "UNTIL", "COUNT", "WKST"})

    def __post_init__(self) -> None:
        parts = dict(part.partition("=")[::2] for part in self.text.split(";"))
        remedy = "use FREQ=YEARLY or FREQ=WEEKLY with INTERVAL, BYDAY, BYMONTH, BYMONTHDAY, UNTIL or COUNT"
        if parts.get("FREQ") not in {"YEARLY", "WEEKLY"} or not parts.keys() <= self._PARTS or len(self.text) > 200:
            raise UnsupportedRule(self.text, remedy)
        try:
            next(iter(rrulestr(self.text, dtstart=datetime(2000, 1, 1, tzinfo=self._zone_for_until))), None)
        except (ValueError, TypeError, KeyError) as error:
            raise UnsupportedRule(self.text, remedy) from error

    def starts(self, first: datetime, after: datetime, before: datetime) -> list[datetime]:
        """The wall starts, ``first`` being the first, that lie in [after, before] (all naive)."""
        zone = self._zone_for_until
        rule = rrulestr(self.text, dtstart=first.replace(tzinfo=zone))
        found = rule.between(after.replace(tzinfo=zone), before.replace(tzinfo=zone), inc=True)
        return [start.replace(tzinfo=None) for start in found]

    @property
    def _zone_for_until(self) -> tzinfo | None:
        """Dateutil wants DTSTART and UNTIL both with or both without an offset; wall times are compared as read."""
        return UTC if re.search(r"UNTIL=\d{8}T\d{6}Z", self.text) else None


def weekday_of(day: date) -> str:
    """RFC 5545's name of a date's weekday."""
    return WEEKDAYS[day.weekday()]
