"""Answers as tables for people: everybody's local times side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from scheduler.domain.availability import Attendee
from scheduler.domain.cadences import Cadence, CadenceAnswer
from scheduler.domain.explanation import Explanation
from scheduler.domain.planning import PlannedOccurrence, PlanStatus
from scheduler.domain.recurrence import DAY_NAMES, MonthlyRule, SeriesRule, WeeklyRule
from scheduler.domain.slots import SlotAnswer
from scheduler.domain.zones import in_zone

LOCAL = "%a %d %b %Y %H:%M"
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}


def print_answer(answer: RenderableType) -> None:
    """Prints an answer to stdout: JSON as it is, a table as wide as it needs to be."""
    if isinstance(answer, str):
        sys.stdout.write(answer + "\n")
        return
    console = Console(soft_wrap=False)
    console.width = max(console.width, 100)
    console.print(answer)


def slots_table(found: SlotAnswer, attendees: Sequence[Attendee]) -> RenderableType:
    """The slots with each attendee's local start."""
    if found.explanation is not None:
        return explanation_table(found.explanation, attendees)
    table = Table("score", *_headings(attendees), box=box.SIMPLE)
    for slot in found.slots:
        cells = [
            f"{in_zone(slot.period.start, attendee.zone):{LOCAL}}{_presence(available)}"
            for attendee, available in zip(attendees, slot.available, strict=True)
        ]
        table.add_row(f"{slot.score:.3f}", *cells)
    return Group(table, Text(f"{len(found.slots)} of {found.total} feasible starts"))


def cadences_table(found: CadenceAnswer, attendees: Sequence[Attendee]) -> RenderableType:
    """The cadences one after another, every occurrence with what it comes to and why."""
    if found.explanation is not None:
        return explanation_table(found.explanation, attendees)
    parts: list[RenderableType] = []
    for place, cadence in enumerate(found.cadences, 1):
        parts += [*cadence_table(place, cadence, attendees), *shift_lines(cadence, attendees), Text()]
    return Group(*parts, Text(f"{len(found.cadences)} of {found.total} cadences"))


def cadence_table(place: int, cadence: Cadence, attendees: Sequence[Attendee]) -> Iterator[RenderableType]:
    """One cadence: a line that sums it up, and a row an occurrence."""
    yield Text(
        f"{place}. {_said(cadence.rule)} at {cadence.dtstart.wall:%H:%M} {cadence.dtstart.zone}: "
        f"{cadence.clear_count} of {len(cadence.occurrences)} clear (score {cadence.score:.3f})",
        style="bold",
    )
    table = Table(*_headings(attendees), Column("", no_wrap=True), "why", box=box.SIMPLE)
    for planned in cadence.occurrences:
        starts = [f"{in_zone(planned.period.start, attendee.zone):{LOCAL}}" for attendee in attendees]
        table.add_row(*starts, _outcome(planned, attendees[0].zone), _why(planned, attendees))
    yield table


def _said(rule: SeriesRule) -> str:
    match rule:
        case MonthlyRule(ordinal=ordinal, weekday=day):
            return f"{_ORDINALS[ordinal]} {DAY_NAMES[day]} of every month"
        case WeeklyRule(interval=1, weekdays=days):
            return " and ".join(DAY_NAMES[day] for day in days) + " every week"
        case WeeklyRule(interval=interval, weekdays=days):
            return " and ".join(DAY_NAMES[day] for day in days) + f" every {interval} weeks"
    raise TypeError(rule)


def shift_lines(cadence: Cadence, attendees: Sequence[Attendee]) -> list[Text]:
    """The days from which a clock change shifts somebody's local time."""
    return [
        Text(
            f"  from {shift.on:%a %d %b %Y} it is {_clock(shift.after)} instead of {_clock(shift.before)} "
            f"for {_name(shift.index, attendees[shift.index])}"
        )
        for shift in cadence.shifts
    ]


def explanation_table(explanation: Explanation, attendees: Sequence[Attendee]) -> RenderableType:
    """Who stands in the way; where there is nothing, also why, and what would help."""
    table = Table("who", "what", "starts lost", box=box.SIMPLE)
    for row in explanation.blocking:
        table.add_row(_who(row.index, attendees), row.cause.value.replace("_", " "), str(row.starts_lost))
    parts: list[RenderableType] = [table]
    if explanation.reason:
        parts.insert(0, Text(f"nothing is feasible: {explanation.reason.value.replace('_', ' ')}"))
    if explanation.relaxations:
        helpful = Table("whom to ask", "what would help", "comes to", box=box.SIMPLE)
        for one in explanation.relaxations:
            helpful.add_row(_who(one.index, attendees), one.said, f"{one.gained:g}")
        parts.append(helpful)
    return Group(*parts)


def _headings(attendees: Sequence[Attendee]) -> list[str]:
    return [f"{_name(index, attendee)}\n{attendee.zone}" for index, attendee in enumerate(attendees)]


def _who(index: int | None, attendees: Sequence[Attendee]) -> str:
    return "the request" if index is None else _name(index, attendees[index])


def _name(index: int, attendee: Attendee) -> str:
    return attendee.name or f"attendee {index}"


def _presence(available: bool | None) -> str:
    return {True: "", False: " (can't come)", None: " (unknown)"}[available]


def _outcome(planned: PlannedOccurrence, zone: str) -> str:
    if planned.status is PlanStatus.MOVED and planned.moved_to:
        return f"moved to {in_zone(planned.moved_to.start, zone):%a %d %b %H:%M}"
    return planned.status.value


def _why(planned: PlannedOccurrence, attendees: Sequence[Attendee]) -> str:
    return ", ".join(
        f"{_who(block.index, attendees)}: {block.title or block.cause.value.replace('_', ' ')}"
        for block in planned.blocked_by
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
