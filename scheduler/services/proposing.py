"""Suggesting slots and cadences: what is not known of who is asked about is loaded, the domain does the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from scheduler.domain.availability.attendees import Attendee, Unknown
from scheduler.domain.availability.burden import burden_of_each
from scheduler.domain.programme.api_keys import Viewer
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import CadenceAnswer, find_cadences
from scheduler.domain.search.rotations import RotationAnswer, find_rotations
from scheduler.domain.search.sequences import SequenceAnswer, SequenceQuery, find_sequences
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import SlotAnswer, find_slots
from scheduler.domain.time.periods import Periods
from scheduler.errors import NotFound, SchedulerError
from scheduler.services.availability_cache import UNREAD, CachedPerson, cached_people, load_people
from scheduler.services.ports import Context
from scheduler.store import Transaction

_A = TypeVar("_A")

MARGIN = timedelta(days=16)
"""How far around a time people's time has to be known: full weeks and buffers reach beyond it."""


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


@dataclass(frozen=True)
class Suggestion(Generic[_A]):
    """A search's answer and its attendees. Personal data of the ``redacted`` ones (indexes) is not to be shown."""

    answer: _A
    attendees: tuple[Attendee, ...]
    redacted: frozenset[int]


def suggest_slots(
    context: Context,
    programme_id: str,
    viewer: Viewer,
    specs: Sequence[AttendeeSpec],
    query: SlotQuery,
) -> Suggestion[SlotAnswer]:
    """Find slots for stored and inline attendees. Raises NotFound for a person, with its place."""
    began = time.perf_counter()
    attendees = known_attendees(context, programme_id, specs, fair=query.fair)
    answer = find_slots(replace(query, attendees=attendees))
    context.observer.searched("slots", time.perf_counter() - began, found=bool(answer.total))
    return _for_viewer(viewer, specs, answer, attendees)


def suggest_cadences(
    context: Context,
    programme_id: str,
    viewer: Viewer,
    specs: Sequence[AttendeeSpec],
    query: CadenceQuery,
) -> Suggestion[CadenceAnswer | RotationAnswer]:
    """Find cadences or rotations for stored and inline attendees; an empty ``time_zone`` is the organizer's zone.

    Raises NotFound for a person, with its place.
    """
    began = time.perf_counter()
    attendees = known_attendees(context, programme_id, specs, fair=query.fair)
    answer = cadences_or_rotations(with_attendees(query, attendees))
    context.observer.searched("cadences", time.perf_counter() - began, found=bool(answer.total))
    return _for_viewer(viewer, specs, answer, attendees)


def suggest_sequences(
    context: Context,
    programme_id: str,
    viewer: Viewer,
    specs: Sequence[AttendeeSpec],
    query: SequenceQuery,
) -> Suggestion[SequenceAnswer]:
    """Find sequences for stored and inline attendees. Raises NotFound for a person, with its place."""
    began = time.perf_counter()
    attendees = known_attendees(context, programme_id, specs, fair=query.fair)
    answer = find_sequences(replace(query, attendees=attendees))
    context.observer.searched("sequences", time.perf_counter() - began, found=bool(answer.total))
    return _for_viewer(viewer, specs, answer, attendees)


def _for_viewer(
    viewer: Viewer, specs: Sequence[AttendeeSpec], answer: _A, attendees: Sequence[Attendee]
) -> Suggestion[_A]:
    """The suggestion without the reason why a redacted attendee is unknown, which may name their account."""
    redacted = viewer.redacted(spec.person_id for spec in specs)
    shown = (
        replace(one, unknown=Unknown(UNREAD, one.unknown.read_at)) if index in redacted and one.unknown else one
        for index, one in enumerate(attendees)
    )
    return Suggestion(answer, tuple(shown), redacted)


def cadences_or_rotations(query: CadenceQuery) -> CadenceAnswer | RotationAnswer:
    """What the question is after."""
    return find_rotations(query) if query.rotation > 1 else find_cadences(query)


def with_attendees(query: CadenceQuery, attendees: tuple[Attendee, ...]) -> CadenceQuery:
    """The query about these attendees, in the organizer's zone if it names none."""
    return replace(query, attendees=attendees, time_zone=query.time_zone or attendees[0].zone)


def inline_attendees(specs: Sequence[AttendeeSpec]) -> tuple[Attendee, ...]:
    """The attendees where none is stored. Raises NeedsStoredPerson."""
    for spec in specs:
        if spec.person_id is not None:
            raise NeedsStoredPerson(spec.person_id)
    return tuple(Attendee(**spec.given) for spec in specs)


def known_attendees(
    context: Context, programme_id: str, specs: Sequence[AttendeeSpec], *, fair: bool = False
) -> tuple[Attendee, ...]:
    """The attendees with all that is known of their time.

    With ``fair`` the stored ones have the burden of all meetings that they keep, held or to come: so no clock is read.
    Raises NotFound with the place at fault.
    """
    ids = [spec.person_id for spec in specs if spec.person_id is not None]
    attendees = _composed(context, specs, cached_people(context.availability_cache, context.store, programme_id, ids))
    if fair:
        attendees = tuple(_with_burden(one, spec) for one, spec in zip(attendees, specs, strict=True))
    return attendees


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
    return _composed(context, specs, load_people(tx, programme_id, ids, start, end, except_meeting))


def _composed(
    context: Context, specs: Sequence[AttendeeSpec], stored: Mapping[str, CachedPerson]
) -> tuple[Attendee, ...]:
    """The stored people and what the request says of each attendee, put together."""
    oldest = context.clock() - context.stale_after
    attendees: list[Attendee] = []
    for index, spec in enumerate(specs):
        if spec.person_id is None:
            attendees += inline_attendees([spec])
        elif spec.person_id not in stored:
            raise NotFound("person", spec.person_id, f"/attendees/{index}/person")
        else:
            known = _softened(
                stored[spec.person_id].as_of(oldest), spec.softened, f"/attendees/{index}/softened_blackouts"
            )
            given = dict(spec.given)
            if "busy" in given:
                given["busy"] = Periods.union(known.busy, given["busy"])
            if "meetings" in given:
                given["meetings"] = (*known.meetings, *given["meetings"])
            attendees.append(_taking(known, given))
    return tuple(attendees)


def _taking(known: Attendee, given: Mapping[str, Any]) -> Attendee:
    """The attendee with what the request says; the very same, and what was worked out of them, if it is nothing new."""
    told = {name: value for name, value in given.items() if getattr(known, name) is not value}
    return replace(known, **told) if told else known


def _with_burden(attendee: Attendee, spec: AttendeeSpec) -> Attendee:
    """The attendee with the burden of their meetings, unless they are not stored or the request names one."""
    if spec.person_id is None or "past_burden" in spec.given:
        return attendee
    return replace(attendee, past_burden=sum(burden_of_each(attendee, attendee.meetings)))


def _softened(known: Attendee, ids: Sequence[str], pointer: str) -> Attendee:
    """The attendee with those blackouts not firm. Raises NotFound for one they don't have."""
    for place, blackout_id in enumerate(ids):
        if all(blackout.id != blackout_id for blackout in known.blackouts):
            raise NotFound("blackout", blackout_id, f"{pointer}/{place}")
    if not ids:
        return known
    blackouts = tuple(replace(one, firm=one.firm and one.id not in ids) for one in known.blackouts)
    return replace(known, blackouts=blackouts)
