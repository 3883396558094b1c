"""A brute-force oracle of the cadence search: one candidate, one occurrence, one minute at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import combinations
from zoneinfo import ZoneInfo

from support.oracle import (
    Diary,
    Request,
    Why,
    is_blacked_out,
    is_stale,
    time_of_day,
    wall_clock,
    zone_in,
)

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.date_patterns import Pattern


@lru_cache(maxsize=20_000)
def resolve(wall: datetime, zone: str) -> int:
    """The UTC minute of a wall time: the first that reads so, else by the offset before the gap (RFC 5545 §3.3.5)."""
    naive = int(wall.replace(tzinfo=UTC).timestamp()) // 60
    readings = [
        naive - offset for offset in _offsets_near(naive // 1440, zone) if wall_clock(naive - offset, zone) == wall
    ]
    if readings:
        return min(readings)
    # No clock ever reads it: go back until the clock reads an earlier time, and keep that offset.
    minute = naive + 30 * 60
    while wall_clock(minute, zone) > wall:
        minute -= 1
    return naive - _offset(minute, zone)


@lru_cache(maxsize=5_000)
def _offsets_near(day: int, zone: str) -> frozenset[int]:
    """Return every offset from 30 hours before a UTC day until 30 hours after it."""
    minutes = range(day * 1440 - 1800, (day + 1) * 1440 + 1800, 180)  # no zone changes twice so soon
    return frozenset(_offset(minute, zone) for minute in minutes)


def _offset(minute: int, zone: str) -> int:
    offset = datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60


@dataclass(frozen=True)
class Candidate:
    """A first wall time, the UTC minutes of all its occurrences, and which of them are clear."""

    dtstart: datetime
    walls: tuple[datetime, ...]
    """Of all occurrences."""
    starts: tuple[int, ...]
    clear: tuple[bool, ...]

    @property
    def coverage(self) -> float:
        """Clear / all, rounded to three places."""
        return round(sum(self.clear) / len(self.clear), 3)


Outcome = tuple[str, int | None]
"""The status of an occurrence, and the UTC minute that it moves to."""


class CadenceOracle:
    """The answer to one query; everything is counted one by one."""

    def __init__(self, query: CadenceQuery) -> None:
        self.query = query
        self.people = [_with_room_for(one, query.per_week) for one in query.attendees]
        self.request = Request(query.rules, self.people, allow_unknown=query.allow_unknown)
        self.diaries = self.request.required_diaries()
        self.own = [Diary(one) for one in query.attendees if one.required]
        self.is_free = cache(self._is_free)
        self.move_starts_in = cache(self._move_starts_in)
        self.own_conflicts = cache(self._own_conflicts)
        self.candidates = [self._candidate(days, minute) for days in self._dates() for minute in self._times()]

    def _dates(self) -> list[tuple[date, ...]]:
        """Return every set of dates on which a cadence may come, each once."""
        query = self.query
        days = [query.starts_on + timedelta(days=n) for n in range((query.ends_on - query.starts_on).days + 1)]
        if query.pattern is Pattern.MONTHLY_WEEKDAY:
            kinds = [(ordinal, weekday) for ordinal in (1, 2, 3, 4, -1) for weekday in range(7)]
            found = {tuple(day for day in days if _is_such_weekday(day, *kind)) for kind in kinds}
        elif query.per_week > 1:
            several = combinations(range(7), query.per_week)
            chosen = (tuple(day for day in days if day.weekday() in some) for some in several)
            found = {some for some in chosen if len({day.weekday() for day in some}) == query.per_week}
        else:
            apart = 7 * query.every_weeks
            found = {tuple(days[first::apart]) for first in range(min(apart, len(days)))}
        return sorted(found - {()})

    def _times(self) -> range:
        return range(0, 1440, self.query.step)

    def _candidate(self, days: tuple[date, ...], minute: int) -> Candidate:
        walls = tuple(datetime.combine(day, time(minute // 60, minute % 60)) for day in days)
        starts = tuple(resolve(wall, self.query.time_zone) for wall in walls)
        return Candidate(walls[0], walls, starts, tuple(map(self.is_free, starts)))

    def _is_free(self, start: int) -> bool:
        """Return whether nothing rules out a meeting for a required attendee, and no rule of the request does."""
        query = self.query
        return all(diary.can_meet(start, query.duration) for _, diary in self.diaries) and not self._rules(start)

    def _rules(self, start: int) -> set[tuple[None, str]]:
        return self.request.causes(start, self.query.duration)

    @property
    def remaining(self) -> list[Candidate]:
        """The candidates of the answer, best coverage first; scores are not compared."""
        if is_stale(self.query.attendees, allow_unknown=self.query.allow_unknown):
            return []
        enough = [one for one in self.candidates if self._is_enough(one, one.clear)]
        return sorted(enough, key=lambda one: (-one.coverage, one.dtstart))

    def plan(self, candidate: Candidate) -> list[Outcome]:
        """Return what happens to each occurrence."""
        taken: list[int] = []
        outcomes: list[Outcome] = []
        for index, clear in enumerate(candidate.clear):
            if clear:
                outcomes.append(("clear", None))
                continue
            others = [start for other, start in enumerate(candidate.starts) if other != index]
            still_to_come = candidate.starts[index + 1 :]
            kept = [start for start, (status, _) in zip(candidate.starts, outcomes, strict=False) if status == "clear"]
            held = [*kept, *still_to_come, *taken]
            move = self._nearest(candidate, index, others + taken, held) if self.query.on_conflict == "move" else None
            taken += [] if move is None else [move]
            outcomes.append(("skipped", None) if move is None else ("moved", move))
        return outcomes

    def _nearest(self, candidate: Candidate, index: int, others: list[int], held: list[int]) -> int | None:
        """Return the nearest start to move to, the later of two."""
        blocked = candidate.starts[index]
        day = candidate.walls[index].date()
        far = self.query.move_within_days + 3
        near = [
            start
            for utc_day in range(blocked // 1440 - far, blocked // 1440 + far + 1)
            for start, stop in self.move_starts_in(utc_day)
            if abs((stop - day).days) <= self.query.move_within_days
        ]
        for start in sorted(near, key=lambda one: (abs(one - blocked), one < blocked)):
            suits = not self._meets_any(start, others) and self.is_free(start)
            if suits and not any(diary.is_full(start, held) for diary in self.own):
                return start
        return None

    def _move_starts_in(self, utc_day: int) -> list[tuple[int, date]]:
        """Return the starts in a UTC day that a meeting may move to, and the local day of each."""
        query = self.query
        found = []
        for start in range(utc_day * 1440, utc_day * 1440 + 1440):
            day = wall_clock(start, query.time_zone).date()
            on_grid = time_of_day(start, query.time_zone) % query.step == 0
            if on_grid and query.starts_on <= day <= query.ends_on:
                found.append((start, day))
        return found

    def _meets_any(self, start: int, others: list[int]) -> bool:
        return any(abs(start - other) < self.query.duration + self.query.rules.minimum_gap for other in others)

    def blocked_by(self, start: int) -> set[tuple[int | None, str, str | None]]:
        """Return (index, cause, title) of everything that blocks a meeting at that start."""
        rows: set[tuple[int | None, str, str | None]] = {(index, cause, None) for index, cause in self._rules(start)}
        meeting = range(start, start + self.query.duration)
        for index, diary in self.diaries:
            rows |= {(index, cause, None) for cause in diary.causes(start, self.query.duration) if cause != "blackout"}
            for one in diary.attendee.blackouts:
                if one.firm and any(is_blacked_out(minute, one, zone_in(minute, diary.attendee)) for minute in meeting):
                    rows.add((index, "blackout", one.title))
        return rows

    def coming(self, start: int) -> dict[int, bool]:
        """Return which attendees not required by name can come at that start; unknown ones are left out."""
        others = [
            (index, one) for index, one in enumerate(self.query.attendees) if not one.required and not one.unknown
        ]
        members = {index for group in self.query.rules.groups for index in group.members}
        gaps = {index: self.query.rules.minimum_gap if index in members else 0 for index, _ in others}
        return {index: self.request.can_come(index, gaps[index], start, self.query.duration) for index, _ in others}

    def shifts(self, candidate: Candidate) -> list[tuple[int, date, int, int]]:
        """Return (index, local date, time before, time from then on) of each change of an attendee's local time."""
        found = []
        for index, attendee in enumerate(self.query.attendees):
            before = time_of_day(candidate.starts[0], zone_in(candidate.starts[0], attendee))
            for start in candidate.starts[1:]:
                now = time_of_day(start, zone_in(start, attendee))
                if now != before:
                    found.append((index, wall_clock(start, zone_in(start, attendee)).date(), before, now))
                before = now
        return found

    def explain(self) -> Why:
        """Explain why no candidate remains; every cause is counted by itself."""
        duration = self.query.duration
        rows: dict[int, set[tuple[int | None, str]]] = {
            start: {(index, cause) for index, diary in self.diaries for cause in diary.causes(start, duration)}
            | self._rules(start)
            for start in {start for candidate in self.candidates for start in candidate.starts}
        }
        lost: dict[tuple[int | None, str], int] = {}
        for candidate in self.candidates:
            for start, own in zip(candidate.starts, self.own_conflicts(candidate.starts), strict=True):
                for row in rows[start] | own:
                    lost[row] = lost.get(row, 0) + 1
        return Why(self._reason(rows), lost)

    def _reason(self, rows: dict[int, set[tuple[int | None, str]]]) -> str:
        if not self.candidates:
            return "window_too_short"
        if is_stale(self.query.attendees, allow_unknown=self.query.allow_unknown):
            return "stale_calendar"
        if any(diary.attendee.hours == () for _, diary in self.diaries):
            return "no_working_hours"
        counted: set[str] = set()
        for cause, reason in _REASONS.items():
            counted.add(cause)
            if not any(self._would_remain(one, rows, counted) for one in self.candidates):
                return reason
        raise AssertionError("there is a cadence")

    def _would_remain(
        self, candidate: Candidate, rows: dict[int, set[tuple[int | None, str]]], counted: set[str]
    ) -> bool:
        clear = tuple(not any(cause in counted for _, cause in rows[start]) for start in candidate.starts)
        return self._is_enough(candidate, clear, counted)

    def _is_enough(
        self, candidate: Candidate, clear: tuple[bool, ...], counted: Iterable[str] = ("limit", "minimum_gap")
    ) -> bool:
        """Return whether enough is clear, and no counted cause sets the candidate's own occurrences in conflict."""
        known = Candidate(candidate.dtstart, candidate.walls, candidate.starts, clear)
        own = {cause for causes in self.own_conflicts(candidate.starts) for _, cause in causes}
        return any(clear) and known.coverage >= self.query.min_coverage and own.isdisjoint(counted)

    def _own_conflicts(self, starts: tuple[int, ...]) -> list[set[tuple[int | None, str]]]:
        """Return for each occurrence its conflicts with others of the candidate: too near, or a full day or week."""
        found: list[set[tuple[int | None, str]]] = []
        for number, start in enumerate(starts):
            # Where a zone skips a day, two occurrences may even be at one instant.
            around = [*starts[max(number - 1, 0) : number], *starts[number + 1 : number + 2]]
            gap = self.query.rules.minimum_gap
            near = any(0 < gap > abs(other - start) - self.query.duration for other in around)
            causes: set[tuple[int | None, str]] = {(None, "minimum_gap")} if near else set()
            for (index, roomy), diary in zip(self.diaries, self.own, strict=True):
                if diary.is_full(start, starts[:number]) and not roomy.is_full(start):
                    causes.add((index, "limit"))
            found.append(causes)
        return found


def _with_room_for(attendee: Attendee, per_week: int) -> Attendee:
    """Return the attendee with weeks that are full if not all meetings of the cadence fit in."""
    most = attendee.at_most_per_week
    return attendee if most is None else replace(attendee, at_most_per_week=most - (per_week - 1))


def _is_such_weekday(day: date, ordinal: int, weekday: int) -> bool:
    """Return whether the date is the month's first, second, ... or last (-1) such weekday."""
    if ordinal == -1:
        return day.weekday() == weekday and (day + timedelta(weeks=1)).month != day.month
    return day.weekday() == weekday and (day.day - 1) // 7 + 1 == ordinal


_REASONS = {"outside_hours": "no_common_hours"} | {
    cause: cause for cause in ("within", "blackout", "busy", "buffer", "limit", "minimum_gap", "group")
}
"""The causes in the order in which they are added up, and the reason that each gives."""
