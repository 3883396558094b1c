"""Merging our version of an object with the stored one: our properties are restored, the owner's are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.ical.bounds import check_copies, check_size
from scheduler.ical.event_times import EventTimes, changes_no_time, find_occurrences, read_times
from scheduler.ical.lines import Block, Line, read_block, write_block
from scheduler.ical.overrides import adds_nothing, unchanged_override
from scheduler.ical.ownership import (
    CLOCKS,
    PART_NAMES,
    PEOPLE,
    STAMP,
    TIMES,
    address,
    content,
    digests,
    is_implied_attendee,
    is_ours,
    normalized,
)
from scheduler.ical.parse import MOST_SEQUENCE, PARSE_ERRORS, UnreadableCalendar
from scheduler.ical.scheduling import invites
from scheduler.ical.stamps import Stamp, read_stamp

_ABOUT_A_PERSON = frozenset({"CN", "ROLE", "SCHEDULE-AGENT"})
"""Parameters of a person that belong to the service; PARTSTAT, RSVP, SCHEDULE-STATUS and the like are answers."""
Events = dict[datetime | None, Block]


@dataclass(frozen=True)
class Merged:
    """The result of a merge. ``data`` is what the calendar should hold; ``differs``: it holds something else now.

    ``restored`` are the parts (keys of PART_NAMES) that somebody else had changed since we wrote them. ``is_newer``:
    the stored version of the meeting is later than ours; ``is_same``: it is the same version. ``invites``: ``data``
    asks an auto-scheduling server to invite somebody.
    """

    data: bytes
    differs: bool
    restored: tuple[str, ...]
    is_newer: bool
    is_same: bool
    sequence: int
    invites: bool


def with_sequence(data: bytes, sequence: int) -> bytes:
    """Return an object of ours with that SEQUENCE in each of its events."""
    calendar = read_block(data)
    _set_sequence(calendar.children("VEVENT"), sequence)
    return write_block(calendar)


def _set_sequence(events: Iterable[Block], sequence: int) -> None:
    for event in events:
        event.lines = [line.with_value(str(sequence)) if line.name == "SEQUENCE" else line for line in event.lines]


def merge(ours: bytes, held: bytes) -> Merged:
    """Merge our object with the stored one of the same UID, and keep the owner's properties.

    Merging the result again changes nothing. SEQUENCE never falls, and rises when times change (RFC 5546 §2.1.4).
    Raises UnreadableCalendar or NotOneCalendar for a stored object that can't be read, TooLarge for one over a bound.
    """
    check_size(held)
    try:
        return _merge(ours, held)
    except (*PARSE_ERRORS, RecursionError) as error:
        raise UnreadableCalendar(f"a value in it is out of range ({type(error).__name__})") from error


def _merge(ours: bytes, held: bytes) -> Merged:
    mine, theirs = _Object.read(ours), _Object.read(held)
    events = _merged_events(mine, theirs)
    sequence = _sequence(events, mine, theirs)
    _set_sequence(events.values(), sequence)
    _drop_needless_overrides(events, mine)
    version = mine.stamp and mine.stamp.version
    held_version = theirs.stamp and theirs.stamp.version
    return Merged(
        data=write_block(_calendar(mine, theirs, events)),
        differs=version != held_version or _content(events) != _content(theirs.events),
        restored=_put_right(mine, theirs),
        is_newer=bool(version and held_version and held_version > version),
        is_same=version is not None and version == held_version,
        sequence=sequence,
        invites=invites(events.values()),
    )


@dataclass(frozen=True)
class _Object:
    """A parsed object: its events by the instant of their RECURRENCE-ID, the master under None."""

    data: bytes
    calendar: Block
    events: Events
    times: Mapping[datetime | None, EventTimes]
    stamp: Stamp | None

    @classmethod
    def read(cls, data: bytes) -> _Object:
        """Parse an object. Raises UnreadableCalendar, NotOneCalendar."""
        calendar, times = read_block(data), read_times(data)
        blocks = calendar.children("VEVENT")
        if len(blocks) != len(times) or not blocks:
            raise UnreadableCalendar("it has no events, or events outside of the VCALENDAR")
        names = [each.recurrence_id for each in times]
        first = {name: index for index, name in reversed(list(enumerate(names)))}  # the first of two with one name
        indexes = sorted(first.values())
        events = {names[index]: blocks[index] for index in indexes}
        return cls(data, calendar, events, {names[index]: times[index] for index in indexes}, read_stamp(calendar))

    @property
    def sequence(self) -> int:
        values = [value for event in self.events.values() for value in event.values("SEQUENCE")]
        return max((int(value) for value in values if value.strip().isdecimal()), default=0)


def _merged_events(mine: _Object, theirs: _Object) -> Events:
    """Return our events, and the stored overrides of occurrences that ours leave as the rule gives them."""
    wanted = dict(mine.events)
    more = {name for name in theirs.events.keys() - wanted.keys() if name is not None}
    if more and None in wanted and wanted[None].values("RRULE"):
        for name in sorted(more & find_occurrences(mine.data, more)):
            wanted[name] = unchanged_override(wanted[None], mine.times[None], name)
    # A new override starts with what the owner added to the series.
    held = {name: theirs.events.get(name) or theirs.events.get(None) for name in wanted}
    check_copies(block for block in held.values() if block)
    return {name: _merged_event(ours, held[name]) for name, ours in wanted.items()}


def _drop_needless_overrides(events: Events, mine: _Object) -> None:
    """Drop the overrides that neither we nor the owner need any more, such as that of a conflict that has ended."""
    master = events.get(None)
    if master is not None:
        for name in events.keys() - mine.events.keys():
            if adds_nothing(events[name], master):
                del events[name]


def _merged_event(ours: Block, held: Block | None) -> Block:
    if held is None:
        return Block(ours.name, list(ours.lines), list(ours.blocks))
    with_people = bool(ours.values("ORGANIZER"))
    lines = [_with_answers(line, held) if line.name in PEOPLE else line for line in ours.lines]
    foreign = [line for line in held.lines if not is_ours(line, with_people=with_people)]
    others = _implied_attendees(ours, held) if with_people else []
    return Block(ours.name, [*lines, *others, *foreign], _inner_blocks(ours, held))


def _implied_attendees(ours: Block, held: Block) -> list[Line]:
    """Return the stored attendees that ours don't name but imply."""
    invited = {address(line) for line in ours.lines if line.name == "ATTENDEE"}
    organizers = {address(line) for line in ours.lines if line.name == "ORGANIZER"}
    others = [line for line in held.lines if line.name == "ATTENDEE" and address(line) not in invited]
    return [line for line in others if is_implied_attendee(line, organizers, invited)]


def _with_answers(ours: Line, held: Block) -> Line:
    """Return our line about a person with the answers that are stored for them."""
    known = next((line for line in held.lines if line.name == ours.name and address(line) == address(ours)), None)
    if known is None:
        return ours
    own = [(name, value) for name, value in ours.parameters if name in _ABOUT_A_PERSON - {"SCHEDULE-AGENT"}]
    answers = [(name, value) for name, value in known.parameters if name not in _ABOUT_A_PERSON]
    agent = _agent(ours, known)
    return ours.with_parameters([*own, *answers, *([("SCHEDULE-AGENT", agent)] if agent else [])])


def _agent(ours: Line, held: Line) -> str | None:
    """Return the SCHEDULE-AGENT of a person (RFC 6638 §7.1); None stands for the server.

    An attendee whom the server has invited stays with it: a change would cancel their invitation.
    """
    before = held.parameter("SCHEDULE-AGENT")
    if ours.name == "ATTENDEE" and (before is None or before.upper() != "CLIENT"):
        return before
    return ours.parameter("SCHEDULE-AGENT")


def _inner_blocks(ours: Block, held: Block) -> list[Block]:
    """Return the stored subcomponents. Our alarm is a suggestion that the owner may change or delete."""
    suggested = ours.children("VALARM")
    title, new_title = held.values("SUMMARY"), ours.values("SUMMARY")
    kept: list[Block] = []
    for block in held.blocks:
        if not _is_suggested(block):
            kept.append(block)
        elif not _is_cancelled(ours):
            same = suggested and block.values("DESCRIPTION") == title
            kept.append(_renamed(block, new_title) if same else block)
    return kept


def _is_suggested(block: Block) -> bool:
    """Return whether a subcomponent is the alarm that we put into every new event."""
    found = {line.name: normalized([line]) for line in block.lines}
    alarm = [Line.parse("ACTION:DISPLAY"), Line.parse("TRIGGER:-PT15M")]
    return block.name == "VALARM" and all(found.get(line.name) == normalized([line]) for line in alarm)


def _renamed(alarm: Block, title: list[str]) -> Block:
    lines = [line.with_value(title[0]) if line.name == "DESCRIPTION" and title else line for line in alarm.lines]
    return Block(alarm.name, lines, alarm.blocks)


def _sequence(events: Events, mine: _Object, theirs: _Object) -> int:
    same = {
        name
        for name in events
        if all(name not in each.events or _is_as_the_rule_gives(name, each) for each in (mine, theirs))
    }
    when, before = (
        {name: _when(event) for name, event in each.items() if name not in same} for each in (events, theirs.events)
    )
    sequence = max(mine.sequence, theirs.sequence + (when != before))
    if sequence > MOST_SEQUENCE:
        raise UnreadableCalendar("a SEQUENCE in it is out of range")
    return sequence


def _is_as_the_rule_gives(name: datetime | None, held: _Object) -> bool:
    """Return whether an event is an override that takes place when it would without it."""
    if name is None or None not in held.times:
        return False
    return changes_no_time(held.times[name], held.times[None]) and not _is_cancelled(held.events[name])


def _when(event: Block) -> object:
    """Return what decides when an event takes place, if at all. TENTATIVE takes place until its times change."""
    return normalized(line for line in event.lines if line.name in TIMES), _is_cancelled(event)


def _is_cancelled(event: Block) -> bool:
    return [value.strip().upper() for value in event.values("STATUS")] == ["CANCELLED"]


def _content(events: Events) -> object:
    """Return everything that counts as a difference: neither the time of writing nor the stamp."""
    return {name: content(event, CLOCKS | {STAMP}) for name, event in events.items()}


def _calendar(mine: _Object, theirs: _Object, events: Events) -> Block:
    """Return the VCALENDAR with our zones and those stored zones that stored properties still name."""
    calendar = mine.calendar
    known = {line.name for line in calendar.lines} | {"METHOD"}
    lines = [*calendar.lines, *(line for line in theirs.calendar.lines if line.name not in known)]
    zones = calendar.children("VTIMEZONE")
    lines_within = [line for event in events.values() for block in event.walk() for line in block.lines]
    named = {tzid for line in lines_within if (tzid := line.parameter("TZID"))}
    missing = named - {tzid for zone in zones for tzid in zone.values("TZID")}
    others = [
        block
        for block in theirs.calendar.blocks
        if block.name != "VEVENT" and (block.name != "VTIMEZONE" or set(block.values("TZID")) & missing)
    ]
    return Block(calendar.name, lines, [*zones, *others, *events.values()])


def _put_right(mine: _Object, theirs: _Object) -> tuple[str, ...]:
    """Return the parts that are neither as we wrote them nor as we would write them now."""
    if theirs.stamp is None:
        return ()
    written = theirs.stamp.digests
    found, wanted = (digests(each.calendar, each.times.values()) for each in (theirs, mine))
    people = any(event.values("ORGANIZER") for event in mine.events.values())
    return tuple(
        part
        for part in PART_NAMES
        if part in written and found[part] not in (written[part], wanted[part]) and (people or part != "people")
    )
