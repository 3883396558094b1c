"""A person's declared blackouts: created, listed, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Days
from scheduler.domain.programme.changes import Change, ChangeType
from scheduler.domain.programme.people import StoredBlackout
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.domain.time.zones import resolve_typed_time
from scheduler.errors import InvalidFields, at_field
from scheduler.services.checking import check_person
from scheduler.services.locking import lock_person
from scheduler.services.offering import Consequences
from scheduler.services.ports import Context
from scheduler.store import Transaction

_DAYS = ("first_day", "last_day")
_TIMES = ("start", "end")


@dataclass(frozen=True)
class BlackoutFields:
    """A blackout field by field, as a client sends it: whole local days, or a start and an end.

    A naive ``start`` or ``end`` is a local time of the person.
    """

    kind: BlackoutKind
    title: str
    firm: bool = True
    first_day: date | None = None
    last_day: date | None = None
    start: datetime | None = None
    end: datetime | None = None
    rrule: str | None = None

    @classmethod
    def of(cls, blackout: Blackout) -> BlackoutFields:
        """The fields of a blackout."""
        fields = cls(blackout.kind, blackout.title, blackout.firm, rrule=blackout.rule.text if blackout.rule else None)
        span = blackout.span
        if isinstance(span, Days):
            return replace(fields, first_day=span.first, last_day=span.last)
        return replace(fields, start=span.start, end=span.end)

    def changed(self, changes: Mapping[str, Any]) -> BlackoutFields:
        """The fields with some replaced; days in the changes drop the times, and times the days."""
        dropped = _DAYS if changes.keys() & {*_TIMES} else _TIMES if changes.keys() & {*_DAYS} else ()
        fields: dict[str, Any] = {**changes, **{name: None for name in dropped if name not in changes}}
        return replace(self, **fields)

    def to_blackout(self, person_zone: str, anchor: str | None = None) -> Blackout:
        """The blackout, recurring in the zone ``anchor`` (None: the person's). Raises InvalidFields."""
        start = _read_local(self.start, person_zone, "/start")
        end = _read_local(self.end, person_zone, "/end")
        span = parse_span(replace(self, start=start, end=end), "")
        with at_field("/rrule"):
            rule = None if self.rrule is None else BlackoutRule(self.rrule)
        return Blackout(self.kind, self.title, span, self.firm, rule, anchor or person_zone)


def create_blackout(
    context: Context, programme_id: str, person_id: str, fields: BlackoutFields
) -> tuple[StoredBlackout, Consequences]:
    """Store a new blackout, and settle the booked meetings that it hits, all in one transaction or not at all.

    Raises NotFound for the person, InvalidFields, QuotaReached.
    """
    with context.store.write() as tx:
        person = lock_person(tx, programme_id, person_id)
        blackout = fields.to_blackout(person.time_zone)
        present = tx.blackouts.list_for_person(programme_id, person_id)
        context.quotas.check("blackouts_per_person", len(present))
        _check_recurring(context, present, blackout)
        stored = tx.blackouts.add(programme_id, person_id, blackout)
        _log(context, tx, programme_id, stored, ChangeType.BLACKOUT_CREATED)
        return stored, check_person(context, tx, programme_id, person_id, blackouts=frozenset({stored.id}))


def list_blackouts(context: Context, programme_id: str, person_id: str) -> list[StoredBlackout]:
    """The person's blackouts, the earliest first. Raises NotFound."""
    with context.store.read() as tx:
        return tx.blackouts.list_for_person(programme_id, person_id)


def get_blackout(context: Context, programme_id: str, person_id: str, blackout_id: str) -> StoredBlackout:
    """The person's blackout of that id. Raises NotFound."""
    with context.store.read() as tx:
        return tx.blackouts.get(programme_id, person_id, blackout_id)


def update_blackout(
    context: Context, programme_id: str, person_id: str, blackout_id: str, changes: Mapping[str, Any]
) -> tuple[StoredBlackout, Consequences]:
    """Change some fields of a blackout, and settle the booked meetings that this hits or frees, in one transaction.

    Raises NotFound, InvalidFields, QuotaReached. New times are read on the person's present clock; without them the
    blackout stays in its own zone.
    """
    with context.store.write() as tx:
        person = lock_person(tx, programme_id, person_id)
        old = tx.blackouts.get(programme_id, person_id, blackout_id)
        anchor = None if changes.keys() & {*_TIMES} else old.blackout.time_zone
        blackout = BlackoutFields.of(old.blackout).changed(changes).to_blackout(person.time_zone, anchor)
        if old.blackout.rule is None:
            _check_recurring(context, tx.blackouts.list_for_person(programme_id, person_id), blackout)
        stored = replace(old, blackout=blackout)
        tx.blackouts.update(programme_id, stored)
        _log(context, tx, programme_id, stored, ChangeType.BLACKOUT_CHANGED)
        acting = frozenset({stored.id})
        return stored, check_person(context, tx, programme_id, person_id, blackouts=acting, lifted=stored.id)


def delete_blackout(context: Context, programme_id: str, person_id: str, blackout_id: str) -> Consequences:
    """Delete a blackout; what it displaced by itself goes back where it can. Raises NotFound."""
    with context.store.write() as tx:
        lock_person(tx, programme_id, person_id)
        stored = tx.blackouts.get(programme_id, person_id, blackout_id)
        tx.blackouts.delete(programme_id, person_id, blackout_id)
        _log(context, tx, programme_id, stored, ChangeType.BLACKOUT_DELETED)
        return check_person(context, tx, programme_id, person_id, lifted=blackout_id)


def _log(context: Context, tx: Transaction, programme_id: str, stored: StoredBlackout, kind: ChangeType) -> None:
    change = Change(kind, person_id=stored.person_id, details={"blackout": stored.id})
    tx.changes.add(programme_id, [change], context.actor, context.clock())


def parse_span(fields: Any, pointer: str) -> Days | Period:
    """The span of an object with ``first_day`` and ``last_day``, or ``start`` and ``end`` (instants).

    ``pointer`` is the object's place in the request. Raises InvalidFields.
    """
    given = [names for names in (_DAYS, _TIMES) if any(getattr(fields, name) is not None for name in names)]
    if len(given) != 1:
        raise InvalidFields.at(pointer, "a blackout has either first_day and last_day, or start and end")
    (names,) = given
    first, last = (getattr(fields, name) for name in names)
    for name, value in zip(names, (first, last), strict=True):
        if value is None:
            raise InvalidFields.at(f"{pointer}/{name}", "this field is needed")
    with at_field(f"{pointer}/{names[1]}"):
        return Days(first, last) if names is _DAYS else Period(first, last)


def _read_local(moment: datetime | None, zone: str, pointer: str) -> datetime | None:
    """The instant of a local time of the zone. Raises InvalidFields in a gap or a repeated hour."""
    with at_field(pointer):
        return resolve_typed_time(moment, zone) if moment is not None and moment.tzinfo is None else moment


def _check_recurring(context: Context, present: Sequence[StoredBlackout], new: Blackout) -> None:
    """Raises QuotaReached if one more recurring blackout is too many."""
    if new.rule is not None:
        recurring = sum(stored.blackout.rule is not None for stored in present)
        context.quotas.check("recurring_blackouts_per_person", recurring)
