"""Answers as tables for the terminal, with everybody's local times side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from rich import box
from rich.console import Console, Group, RenderableType
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
from scheduler.domain.search.slots import SlotAnswer
from scheduler.domain.time.clocks import zone_at
from scheduler.domain.time.recurrence import DAY_NAMES, MonthlyRule, SeriesRule, WeeklyRule
from scheduler.domain.time.units import WEEK
from scheduler.domain.time.zones import in_zone

LOCAL = "%a %d %b %Y %H:%M"
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}


def print_answer(answer: RenderableType) -> None:
    """Print an answer to stdout: JSON as it is, tables at least 100 columns wide."""
    if isinstance(answer, str):
        sys.stdout.write(answer + "\n")
        return
    console = Console(soft_wrap=False)
    console.width = max(console.width, 100)
    console.print(answer)


def slots_table(found: SlotAnswer, attendees: Sequence[Attendee]) -> RenderableType:
    """Return the slots with each attendee's local start, and the parts of their scores if the answer has them."""
    table = Table("score", *_headings(attendees), box=box.SIMPLE)
    for slot in found.slots:
        cells = [
            f"{_local(slot.period.start, attendee)}{_absence(available)}"
            for attendee, available in zip(attendees, slot.available, strict=True)
        ]
        table.add_row(f"{slot.score:.3f}", *cells)
    parts: list[RenderableType] = [table, *_score_parts(found, attendees[0])]
    parts.append(Text(f"{len(found.slots)} of {found.total} feasible starts"))
    return _with_explanation(parts, found, attendees, "feasible starts")


def _score_parts(found: SlotAnswer, organizer: Attendee) -> Iterator[RenderableType]:
    """Yield a table of the parts of each slot's score; beside many attendees they would not fit."""
    explained = [(slot, slot.parts) for slot in found.slots if slot.parts is not None]
    if not explained:
        return
    yield Text("parts of each score, with their weights:")
    names = [Column(f"{part.name}\nx {part.weight:g}", no_wrap=True) for part in PARTS]
    table = Table("score", *_headings([organizer]), *names, box=box.SIMPLE)
    for slot, shares in explained:
        shown = [f"{shares[part.name]:.3f}" for part in PARTS]
        table.add_row(f"{slot.score:.3f}", _local(slot.period.start, organizer), *shown)
    yield table


def _with_explanation(
    parts: Sequence[RenderableType],
    found: SlotAnswer | CadenceAnswer | RotationAnswer,
    attendees: Sequence[Attendee],
    gain: str,
) -> Group:
    """Group what was found, if anything, with the explanation, if there is one."""
    shown = list(parts) if found.total else []
    if found.explanation is not None:
        shown.append(explanation_table(found.explanation, attendees, gain))
    return Group(*shown)


def cadences_table(found: CadenceAnswer | RotationAnswer, attendees: Sequence[Attendee]) -> RenderableType:
    """Return the cadences or rotations one after another, with the status of each occurrence and what blocks it."""
    parts: list[RenderableType] = []
    match found:
        case CadenceAnswer(cadences=cadences):
            for number, cadence in enumerate(cadences, 1):
                parts += [*cadence_table(number, cadence, attendees), *shift_lines(cadence.shifts, attendees), Text()]
            parts.append(Text(f"{len(cadences)} of {found.total} cadences"))
        case RotationAnswer(rotations=rotations):
            for number, rotation in enumerate(rotations, 1):
                parts += [*rotation_table(number, rotation, attendees), Text()]
            parts.append(Text(f"{len(rotations)} of {found.total} rotations"))
    return _with_explanation(parts, found, attendees, "coverage")


def rotation_table(number: int, rotation: Rotation, attendees: Sequence[Attendee]) -> Iterator[RenderableType]:
    """Yield one rotation: a summary, each attendee's burden, every occurrence in order, and shifts of local times.

    Turns that are all at one time are shown as one cadence.
    """
    times = [f"{turn.dtstart.wall:%H:%M}" for turn in rotation.turns]
    differ = len({*times}) > 1
    zone, rule = rotation.turns[0].dtstart.zone, rotation.turns[0].rule
    assert isinstance(rule, WeeklyRule)  # only weekly cadences rotate
    all_turns = replace(rule, interval=rule.interval // len(rotation.turns))
    when = f", in turns at {' and '.join(times)} {zone}" if differ else f" at {times[0]} {zone}, always the same time"
    yield Text(
        f"{number}. {_rule_text(all_turns)}{when}: "
        f"{rotation.clear_count} of {len(rotation.occurrences)} clear (score {rotation.score:.3f})",
        style="bold",
    )
    yield _burdens(rotation.burdens, attendees)
    occurrences = [one for _, one in rotation.occurrences]
    if not differ:
        yield _occurrences(occurrences, attendees)
        yield from shift_lines(local_time_shifts([one.period for one in occurrences], tuple(attendees)), attendees)
        return
    yield _occurrences(occurrences, attendees, [turn + 1 for turn, _ in rotation.occurrences])
    for turn_number, turn in enumerate(rotation.turns, 1):
        yield from shift_lines(turn.shifts, attendees, f"turn {turn_number}: ")


def sequences_table(found: SequenceAnswer, query: SequenceQuery, titles: Sequence[str | None]) -> RenderableType:
    """Return the plans one after another, with a row for each session and its attendees' local starts."""
    names = [title or f"session {number}" for number, title in enumerate(titles, 1)]
    if found.failing is not None:
        failing = names[found.failing]
        if found.explanation is None or found.obstacle is Obstacle.ORDER:
            return Text(f"{failing} can't follow the sessions before it within the required gaps")
        return Group(
            Text(f"{failing} can't be held"), explanation_table(found.explanation, query.attendees, "feasible starts")
        )
    parts: list[RenderableType] = []
    for number, plan in enumerate(found.plans, 1):
        table = Table("", *_headings(query.attendees), box=box.SIMPLE)
        for name, session, period, available in zip(names, query.sessions, plan.periods, plan.available, strict=True):
            availability = dict(zip(session.attendees, available, strict=True))
            table.add_row(
                name,
                *(
                    f"{_local(period.start, one)}{_absence(availability[index])}" if index in availability else ""
                    for index, one in enumerate(query.attendees)
                ),
            )
        parts += [Text(f"{number}. score {plan.score:.3f}", style="bold"), table]
    return Group(*parts, Text(f"{len(found.plans)} of {found.total} starts of {names[0]}"))


def cadence_table(number: int, cadence: Cadence, attendees: Sequence[Attendee]) -> Iterator[RenderableType]:
    """Yield one cadence: a summary, each attendee's burden, and a row for each occurrence."""
    yield Text(
        f"{number}. {_rule_text(cadence.rule)} at {cadence.dtstart.wall:%H:%M} {cadence.dtstart.zone}: "
        f"{cadence.clear_count} of {len(cadence.occurrences)} clear (score {cadence.score:.3f})",
        style="bold",
    )
    yield _burdens(cadence.burdens, attendees)
    yield _occurrences(cadence.occurrences, attendees)


def _burdens(burdens: Sequence[int], attendees: Sequence[Attendee]) -> Text:
    each = [f"{_name(index, attendees[index])} {burden}" for index, burden in enumerate(burdens)]
    return Text("   burden in weighted minutes: " + ", ".join(each))


def _occurrences(
    occurrences: Sequence[PlannedOccurrence], attendees: Sequence[Attendee], turns: Sequence[int] = ()
) -> Table:
    """Return a row for each occurrence; ``turns`` are the numbers of their turns, if there are any."""
    first = ["turn"] if turns else []
    table = Table(*first, *_headings(attendees), Column("", no_wrap=True), "why", box=box.SIMPLE)
    for number, planned in enumerate(occurrences):
        starts = [
            f"{_local(planned.period.start, attendee)}{_absence(planned.coming.get(index, True))}"
            for index, attendee in enumerate(attendees)
        ]
        first = [str(turns[number])] if turns else []
        table.add_row(*first, *starts, _outcome(planned, attendees[0]), _blocked_by(planned, attendees))
    return table


def _rule_text(rule: SeriesRule) -> str:
    match rule:
        case MonthlyRule(ordinal=ordinal, weekday=day):
            return f"{_ORDINALS[ordinal]} {DAY_NAMES[day]} of every month"
        case WeeklyRule(interval=1, weekdays=days):
            return " and ".join(DAY_NAMES[day] for day in days) + " every week"
        case WeeklyRule(interval=interval, weekdays=days):
            return " and ".join(DAY_NAMES[day] for day in days) + f" every {interval} weeks"
    raise TypeError(rule)


def shift_lines(shifts: Iterable[LocalTimeShift], attendees: Sequence[Attendee], prefix: str = "") -> list[Text]:
    """Return a line for each change of an attendee's local time; ``prefix`` names the turn, if there are several."""
    return [
        Text(
            f"  {prefix}from {shift.on:%a %d %b %Y} it is {_clock(shift.after)} instead of {_clock(shift.before)} "
            f"for {_name(shift.index, attendees[shift.index])}"
        )
        for shift in shifts
    ]


def scoring_table() -> RenderableType:
    """Return the parts of a score, the weights of a burden, and how both are used."""
    parts = Table("part", "weight", "meaning", box=box.SIMPLE)
    for part in PARTS:
        parts.add_row(part.name, f"{part.weight:g}", part.meaning)
    weights = Table("minutes outside", "each counts", box=box.SIMPLE)
    for (limit, _), (further, weight) in pairwise(WEIGHTS):
        distance = f"over {limit}" if further == WEEK else f"{limit + 1} to {further}"
        weights.add_row(distance, str(weight))
    hours = [f"{'/'.join(entry.days)} {_clock(entry.start)}-{_clock(entry.end)}" for entry in SOCIAL_HOURS]
    social = Text(f"social hours: {', '.join(hours)}")
    return Group(parts, Text(EQUAL), Text(), Text(BURDEN_MEANING), social, weights, Text(f"{FAIR}; debt is {DEBT:g}"))


def explanation_table(explanation: Explanation, attendees: Sequence[Attendee], gain: str) -> RenderableType:
    """Return what rules out starts; if nothing is feasible, also the reason and the changes that would help.

    ``gain`` is the heading of what the changes lead to.
    """
    parts: list[RenderableType] = []
    if explanation.reason:
        parts.append(Text(f"nothing is feasible: {explanation.reason.value.replace('_', ' ')}"))
    if explanation.blocking:
        table = Table("attendee", "cause", "starts lost", box=box.SIMPLE)
        for row in explanation.blocking:
            table.add_row(_who(row.index, attendees), row.cause.value.replace("_", " "), str(row.starts_lost))
        parts.append(table)
    if explanation.relaxations:
        parts.append(Text("changes that would help:"))
        helpful = Table("attendee", "change", gain, box=box.SIMPLE)
        for one in explanation.relaxations:
            helpful.add_row(_who(one.change.index, attendees), one.change.description, f"{one.gain:g}")
        parts.append(helpful)
    return Group(*parts)


def _local(instant: datetime, attendee: Attendee) -> str:
    """Return the attendee's local time, and the zone if a planned move takes them to another than the heading's."""
    zone = zone_at(attendee.clock, instant)
    return f"{in_zone(instant, zone):{LOCAL}}" + ("" if zone == attendee.zone else f" in {zone}")


def _headings(attendees: Sequence[Attendee]) -> list[str]:
    return [f"{_name(index, attendee)}\n{attendee.zone}" for index, attendee in enumerate(attendees)]


def _who(index: int | None, attendees: Sequence[Attendee]) -> str:
    return "the request" if index is None else _name(index, attendees[index])


def _name(index: int, attendee: Attendee) -> str:
    return attendee.name or f"attendee {index}"


def _absence(available: bool | None) -> str:
    return {True: "", False: " (can't come)", None: " (unknown)"}[available]


def _outcome(planned: PlannedOccurrence, organizer: Attendee) -> str:
    if planned.status is PlanStatus.MOVED and planned.moved_to:
        start = planned.moved_to.start
        return f"moved to {in_zone(start, zone_at(organizer.clock, start)):%a %d %b %H:%M}"
    return planned.status.value


def _blocked_by(planned: PlannedOccurrence, attendees: Sequence[Attendee]) -> str:
    return ", ".join(
        f"{_who(block.index, attendees)}: {block.title or block.cause.value.replace('_', ' ')}"
        for block in planned.blocked_by
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
