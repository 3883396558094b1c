"""The content of a picture of a slot search: weeks on the organizer's clock, shades, free time and slots.

Everything is decided here, to the minute. Drawing code only converts minutes to coordinates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from string import ascii_uppercase

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.explanation import Explanation
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import SlotAnswer
from scheduler.domain.time.clocks import Clock, clock_offsets, zone_at
from scheduler.domain.time.periods import Period, Span, instant_of
from scheduler.domain.time.units import DAY
from scheduler.domain.time.zones import in_zone
from scheduler.pictures.shading import Shade, Shading
from scheduler.pictures.wall_days import Stretch, skipped_stretches, split_by_day, wall_stretches
from scheduler.pictures.week_slots import MAX_WEEKS, PlacedSlot, assign_lanes, select_slots

MAX_PEOPLE = 8
MIN_HOURS = 2


@dataclass(frozen=True)
class Person:
    """A drawn attendee; ``times`` are the local start and end of each drawn slot, by its rank.

    Redacted ones have neither ``name`` nor ``zones``, only ``offsets`` from UTC (minutes).
    """

    index: int
    letter: str
    name: str | None
    zones: tuple[str, ...]
    offsets: tuple[int, ...]
    required: bool
    unknown: bool
    times: Mapping[int, tuple[datetime, datetime]]


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

    ``free`` and ``clocks`` have an entry for each drawn person. ``skipped`` are minutes that the organizer's clock
    never reads. ``clock_changes`` are the organizer's, as the stretches before and after each.
    """

    monday: date
    stretches: tuple[Stretch, ...]
    shaded: tuple[tuple[Stretch, Shade | None], ...]
    free: tuple[tuple[Stretch, ...], ...]
    skipped: tuple[Stretch, ...]
    clock_changes: tuple[tuple[Stretch, Stretch], ...]
    clocks: tuple[LocalClock, ...]


@dataclass(frozen=True)
class WeekView:
    """The answer to a slot search as weeks of a window from ``first_day`` to ``last_day``.

    At most `MAX_WEEKS` weeks are drawn: those of the best slots, then the earliest in which a drawn person works.
    ``hours`` are whole hours of the organizer's day, at least `MIN_HOURS`: from the first to the last at which a drawn
    person works in the drawn weeks, or all hours of the window if nobody does. ``slots`` begin with the best.
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
    shading = Shading(query, redacted)
    stretches = wall_stretches(query.attendees[0].clock, shading.start, max(shading.end, shading.start + 1))
    first_day, last_day = stretches[0].day, stretches[-1].day
    if shading.start == shading.end:  # the window has no whole minute
        stretches = []
    slots = sorted(assign_lanes(select_slots(found.slots, stretches)), key=lambda slot: slot.rank)
    slot_stretches = [stretch for slot in slots for stretch in slot.stretches]
    indexes = _drawn_people(query.attendees)
    worked = [part for index in indexes for part in split_by_day(shading.hours(index), stretches)] or stretches
    people = [
        _person(index, letter, query.attendees[index], shading, slots, is_redacted=index in redacted)
        for index, letter in zip(indexes, ascii_uppercase, strict=False)
    ]
    free = [shading.free(index) for index in indexes]
    clocks = [query.attendees[index].clock for index in indexes]
    mondays = _drawn_mondays({one.monday for one in slot_stretches}, {one.monday for one in worked})
    drawn_worked = [stretch for stretch in worked if stretch.monday in mondays]
    return WeekView(
        first_day,
        last_day,
        query.duration,
        tuple(people),
        len(query.attendees),
        _drawn_hours([*drawn_worked, *slot_stretches]),
        tuple(_week(monday, stretches, shading.spans, free, clocks) for monday in mondays),
        len({stretch.monday for stretch in stretches}),
        tuple(slots),
        found.total,
        found.explanation,
    )


def _drawn_people(attendees: Sequence[Attendee]) -> list[int]:
    """Return the indexes of the organizer, required attendees and optional ones, in this order."""
    order = sorted(range(len(attendees)), key=lambda index: (index > 0, not attendees[index].required, index))
    return order[:MAX_PEOPLE]


def _person(
    index: int, letter: str, attendee: Attendee, shading: Shading, slots: Sequence[PlacedSlot], *, is_redacted: bool
) -> Person:
    table = clock_offsets(attendee.clock, shading.start, max(shading.end, shading.start + 1))
    offsets = tuple(dict.fromkeys(table.offset.tolist()))
    zones = tuple(dict.fromkeys(zone_at(attendee.clock, instant_of(since)) for since in table.since.tolist()))
    name, zones = (None, ()) if is_redacted else (attendee.name, zones)
    times = {slot.rank: _local_times(attendee.clock, slot.slot.period) for slot in slots}
    return Person(index, letter, name, zones, offsets, attendee.required, attendee.unknown is not None, times)


def _local_times(clock: Clock, period: Period) -> tuple[datetime, datetime]:
    start, end = (in_zone(instant, zone_at(clock, instant)) for instant in (period.start, period.end))
    return start, end


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
    monday: date,
    window: Sequence[Stretch],
    shaded: Sequence[tuple[Span, Shade | None]],
    free: Sequence[Sequence[Span]],
    clocks: Sequence[Clock],
) -> Week:
    stretches = [stretch for stretch in window if stretch.monday == monday]
    return Week(
        monday,
        tuple(stretches),
        tuple((part, shade) for span, shade in shaded for part in split_by_day([span], stretches)),
        tuple(tuple(split_by_day(spans, stretches)) for spans in free),
        tuple(skipped for skipped in skipped_stretches(window) if skipped.monday == monday),
        tuple(
            (before, after)
            for before, after in pairwise(window)
            if before.offset != after.offset and after.monday == monday
        ),
        tuple(_local_clock(clock, stretches) for clock in clocks),
    )


def _local_clock(clock: Clock, stretches: Sequence[Stretch]) -> LocalClock:
    """Compare a clock with the organizer's over one week."""
    parts: list[tuple[Stretch, int]] = []
    for since, until, offset in clock_offsets(clock, stretches[0].start, stretches[-1].end):
        parts += [(part, offset - part.offset) for part in split_by_day([(since, until)], stretches)]
    lengths: Counter[int] = Counter()
    for part, ahead in parts:
        lengths[ahead] += part.end - part.start
    ((usual, _),) = lengths.most_common(1)
    return LocalClock(
        usual,
        tuple((part.day, part.since, ahead) for (_, before), (part, ahead) in pairwise(parts) if ahead != before),
        frozenset(part.day for part, ahead in parts if ahead != usual),
    )
