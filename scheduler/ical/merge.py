"""What we mean and what a calendar holds, made one: ours is put right, and what is its owner's stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.ical.event_times import EventTimes, instances, read_times
from scheduler.ical.lines import Block, Line, read_block, write_block
from scheduler.ical.overrides import plain_override
from scheduler.ical.ownership import (
    CLOCKS,
    PEOPLE,
    STAMP,
    TIMES,
    WORDS,
    address,
    comes_along,
    digests,
    is_ours,
    meanings,
)
from scheduler.ical.parse import MALFORMED, UnreadableCalendar
from scheduler.ical.stamps import Stamp, read_stamp

_ABOUT_A_PERSON = frozenset({"CN", "ROLE", "SCHEDULE-AGENT"})
"""The parameters of a person that are ours; PARTSTAT, RSVP, SCHEDULE-STATUS and the like are answers."""
_WHEN = TIMES | {"STATUS"}
Events = dict[datetime | None, Block]


@dataclass(frozen=True)
class Merged:
    """``data`` is what the calendar should hold; ``differs``: it says more or other than what it holds.

    ``put_right`` are the parts (keys of WORDS) that somebody else had changed since we wrote them. ``is_newer``: the
    calendar holds a later version of the meeting than ours; ``is_same``: this very one.
    """

    data: bytes
    differs: bool
    put_right: tuple[str, ...]
    is_newer: bool
    is_same: bool


def merge(ours: bytes, held: bytes) -> Merged:
    """Our object with all that is its owner's in the one that a calendar holds (both of one UID).

    Merging again what came out changes nothing. SEQUENCE never falls, and rises when times change (RFC 5546 §2.1.4).
    Raises UnreadableCalendar, NotOneCalendar for what is held and can't be understood.
    """
    try:
        return _merge(ours, held)
    except (*MALFORMED, RecursionError) as error:
        raise UnreadableCalendar(f"something in it is out of all bounds ({type(error).__name__})") from error


def _merge(ours: bytes, held: bytes) -> Merged:
    mine, theirs = _Object.read(ours), _Object.read(held)
    events = _merged_events(mine, theirs)
    sequence = _sequence(events, mine, theirs)
    for event in events.values():
        event.lines = [line.saying(str(sequence)) if line.name == "SEQUENCE" else line for line in event.lines]
    version = mine.stamp and mine.stamp.version
    held_version = theirs.stamp and theirs.stamp.version
    return Merged(
        data=write_block(_calendar(mine, theirs, events)),
        differs=version != held_version or _said(events) != _said(theirs.events),
        put_right=_put_right(mine, theirs),
        is_newer=bool(version and held_version and held_version > version),
        is_same=version is not None and version == held_version,
    )


@dataclass(frozen=True)
class _Object:
    """An object taken apart: its events by the instant of their RECURRENCE-ID, None being the series itself."""

    data: bytes
    calendar: Block
    events: Events
    times: Mapping[datetime | None, EventTimes]
    stamp: Stamp | None

    @classmethod
    def read(cls, data: bytes) -> _Object:
        """Raises UnreadableCalendar, NotOneCalendar."""
        calendar, times = read_block(data), read_times(data)
        blocks = calendar.all("VEVENT")
        if len(blocks) != len(times) or not blocks:
            raise UnreadableCalendar("it has no events, or some in places where none belong")
        names = [each.recurrence_id for each in times]
        first = {name: place for place, name in reversed(list(enumerate(names)))}  # of two with one name
        places = sorted(first.values())
        events = {names[place]: blocks[place] for place in places}
        return cls(data, calendar, events, {names[place]: times[place] for place in places}, read_stamp(calendar))

    @property
    def digests(self) -> Mapping[str, str]:
        return digests(self.calendar, self.times.values())

    @property
    def sequence(self) -> int:
        values = [value for event in self.events.values() for value in event.values("SEQUENCE")]
        return max((int(value) for value in values if value.strip().isdecimal()), default=0)


def _merged_events(mine: _Object, theirs: _Object) -> Events:
    """Our events, and their overrides of occurrences that we leave as the rule gives them."""
    wanted = dict(mine.events)
    more = {name for name in theirs.events.keys() - wanted.keys() if name is not None}
    if more and None in wanted and wanted[None].values("RRULE"):
        for name in sorted(more & instances(mine.data, more)):
            wanted[name] = plain_override(wanted[None], mine.times[None], name)
    # A new override begins as its owner has the series.
    return {
        name: _merged_event(ours, theirs.events.get(name) or theirs.events.get(None)) for name, ours in wanted.items()
    }


def _merged_event(ours: Block, held: Block | None) -> Block:
    if held is None:
        return Block(ours.name, list(ours.lines), list(ours.blocks))
    with_people = bool(ours.values("ORGANIZER"))
    lines = [_answered(line, held) if line.name in PEOPLE else line for line in ours.lines]
    foreign = [line for line in held.lines if not is_ours(line, with_people=with_people)]
    others = _coming_along(ours, held) if with_people else []
    return Block(ours.name, [*lines, *others, *foreign], _inner_blocks(ours, held))


def _coming_along(ours: Block, held: Block) -> list[Line]:
    """Attendees whom we don't name and who belong there all the same."""
    invited = {address(line) for line in ours.lines if line.name == "ATTENDEE"}
    organizers = {address(line) for line in ours.lines if line.name == "ORGANIZER"}
    others = [line for line in held.lines if line.name == "ATTENDEE" and address(line) not in invited]
    return [line for line in others if comes_along(line, organizers, invited)]


def _answered(ours: Line, held: Block) -> Line:
    """A person as we name them, with all that is not ours to say from what is held of them."""
    known = next((line for line in held.lines if line.name == ours.name and address(line) == address(ours)), None)
    if known is None:
        return ours
    said = [(name, value) for name, value in ours.parameters if name in _ABOUT_A_PERSON - {"SCHEDULE-AGENT"}]
    answers = [(name, value) for name, value in known.parameters if name not in _ABOUT_A_PERSON]
    agent = _agent(ours, known)
    return ours.having([*said, *answers, *([("SCHEDULE-AGENT", agent)] if agent else [])])


def _agent(ours: Line, held: Line) -> str | None:
    """Who sends scheduling messages (RFC 6638 §7.1): None is the server.

    An attendee whom the server has invited is left to it: taking them away would cancel their invitation.
    """
    before = held.parameter("SCHEDULE-AGENT")
    if ours.name == "ATTENDEE" and (before is None or before.upper() != "CLIENT"):
        return before
    return ours.parameter("SCHEDULE-AGENT")


def _inner_blocks(ours: Block, held: Block) -> list[Block]:
    """Their alarms and whatever else is in their event. Ours is a first suggestion, theirs to change or delete."""
    suggested = ours.all("VALARM")
    title, new_title = held.values("SUMMARY"), ours.values("SUMMARY")
    kept: list[Block] = []
    for block in held.blocks:
        if not _is_suggested(block):
            kept.append(block)
        elif ours.values("STATUS") != ["CANCELLED"]:
            same = suggested and block.values("DESCRIPTION") == title
            kept.append(_renamed(block, new_title) if same else block)
    return kept


def _is_suggested(block: Block) -> bool:
    """Whether it is the alarm that we put into every new event, as far as it matters."""
    found = {line.name: meanings([line]) for line in block.lines}
    alarm = [Line.of("ACTION:DISPLAY"), Line.of("TRIGGER:-PT15M")]
    return block.name == "VALARM" and all(found.get(line.name) == meanings([line]) for line in alarm)


def _renamed(alarm: Block, title: list[str]) -> Block:
    lines = [line.saying(title[0]) if line.name == "DESCRIPTION" and title else line for line in alarm.lines]
    return Block(alarm.name, lines, alarm.blocks)


def _sequence(events: Events, mine: _Object, theirs: _Object) -> int:
    when = {name: _meanings_of(event, _WHEN) for name, event in events.items()}
    before = {name: _meanings_of(event, _WHEN) for name, event in theirs.events.items()}
    return max(mine.sequence, theirs.sequence + (when != before))


def _meanings_of(event: Block, names: Iterable[str]) -> object:
    return meanings(line for line in event.lines if line.name in names)


def _said(events: Events) -> object:
    """Everything that counts as a difference: not when it was written, and not our mark."""
    return {
        name: (
            meanings(line for line in event.lines if line.name not in CLOCKS and line.name != STAMP),
            sorted(str(sorted(map(str, _all_meanings(block)))) for block in event.blocks),
        )
        for name, event in events.items()
    }


def _all_meanings(block: Block) -> list[object]:
    return [block.name, *meanings(block.lines).elements(), *(_all_meanings(inner) for inner in block.blocks)]


def _calendar(mine: _Object, theirs: _Object, events: Events) -> Block:
    """The VCALENDAR: our zones, and theirs that something of theirs still names."""
    calendar = mine.calendar
    known = {line.name for line in calendar.lines} | {"METHOD"}
    lines = [*calendar.lines, *(line for line in theirs.calendar.lines if line.name not in known)]
    zones = calendar.all("VTIMEZONE")
    named = {value for event in events.values() for value in _zones_named(event)}
    missing = named - {tzid for zone in zones for tzid in zone.values("TZID")}
    others = [
        block
        for block in theirs.calendar.blocks
        if block.name != "VEVENT" and (block.name != "VTIMEZONE" or set(block.values("TZID")) & missing)
    ]
    return Block(calendar.name, lines, [*zones, *others, *events.values()])


def _zones_named(block: Block) -> set[str]:
    own = {line.parameter("TZID") or "" for line in block.lines}
    return own.union(*(_zones_named(inner) for inner in block.blocks)) - {""}


def _put_right(mine: _Object, theirs: _Object) -> tuple[str, ...]:
    """The parts that are neither as we left them nor as we mean them now."""
    if theirs.stamp is None:
        return ()
    left, found, meant = theirs.stamp.digests, theirs.digests, mine.digests
    people = any(event.values("ORGANIZER") for event in mine.events.values())
    return tuple(
        part
        for part in WORDS
        if part in left and found[part] not in (left[part], meant[part]) and (people or part != "people")
    )
