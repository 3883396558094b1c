"""The sets of dates on which a cadence may come: weekdays of every n-th week, or one weekday of every month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import combinations, takewhile
from math import comb

from scheduler.domain.time.recurrence import WEEKDAYS, MonthlyRule, SeriesRule, WeeklyRule, weekday_of
from scheduler.domain.time.zones import LAST_INSTANT

MOST_PER_WEEK = 5
ORDINALS = (1, 2, 3, 4, -1)
"""Which Monday, Tuesday, ... of a month a monthly cadence may come on; -1 is the last."""


class Pattern(StrEnum):
    """What repeats: weekdays, or one weekday of every month (such as the first Tuesday)."""

    WEEKLY = "weekly"
    MONTHLY_WEEKDAY = "monthly_weekday"


@dataclass(frozen=True)
class DateSet:
    """The dates of one cadence, in order, and its rule, in which UNTIL still depends on the time of day."""

    dates: tuple[date, ...]
    rule: SeriesRule


def sets_of_a_date(pattern: Pattern, per_week: int) -> int:
    """Return the most date sets of a pattern that any date is in."""
    return 2 if pattern is Pattern.MONTHLY_WEEKDAY else comb(len(WEEKDAYS) - 1, per_week - 1)


def date_sets(pattern: Pattern, every_weeks: int, per_week: int, first: date, last: date) -> list[DateSet]:
    """Return the date sets of a pattern between ``first`` and ``last``, both included, in the order of their dates.

    A weekly cadence begins within the first ``every_weeks`` weeks. One with ``per_week`` meetings comes every week, and
    at least once on each of its weekdays. There is at least one date set if there are ``per_week`` days.
    """
    if pattern is Pattern.MONTHLY_WEEKDAY:
        rules: Iterator[tuple[SeriesRule, date]] = (
            (MonthlyRule(ordinal, day, LAST_INSTANT), first) for ordinal in ORDINALS for day in WEEKDAYS
        )
    elif per_week > 1:
        rules = ((WeeklyRule(1, days, LAST_INSTANT), first) for days in combinations(WEEKDAYS, per_week))
    else:
        begins = (first + timedelta(days=days) for days in range(7 * every_weeks))
        rules = ((WeeklyRule(every_weeks, (weekday_of(day),), LAST_INSTANT), day) for day in begins)
    found: dict[tuple[date, ...], DateSet] = {}
    for rule, begin in rules:
        dates = tuple(takewhile(lambda day: day <= last, rule.dates(begin)))
        # Over a short time the fourth and the last weekday of a month may be the same.
        if len({weekday_of(day) for day in dates}) == per_week:
            found.setdefault(dates, DateSet(dates, rule))
    return [found[dates] for dates in sorted(found)]
