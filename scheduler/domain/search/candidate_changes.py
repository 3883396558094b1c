"""Changes of a request that may make a meeting possible, each with what it costs people.

They come in ladders: each change of a ladder costs more than the one before, and only the first that helps is offered.
Nobody's exam or leave is ever touched.

The cost is one number, so that all changes can be ranked: 1 for each minute taken off a buffer; 2 for each minute
taken off the meeting or added to a day's working hours; 60 for each day by which the end moves; 300 for another working
day; 400 for a blackout that becomes soft; 600 for an attendee who becomes optional, by name or in a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any, TypeVar

from scheduler.domain.availability.attendees import (
    MAX_HOURS_ENTRIES,
    Attendee,
    Blackout,
    BlackoutKind,
    Buffer,
    Days,
    WorkingHours,
)
from scheduler.domain.search.rules import Group, Rules
from scheduler.domain.time.periods import Span
from scheduler.domain.time.recurrence import DAY_NAMES, WEEKDAYS
from scheduler.domain.time.units import DAY
from scheduler.domain.time.zones import LAST_DATE

HOURS_STEP = 30
"""Minutes by which each change of a ladder widens working hours more than the one before."""
WIDEST = 180
EVENING, MORNING = 22 * 60, 7 * 60
"""Minutes of the day. Hours are not widened between them unless the request allows it."""
BUFFER_STEP = 5
"""Minutes by which each change of a ladder cuts a buffer more than the one before."""
SHORTEST = 15
"""The least minutes that a meeting is cut to."""
FURTHER, LONGEST = timedelta(weeks=8), timedelta(days=366)
"""How much longer a cadence may be made, and how long it may become."""
SOFTENABLE = frozenset({BlackoutKind.BREAK, BlackoutKind.HOLIDAY, BlackoutKind.OTHER})


@dataclass(frozen=True)
class Change:
    """Other values for some fields of the attendee at ``index``, or of the request (None)."""

    index: int | None
    description: str
    cost: int
    fields: Mapping[str, Any]


Ladder = Sequence[Change]
Q = TypeVar("Q", bound=Any)
"""A query: a dataclass with ``attendees``."""


def changed(query: Q, change: Change) -> Q:
    """Return the query with the change made."""
    if change.index is None:
        return replace(query, **change.fields)
    attendees = list(query.attendees)
    attendees[change.index] = replace(attendees[change.index], **change.fields)
    return replace(query, attendees=tuple(attendees))


def hours_ladders(index: int, attendee: Attendee, *, night: bool) -> Iterator[Ladder]:
    """Yield later ends, earlier starts and one more weekday, if the attendee has working hours at all."""
    week = _Week.of(attendee.hours or ())
    if not week.spans:
        return
    for later in (True, False):
        ladder = []
        reached = week
        for minutes in range(HOURS_STEP, WIDEST + 1, HOURS_STEP):
            wider = week.widened(minutes, later=later, night=night)
            added = wider.longest_addition(week)
            if wider != reached and len(wider.hours) <= MAX_HOURS_ENTRIES:
                ladder.append(Change(index, _widening(wider, added, later=later), 2 * added, {"hours": wider.hours}))
            reached = wider
        yield ladder
    fuller = [(day, week.with_day(day).hours) for day in WEEKDAYS if day not in week.spans]
    yield [
        Change(index, f"add {DAY_NAMES[day]} to the working days", 300, {"hours": hours})
        for day, hours in fuller
        if len(hours) <= MAX_HOURS_ENTRIES
    ]


def buffer_ladders(index: int, attendee: Attendee) -> Iterator[Ladder]:
    """Yield smaller buffers before, after, and on both sides, down to none."""
    before, after = attendee.buffer.before, attendee.buffer.after
    for sides in ((1, 0), (0, 1), (1, 1)):
        whole = max(before * sides[0], after * sides[1])
        cuts = [*range(BUFFER_STEP, whole, BUFFER_STEP), *([whole] if whole else [])]
        left = [Buffer(max(before - cut * sides[0], 0), max(after - cut * sides[1], 0)) for cut in cuts]
        yield [Change(index, _kept_free(one), before + after - one.before - one.after, {"buffer": one}) for one in left]


def blackout_ladders(index: int, attendee: Attendee) -> Iterator[Ladder]:
    """Yield the ladder in which one break, holiday or other blackout becomes soft, the shortest first."""
    softer = []
    for at, blackout in enumerate(attendee.blackouts):
        if blackout.firm and blackout.kind in SOFTENABLE:
            softened = replace(blackout, firm=False)
            blackouts = (*attendee.blackouts[:at], softened, *attendee.blackouts[at + 1 :])
            description = f"treat the {_named(blackout)} as time that is only better avoided"
            softer.append((_length(blackout), at, Change(index, description, 400, {"blackouts": blackouts})))
    yield [change for _, _, change in sorted(softer, key=lambda one: one[:2])]


def optional_ladder(index: int, attendees: Sequence[Attendee], *, has_groups: bool) -> Ladder:
    """Return the ladder that makes the attendee optional, if somebody else still has to come."""
    others = has_groups or sum(attendee.required for attendee in attendees) > 1
    return [Change(index, "make this attendee optional", 600, {"required": False})] if others else []


def group_ladders(rules: Rules) -> Iterator[Ladder]:
    """Yield for each group the ladder with fewer required members, down to one."""
    for index, group in enumerate(rules.groups):
        yield [
            Change(
                None,
                _fewer(fewer, group),
                600 * (group.required - fewer),
                {"rules": rules.with_group_size(index, fewer)},
            )
            for fewer in range(group.required - 1, 0, -1)
        ]


def duration_ladder(duration: int) -> Ladder:
    """Return meetings shorter by 5 minutes each, down to half the duration and to 15 minutes."""
    least = max(SHORTEST, (duration + 1) // 2)
    lengths = range(duration - 5, least - 1, -5)
    return [
        Change(None, f"meet for {length} minutes", 2 * (duration - length), {"duration": length}) for length in lengths
    ]


def later_ends(starts_on: date, ends_on: date, every_weeks: int) -> Ladder:
    """Return cadences longer by whole cycles, by up to eight weeks and up to 366 days in all."""
    cycle = timedelta(weeks=every_weeks)
    ends = [ends_on + times * cycle for times in range(1, FURTHER // cycle + 1)]
    return [
        Change(None, f"go on until {end}", 60 * (end - ends_on).days, {"ends_on": end})
        for end in ends
        if end - starts_on <= LONGEST and end <= LAST_DATE
    ]


@dataclass(frozen=True)
class _Week:
    """Working hours as each weekday's spans, in order; an end over 1440 is on the next day, a start under 0 before."""

    spans: Mapping[str, tuple[Span, ...]]

    @classmethod
    def of(cls, hours: Sequence[WorkingHours]) -> _Week:
        by_day = {
            day: tuple(sorted((entry.start, entry.start + entry.length) for entry in hours if day in entry.days))
            for day in WEEKDAYS
        }
        return cls({day: spans for day, spans in by_day.items() if spans})

    @property
    def hours(self) -> tuple[WorkingHours, ...]:
        """The same as working hours, with weekdays of the same spans in one entry."""
        by_day: dict[str, tuple[Span, ...]] = {}
        for day, spans in self.spans.items():
            for start, end in spans:
                # A span that begins before midnight belongs to the day before.
                begins = WEEKDAYS[(WEEKDAYS.index(day) + start // DAY) % 7]
                by_day[begins] = tuple(sorted((*by_day.get(begins, ()), (start % DAY, end % DAY))))
        alike = sorted(by_day, key=lambda day: (by_day[day], WEEKDAYS.index(day)))
        groups = [(spans, tuple(days)) for spans, days in groupby(alike, key=by_day.__getitem__)]
        found = [WorkingHours(days, start, end) for spans, days in groups for start, end in spans]
        return tuple(sorted(found, key=lambda entry: (WEEKDAYS.index(entry.days[0]), entry.start)))

    def widened(self, minutes: int, *, later: bool, night: bool) -> _Week:
        """Return the week with each day's last end later, or first start earlier, within the night and 24 hours."""
        widen = _ending_later if later else _beginning_earlier
        return _Week({day: widen(spans, minutes, night=night) for day, spans in self.spans.items()})

    def longest_addition(self, narrower: _Week) -> int:
        """Return the most minutes that any day has more than in the narrower week."""
        return max(_length_of(spans) - _length_of(narrower.spans[day]) for day, spans in self.spans.items())

    def with_day(self, day: str) -> _Week:
        """Return the week with one more day, which has the hours of the working day before it."""
        index = WEEKDAYS.index(day)
        near = next(name for name in (WEEKDAYS[(index - back) % 7] for back in range(1, 7)) if name in self.spans)
        return _Week({**self.spans, day: self.spans[near]})

    def common(self, *, end: bool) -> int | None:
        """Return the time at which every day ends (or begins), if it is the same; minutes of the day."""
        times = {(max(stop for _, stop in spans) if end else spans[0][0]) % DAY for spans in self.spans.values()}
        return times.pop() if len(times) == 1 else None


def _ending_later(spans: tuple[Span, ...], minutes: int, *, night: bool) -> tuple[Span, ...]:
    last = max(spans, key=lambda span: span[1])
    start, end = last
    clock = end % DAY
    light = DAY if night else EVENING - clock if MORNING <= clock < EVENING else 0
    wider = (start, end + min(minutes, light, DAY - (end - start)))
    return tuple(wider if span is last else span for span in spans)


def _beginning_earlier(spans: tuple[Span, ...], minutes: int, *, night: bool) -> tuple[Span, ...]:
    (start, end), *others = spans
    light = DAY if night else start - MORNING if MORNING < start <= EVENING else 0
    return ((start - min(minutes, light, DAY - (end - start)), end), *others)


def _length_of(spans: tuple[Span, ...]) -> int:
    return sum(end - start for start, end in spans)


def _widening(week: _Week, minutes: int, *, later: bool) -> str:
    common = week.common(end=later)
    if common is None:
        return f"{'end' if later else 'begin'} working hours up to {minutes} minutes {'later' if later else 'earlier'}"
    clock = f"{common // 60:02}:{common % 60:02}"
    return f"extend working hours to {clock}" if later else f"begin working hours at {clock}"


def _fewer(required: int, group: Group) -> str:
    members = ", ".join(map(str, group.members))
    return f"let {required} of the attendees {members} be enough"


def _kept_free(buffer: Buffer) -> str:
    if buffer == Buffer():
        return "keep no time free around the meeting"
    return f"keep {buffer.before} minutes before and {buffer.after} after free"


def _named(blackout: Blackout) -> str:
    kind = "time away" if blackout.kind is BlackoutKind.OTHER else blackout.kind.value
    if isinstance(blackout.span, Days):
        first, last = blackout.span.first, blackout.span.last
        return f"{kind} of {first}" if first == last else f"{kind} from {first} to {last}"
    return f"{kind} that begins at {blackout.span.start:%Y-%m-%dT%H:%MZ}"


def _length(blackout: Blackout) -> int:
    """Return the minutes of a blackout; of a recurring one, those of its first occurrence."""
    span = blackout.span
    if isinstance(span, Days):
        return ((span.last - span.first).days + 1) * DAY
    return int((span.end - span.start).total_seconds()) // 60
