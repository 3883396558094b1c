"""The content of a picture of a slot search: weeks on the organizer's clock, shades, free time and slots.

Everything is decided here, to the minute. Drawing code only converts minutes to coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.explanation import Explanation
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import SlotAnswer
from scheduler.domain.time.clocks import clock_offsets, zone_at
from scheduler.domain.time.periods import Periods, Span, instant_of
from scheduler.domain.time.units import DAY
from scheduler.pictures.shading import Shade, Shading, shade_window
from scheduler.pictures.wall_days import Stretch, monday_of, skipped_spans, split_by_day, wall_stretches
from scheduler.pictures.week_slots import MAX_WEEKS, PlacedSlot, assign_lanes, select_slots

MAX_PEOPLE = 8
MIN_HOURS = 2


@dataclass(frozen=True)
class Person:
    """A drawn attendee. Redacted ones have neither ``name`` nor ``zones``, only ``offsets`` from UTC (minutes)."""

    index: int
    name: str | None
    zones: tuple[str, ...]
    offsets: tuple[int, ...]
    required: bool
    unknown: bool


@dataclass(frozen=True)
class LocalClock:
    """How many minutes a person's clock is ``ahead`` of the organizer's for most of a week.

    ``changes`` lists each later difference as (organizer's day, minute of that day, minutes ahead). ``odd_days`` are
    the organizer's days with any difference other than ``ahead``.
    """

    ahead: int
    changes: tuple[tuple[date, int, int], ...]
    odd_days: frozenset[date]


@dataclass(frozen=True)
class Week:
    """The part of the window, ``stretches``, in the week that begins on ``monday``.

    ``free`` and ``clocks`` have an entry for each drawn person. ``skipped`` are minutes of the day that the organizer's
    clock never reads. ``clock_changes`` are the organizer's, as (day, minute before the change, minute after it).
    """

    monday: date
    stretches: tuple[Stretch, ...]
    shaded: tuple[tuple[Stretch, Shade | None], ...]
    free: tuple[tuple[Stretch, ...], ...]
    skipped: tuple[tuple[date, Span], ...]
    clock_changes: tuple[tuple[date, int, int], ...]
    clocks: tuple[LocalClock, ...]


@dataclass(frozen=True)
class WeekView:
    """The answer to a slot search as weeks of a window from ``first_day`` to ``last_day``.

    At most `MAX_WEEKS` weeks are drawn: those of the best slots, then the earliest in which a drawn person works.
    ``hours`` are whole hours of the organizer's day, at least `MIN_HOURS`: from the first to the last at which a drawn
    person works in the drawn weeks, or all hours of the window if nobody does.
    """

    first_day: date
    last_day: date
    duration: int
    people: tuple[Person, ...]
    people_total: int
    hours: Span
    weeks: tuple[Week, ...]
    weeks_total: int
    slots: tuple[PlacedSlot, ...]
    total: int
    explanation: Explanation | None


def week_view(query: SlotQuery, found: SlotAnswer, redacted: frozenset[int] = frozenset()) -> WeekView:
    """Return the picture's content, without names, zones and kinds of blackouts of ``redacted`` attendees (indexes)."""
    shading = shade_window(query, redacted)
    stretches = wall_stretches(query.attendees[0].clock, shading.start, max(shading.end, shading.start + 1))
    first_day, last_day = stretches[0].day, stretches[-1].day
    if shading.start == shading.end:  # the window has no whole minute
        stretches = []
    indexes = _drawn_people(query.attendees)
    working = Periods.union(*(shading.hours(index) for index in indexes))
    worked = list(split_by_day(_spans(working), stretches)) or stretches
    selected = select_slots(found.slots, stretches)
    slot_stretches = [stretch for ranked in selected for stretch in ranked.stretches]
    mondays = _drawn_mondays(
        {monday_of(stretch.day) for stretch in slot_stretches},
        {monday_of(stretch.day) for stretch in worked},
    )
    shown = [stretch for stretch in stretches if monday_of(stretch.day) in mondays]
    drawn_worked = [stretch for stretch in worked if monday_of(stretch.day) in mondays]
    return WeekView(
        first_day,
        last_day,
        query.duration,
        tuple(_person(index, query.attendees[index], shading, index in redacted) for index in indexes),
        len(query.attendees),
        _drawn_hours([*drawn_worked, *slot_stretches]),
        tuple(_week(monday, query.attendees, indexes, shading, shown) for monday in mondays),
        len({monday_of(stretch.day) for stretch in stretches}),
        tuple(assign_lanes(selected, [query.attendees[index].clock for index in indexes])),
        found.total,
        found.explanation,
    )


def _drawn_people(attendees: Sequence[Attendee]) -> list[int]:
    """Return the indexes of the organizer, required attendees and optional ones, in this order."""
    order = sorted(range(len(attendees)), key=lambda index: (index > 0, not attendees[index].required, index))
    return order[:MAX_PEOPLE]


def _person(index: int, attendee: Attendee, shading: Shading, is_redacted: bool) -> Person:
    table = clock_offsets(attendee.clock, shading.start, max(shading.end, shading.start + 1))
    offsets = tuple(dict.fromkeys(table.offset.tolist()))
    zones = tuple(dict.fromkeys(zone_at(attendee.clock, instant_of(since)) for since in table.since.tolist()))
    name, zones = (None, ()) if is_redacted else (attendee.name, zones)
    return Person(index, name, zones, offsets, attendee.required, attendee.unknown is not None)


def _drawn_mondays(of_slots: set[date], worked: set[date]) -> list[date]:
    """Return the Mondays of weeks with slots, then of the earliest worked weeks up to `MAX_WEEKS`."""
    return sorted([*of_slots, *sorted(worked - of_slots)[: MAX_WEEKS - len(of_slots)]])


def _drawn_hours(stretches: Sequence[Stretch]) -> Span:
    """Return the whole hours that the stretches span, at least `MIN_HOURS`."""
    first = min((stretch.since for stretch in stretches), default=0) // 60
    last = -(-max((stretch.until for stretch in stretches), default=DAY) // 60)
    last = min(max(last, first + MIN_HOURS), DAY // 60)
    return min(first, last - MIN_HOURS), last


def _week(
    monday: date, attendees: Sequence[Attendee], indexes: Sequence[int], shading: Shading, shown: Sequence[Stretch]
) -> Week:
    stretches = [stretch for stretch in shown if monday_of(stretch.day) == monday]
    days = sorted({stretch.day for stretch in stretches})
    shaded = [(part, shade) for span, shade in shading.spans for part in split_by_day([span], stretches)]
    return Week(
        monday,
        tuple(stretches),
        tuple(shaded),
        tuple(tuple(split_by_day(_spans(shading.free(index)), stretches)) for index in indexes),
        tuple((day, span) for day in days for span in skipped_spans(attendees[0].clock, day)),
        tuple(_clock_changes(attendees[0], stretches)),
        tuple(_local_clock(attendees[0], attendees[index], stretches) for index in indexes),
    )


def _clock_changes(organizer: Attendee, stretches: Sequence[Stretch]) -> Iterator[tuple[date, int, int]]:
    """Yield the organizer's clock changes as (day, minute before the change, minute after it)."""
    table = list(clock_offsets(organizer.clock, stretches[0].start, stretches[-1].end))
    for (_, until, before), (_, _, after) in pairwise(table):
        if before != after:
            (first,) = split_by_day([(until, until + 1)], stretches)
            yield first.day, (until + before) % DAY, first.since


def _local_clock(organizer: Attendee, attendee: Attendee, stretches: Sequence[Stretch]) -> LocalClock:
    """Compare an attendee's clock with the organizer's over one week."""
    start, end = stretches[0].start, stretches[-1].end
    own, other = clock_offsets(organizer.clock, start, end), clock_offsets(attendee.clock, start, end)
    cuts = np.union1d(own.since, other.since)
    differences = (other.at(cuts) - own.at(cuts)).tolist()
    lengths: dict[int, int] = {}
    changes: list[tuple[date, int, int]] = []
    by_difference: dict[int, list[Stretch]] = {}
    for position, (since, until) in enumerate(zip(cuts.tolist(), [*cuts[1:].tolist(), end], strict=True)):
        ahead = differences[position]
        lengths[ahead] = lengths.get(ahead, 0) + until - since
        parts = list(split_by_day([(since, until)], stretches))
        by_difference.setdefault(ahead, []).extend(parts)
        if position and ahead != differences[position - 1]:
            changes.append((parts[0].day, parts[0].since, ahead))
    usual = max(lengths, key=lambda ahead: lengths[ahead])
    days = frozenset(stretch.day for ahead, parts in by_difference.items() if ahead != usual for stretch in parts)
    return LocalClock(usual, tuple(changes), days)


def _spans(periods: Periods) -> list[Span]:
    return list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True))
