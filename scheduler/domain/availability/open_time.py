"""Working hours and blackouts, turned from a person's wall clock into UTC periods.

"A minute is open if the wall clock reads so" needs no policy for clock changes: in a gap the hours have fewer
minutes, in a repeated hour both passes count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from scheduler.domain.availability.attendees import Blackout, Days, WorkingHours
from scheduler.domain.time.clocks import Clock, clock_between, home_of
from scheduler.domain.time.periods import Period, Periods, Span, instant_of, minute_after, minute_of
from scheduler.domain.time.recurrence import WEEKDAYS, BlackoutRule
from scheduler.domain.time.units import DAY, MONDAY, WEEK, wall_midnight
from scheduler.domain.time.zones import in_zone


def closed_hours(hours: tuple[WorkingHours, ...] | None, clock: Clock, start: int, end: int) -> Periods:
    """When the wall clock reads a time outside the hours, within [start, end) (UTC minutes).

    Periods may touch where a week ends and where the clock changes.
    """
    week = _closed_week(hours)
    first = (start - 2 * DAY - MONDAY) // WEEK
    last = (end + 2 * DAY - MONDAY) // WEEK + 1
    mondays = np.arange(first, last, dtype=np.int64)[:, None] * WEEK + MONDAY
    return wall_periods(Periods((mondays + week.starts).ravel(), (mondays + week.ends).ravel()), clock, start, end)


def wall_periods(walls: Periods, clock: Clock, start: int, end: int) -> Periods:
    """When that clock reads inside the wall periods, within [start, end) (UTC minutes).

    ``walls`` counts minutes since 1970-01-01 00:00 on the wall clock.
    """
    table = clock_between(clock, start, end)
    offset = table.offset[:, None]
    starts = np.maximum(walls.starts - offset, table.since[:, None])
    ends = np.minimum(walls.ends - offset, table.until[:, None])
    read = starts < ends
    return Periods(starts[read], ends[read])


def blackout_periods(blackouts: Sequence[Blackout], clock: Clock, start: int, end: int) -> Periods:
    """When any of the blackouts holds within [start, end) (UTC minutes), for a person who lives by ``clock``."""
    timed = (one.span for one in blackouts if isinstance(one.span, Period))
    spans = [(max(minute_of(span.start), start), min(minute_after(span.end), end)) for span in timed]
    walls: dict[Clock, list[Span]] = {}
    for one in blackouts:
        anchored = one.rule and isinstance(one.span, Period)
        anchor = one.time_zone or home_of(clock) if anchored else clock
        if isinstance(one.span, Days):
            walls.setdefault(anchor, []).append(_day_walls(one.span))
        if one.rule:
            walls.setdefault(anchor, []).extend(_recurrences(one, one.rule, home_of(anchor), start, end))
    for anchor, several in walls.items():
        spans += _read(several, anchor, start, end)
    return _union(spans)


def _read(walls: Sequence[Span], clock: Clock, start: int, end: int) -> Iterator[Span]:
    """`wall_periods` of a few spans; some may come out empty."""
    for since, until, offset in clock_between(clock, start, end):
        for first, last in walls:
            yield max(first - offset, since), min(last - offset, until)


@lru_cache(maxsize=1024)
def _closed_week(hours: tuple[WorkingHours, ...] | None) -> Periods:
    """What lies outside the hours, in wall minutes of one week from Monday 00:00, cut where a week ends."""
    if hours is None:
        return Periods.none()
    pieces = []
    for entry in hours:
        for day in entry.days:
            start = WEEKDAYS.index(day) * DAY + entry.start
            end = start + entry.length
            pieces.append((start, min(end, WEEK)))
            pieces.append((0, end - WEEK))
    bounds = np.array(pieces, dtype=np.int64).reshape(-1, 2)
    return Periods.merged(bounds[:, 0], bounds[:, 1]).gaps(0, WEEK)


def _recurrences(blackout: Blackout, rule: BlackoutRule, zone: str, start: int, end: int) -> Iterator[Span]:
    """The wall spans of a blackout that comes again, near [start, end)."""
    if isinstance(blackout.span, Days):
        first, last = _day_walls(blackout.span)
    else:
        first, last = minute_of(_wall(blackout.span.start, zone)), minute_after(_wall(blackout.span.end, zone))
        if last <= first:  # the clock goes back between the two: the wall times alone say nothing
            last = first + minute_after(blackout.span.end) - minute_of(blackout.span.start)
    length = last - first
    for wall in rule.starts(_naive(first), _naive(start - 2 * DAY - length), _naive(end + 2 * DAY), zone):
        minute = minute_of(wall.replace(tzinfo=UTC))
        yield minute, minute + length


def _day_walls(days: Days) -> Span:
    return wall_midnight(days.first), wall_midnight(days.last) + DAY


def _wall(instant: datetime, zone: str) -> datetime:
    """What that zone's clock reads at the instant, as if it were UTC."""
    return in_zone(instant, zone).replace(tzinfo=UTC)


def _naive(wall: int) -> datetime:
    return instant_of(wall).replace(tzinfo=None)


def _union(spans: list[Span]) -> Periods:
    """The union of a few spans, whatever is empty left out; quicker in plain Python than in arrays."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if ends and start <= ends[-1]:
            ends[-1] = max(end, ends[-1])
        else:
            starts.append(start)
            ends.append(end)
    return Periods(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)) if starts else Periods.none()
