"""A brute-force oracle of the slot search: minute by minute, with zoneinfo and nothing else.

It shares the query's values with the engine and none of its methods: no periods, no masks, no tables of offsets. A
minute is an int, counted from 1970-01-01T00:00Z.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from support.recurring import recurs_at

from scheduler.domain.availability.attendees import Attendee, Blackout, Days, WorkingHours
from scheduler.domain.search.rules import Rules
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.time.periods import Period

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def instant(minute: int) -> datetime:
    """The UTC instant at which a minute begins."""
    return datetime.fromtimestamp(minute * 60, UTC)


@lru_cache(maxsize=300_000)
def wall_clock(minute: int, zone: str) -> datetime:
    """Return what a wall clock in the zone reads in that minute."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).replace(tzinfo=None)


def time_of_day(minute: int, zone: str) -> int:
    """Return hour x 60 + minute of what the clock reads."""
    wall = wall_clock(minute, zone)
    return wall.hour * 60 + wall.minute


def first_whole_minute(moment: datetime) -> int:
    """Return the first minute that begins at or after a moment."""
    minute = int(moment.timestamp()) // 60 - 1
    while instant(minute) < moment:
        minute += 1
    return minute


def reads_inside(wall: datetime, entry: WorkingHours) -> bool:
    """Return whether ``wall`` is inside one entry of working hours."""
    time = wall.hour * 60 + wall.minute
    today = WEEKDAYS[wall.weekday()]
    yesterday = WEEKDAYS[wall.weekday() - 1]
    if entry.start < entry.end:
        return today in entry.days and entry.start <= time < entry.end
    return (today in entry.days and time >= entry.start) or (yesterday in entry.days and time < entry.end)


def is_blacked_out(minute: int, blackout: Blackout, zone: str) -> bool:
    """Return whether a blackout holds in that minute for an attendee whose clock is then that of ``zone``."""
    if blackout.rule is not None:
        anchor = zone if isinstance(blackout.span, Days) else blackout.time_zone or zone
        return recurs_at(wall_clock(minute, anchor), blackout, zone)
    if isinstance(blackout.span, Days):
        return blackout.span.first <= wall_clock(minute, zone).date() <= blackout.span.last
    return minute in minutes_of(blackout.span)


def zone_in(minute: int, attendee: Attendee) -> str:
    """Return the attendee's zone in that minute: that of the last planned move under way, or their own."""
    if not attendee.travel:
        return attendee.zone
    stays = sorted(attendee.travel, key=lambda stay: stay.first)
    away = [stay.zone for stay in stays if stay.first <= wall_clock(minute, stay.zone).date() <= stay.last]
    return away[-1] if away else attendee.zone


class Diary:
    """One attendee's availability, minute by minute; minutes are cached."""

    def __init__(self, attendee: Attendee) -> None:
        self.attendee = attendee
        self.busy = {minute for period in attendee.busy for minute in minutes_of(period)}
        self.met = [int(meeting.start.timestamp()) // 60 for meeting in set(attendee.meetings)]
        self.firm = [one for one in attendee.blackouts if one.firm]
        self.wall = cache(self._wall)
        self.in_hours = cache(self._in_hours)
        self.in_blackout = cache(self._in_blackout)
        self.is_open = cache(self._is_open)

    def _wall(self, minute: int) -> datetime:
        """Return what the attendee's wall clock reads."""
        return wall_clock(minute, zone_in(minute, self.attendee))

    def _in_hours(self, minute: int) -> bool:
        """Return whether the wall clock reads a time inside the working hours."""
        if self.attendee.hours is None:
            return True
        wall = self.wall(minute)
        return any(reads_inside(wall, entry) for entry in self.attendee.hours)

    def _in_blackout(self, minute: int) -> bool:
        """Return whether a firm blackout holds."""
        return any(is_blacked_out(minute, one, zone_in(minute, self.attendee)) for one in self.firm)

    def _is_open(self, minute: int) -> bool:
        """Return whether the minute is open."""
        return minute not in self.busy and self.in_hours(minute) and not self.in_blackout(minute)

    def buffers_hold(self, start: int, duration: int) -> bool:
        """Return whether no busy period touches the minutes before and after the meeting."""
        end = start + duration
        buffer = self.attendee.buffer
        around = [*range(start - buffer.before, start), *range(end, end + buffer.after)]
        return self.busy.isdisjoint(around)

    def can_meet(self, start: int, duration: int) -> bool:
        """Return whether every minute is open, the buffers hold, and the day and week have room."""
        meeting = range(start, start + duration)
        if not self.busy.isdisjoint(meeting) or not self.buffers_hold(start, duration) or self.is_full(start):
            return False
        return all(map(self.is_open, meeting))

    def is_full(self, start: int, also: Iterable[int] = ()) -> bool:
        """Return whether the local day or week of a start is full.

        ``also`` are the starts of further meetings.
        """
        most_a_day, most_a_week = self.attendee.at_most_per_day, self.attendee.at_most_per_week
        if most_a_day is None and most_a_week is None:
            return False
        day = self.day_of(start)
        days = [self.day_of(other) for other in (*self.met, *also)]
        monday = day - timedelta(days=day.weekday())
        in_week = sum(monday <= other < monday + timedelta(days=7) for other in days)
        full_day = most_a_day is not None and days.count(day) >= most_a_day
        return full_day or (most_a_week is not None and in_week >= most_a_week)

    def day_of(self, minute: int) -> date:
        """Return the local day of a minute."""
        return self.wall(minute).date()

    def causes(self, start: int, duration: int) -> set[str]:
        """Return every cause that by itself rules out a meeting; ``buffer`` only where ``busy`` does not."""
        meeting = range(start, start + duration)
        found = set()
        if not all(self.in_hours(minute) for minute in meeting):
            found.add("no_working_hours" if self.attendee.hours == () else "outside_hours")
        if any(self.in_blackout(minute) for minute in meeting):
            found.add("blackout")
        if not self.busy.isdisjoint(meeting):
            found.add("busy")
        elif not self.buffers_hold(start, duration):
            found.add("buffer")
        if self.is_full(start):
            found.add("limit")
        return found


def is_too_near(held: Iterable[range], gap: int, meeting: range) -> bool:
    """Return whether less than the gap lies between a meeting and an existing one."""
    return bool(gap) and any(meeting.stop + gap > one.start and one.stop + gap > meeting.start for one in held)


class Request:
    """A request: the diaries of its attendees, and its own rules."""

    def __init__(self, rules: Rules, attendees: Sequence[Attendee], *, allow_unknown: bool) -> None:
        self.rules = rules
        self.attendees = attendees
        self.allow_unknown = allow_unknown
        self.diaries = [Diary(one) for one in attendees]
        self.required = [one for one in attendees if one.required]
        self.reads_within = cache(self._reads_within)
        self.shared = self._shared()
        self.shared_of = [
            [minutes_of(held) for held in one.meetings if any(held in other.meetings for other in self.required)]
            for one in attendees
        ]

    def _shared(self) -> list[range]:
        """Return the meetings that at least two required attendees have together."""
        held = {period for one in self.required for period in one.meetings}
        return [minutes_of(period) for period in held if sum(period in one.meetings for one in self.required) >= 2]

    def _reads_within(self, minute: int) -> bool:
        """Return whether the clock of ``within`` reads a time inside its hours."""
        within = self.rules.within
        assert within is not None
        assert isinstance(within.clock, str)
        wall = wall_clock(minute, within.clock)
        return any(reads_inside(wall, entry) for entry in within.hours)

    def required_diaries(self) -> list[tuple[int, Diary]]:
        """Return the required attendees' indexes and diaries."""
        return [(index, diary) for index, diary in enumerate(self.diaries) if diary.attendee.required]

    def can_come(self, index: int, gap: int, start: int, duration: int) -> bool:
        """Return whether a group's member can come and keeps the gap from meetings shared with required attendees."""
        near = is_too_near(self.shared_of[index], gap, range(start, start + duration))
        return not near and self.diaries[index].can_meet(start, duration)

    def causes(self, start: int, duration: int) -> set[tuple[None, str]]:
        """Return which of the request's own rules rule out a meeting."""
        found: set[tuple[None, str]] = set()
        meeting = range(start, start + duration)
        if self.rules.within is not None and not all(map(self.reads_within, meeting)):
            found.add((None, "within"))
        gap = self.rules.minimum_gap
        if is_too_near(self.shared, gap, meeting):
            found.add((None, "minimum_gap"))
        for group in self.rules.groups:
            known = [one for one in group.members if self.allow_unknown or self.attendees[one].unknown is None]
            if sum(self.can_come(one, gap, start, duration) for one in known) < group.required:
                found.add((None, "group"))
        return found


def request_of(query: SlotQuery) -> Request:
    """Return the request of a slot query."""
    return Request(query.rules, query.attendees, allow_unknown=query.allow_unknown)


@lru_cache(maxsize=1000)
def minutes_of(period: Period) -> range:
    """Return the minutes that a period touches: seconds are rounded outwards."""
    first = first_whole_minute(period.start)
    if instant(first) > period.start:
        first -= 1
    return range(first, first_whole_minute(period.end))


def grid(query: SlotQuery) -> list[int]:
    """Return the starts on the organizer's step grid with the whole meeting inside the window."""
    first = first_whole_minute(query.window.start)
    last = first_whole_minute(query.window.end)
    if instant(last) > query.window.end:
        last -= 1
    organizer = query.attendees[0]
    starts = range(first, last - query.duration + 1)
    return [start for start in starts if time_of_day(start, zone_in(start, organizer)) % query.step == 0]


def is_under_notice(start: int, query: SlotQuery) -> bool:
    """Return whether a start is before the end of the minimum notice."""
    return query.not_before is not None and instant(start) < query.not_before


def is_stale(attendees: Iterable[Attendee], *, allow_unknown: bool) -> bool:
    """Return whether a required attendee's calendar is unknown and the query does not allow that."""
    return not allow_unknown and any(one.required and one.unknown is not None for one in attendees)


def feasible(query: SlotQuery) -> list[int]:
    """Return every feasible start."""
    request = request_of(query)
    required = [diary for _, diary in request.required_diaries()]
    return [
        start
        for start in grid(query)
        if not is_under_notice(start, query)
        and all(one.can_meet(start, query.duration) for one in required)
        and not request.causes(start, query.duration)
    ]


def availability(query: SlotQuery, starts: Iterable[int]) -> list[tuple[bool | None, ...]]:
    """Return for each start whether each attendee can come; None if their calendar is unknown."""
    request = request_of(query)
    members = {index for group in query.rules.groups for index in group.members}
    gaps = [query.rules.minimum_gap if index in members else 0 for index in range(len(query.attendees))]
    return [
        tuple(
            request.can_come(index, gap, start, query.duration) if one.unknown is None else None
            for index, (one, gap) in enumerate(zip(query.attendees, gaps, strict=True))
        )
        for start in starts
    ]


@dataclass(frozen=True)
class Why:
    """The expected explanation: the reason, and the starts lost by (index, cause)."""

    reason: str
    lost: dict[tuple[int | None, str], int]


ORDER = ["no_common_hours", "within", "blackout", "minimum_notice", "busy", "buffer", "limit", "minimum_gap", "group"]
"""The reasons in the order in which their causes are added up."""
REASON_OF = {"outside_hours": "no_common_hours", "no_working_hours": "no_common_hours"}


def explain(query: SlotQuery) -> Why:
    """Explain why a query has no feasible start; every cause is counted by itself."""
    blocked: dict[int, set[tuple[int | None, str]]] = {}
    request = request_of(query)
    required = request.required_diaries()
    for start in grid(query):
        blocked[start] = {(index, cause) for index, diary in required for cause in diary.causes(start, query.duration)}
        blocked[start] |= request.causes(start, query.duration)
        if is_under_notice(start, query):
            blocked[start].add((None, "minimum_notice"))
    lost: dict[tuple[int | None, str], int] = {}
    for rows in blocked.values():
        for row in rows:
            lost[row] = lost.get(row, 0) + 1
    return Why(_reason(query, blocked), lost)


def _reason(query: SlotQuery, blocked: dict[int, set[tuple[int | None, str]]]) -> str:
    if not blocked:
        return "window_too_short"
    if is_stale(query.attendees, allow_unknown=query.allow_unknown):
        return "stale_calendar"
    if any(one.required and one.hours == () for one in query.attendees):
        return "no_working_hours"
    for index, reason in enumerate(ORDER):
        counted = ORDER[: index + 1]
        if all(any(REASON_OF.get(cause, cause) in counted for _, cause in rows) for rows in blocked.values()):
            return reason
    raise AssertionError("there is a feasible start")


def comfort(diary: Diary, start: int, duration: int) -> float:
    """Return 1 - d / 720, at least 0: d minutes lie between the middle of the meeting and the preferred minutes."""
    wall = diary.wall(start + duration // 2)
    middle = wall.weekday() * 1440 + wall.hour * 60 + wall.minute
    distances = (abs(middle - minute) % 10080 for minute in preferred_minutes(diary.attendee))
    return 1 - min([min(one, 10080 - one) for one in distances] + [720]) / 720


@lru_cache(maxsize=1000)
def _preferred_minutes(
    hours: tuple[WorkingHours, ...] | None, preferred: tuple[WorkingHours, ...] | None
) -> frozenset[int]:
    if preferred:
        monday = datetime(2001, 1, 1)
        week = {minute: monday + timedelta(minutes=minute) for minute in range(10080)}
        return frozenset(one for one, wall in week.items() if any(reads_inside(wall, entry) for entry in preferred))
    if hours is None:
        return frozenset(day * 1440 + 13 * 60 for day in range(7))
    middles = set()
    for day, name in enumerate(WEEKDAYS):
        entries = [entry for entry in hours if name in entry.days]
        ends = [entry.end if entry.end > entry.start else entry.end + 1440 for entry in entries]
        if entries:
            middles.add((day * 1440 + (min(entry.start for entry in entries) + max(ends)) // 2) % 10080)
    return frozenset(middles)


def preferred_minutes(attendee: Attendee) -> frozenset[int]:
    """Return the minutes of a week at distance 0: the preferred hours, or the middles of the working days."""
    return _preferred_minutes(attendee.hours, attendee.preferred_hours)


def fragmentation(diary: Diary, start: int, duration: int) -> float:
    """Return |b - a| / (b + a) of the free minutes before and after a meeting that the attendee can come to."""
    before = next((back for back in range(720) if not diary.is_open(start - 1 - back)), 720)
    after = next((on for on in range(720) if not diary.is_open(start + duration + on)), 720)
    return abs(before - after) / (before + after) if before + after else 1.0
