"""Blackouts under /v1/people/{id}/blackouts."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, url_for
from pydantic import ConfigDict, Field

from scheduler.domain.availability.attendees import BlackoutKind, Days
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.people import StoredBlackout
from scheduler.domain.time.periods import Period
from scheduler.services import blackouts
from scheduler.services.blackouts import BlackoutFields
from scheduler.store import Position
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document, Kept, Omissible
from scheduler.web.fields.texts import Flag, Id, Name
from scheduler.web.fields.times import Day, Instant, Moment
from scheduler.web.http.operations import Operation
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.requests import answer, changes_of, context, programme_id, read_body

api = Blueprint("blackouts", __name__)


class NewBlackout(Document):
    """A time away: whole local days, or a start and an end (instants, or the person's local times)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NEW_BLACKOUT]})

    kind: BlackoutKind
    title: Name = "away"
    firm: Flag = Field(True, description="false marks a time to avoid: it bars nothing and lowers the score")
    first_day: Day | None = None
    last_day: Day | None = None
    start: Moment | None = None
    end: Moment | None = None
    rrule: str | None = Field(None, max_length=200, description="recurrence: FREQ=YEARLY or FREQ=WEEKLY")


class BlackoutChange(Document):
    """Changes of a blackout; members that are left out stay unchanged."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BLACKOUT_CHANGE]})

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


class BlackoutPage(PageDocument):
    """A person's blackouts, the earliest first."""

    items: list[BlackoutDocument]


@api.post("/people/<person_id>/blackouts")
@Operation(
    BlackoutDocument, status=201, body=NewBlackout, refuses=(404, 409), tag="blackouts", scope=Scope.PEOPLE_WRITE
)
def create_blackout(person_id: str) -> Response:
    """Declare a time away."""
    fields = BlackoutFields(**dict(read_body(NewBlackout)))
    stored = blackouts.create_blackout(context(), programme_id(), person_id, fields)
    location = url_for("v1.blackouts.get_blackout", person_id=person_id, blackout_id=stored.id)
    return answer(BlackoutDocument.from_domain(stored), 201, {"Location": location})


@api.get("/people/<person_id>/blackouts")
@Operation(BlackoutPage, query=PageQuery, refuses=(404,), tag="blackouts", scope=Scope.PEOPLE_READ)
def list_blackouts(person_id: str) -> Response:
    """List a person's blackouts."""
    page = read_page_request()
    stored = blackouts.list_blackouts(context(), programme_id(), person_id)
    return answer_page(BlackoutPage, select_page(stored, _position, page), BlackoutDocument.from_domain, page)


@api.get("/people/<person_id>/blackouts/<blackout_id>")
@Operation(BlackoutDocument, refuses=(404,), tag="blackouts", scope=Scope.PEOPLE_READ)
def get_blackout(person_id: str, blackout_id: str) -> Response:
    """Read a blackout."""
    stored = blackouts.get_blackout(context(), programme_id(), person_id, blackout_id)
    return answer(BlackoutDocument.from_domain(stored))


@api.patch("/people/<person_id>/blackouts/<blackout_id>")
@Operation(BlackoutDocument, body=BlackoutChange, refuses=(404, 409), tag="blackouts", scope=Scope.PEOPLE_WRITE)
def update_blackout(person_id: str, blackout_id: str) -> Response:
    """Change a blackout."""
    changes = changes_of(read_body(BlackoutChange))
    stored = blackouts.update_blackout(context(), programme_id(), person_id, blackout_id, changes)
    return answer(BlackoutDocument.from_domain(stored))


@api.delete("/people/<person_id>/blackouts/<blackout_id>")
@Operation(None, status=204, refuses=(404,), tag="blackouts", scope=Scope.PEOPLE_WRITE)
def delete_blackout(person_id: str, blackout_id: str) -> Response:
    """Delete a blackout."""
    blackouts.delete_blackout(context(), programme_id(), person_id, blackout_id)
    return Response(status=204)


def _position(stored: StoredBlackout) -> Position:
    span = stored.blackout.span
    return (span.first if isinstance(span, Days) else span.start).isoformat(), stored.id
