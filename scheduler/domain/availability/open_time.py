"""Working hours and blackouts as UTC periods.

A minute is open if the person's wall clock reads a time inside the hours. This rule needs no policy for clock
changes: in a gap the hours have fewer minutes, and of a repeated hour both passes count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from scheduler.domain.availability.attendees import Blackout, Days, WorkingHours
from scheduler.domain.time.clocks import Clock, clock_offsets, home_zone
from scheduler.domain.time.periods import Period, Periods, Span, instant_of, minute_after, minute_of
from scheduler.domain.time.recurrence import WEEKDAYS, BlackoutRule
from scheduler.domain.time.units import DAY, MONDAY, WEEK, wall_midnight
from scheduler.domain.time.zones import in_zone


def closed_hours(hours: tuple[WorkingHours, ...] | None, clock: Clock, start: int, end: int) -> Periods:
    """Return the periods of [start, end) (UTC minutes) in which the wall clock reads a time outside the hours.

    Periods may touch at the ends of weeks and at clock changes.
    """
    week = _closed_week(hours)
    first = (start - 2 * DAY - MONDAY) // WEEK
    last = (end + 2 * DAY - MONDAY) // WEEK + 1
    mondays = np.arange(first, last, dtype=np.int64)[:, None] * WEEK + MONDAY
    return wall_periods(Periods((mondays + week.starts).ravel(), (mondays + week.ends).ravel()), clock, start, end)


def wall_periods(walls: Periods, clock: Clock, start: int, end: int) -> Periods:
    """Return the periods of [start, end) (UTC minutes) in which the clock reads a time inside ``walls``.

    ``walls`` are in wall minutes.
    """
    table = clock_offsets(clock, start, end)
    offset = table.offset[:, None]
    starts = np.maximum(walls.starts - offset, table.since[:, None])
    ends = np.minimum(walls.ends - offset, table.until[:, None])
    nonempty = starts < ends
    return Periods(starts[nonempty], ends[nonempty])


def blackout_periods(blackouts: Sequence[Blackout], clock: Clock, start: int, end: int) -> Periods:
    """Return the union of the blackouts within [start, end) (UTC minutes), for a person with that clock."""
    timed = (one.span for one in blackouts if isinstance(one.span, Period))
    spans = [(max(minute_of(span.start), start), min(minute_after(span.end), end)) for span in timed]
    walls: dict[Clock, list[Span]] = {}
    for one in blackouts:
        anchored = one.rule and isinstance(one.span, Period)
        anchor = one.time_zone or home_zone(clock) if anchored else clock
        if isinstance(one.span, Days):
            walls.setdefault(anchor, []).append(_day_walls(one.span))
        if one.rule:
            walls.setdefault(anchor, []).extend(_recurrences(one, one.rule, home_zone(anchor), start, end))
    for anchor, several in walls.items():
        spans += _utc_spans(several, anchor, start, end)
    return _union(spans)


def _utc_spans(walls: Sequence[Span], clock: Clock, start: int, end: int) -> Iterator[Span]:
    """Yield the same as `wall_periods` for a few spans, without arrays; some may be empty."""
    for since, until, offset in clock_offsets(clock, start, end):
        for first, last in walls:
            yield max(first - offset, since), min(last - offset, until)


@lru_cache(maxsize=1024)
def _closed_week(hours: tuple[WorkingHours, ...] | None) -> Periods:
    """The times outside the hours, in wall minutes from Monday 00:00, cut at the end of the week."""
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
    """Yield the wall spans of a recurring blackout around [start, end)."""
    if isinstance(blackout.span, Days):
        first, last = _day_walls(blackout.span)
    else:
        first, last = minute_of(_wall(blackout.span.start, zone)), minute_after(_wall(blackout.span.end, zone))
        if last <= first:  # the clock goes back in between: the wall times alone have no length
            last = first + minute_after(blackout.span.end) - minute_of(blackout.span.start)
    length = last - first
    for wall in rule.starts(_naive(first), _naive(start - 2 * DAY - length), _naive(end + 2 * DAY), zone):
        minute = minute_of(wall.replace(tzinfo=UTC))
        yield minute, minute + length


def _day_walls(days: Days) -> Span:
    return wall_midnight(days.first), wall_midnight(days.last) + DAY


def _wall(instant: datetime, zone: str) -> datetime:
    """The wall time of the zone at an instant, marked as UTC so that its minutes can be counted."""
    return in_zone(instant, zone).replace(tzinfo=UTC)


def _naive(wall: int) -> datetime:
    return instant_of(wall).replace(tzinfo=None)


def _union(spans: list[Span]) -> Periods:
    """The union of a few spans without the empty ones; quicker in plain Python than with arrays."""
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
