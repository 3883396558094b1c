"""A request's attendees: inline, or stored people with their availability, changed by the request's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.burden import burden_of_each
from scheduler.domain.time.periods import Period, Periods
from scheduler.errors import NotFound, SchedulerError
from scheduler.services.availability_cache import CachedPerson, cached_people, load_people
from scheduler.services.ports import Context
from scheduler.store import Transaction

MARGIN = timedelta(days=16)
"""How far around a time people's availability is loaded: full weeks, buffers and gaps reach beyond it."""


class NeedsStoredPerson(SchedulerError):
    """A request that names a stored person, where there is no store."""

    def __init__(self, person_id: str) -> None:
        super().__init__(f"the attendee {person_id!r} is a stored person; ask the service, or give the attendee inline")


@dataclass(frozen=True)
class AttendeeSpec:
    """An attendee of a request: inline, or a stored person by id.

    ``fields`` are those of `Attendee` that the request gives. They replace a stored person's, except ``busy`` and
    ``meetings``, which are added. ``softened`` are ids of stored blackouts that are soft for this request.
    """

    person_id: str | None
    fields: Mapping[str, Any]
    softened: tuple[str, ...] = ()


def inline_attendees(specs: Sequence[AttendeeSpec]) -> tuple[Attendee, ...]:
    """Return the attendees of a request that names no stored person. Raises NeedsStoredPerson."""
    for spec in specs:
        if spec.person_id is not None:
            raise NeedsStoredPerson(spec.person_id)
    return tuple(Attendee(**spec.fields) for spec in specs)


def cached_attendees(
    context: Context, programme_id: str, specs: Sequence[AttendeeSpec], *, fair: bool = False
) -> tuple[Attendee, ...]:
    """Return the attendees with the availability of stored people, from the cache where possible.

    With ``fair`` stored people also have their burden, of all meetings they keep, held or coming, so that no clock is
    read. Raises NotFound with the pointer of the field at fault.
    """
    people = cached_people(context.availability_cache, context.store, programme_id, _person_ids(specs))
    attendees = _combine(context, specs, people)
    if fair:
        attendees = tuple(_with_burden(one, spec) for one, spec in zip(attendees, specs, strict=True))
    return attendees


def load_attendees(
    context: Context,
    tx: Transaction,
    programme_id: str,
    specs: Sequence[AttendeeSpec],
    within: Period,
    except_meeting: str | None = None,
) -> tuple[Attendee, ...]:
    """Load the attendees with the availability of stored people within the period.

    The meeting ``except_meeting`` is left out. Raises NotFound with the pointer of the field at fault.
    """
    people = load_people(tx, programme_id, _person_ids(specs), within, except_meeting)
    return _combine(context, specs, people)


def _person_ids(specs: Sequence[AttendeeSpec]) -> list[str]:
    return [spec.person_id for spec in specs if spec.person_id is not None]


def _combine(
    context: Context, specs: Sequence[AttendeeSpec], people: Mapping[str, CachedPerson]
) -> tuple[Attendee, ...]:
    """Return the attendees: stored people with the fields of the request, and inline ones."""
    oldest = context.clock() - context.stale_after
    attendees: list[Attendee] = []
    for index, spec in enumerate(specs):
        if spec.person_id is None:
            attendees += inline_attendees([spec])
        elif spec.person_id not in people:
            raise NotFound("person", spec.person_id, f"/attendees/{index}/person")
        else:
            stored = people[spec.person_id].as_of(oldest)
            stored = _softened(stored, spec.softened, f"/attendees/{index}/softened_blackouts")
            fields = dict(spec.fields)
            if "busy" in fields:
                fields["busy"] = Periods.union(stored.busy, fields["busy"])
            if "meetings" in fields:
                fields["meetings"] = (*stored.meetings, *fields["meetings"])
            attendees.append(_with_fields(stored, fields))
    return tuple(attendees)


def _with_fields(stored: Attendee, fields: Mapping[str, Any]) -> Attendee:
    """Return the attendee with the fields, or the same object, with its cached properties, if none of them differs."""
    other = {name: value for name, value in fields.items() if getattr(stored, name) is not value}
    return replace(stored, **other) if other else stored


def _with_burden(attendee: Attendee, spec: AttendeeSpec) -> Attendee:
    """Return a stored person with the burden of their meetings, unless the request gives one."""
    if spec.person_id is None or "past_burden" in spec.fields:
        return attendee
    return replace(attendee, past_burden=sum(burden_of_each(attendee, attendee.meetings)))


def _softened(stored: Attendee, ids: Sequence[str], pointer: str) -> Attendee:
    """Return the attendee with these blackouts soft. Raises NotFound for one that they don't have."""
    for index, blackout_id in enumerate(ids):
        if all(blackout.id != blackout_id for blackout in stored.blackouts):
            raise NotFound("blackout", blackout_id, f"{pointer}/{index}")
    if not ids:
        return stored
    blackouts = tuple(replace(one, firm=one.firm and one.id not in ids) for one in stored.blackouts)
    return replace(stored, blackouts=blackouts)
