"""Answers as tables and lines for the terminal, with everybody's local times side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from rich import box
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.burden import BURDEN_MEANING, SOCIAL_HOURS, WEIGHTS
from scheduler.domain.search.cadences import Cadence, CadenceAnswer, LocalTimeShift, local_time_shifts
from scheduler.domain.search.explanation import Explanation
from scheduler.domain.search.planning import PlannedOccurrence, PlanStatus
from scheduler.domain.search.rotations import Rotation, RotationAnswer
from scheduler.domain.search.scoring import DEBT, EQUAL, FAIR, PARTS
from scheduler.domain.search.sequences import Obstacle, SequenceAnswer, SequenceQuery
from scheduler.domain.search.slots import Slot, SlotAnswer
from scheduler.domain.time.clocks import zone_at
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import DAY_NAMES, MonthlyRule, SeriesRule, WeeklyRule
from scheduler.domain.time.units import WEEK
from scheduler.domain.time.zones import in_zone

Parts = Iterator[RenderableType]
"""Tables and lines, from top to bottom."""

_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}


def print_tables(parts: Parts) -> None:
    """Print tables and lines to stdout, at least 100 columns wide; names are shown as they are, markup included."""
    console = Console(markup=False, emoji=False, highlight=False)
    console.width = max(console.width, 100)
    for part in parts:
        console.print(part)


def slots_tables(found: SlotAnswer, attendees: Sequence[Attendee]) -> Parts:
    """Yield the slots with each attendee's local start, the parts of their scores if there are any, and why."""
    if found.total:
        rows = [
            (f"{slot.score:.3f}", *_starts(slot.period, attendees, dict(enumerate(slot.available))))
            for slot in found.slots
        ]
        yield _table(["score", *_headings(attendees)], rows)
        yield from _score_parts(found.slots, attendees[0])
        yield f"{len(found.slots)} of {found.total} feasible starts"
    yield from _explanation(found.explanation, attendees, "feasible starts")


def _score_parts(slots: Sequence[Slot], organizer: Attendee) -> Parts:
    """Yield a table of the parts of each slot's score; beside many attendees they would not fit."""
    rows = []
    for slot in slots:
        if slot.parts is not None:
            shares = [f"{slot.parts[part.name]:.3f}" for part in PARTS]
            rows.append((f"{slot.score:.3f}", _local(slot.period.start, organizer), *shares))
    if rows:
        yield "parts of each score, with their weights:"
        names = [Column(f"{part.name}\nx {part.weight:g}", no_wrap=True) for part in PARTS]
        yield _table(["score", *_headings([organizer]), *names], rows)


def cadences_tables(found: CadenceAnswer | RotationAnswer, attendees: Sequence[Attendee]) -> Parts:
    """Yield the cadences or rotations one after another, with the status of each occurrence and what blocks it."""
    if found.total:
        if isinstance(found, CadenceAnswer):
            kind = "cadences"
            shown = [_cadence(number, cadence, attendees) for number, cadence in enumerate(found.cadences, 1)]
        else:
            kind = "rotations"
            shown = [_rotation(number, rotation, attendees) for number, rotation in enumerate(found.rotations, 1)]
        for parts in shown:
            yield from parts
            yield ""
        yield f"{len(shown)} of {found.total} {kind}"
    yield from _explanation(found.explanation, attendees, "coverage")


def _cadence(number: int, cadence: Cadence, attendees: Sequence[Attendee]) -> Parts:
    when = f"{number}. {_rule_text(cadence.rule)} at {cadence.dtstart.wall:%H:%M} {cadence.dtstart.zone}"
    yield from _series(when, cadence, cadence.occurrences, attendees)
    yield from _shift_lines(cadence.shifts, attendees)


def _rotation(number: int, rotation: Rotation, attendees: Sequence[Attendee]) -> Parts:
    """Yield a rotation; turns that are all at one time are shown as one cadence."""
    first = rotation.turns[0]
    assert isinstance(first.rule, WeeklyRule)  # only weekly cadences rotate
    rule = f"{number}. {_rule_text(replace(first.rule, interval=first.rule.interval // len(rotation.turns)))}"
    times = [f"{turn.dtstart.wall:%H:%M}" for turn in rotation.turns]
    occurrences = [occurrence for _, occurrence in rotation.occurrences]
    if len(set(times)) == 1:
        when = f"{rule} at {times[0]} {first.dtstart.zone}, always the same time"
        yield from _series(when, rotation, occurrences, attendees)
        periods = [occurrence.period for occurrence in occurrences]
        yield from _shift_lines(local_time_shifts(periods, attendees), attendees)
        return
    when = f"{rule}, in turns at {' and '.join(times)} {first.dtstart.zone}"
    yield from _series(when, rotation, occurrences, attendees, [turn + 1 for turn, _ in rotation.occurrences])
    for turn_number, turn in enumerate(rotation.turns, 1):
        yield from _shift_lines(turn.shifts, attendees, f"turn {turn_number}: ")


def _series(
    when: str,
    found: Cadence | Rotation,
    occurrences: Sequence[PlannedOccurrence],
    attendees: Sequence[Attendee],
    turns: Sequence[int] = (),
) -> Parts:
    """Yield a summary, each attendee's burden, and a row for each occurrence, with the number of its turn if it has."""
    summary = f"{when}: {found.clear_count} of {len(occurrences)} clear (score {found.score:.3f})"
    yield Text(summary, style="bold")
    burdens = [f"{_name(attendees, index)} {burden}" for index, burden in enumerate(found.burdens)]
    yield f"   burden in weighted minutes: {', '.join(burdens)}"
    columns: list[str | Column] = [*_headings(attendees), Column("", no_wrap=True), "why"]
    rows = [
        [
            *_starts(planned.period, attendees, planned.coming),
            _outcome(planned, attendees[0]),
            _blocks(planned, attendees),
        ]
        for planned in occurrences
    ]
    if turns:
        columns = ["turn", *columns]
        rows = [[str(turn), *row] for turn, row in zip(turns, rows, strict=True)]
    yield _table(columns, rows)


def _rule_text(rule: SeriesRule) -> str:
    if isinstance(rule, MonthlyRule):
        return f"{_ORDINALS[rule.ordinal]} {DAY_NAMES[rule.weekday]} of every month"
    assert isinstance(rule, WeeklyRule)
    every = "every week" if rule.interval == 1 else f"every {rule.interval} weeks"
    return f"{' and '.join(DAY_NAMES[day] for day in rule.weekdays)} {every}"


def _shift_lines(shifts: Iterable[LocalTimeShift], attendees: Sequence[Attendee], prefix: str = "") -> Parts:
    """Yield a line for each change of an attendee's local time; ``prefix`` names the turn, if there are several."""
    for shift in shifts:
        yield (
            f"  {prefix}from {shift.on:%a %d %b %Y} it is {_clock(shift.after)} instead of {_clock(shift.before)} "
            f"for {_name(attendees, shift.index)}"
        )


def sequences_tables(found: SequenceAnswer, query: SequenceQuery, titles: Sequence[str | None]) -> Parts:
    """Yield the plans one after another, with a row for each session and its attendees' local starts."""
    names = [title or f"session {number}" for number, title in enumerate(titles, 1)]
    if found.failing is not None:
        if found.explanation is None or found.obstacle is Obstacle.ORDER:
            yield f"{names[found.failing]} can't follow the sessions before it within the required gaps"
        else:
            yield f"{names[found.failing]} can't be held"
            yield from _explanation(found.explanation, query.attendees, "feasible starts")
        return
    for number, plan in enumerate(found.plans, 1):
        yield Text(f"{number}. score {plan.score:.3f}", style="bold")
        rows = []
        for name, session, period, available in zip(names, query.sessions, plan.periods, plan.available, strict=True):
            starts = _starts(period, query.attendees, dict(zip(session.attendees, available, strict=True)))
            rows.append([name, *(start if index in session.attendees else "" for index, start in enumerate(starts))])
        yield _table(["", *_headings(query.attendees)], rows)
    yield f"{len(found.plans)} of {found.total} starts of {names[0]}"


def scoring_tables() -> Parts:
    """Yield the parts of a score, the weights of a burden, and how both are used."""
    yield _table(["part", "weight", "meaning"], [(part.name, f"{part.weight:g}", part.meaning) for part in PARTS])
    yield EQUAL
    yield ""
    yield BURDEN_MEANING
    hours = [f"{'/'.join(entry.days)} {_clock(entry.start)}-{_clock(entry.end)}" for entry in SOCIAL_HOURS]
    yield f"social hours: {', '.join(hours)}"
    weights = [
        (f"over {limit}" if further == WEEK else f"{limit + 1} to {further}", str(weight))
        for (limit, _), (further, weight) in pairwise(WEIGHTS)
    ]
    yield _table(["minutes outside", "each counts"], weights)
    yield f"{FAIR}; debt is {DEBT:g}"


def _explanation(explanation: Explanation | None, attendees: Sequence[Attendee], gain: str) -> Parts:
    """Yield what rules out starts; if nothing is feasible, also the reason and the changes that would help.

    ``gain`` is the heading of what the changes lead to.
    """
    if explanation is None:
        return
    if explanation.reason:
        yield f"nothing is feasible: {_words(explanation.reason)}"
    if explanation.blocking:
        blocking = [
            (_name(attendees, row.index), _words(row.cause), str(row.starts_lost)) for row in explanation.blocking
        ]
        yield _table(["attendee", "cause", "starts lost"], blocking)
    if explanation.relaxations:
        yield "changes that would help:"
        changes = [
            (_name(attendees, one.change.index), one.change.description, f"{one.gain:g}")
            for one in explanation.relaxations
        ]
        yield _table(["attendee", "change", gain], changes)


def _table(columns: Sequence[str | Column], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*columns, box=box.SIMPLE)
    for row in rows:
        table.add_row(*row)
    return table


def _headings(attendees: Sequence[Attendee]) -> list[str]:
    return [f"{_name(attendees, index)}\n{attendee.zone}" for index, attendee in enumerate(attendees)]


def _starts(period: Period, attendees: Sequence[Attendee], available: Mapping[int, bool | None]) -> list[str]:
    """Return each attendee's local start, and whether they (by index) can't come or are unknown."""
    absences = {True: "", False: " (can't come)", None: " (unknown)"}
    return [
        _local(period.start, attendee) + absences[available.get(index, True)]
        for index, attendee in enumerate(attendees)
    ]


def _local(instant: datetime, attendee: Attendee) -> str:
    """Return the attendee's local time, and the zone if a planned move takes them to another than the heading's."""
    zone = zone_at(attendee.clock, instant)
    return f"{in_zone(instant, zone):%a %d %b %Y %H:%M}" + ("" if zone == attendee.zone else f" in {zone}")


def _name(attendees: Sequence[Attendee], index: int | None) -> str:
    """Return the name of the attendee at an index; None is the request itself."""
    return "the request" if index is None else attendees[index].name or f"attendee {index}"


def _outcome(planned: PlannedOccurrence, organizer: Attendee) -> str:
    if planned.status is PlanStatus.MOVED and planned.moved_to:
        start = planned.moved_to.start
        return f"moved to {in_zone(start, zone_at(organizer.clock, start)):%a %d %b %H:%M}"
    return planned.status.value


def _blocks(planned: PlannedOccurrence, attendees: Sequence[Attendee]) -> str:
    return ", ".join(
        f"{_name(attendees, block.index)}: {block.title or _words(block.cause)}" for block in planned.blocked_by
    )


def _words(value: StrEnum) -> str:
    return value.value.replace("_", " ")


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
