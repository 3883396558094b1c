"""The days that a recurrence rule names, as a mask over the days of a span: one pass of numpy for any rule.

Days are counted from 1970-01-01 (0, a Thursday).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt

from scheduler.ical.busy.rules import BACKWARD, FORWARD, MONTHLY, WEEKLY, YEARLY, Rule
from scheduler.ical.busy.values import EPOCH_ORDINAL

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FIRST_DAY = date(1600, 1, 1).toordinal() - EPOCH_ORDINAL
LAST_DAY = date(2300, 1, 1).toordinal() - EPOCH_ORDINAL
"""The days that rules are followed on; what starts before is followed from the first one on."""


@dataclass(frozen=True)
class DayTable:
    """Consecutive days by their places in the calendar; every array has one number for each day."""

    day: Numbers
    year: Numbers
    month: Numbers
    """Months since January 1970."""
    month_day: Numbers
    month_length: Numbers
    year_day: Numbers
    year_length: Numbers
    weekday: Numbers

    @classmethod
    def between(cls, first: int, end: int) -> DayTable:
        """Return the days [first, end), as far as rules are followed."""
        table = _all_days()
        low = min(max(first, FIRST_DAY), LAST_DAY) - FIRST_DAY
        part = slice(low, max(low, min(end, LAST_DAY) - FIRST_DAY))
        return cls(*(getattr(table, name)[part] for name in cls.__dataclass_fields__))


@cache
def _all_days() -> DayTable:
    day = np.arange(FIRST_DAY, LAST_DAY, dtype=np.int64)
    months = day.astype("datetime64[D]").astype("datetime64[M]")
    years = months.astype("datetime64[Y]")
    month_start, month_end = (_day_number(month) for month in (months, months + 1))
    year_start, year_end = (_day_number(year) for year in (years, years + 1))
    return DayTable(
        day=day,
        year=years.astype(np.int64) + 1970,
        month=months.astype(np.int64),
        month_day=day - month_start + 1,
        month_length=month_end - month_start,
        year_day=day - year_start + 1,
        year_length=year_end - year_start,
        weekday=(day + 3) % 7,
    )


def _day_number(dates: npt.NDArray[np.datetime64]) -> Numbers:
    return dates.astype("datetime64[D]").astype(np.int64)


def periods_of(days: DayTable, rule: Rule) -> Numbers:
    """Return the number of the rule's period (year, month, week or day) that each day lies in.

    Where a yearly rule names weeks, a day's year is that of its week.
    """
    if rule.frequency == YEARLY:
        return _week_years(rule, days.day) if rule.by_week_number else days.year
    if rule.frequency == MONTHLY:
        return days.month
    if rule.frequency == WEEKLY:
        return (days.day + 3 - rule.week_start) // 7
    return days.day


def _period_of(start: int, rule: Rule) -> int:
    """Return the same of one day, which may lie before the days that rules are followed on."""
    day = date.fromordinal(start + EPOCH_ORDINAL)
    if rule.frequency == YEARLY:
        return int(_week_years(rule, np.array([start]))[0]) if rule.by_week_number else day.year
    if rule.frequency == MONTHLY:
        return (day.year - 1970) * 12 + day.month - 1
    return (start + 3 - rule.week_start) // 7 if rule.frequency == WEEKLY else start


def rule_days(rule: Rule, start: int, first: int, end: int) -> Numbers:
    """Return the days in [first, end) that a rule of days names, for a series that starts on the day ``start``."""
    rule = _with_defaults(rule, start)
    if rule.skip == FORWARD:
        days = DayTable.between(first - 1, end)
        stands_in = rule._replace(skip=BACKWARD)
        moved = _in_period(stands_in, days, start) & _stands_in(stands_in, days)
        found = np.union1d(days.day[_in_period(rule, days, start)], days.day[moved] + 1)
        return found[(found >= first) & (found < end)]
    days = DayTable.between(first, end)
    return days.day[_in_period(rule, days, start)]


def _in_period(rule: Rule, days: DayTable, start: int) -> Mask:
    mask = limits(rule, days)
    if rule.interval > 1:
        mask &= (periods_of(days, rule) - _period_of(start, rule)) % rule.interval == 0
    return mask


def _with_defaults(rule: Rule, start: int) -> Rule:
    """Return the rule with what it leaves to the day of DTSTART (RFC 5545 §3.3.10)."""
    if rule.frequency > WEEKLY or rule.by_year_day or rule.by_month_day or rule.by_day:
        return rule
    if rule.frequency == WEEKLY or rule.by_week_number:
        return rule._replace(by_day=((0, (start + 3) % 7),))
    day = date.fromordinal(start + EPOCH_ORDINAL)
    if rule.frequency == YEARLY and not rule.by_month:
        rule = rule._replace(by_month=(day.month,))
    return rule._replace(by_month_day=(day.day,))


def limits(rule: Rule, days: DayTable) -> Mask:
    """Return which days all BY parts of the rule allow, those of times aside."""
    mask = np.ones(days.day.size, dtype=bool)
    if rule.by_month:
        mask &= _among(days.month % 12 + 1, rule.by_month)
    if rule.by_week_number:
        mask &= _in_week_numbers(rule, days)
    if rule.by_year_day:
        mask &= _among(days.year_day, rule.by_year_day) | _among(days.year_day - days.year_length - 1, rule.by_year_day)
    if rule.by_month_day:
        named = _among(days.month_day, rule.by_month_day)
        if rule.by_month_day[0] < 0:
            named |= _among(days.month_day - days.month_length - 1, rule.by_month_day)
        if rule.skip == BACKWARD:
            named |= _stands_in(rule, days)
        mask &= named
    if rule.by_day:
        mask &= _on_weekdays(rule, days)
    return mask


def _among(numbers: Numbers, wanted: tuple[int, ...]) -> Mask:
    mask: Mask = numbers == wanted[0]
    for one in wanted[1:]:
        mask |= numbers == one
    return mask


def _stands_in(rule: Rule, days: DayTable) -> Mask:
    """Return which days are the last of a month that lacks one of the rule's days (RFC 7529 §4.1)."""
    if not rule.by_month_day:
        return np.zeros(days.day.size, dtype=bool)
    mask: Mask = (days.month_day == days.month_length) & (days.month_length < max(rule.by_month_day))
    return mask


def _fourth_days(rule: Rule, days: Numbers) -> Numbers:
    """Return the fourth day of each day's week. Week 1 is the first with at least four days in its year."""
    return days - (days + 3 - rule.week_start) % 7 + 3


def _week_years(rule: Rule, days: Numbers) -> Numbers:
    years = _fourth_days(rule, days).astype("datetime64[D]").astype("datetime64[Y]")
    return years.astype(np.int64) + 1970


def _in_week_numbers(rule: Rule, days: DayTable) -> Mask:
    fourth = _fourth_days(rule, days.day)
    years = fourth.astype("datetime64[D]").astype("datetime64[Y]")
    number = (fourth - _day_number(years)) // 7 + 1
    from_end = -((_day_number(years + 1) - 1 - fourth) // 7 + 1)
    return _among(number, rule.by_week_number) | _among(from_end, rule.by_week_number)


def _on_weekdays(rule: Rule, days: DayTable) -> Mask:
    """An ordinal counts within the month, or the year of a yearly rule without BYMONTH; elsewhere it means nothing."""
    in_year = rule.frequency == YEARLY and not rule.by_month
    place, length = (days.year_day, days.year_length) if in_year else (days.month_day, days.month_length)
    mask = np.zeros(days.day.size, dtype=bool)
    for ordinal, weekday in rule.by_day:
        on_day = days.weekday == weekday
        if ordinal > 0 and rule.frequency <= MONTHLY:
            on_day &= (place - 1) // 7 + 1 == ordinal
        elif ordinal < 0 and rule.frequency <= MONTHLY:
            on_day &= (length - place) // 7 + 1 == -ordinal
        mask |= on_day
    return mask
