"""Recurrence rules followed to the starts of their occurrences (RFC 5545 §3.3.10).

Steps of whole days are taken on the wall clock. Shorter steps are exact time, so that an hourly event also fills an
hour that the clock repeats; what their BY parts name is read on the wall clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from scheduler.ical.busy.days import FIRST_DAY, LAST_DAY, DayTable, Numbers, limits, periods_of, rule_days
from scheduler.ical.busy.rules import DAILY, HOURLY, MINUTELY, MONTHLY, SECONDLY, WEEKLY, YEARLY, Rule
from scheduler.ical.busy.values import DAY, BadValue

MOST_OCCURRENCES = 100_000
"""Of one series: every quarter of an hour for 800 days are 76,800."""
MOST_STEPS = 150_000_000
"""Steps of a rule of hours, minutes or seconds."""
_STEPS_AT_ONCE = 1_000_000
_PERIOD_DAYS = {YEARLY: 366, MONTHLY: 31, WEEKLY: 7, DAILY: 0}


class SecondsClock(Protocol):
    """A clock that turns UTC seconds into its wall seconds."""

    def walls(self, instants: Numbers) -> Numbers:
        """Return what the clock reads at UTC seconds."""


def follow_days(rule: Rule, start: int, low: int, high: int) -> Numbers:
    """Return the wall seconds in [low, high) of a rule whose steps are whole days, from ``start`` (wall seconds) on.

    ``start`` itself is an occurrence, whatever the rule says, and the first one that COUNT counts (RFC 5545 §3.8.5.3).
    UNTIL is left to the caller. Raises BadValue for more than MOST_OCCURRENCES.
    """
    begin = start if rule.total else max(start, low)
    times = _times_of_day(rule, start)
    first, end = begin // DAY, high // DAY + 1
    if (end - first) * len(times) > MOST_STEPS // 30:
        raise BadValue("recurs too often to be followed")
    if rule.by_position:
        walls = _at_positions(rule, start, first, end, times)
    else:
        walls = _all_times(rule_days(rule, start // DAY, first, end), times)
    walls = walls[walls > start]
    if rule.total:
        walls = walls[: rule.total - 1]
    if begin == start:
        walls = np.concatenate([[start], walls])
    return _checked(walls[walls.searchsorted(low) : walls.searchsorted(high)])


def _times_of_day(rule: Rule, start: int) -> list[int]:
    """Return the seconds of the day that a rule of whole days names, sorted."""
    hours = rule.by_hour or (start % DAY // 3600,)
    minutes = rule.by_minute or (start % 3600 // 60,)
    seconds = rule.by_second or (start % 60,)
    return [hour * 3600 + minute * 60 + second for hour in hours for minute in minutes for second in seconds]


def _all_times(days: Numbers, times: list[int]) -> Numbers:
    if len(times) == 1:
        return days * DAY + times[0]
    return (days[:, None] * DAY + np.array(times, dtype=np.int64)).ravel()


def _at_positions(rule: Rule, start: int, first: int, end: int, times: list[int]) -> Numbers:
    """Return the times at the rule's positions (BYSETPOS) within each period, of whole periods."""
    margin = _PERIOD_DAYS[rule.frequency]
    first, end = first - margin, end + margin
    days = rule_days(rule, start // DAY, first, end)
    walls = _all_times(days, times)
    if not walls.size:
        return walls
    table = DayTable.between(int(days[0]), int(days[-1]) + 1)
    period = periods_of(table, rule)[walls // DAY - int(days[0])]
    begins = np.flatnonzero(np.concatenate([[True], period[1:] != period[:-1]]))
    sizes = np.diff(np.append(begins, period.size))
    position = np.arange(period.size) - np.repeat(begins, sizes)
    from_end = position - np.repeat(sizes, sizes)
    return walls[np.isin(position + 1, rule.by_position) | np.isin(from_end, rule.by_position)]


def follow_seconds(rule: Rule, start: int, wall: int, clock: SecondsClock, low: int, high: int) -> Numbers:
    """Return the UTC seconds in [low, high) of a rule whose steps are hours, minutes or seconds.

    ``start`` is a UTC second, at which the clock reads ``wall``: an occurrence, and the first one that COUNT counts.
    UNTIL is left to the caller. Raises BadValue for too many occurrences or steps.
    """
    found = [np.array([start], dtype=np.int64)]
    count = 1
    for instants in _steps(rule, start, wall, clock, low, high):
        later = instants[instants > start]
        if rule.total:
            later = later[: rule.total - count]
        count += later.size
        found.append(later[later.searchsorted(low) :])
        _checked(later[later.searchsorted(low) :])
        if rule.total and count >= rule.total:
            break
    instants_found = np.concatenate(found)
    return _checked(instants_found[(instants_found >= low) & (instants_found < high)])


def _steps(rule: Rule, start: int, wall: int, clock: SecondsClock, low: int, high: int) -> Iterator[Numbers]:
    """Yield the UTC seconds that a rule names from its first step on, in order, some at a time."""
    unit = {HOURLY: 3600, MINUTELY: 60, SECONDLY: 1}[rule.frequency]
    step = unit * rule.interval
    base = start - wall % unit
    first = 0 if rule.total else max(0, (low - base) // step)
    last = max(first, (high - base) // step + 1)
    within = _within_step(rule, wall)
    for begin in range(first, last, _STEPS_AT_ONCE):
        if begin - first > MOST_STEPS:
            raise BadValue("takes too many steps to be followed")
        instants = base + np.arange(begin, min(begin + _STEPS_AT_ONCE, last), dtype=np.int64) * step
        instants = instants[_allowed(rule, clock.walls(instants))]
        yield (instants[:, None] + within).ravel()


def _within_step(rule: Rule, wall: int) -> Numbers:
    """Return the seconds after the beginning of an hour, minute or second that the rule names in it."""
    minutes = rule.by_minute or (wall % 3600 // 60,) if rule.frequency == HOURLY else (0,)
    seconds = rule.by_second or (wall % 60,) if rule.frequency <= MINUTELY else (0,)
    named = [minute * 60 + second for minute in minutes for second in seconds]
    if rule.by_position:
        places = {place - 1 if place > 0 else len(named) + place for place in rule.by_position}
        named = [one for place, one in enumerate(named) if place in places]
    return np.array(named, dtype=np.int64)


def _allowed(rule: Rule, walls: Numbers) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which steps the BY parts that limit a rule of hours or less allow."""
    mask = np.ones(walls.size, dtype=bool)
    if walls.size and (rule.by_month or rule.by_week_number or rule.by_year_day or rule.by_month_day or rule.by_day):
        days = walls // DAY
        first = max(int(days.min()), FIRST_DAY)
        named = np.append(limits(rule, DayTable.between(first, min(int(days.max()) + 1, LAST_DAY))), False)
        mask &= named[np.clip(days - first, 0, named.size - 1)]
    if rule.by_hour:
        mask &= np.isin(walls % DAY // 3600, rule.by_hour)
    if rule.by_minute and rule.frequency > HOURLY:
        mask &= np.isin(walls % 3600 // 60, rule.by_minute)
    if rule.by_second and rule.frequency == SECONDLY:
        mask &= np.isin(walls % 60, rule.by_second)
    return mask


def _checked(walls: Numbers) -> Numbers:
    if walls.size > MOST_OCCURRENCES:
        raise BadValue(f"recurs more than {MOST_OCCURRENCES:,} times in the time read")
    return walls
