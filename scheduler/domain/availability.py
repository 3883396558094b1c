"""What keeps a person from meeting: hours, blackouts, busy periods, and not knowing.

Everything is said on the person's own wall clock and turned into UTC periods here, so that the
search after it only knows periods. "A minute is open if the wall clock reads so" needs no policy
for clock changes: in a gap the hours have fewer minutes, in a repeated hour both passes count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property, lru_cache

import numpy as np

from scheduler.domain.clocks import Clock, Itinerary, Stay, clock_between, home_of
from scheduler.domain.periods import EPOCH, Minutes, Period, Periods, Span, instant_of, minute_after, minute_of
from scheduler.domain.recurrence import WEEKDAYS, BlackoutRule
from scheduler.domain.zones import in_zone
from scheduler.errors import InvalidValue

DAY = 1440
WEEK = 7 * DAY
MONDAY = -3 * DAY
"""The wall minute of the Monday before the epoch, a Thursday: weeks are counted from it."""


class BackwardDays(InvalidValue):
    """A span of days whose last day comes before its first."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.last = last
        super().__init__(f"the last day {last} comes before the first day {first}")


@dataclass(frozen=True)
class WorkingHours:
    """Wall hours on some weekdays: minutes of the day, ``end`` at or before ``start`` meaning the next day."""

    days: tuple[str, ...]
    start: int
    end: int

    @property
    def length(self) -> int:
        """Minutes of the wall clock from start to end; equal ends are 24 hours."""
        return (self.end - self.start - 1) % DAY + 1


MOST_HOURS = 70
"""So many entries working hours have at most: ten a day."""
DEFAULT_HOURS: tuple[WorkingHours, ...] = (WorkingHours(("MO", "TU", "WE", "TH", "FR"), 9 * 60, 17 * 60),)


@dataclass(frozen=True)
class Buffer:
    """Minutes around a meeting that no busy period may touch."""

    before: int = 0
    after: int = 0


NO_BUFFER = Buffer()


class BlackoutKind(StrEnum):
    """Why somebody is away."""

    EXAM = "exam"
    BREAK = "break"
    HOLIDAY = "holiday"
    LEAVE = "leave"
    OTHER = "other"


@dataclass(frozen=True)
class Days:
    """Whole local days, both included. Raises BackwardDays."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise BackwardDays(self.first, self.last)


@dataclass(frozen=True)
class Blackout:
    """A declared time away: whole local days, or a period between two instants.

    One that is not ``firm`` bars nothing and is only better avoided. With a ``rule`` it comes again, the
    span itself being the first; a timed one then keeps the wall times it has in ``time_zone``. ``id`` is what a
    stored one goes by, and says nothing of what it is.
    """

    kind: BlackoutKind
    title: str
    span: Days | Period
    firm: bool = True
    rule: BlackoutRule | None = None
    time_zone: str | None = None
    id: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Unknown:
    """Why somebody's calendar can't be relied on, and when it was last read (None: never)."""

    reason: str
    read_at: datetime | None = None


@dataclass(frozen=True)
class Attendee:
    """Someone who is to meet, with all that is known of their time. ``hours`` None is any time, () never.

    ``meetings`` are those that count towards the most a day and a week (from Monday on) may have, and towards the
    gap between two of the same people; a meeting belongs to the local day on which it starts. ``past_burden`` is what
    they have borne of odd hours so far.
    """

    zone: str
    hours: tuple[WorkingHours, ...] | None = DEFAULT_HOURS
    blackouts: tuple[Blackout, ...] = ()
    busy: Periods = field(default_factory=Periods.none)
    buffer: Buffer = NO_BUFFER
    required: bool = True
    name: str | None = None
    unknown: Unknown | None = None
    travel: tuple[Stay, ...] = ()
    meetings: tuple[Period, ...] = ()
    at_most_per_day: int | None = None
    at_most_per_week: int | None = None
    preferred_hours: tuple[WorkingHours, ...] | None = None
    past_burden: int = 0

    @property
    def clock(self) -> Clock:
        """The clock that hours and all-day blackouts are read on. Raises OverlappingStays."""
        return Itinerary(self.zone, self.travel) if self.travel else self.zone

    @cached_property
    def meeting_starts(self) -> Minutes:
        """When the meetings start (UTC minutes); the same meeting counts once."""
        return np.array([minute_of(meeting.start) for meeting in set(self.meetings)], dtype=np.int64)


def closed_hours(hours: tuple[WorkingHours, ...] | None, clock: Clock, start: int, end: int) -> Periods:
    """When the wall clock reads a time outside the hours, within [start, end) (UTC minutes).

    Periods may touch where a week ends and where the clock changes.
    """
    week = _closed_week(hours)
    first = (start - 2 * DAY - MONDAY) // WEEK
    last = (end + 2 * DAY - MONDAY) // WEEK + 1
    mondays = np.arange(first, last, dtype=np.int64)[:, None] * WEEK + MONDAY
    return wall_periods(Periods((mondays + week.starts).ravel(), (mondays + week.ends).ravel()), clock, start, end)


@dataclass(frozen=True)
class Cap:
    """How many meetings a local day or week, from Monday on, may have; a meeting counts where it starts."""

    most: int
    length: int
    origin: int

    def spans(self, clock: Clock, starts: Minutes) -> Minutes:
        """The number of the day or week that each of the starts (UTC minutes, any order) is in."""
        if not starts.size:
            return starts
        table = clock_between(clock, int(starts.min()), int(starts.max()) + 1)
        spans: Minutes = (starts + table.at(starts) - self.origin) // self.length
        return spans

    def taken(self, clock: Clock, starts: Minutes) -> Minutes:
        """The number of the day or week that each of the meetings is in that start so (UTC minutes), ascending."""
        return np.sort(self.spans(clock, starts))

    def room(self, taken: Minutes, spans: Minutes) -> Minutes:
        """How many more meetings each of those days or weeks takes, of which some are ``taken``."""
        room: Minutes = self.most - (taken.searchsorted(spans, "right") - taken.searchsorted(spans, "left"))
        return room


def caps_of(attendee: Attendee) -> Iterator[Cap]:
    """The attendee's limits."""
    if attendee.at_most_per_day is not None:
        yield Cap(attendee.at_most_per_day, DAY, 0)
    if attendee.at_most_per_week is not None:
        yield Cap(attendee.at_most_per_week, WEEK, MONDAY)


def full_days(attendee: Attendee, start: int, end: int) -> Periods:
    """The local days and weeks near [start, end) (UTC minutes) that have as many meetings as they may have."""
    found = []
    for cap in caps_of(attendee):
        if cap.most < 1:
            return Periods.of([Period(instant_of(start), instant_of(end))])
        spans, counts = np.unique(cap.taken(attendee.clock, attendee.meeting_starts), return_counts=True)
        full = spans[counts >= cap.most] * cap.length + cap.origin
        found.append(wall_periods(Periods(full, full + cap.length), attendee.clock, start, end))
    return Periods.union(*found)


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


def wall_midnight(day: date) -> int:
    """The wall minute, counted from 1970-01-01 00:00 on the wall clock, at which a date begins."""
    return (day.toordinal() - EPOCH.toordinal()) * DAY


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
