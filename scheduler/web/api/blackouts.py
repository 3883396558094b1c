"""Declared times away under /v1/people/{id}/blackouts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, url_for
from pydantic import Field

from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Days
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.people import StoredBlackout
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.domain.time.zones import typed_time
from scheduler.errors import InvalidFields, InvalidValue
from scheduler.services.people import add_blackout
from scheduler.services.quotas import make_room_for_blackout
from scheduler.store import Position
from scheduler.web.documents.attendees import span_of
from scheduler.web.fields.document import Document, Kept, Omissible
from scheduler.web.fields.texts import Flag, Name
from scheduler.web.fields.times import Day, Instant, Moment
from scheduler.web.http.operations import Operation
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, asked_page, page_of
from scheduler.web.http.requests import answer, context, programme_id, read_body

api = Blueprint("blackouts", __name__)


class NewBlackout(Document):
    """A time away: whole local days, or a start and an end (instants, or the person's local times)."""

    kind: BlackoutKind
    title: Name = "away"
    firm: Flag = Field(True, description="false marks a time to avoid: it bars nothing and lowers the score")
    first_day: Day | None = None
    last_day: Day | None = None
    start: Moment | None = None
    end: Moment | None = None
    rrule: str | None = Field(None, max_length=200, description="comes again: FREQ=YEARLY or FREQ=WEEKLY")


class BlackoutChange(Document):
    """What to change of a blackout; what is left out stays."""

    kind: Kept[BlackoutKind] = None
    title: Kept[Name] = None
    firm: Kept[Flag] = None
    first_day: Day | None = None
    last_day: Day | None = None
    start: Moment | None = None
    end: Moment | None = None
    rrule: str | None = Field(None, max_length=200)


class StoredBlackoutDocument(Document):
    """A declared blackout."""

    id: str
    kind: BlackoutKind
    title: str
    firm: bool
    first_day: Omissible[Day] = None
    last_day: Omissible[Day] = None
    start: Omissible[Instant] = None
    end: Omissible[Instant] = None
    rrule: Omissible[str] = None
    time_zone: Omissible[str] = Field(None, description="the zone whose wall time a timed recurring blackout keeps")

    @classmethod
    def of(cls, stored: StoredBlackout) -> StoredBlackoutDocument:
        """The document of a stored blackout."""
        blackout = stored.blackout
        by_days = isinstance(blackout.span, Days)
        return cls.model_construct(
            id=stored.id,
            kind=blackout.kind,
            title=blackout.title,
            firm=blackout.firm,
            first_day=blackout.span.first if isinstance(blackout.span, Days) else None,
            last_day=blackout.span.last if isinstance(blackout.span, Days) else None,
            start=None if isinstance(blackout.span, Days) else blackout.span.start,
            end=None if isinstance(blackout.span, Days) else blackout.span.end,
            rrule=blackout.rule.text if blackout.rule else None,
            time_zone=blackout.time_zone if blackout.rule and not by_days else None,
        )


class BlackoutsDocument(PageDocument):
    """A person's blackouts, the earliest first."""

    items: list[StoredBlackoutDocument]


@api.post("/people/<person_id>/blackouts")
@Operation(
    StoredBlackoutDocument,
    status=201,
    body=NewBlackout,
    refuses=(404, 409),
    tag="blackouts",
    scope=Scope.PEOPLE_WRITE,
)
def create_blackout(person_id: str) -> Response:
    """Declare a time away."""
    with context().store.read() as tx:
        zone = tx.people.get(programme_id(), person_id).time_zone
    stored = add_blackout(context(), programme_id(), person_id, _blackout(read_body(NewBlackout), zone))
    where = url_for("v1.blackouts.get_blackout", person_id=person_id, blackout_id=stored.id)
    return answer(StoredBlackoutDocument.of(stored), 201, {"Location": where})


@api.get("/people/<person_id>/blackouts")
@Operation(BlackoutsDocument, query=PageQuery, refuses=(404,), tag="blackouts", scope=Scope.PEOPLE_READ)
def list_blackouts(person_id: str) -> Response:
    """List a person's blackouts."""
    asked = asked_page()
    with context().store.read() as tx:
        stored = tx.blackouts.list_for_person(programme_id(), person_id)
    return answer_page(BlackoutsDocument, page_of(stored, _place, asked), StoredBlackoutDocument.of, asked)


@api.get("/people/<person_id>/blackouts/<blackout_id>")
@Operation(StoredBlackoutDocument, refuses=(404,), tag="blackouts", scope=Scope.PEOPLE_READ)
def get_blackout(person_id: str, blackout_id: str) -> Response:
    """Read a blackout."""
    with context().store.read() as tx:
        return answer(StoredBlackoutDocument.of(tx.blackouts.get(programme_id(), person_id, blackout_id)))


@api.patch("/people/<person_id>/blackouts/<blackout_id>")
@Operation(
    StoredBlackoutDocument,
    body=BlackoutChange,
    refuses=(404, 409),
    tag="blackouts",
    scope=Scope.PEOPLE_WRITE,
)
def update_blackout(person_id: str, blackout_id: str) -> Response:
    """Change a blackout."""
    asked = read_body(BlackoutChange)
    with context().store.write() as tx:
        zone = tx.people.get(programme_id(), person_id).time_zone
        stored = tx.blackouts.get(programme_id(), person_id, blackout_id)
        # Times that were typed just now were read on the person's present clock; old ones stay where they are anchored.
        keeps_times = not asked.model_fields_set & {"start", "end"}
        anchor = stored.blackout.time_zone if keeps_times else None
        changed = StoredBlackout(stored.id, person_id, _blackout(_merged(stored, asked), zone, anchor))
        make_room_for_blackout(context(), tx, programme_id(), person_id, changed.blackout, stored.blackout)
        tx.blackouts.update(programme_id(), changed)
    return answer(StoredBlackoutDocument.of(changed))


@api.delete("/people/<person_id>/blackouts/<blackout_id>")
@Operation(None, status=204, refuses=(404,), tag="blackouts", scope=Scope.PEOPLE_WRITE)
def delete_blackout(person_id: str, blackout_id: str) -> Response:
    """Delete a blackout."""
    with context().store.write() as tx:
        tx.blackouts.delete(programme_id(), person_id, blackout_id)
    return Response(status=204)


def _place(stored: StoredBlackout) -> Position:
    span = stored.blackout.span
    return (span.first if isinstance(span, Days) else span.start).isoformat(), stored.id


def _blackout(new: NewBlackout, zone: str, anchor: str | None = None) -> Blackout:
    """The blackout as the domain has it, anchored in the person's zone unless told. Raises InvalidFields."""
    moments = {name: _instant(getattr(new, name), zone, f"/{name}") for name in ("start", "end")}
    span = span_of(new.model_copy(update=moments), "")
    try:
        rule = BlackoutRule(new.rrule) if new.rrule is not None else None
    except InvalidValue as error:
        raise InvalidFields.at("/rrule", str(error)) from error
    return Blackout(new.kind, new.title, span, new.firm, rule, anchor or zone)


def _merged(stored: StoredBlackout, asked: BlackoutChange) -> NewBlackout:
    """The blackout with the members that were sent in place of its own; naming one kind of span drops the other."""
    sent = {name: getattr(asked, name) for name in asked.model_fields_set}
    old = {name: value for name, value in StoredBlackoutDocument.of(stored) if name in NewBlackout.model_fields}
    if sent.keys() & {"start", "end"}:
        old |= {"first_day": None, "last_day": None}
    elif sent.keys() & {"first_day", "last_day"}:
        old |= {"start": None, "end": None}
    merged: dict[str, Any] = old | sent
    return NewBlackout.model_construct(**merged)


def _instant(moment: datetime | None, zone: str, pointer: str) -> datetime | None:
    """The instant; a local time is read on the person's clock. Raises InvalidFields in a gap or a repeated hour."""
    if moment is None or moment.tzinfo is not None:
        return moment
    try:
        return typed_time(moment, zone)
    except InvalidValue as error:
        raise InvalidFields.at(pointer, str(error)) from error
