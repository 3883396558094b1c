"""What a picture of a slot question shows: weeks of the organizer's wall clock, what bars them, and the slots chosen.

Everything is decided here, to the minute; whoever draws it only has to find a place for it.
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
from scheduler.domain.time.clocks import clock_between, zone_at
from scheduler.domain.time.periods import Periods, Span, instant_of
from scheduler.domain.time.units import DAY
from scheduler.pictures.shading import Shade, Shading, shade_window
from scheduler.pictures.wall_days import Stretch, monday_of, placed, skipped_spans, wall_stretches
from scheduler.pictures.week_slots import MOST_WEEKS, ChosenSlot, choose_slots, in_lanes

MOST_PEOPLE = 8
LEAST_HOURS = 2


@dataclass(frozen=True)
class Person:
    """An attendee to be drawn. Who is not ``told`` goes without a name, and by the offsets from UTC (minutes)."""

    index: int
    name: str | None
    zones: tuple[str, ...]
    offsets: tuple[int, ...]
    told: bool
    required: bool
    unknown: bool


@dataclass(frozen=True)
class LocalClock:
    """How far a person's clock is ahead of the organizer's in a week (minutes), for most of it.

    ``changes`` has each later difference with the organizer's day and minute from which it holds; ``odd_days`` are
    those on which it is, at least in part, not ``ahead``.
    """

    ahead: int
    changes: tuple[tuple[date, int, int], ...]
    odd_days: frozenset[date]


@dataclass(frozen=True)
class Week:
    """A week from its Monday on. Stretches are those of the window that lie in it.

    ``free`` has a row for each drawn person; ``skipped`` are minutes that the organizer's clock never reads, and
    ``turns`` its changes: the day, the minute that it would have read, and the one that it reads.
    """

    monday: date
    asked: tuple[Stretch, ...]
    shaded: tuple[tuple[Stretch, Shade | None], ...]
    free: tuple[tuple[Stretch, ...], ...]
    skipped: tuple[tuple[date, Span], ...]
    turns: tuple[tuple[date, int, int], ...]
    clocks: tuple[LocalClock, ...]


@dataclass(frozen=True)
class WeekView:
    """The answer to a slot question, as weeks from ``first_day`` to ``last_day`` of the window.

    Drawn are at most `MOST_WEEKS` weeks: those of the best slots first, then the earliest in which somebody works.
    ``hours`` are whole hours of the organizer's day: the first to the last at which a drawn person works in the drawn
    part of the window, at least `LEAST_HOURS`; all of the window's where nobody does. ``given`` slots came with the
    answer.
    """

    first_day: date
    last_day: date
    duration: int
    people: tuple[Person, ...]
    people_in_all: int
    hours: Span
    weeks: tuple[Week, ...]
    weeks_in_all: int
    slots: tuple[ChosenSlot, ...]
    given: int
    total: int
    explanation: Explanation | None


def week_view(query: SlotQuery, found: SlotAnswer, redacted: frozenset[int] = frozenset()) -> WeekView:
    """The picture of an answer, without names, zones and kinds of blackouts of the ``redacted`` attendees (indexes)."""
    shading = shade_window(query, redacted)
    stretches = wall_stretches(query.attendees[0].clock, shading.start, max(shading.end, shading.start + 1))
    first_day, last_day = stretches[0].day, stretches[-1].day
    if shading.start == shading.end:  # not one whole minute
        stretches = []
    indexes = _drawn_people(query.attendees)
    working = Periods.union(*(shading.hours(index) for index in indexes))
    worked = list(placed(_spans(working), stretches)) or stretches
    chosen = choose_slots(found.slots, stretches)
    mondays = _drawn_mondays(
        {monday_of(stretch.day) for choice in chosen for stretch in choice.where},
        {monday_of(stretch.day) for stretch in worked},
    )
    shown = [stretch for stretch in stretches if monday_of(stretch.day) in mondays]
    mattering = [place for place in worked if monday_of(place.day) in mondays]
    return WeekView(
        first_day,
        last_day,
        query.duration,
        tuple(_person(index, query.attendees[index], shading, index not in redacted) for index in indexes),
        len(query.attendees),
        _drawn_hours([*mattering, *(stretch for choice in chosen for stretch in choice.where)]),
        tuple(_week(monday, query.attendees, indexes, shading, shown) for monday in mondays),
        len({monday_of(stretch.day) for stretch in stretches}),
        tuple(in_lanes(chosen, [query.attendees[index].clock for index in indexes])),
        len(found.slots),
        found.total,
        found.explanation,
    )


def _drawn_people(attendees: Sequence[Attendee]) -> list[int]:
    """The organizer, then who is required, then the others."""
    order = sorted(range(len(attendees)), key=lambda index: (index > 0, not attendees[index].required, index))
    return order[:MOST_PEOPLE]


def _person(index: int, attendee: Attendee, shading: Shading, told: bool) -> Person:
    table = clock_between(attendee.clock, shading.start, max(shading.end, shading.start + 1))
    offsets = tuple(dict.fromkeys(table.offset.tolist()))
    zones = tuple(dict.fromkeys(zone_at(attendee.clock, instant_of(since)) for since in table.since.tolist()))
    name = attendee.name if told else None
    return Person(index, name, zones if told else (), offsets, told, attendee.required, attendee.unknown is not None)


def _drawn_mondays(wanted: set[date], worked: set[date]) -> list[date]:
    """The weeks of the chosen slots, and as many of the others as there is room for."""
    return sorted([*wanted, *sorted(worked - wanted)[: MOST_WEEKS - len(wanted)]])


def _drawn_hours(places: Sequence[Stretch]) -> Span:
    """Whole hours from the first to the last that matter."""
    first = min((place.since for place in places), default=0) // 60
    last = -(-max((place.until for place in places), default=DAY) // 60)
    last = min(max(last, first + LEAST_HOURS), DAY // 60)
    return min(first, last - LEAST_HOURS), last


def _week(
    monday: date, attendees: Sequence[Attendee], indexes: Sequence[int], shading: Shading, shown: Sequence[Stretch]
) -> Week:
    asked = [stretch for stretch in shown if monday_of(stretch.day) == monday]
    start, end = asked[0].start, asked[-1].end
    days = sorted({stretch.day for stretch in asked})
    shaded = [(place, shade) for span, shade in shading.spans for place in placed([span], asked)]
    return Week(
        monday,
        tuple(asked),
        tuple(shaded),
        tuple(tuple(placed(_spans(shading.free(index)), asked)) for index in indexes),
        tuple((day, span) for day in days for span in skipped_spans(attendees[0].clock, day)),
        tuple(_turns(attendees[0], asked, start, end)),
        tuple(_local_clock(attendees[0], attendees[index], asked) for index in indexes),
    )


def _turns(organizer: Attendee, asked: Sequence[Stretch], start: int, end: int) -> Iterator[tuple[date, int, int]]:
    """The organizer's clock changes; whole days' leaps are told by the days."""
    table = list(clock_between(organizer.clock, start, end))
    for (_, until, before), (_, _, after) in pairwise(table):
        if before != after:
            (place,) = placed([(until, until + 1)], asked)
            yield place.day, (until + before) % DAY, place.since


def _local_clock(organizer: Attendee, attendee: Attendee, asked: Sequence[Stretch]) -> LocalClock:
    """The differences between two clocks in a week of the first."""
    start, end = asked[0].start, asked[-1].end
    own, other = clock_between(organizer.clock, start, end), clock_between(attendee.clock, start, end)
    cuts = np.union1d(own.since, other.since)
    differences = (other.at(cuts) - own.at(cuts)).tolist()
    lengths: dict[int, int] = {}
    changes: list[tuple[date, int, int]] = []
    odd: dict[int, list[Stretch]] = {}
    for place, (since, until) in enumerate(zip(cuts.tolist(), [*cuts[1:].tolist(), end], strict=True)):
        ahead = differences[place]
        lengths[ahead] = lengths.get(ahead, 0) + until - since
        where = list(placed([(since, until)], asked))
        odd.setdefault(ahead, []).extend(where)
        if place and ahead != differences[place - 1]:
            changes.append((where[0].day, where[0].since, ahead))
    usual = max(lengths, key=lambda ahead: lengths[ahead])
    days = frozenset(stretch.day for ahead, where in odd.items() if ahead != usual for stretch in where)
    return LocalClock(usual, tuple(changes), days)


def _spans(periods: Periods) -> list[Span]:
    return list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True))
