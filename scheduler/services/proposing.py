"""Suggesting slots, cadences and sequences: one transaction loads who is asked about, the domain does the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from scheduler.domain.availability import Attendee, Unknown
from scheduler.domain.cadences import CadenceAnswer, CadenceQuery, find_cadences
from scheduler.domain.changes import FURTHER
from scheduler.domain.people import ConnectedCalendar
from scheduler.domain.periods import Periods
from scheduler.domain.rotations import RotationAnswer, find_rotations
from scheduler.domain.sequences import SequenceAnswer, SequenceQuery, find_sequences
from scheduler.domain.slots import LATEST_END, SlotAnswer, SlotQuery, find_slots
from scheduler.errors import NotFound, SchedulerError
from scheduler.services.ports import Context
from scheduler.store import Transaction

UNREAD = "the connected calendar has not been read recently enough"
"""Why somebody is unknown, where nothing more is known or may be said."""
MARGIN = timedelta(days=16)
"""How far around the time looked at people's time is known: full weeks, gaps and buffers reach beyond it."""


class NeedsStoredPerson(SchedulerError):
    """A request that names a stored person, where there is no store."""

    def __init__(self, person_id: str) -> None:
        self.person_id = person_id
        super().__init__(f"the attendee {person_id!r} is a stored person; ask the service, or give the attendee inline")


@dataclass(frozen=True)
class AttendeeSpec:
    """An attendee as asked for: ``given`` are the Attendee's fields in the request, which replace a stored
    person's, except ``busy`` and ``meetings``, which are added. ``softened`` are ids of stored blackouts that are only
    to be avoided.
    """

    person_id: str | None
    given: Mapping[str, Any]
    softened: tuple[str, ...] = ()


def suggest_slots(
    context: Context, programme_id: str, specs: Sequence[AttendeeSpec], query: SlotQuery
) -> tuple[SlotAnswer, tuple[Attendee, ...]]:
    """The answer, and the attendees it is about. Raises NotFound for a person, with its place."""
    began = time.perf_counter()
    with context.store.read() as tx:
        window = query.window
        end = window.end + LATEST_END + MARGIN  # a window that ends later may help
        attendees = load_attendees(context, tx, programme_id, specs, window.start - MARGIN, end)
    answer = find_slots(replace(query, attendees=attendees))
    context.observer.searched("slots", time.perf_counter() - began, found=bool(answer.total))
    return answer, attendees


def suggest_cadences(
    context: Context, programme_id: str, specs: Sequence[AttendeeSpec], query: CadenceQuery
) -> tuple[CadenceAnswer | RotationAnswer, tuple[Attendee, ...]]:
    """The answer, and the attendees it is about; an empty ``time_zone`` in the query is the organizer's.

    Raises NotFound for a person, with its place.
    """
    began = time.perf_counter()
    start = datetime.combine(query.starts_on, clock_time(), UTC) - MARGIN
    end = datetime.combine(query.ends_on, clock_time(), UTC) + FURTHER + MARGIN  # going on for longer may help
    with context.store.read() as tx:
        attendees = load_attendees(context, tx, programme_id, specs, start, end)
    answer = cadences_or_rotations(with_attendees(query, attendees))
    context.observer.searched("cadences", time.perf_counter() - began, found=bool(answer.total))
    return answer, attendees


def cadences_or_rotations(query: CadenceQuery) -> CadenceAnswer | RotationAnswer:
    """What the question is after."""
    return find_rotations(query) if query.rotation > 1 else find_cadences(query)


def suggest_sequences(
    context: Context, programme_id: str, specs: Sequence[AttendeeSpec], query: SequenceQuery
) -> tuple[SequenceAnswer, tuple[Attendee, ...]]:
    """The answer, and the attendees it is about. Raises NotFound for a person, with its place."""
    began = time.perf_counter()
    with context.store.read() as tx:
        end = query.window.end + LATEST_END + MARGIN  # a window that ends later may help
        attendees = load_attendees(context, tx, programme_id, specs, query.window.start - MARGIN, end)
    answer = find_sequences(replace(query, attendees=attendees))
    context.observer.searched("sequences", time.perf_counter() - began, found=bool(answer.total))
    return answer, attendees


def with_attendees(query: CadenceQuery, attendees: tuple[Attendee, ...]) -> CadenceQuery:
    """The query about these attendees, in the organizer's zone if it names none."""
    return replace(query, attendees=attendees, time_zone=query.time_zone or attendees[0].zone)


def inline_attendees(specs: Sequence[AttendeeSpec]) -> tuple[Attendee, ...]:
    """The attendees where none is stored. Raises NeedsStoredPerson."""
    for spec in specs:
        if spec.person_id is not None:
            raise NeedsStoredPerson(spec.person_id)
    return tuple(Attendee(**spec.given) for spec in specs)


def load_attendees(
    context: Context,
    tx: Transaction,
    programme_id: str,
    specs: Sequence[AttendeeSpec],
    start: datetime,
    end: datetime,
    except_meeting: str | None = None,
) -> tuple[Attendee, ...]:
    """The attendees with all that is known of their time in [start, end).

    ``except_meeting`` is a meeting whose own time does not count. Raises NotFound with the place at fault.
    """
    ids = [spec.person_id for spec in specs if spec.person_id is not None]
    stored = _stored_attendees(context, tx, programme_id, ids, start, end, except_meeting)
    attendees: list[Attendee] = []
    for index, spec in enumerate(specs):
        if spec.person_id is None:
            attendees += inline_attendees([spec])
        elif spec.person_id not in stored:
            raise NotFound("person", spec.person_id, f"/attendees/{index}/person")
        else:
            known = _softened(stored[spec.person_id], spec.softened, f"/attendees/{index}/softened_blackouts")
            attendees.append(_with_given(known, spec.given))
    return tuple(attendees)


def _with_given(known: Attendee, given: Mapping[str, Any]) -> Attendee:
    """The attendee with the fields of the request in place of their own; busy time and meetings are added."""
    busy = Periods.union(known.busy, given.get("busy", Periods.none()))
    meetings = (*known.meetings, *given.get("meetings", ()))
    return replace(known, **{**given, "busy": busy, "meetings": meetings})


def _softened(known: Attendee, ids: Sequence[str], pointer: str) -> Attendee:
    """The attendee with those blackouts not firm. Raises NotFound for one they don't have."""
    for place, blackout_id in enumerate(ids):
        if all(blackout.id != blackout_id for blackout in known.blackouts):
            raise NotFound("blackout", blackout_id, f"{pointer}/{place}")
    blackouts = tuple(replace(one, firm=one.firm and one.id not in ids) for one in known.blackouts)
    return replace(known, blackouts=blackouts) if ids else known


def _stored_attendees(
    context: Context,
    tx: Transaction,
    programme_id: str,
    ids: Sequence[str],
    start: datetime,
    end: datetime,
    except_meeting: str | None,
) -> dict[str, Attendee]:
    """Those of the people that the programme has, by id, in one query for each kind of thing."""
    if not ids:
        return {}
    people = tx.people.known(programme_id, ids)
    meetings = tx.meetings.held_by(programme_id, list(people), start, end, except_meeting)
    blackouts = tx.blackouts.of_people(programme_id, list(people))
    calendars = tx.calendars.of_people(programme_id, list(people))
    oldest = context.clock() - context.stale_after
    return {
        person_id: Attendee(
            zone=person.time_zone,
            hours=person.working_hours,
            blackouts=tuple(stored.blackout for stored in blackouts[person_id]),
            busy=Periods.union(Periods.of(meetings[person_id]), *(one.busy for one in calendars[person_id])),
            buffer=person.buffer,
            name=person.name,
            unknown=_unknown(calendars[person_id], oldest),
            travel=person.travel,
            meetings=meetings[person_id],
            at_most_per_day=person.at_most_per_day,
            at_most_per_week=person.at_most_per_week,
            preferred_hours=person.preferred_hours,
        )
        for person_id, person in people.items()
    }


def _unknown(calendars: Sequence[ConnectedCalendar], oldest: datetime) -> Unknown | None:
    """What can't be relied on: the calendar that was read longest ago, if that is too long."""
    stale = [calendar for calendar in calendars if calendar.read_at is None or calendar.read_at < oldest]
    if not stale:
        return None
    worst = min(stale, key=lambda calendar: calendar.read_at or datetime.min.replace(tzinfo=UTC))
    return Unknown(worst.failure or UNREAD, worst.read_at)
