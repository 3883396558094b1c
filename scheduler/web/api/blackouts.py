"""Blackouts under /v1/people/{id}/blackouts."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response, url_for
from pydantic import Field

from scheduler.domain.availability.attendees import BlackoutKind, Days
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.people import StoredBlackout
from scheduler.domain.time.periods import Period
from scheduler.services import blackouts
from scheduler.services.blackouts import BlackoutFields
from scheduler.store import Position
from scheduler.web.documents import examples
from scheduler.web.documents.attendees import AttendeeBlackoutDocument
from scheduler.web.documents.conflicts import ConsequencesDocument
from scheduler.web.fields.document import Document, Kept, Omissible, only
from scheduler.web.fields.texts import Flag, Id, Name
from scheduler.web.fields.times import Day, Instant, Moment
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.requests import answer, changes_of, context, json_response, programme_id, read_body
from scheduler.web.http.resources import Resource

api = Resource("blackouts", tag="blackouts", reads=Scope.PEOPLE_READ, writes=Scope.PEOPLE_WRITE)


class NewBlackout(AttendeeBlackoutDocument, json_schema_extra={"examples": [examples.NEW_BLACKOUT]}):
    """A time away: whole local days, or a start and an end (instants, or the person's local times)."""

    start: Moment | None = None
    end: Moment | None = None
    rrule: str | None = Field(None, max_length=200, description="recurrence: FREQ=YEARLY or FREQ=WEEKLY")


class BlackoutChange(Document, json_schema_extra={"examples": [examples.BLACKOUT_CHANGE]}):
    """Changes of a blackout; members that are left out stay unchanged."""

    kind: Kept[BlackoutKind] = None
    title: Kept[Name] = None
    firm: Kept[Flag] = None
    first_day: Day | None = None
    last_day: Day | None = None
    start: Moment | None = None
    end: Moment | None = None
    rrule: str | None = Field(None, max_length=200)


class BlackoutDocument(Document):
    """A stored blackout."""

    id: Id
    kind: BlackoutKind
    title: str
    firm: bool
    first_day: Omissible[Day] = None
    last_day: Omissible[Day] = None
    start: Omissible[Instant] = None
    end: Omissible[Instant] = None
    rrule: Omissible[str] = None
    time_zone: Omissible[str] = Field(None, description="the zone whose local time a timed recurring blackout keeps")

    @classmethod
    def from_domain(cls, stored: StoredBlackout) -> BlackoutDocument:
        """Return the document of a stored blackout."""
        blackout = stored.blackout
        time_zone = blackout.time_zone if blackout.rule and isinstance(blackout.span, Period) else None
        return cls.model_construct(id=stored.id, **asdict(BlackoutFields.of(blackout)), time_zone=time_zone)


class ChangedBlackoutDocument(ConsequencesDocument, BlackoutDocument):
    """A blackout that was declared or changed, and the conflicts that this made or ended in booked meetings."""

    shown_to_writers = only("id", "conflicts", "total", "hit_hard")


class BlackoutPage(PageDocument):
    """A person's blackouts, the earliest first."""

    items: list[BlackoutDocument]


@api.operation(
    "POST /people/<person_id>/blackouts", ChangedBlackoutDocument, status=201, body=NewBlackout, refuses=(409,)
)
def create_blackout(person_id: str) -> Response:
    """Declare a time away.

    The booked meetings that a firm one hits move, are skipped or wait to be decided about, as their mentorships say.
    Both are done, or neither.
    """
    fields = BlackoutFields(**dict(read_body(NewBlackout)))
    stored, found = blackouts.create_blackout(context(), programme_id(), person_id, fields)
    location = url_for("v1.blackouts.get_blackout", person_id=person_id, blackout_id=stored.id)
    document = BlackoutDocument.from_domain(stored)
    return answer(ChangedBlackoutDocument.after(found, document), 201, {"Location": location}, of=document)


@api.operation("GET /people/<person_id>/blackouts", BlackoutPage, query=PageQuery)
def list_blackouts(person_id: str) -> Response:
    """List a person's blackouts."""
    page = read_page_request()
    stored = blackouts.list_blackouts(context(), programme_id(), person_id)
    return answer_page(BlackoutPage, select_page(stored, _position, page), BlackoutDocument.from_domain, page)


@api.operation("GET /people/<person_id>/blackouts/<blackout_id>", BlackoutDocument)
def get_blackout(person_id: str, blackout_id: str) -> Response:
    """Read a blackout."""
    stored = blackouts.get_blackout(context(), programme_id(), person_id, blackout_id)
    return answer(BlackoutDocument.from_domain(stored))


@api.operation(
    "PATCH /people/<person_id>/blackouts/<blackout_id>", ChangedBlackoutDocument, body=BlackoutChange, refuses=(409,)
)
def update_blackout(person_id: str, blackout_id: str) -> Response:
    """Change a blackout.

    The meetings that it displaced by itself and does not hit any more go back where they can; those that it hits now
    are treated as if it were new.
    """
    changes = changes_of(read_body(BlackoutChange))
    stored, found = blackouts.update_blackout(context(), programme_id(), person_id, blackout_id, changes)
    document = BlackoutDocument.from_domain(stored)
    return answer(ChangedBlackoutDocument.after(found, document), of=document)


@api.operation("DELETE /people/<person_id>/blackouts/<blackout_id>", ConsequencesDocument)
def delete_blackout(person_id: str, blackout_id: str) -> Response:
    """Delete a blackout.

    The meetings that it displaced by itself go back where they can.
    """
    found = blackouts.delete_blackout(context(), programme_id(), person_id, blackout_id)
    return json_response(ConsequencesDocument.after(found).model_dump_json())


def _position(stored: StoredBlackout) -> Position:
    span = stored.blackout.span
    return (span.first if isinstance(span, Days) else span.start).isoformat(), stored.id
