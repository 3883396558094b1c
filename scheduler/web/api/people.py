"""People under /v1/people."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from flask import Response, url_for
from pydantic import Field

from scheduler.domain.availability.attendees import DEFAULT_HOURS, NO_BUFFER, Buffer
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.people import Person
from scheduler.domain.time.zones import zones_of_country
from scheduler.errors import FieldError, InvalidFields
from scheduler.services import freebusy, people
from scheduler.services.freebusy import FbType
from scheduler.store import new_id
from scheduler.web.documents import examples
from scheduler.web.documents.attendees import (
    ANY_TIME,
    NO_NULL_HOURS,
    BufferDocument,
    MostMeetings,
    PreferredHours,
    Travel,
    TravelStayDocument,
    Week,
    WorkingHoursDocument,
    hours_from_domain,
    hours_to_domain,
    preferences_to_domain,
)
from scheduler.web.documents.conflicts import ConsequencesDocument
from scheduler.web.fields.document import Document, Kept, only
from scheduler.web.fields.texts import CountryCode, Id, MailAddress, Name, ZoneName
from scheduler.web.fields.times import Instant, backward
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request
from scheduler.web.http.requests import answer, changes_of, context, programme_id, read_body, read_query
from scheduler.web.http.resources import Resource

api = Resource("people", tag="people", reads=Scope.PEOPLE_READ, writes=Scope.PEOPLE_WRITE)


class NewPerson(Document, json_schema_extra={"examples": [examples.NEW_PERSON]}):
    """A person to create, with a ``time_zone``, or a ``country`` that has only one zone."""

    name: Name
    email: MailAddress
    time_zone: ZoneName | None = None
    country: CountryCode | None = Field(None, description="instead of time_zone; several zones: refused with a list")
    working_hours: Annotated[Week | None, NO_NULL_HOURS] = Field(
        None, description='left out: MO-FR 09:00-17:00; "any": any time; []: never'
    )
    buffer: BufferDocument | None = None
    preferred_hours: PreferredHours = None
    travel: Travel = Field([])
    at_most_per_day: MostMeetings | None = Field(None, description="most meetings on a local day; null: no limit")
    at_most_per_week: MostMeetings | None = Field(None, description="most meetings in a local week (from Monday)")


class PersonChange(Document, json_schema_extra={"examples": [examples.PERSON_CHANGE]}):
    """Changes of a person; members that are left out stay unchanged."""

    name: Kept[Name] = None
    email: Kept[MailAddress] = None
    time_zone: Kept[ZoneName] = None
    working_hours: Annotated[Week | None, NO_NULL_HOURS] = Field(None, description='"any": any time; []: never')
    buffer: BufferDocument | None = None
    preferred_hours: PreferredHours = None
    travel: Kept[Travel] = None
    at_most_per_day: MostMeetings | None = None
    at_most_per_week: MostMeetings | None = None


class PersonDocument(Document):
    """A person."""

    id: Id
    name: str
    email: str
    time_zone: str
    working_hours: Week
    buffer: BufferDocument
    preferred_hours: list[WorkingHoursDocument] | None
    travel: list[TravelStayDocument]
    at_most_per_day: int | None
    at_most_per_week: int | None

    @classmethod
    def from_domain(cls, person: Person) -> PersonDocument:
        """Return the document of a person."""
        return cls.of(
            person,
            working_hours=ANY_TIME if person.working_hours is None else hours_from_domain(person.working_hours),
            buffer=BufferDocument.of(person.buffer),
            preferred_hours=None if person.preferred_hours is None else hours_from_domain(person.preferred_hours),
            travel=[TravelStayDocument.of(stay, time_zone=stay.zone) for stay in person.travel],
        )


class ChangedPersonDocument(ConsequencesDocument, PersonDocument):
    """A person who was changed, and the conflicts that this made or ended in booked meetings."""

    shown_to_writers = only("id", "conflicts", "total", "hit_hard")


class PersonPage(PageDocument):
    """The programme's people, the oldest entry first."""

    items: list[PersonDocument]


class Span(Document):
    """A span of time, at most 366 days."""

    start: Instant = Field(examples=[examples.MONTH["start"]])
    end: Instant = Field(examples=[examples.MONTH["end"]])


class FreeBusyPeriod(Document):
    """A period [start, end) of one FBTYPE (RFC 5545 §3.2.9). Times outside all periods are FREE."""

    start: Instant
    end: Instant
    fbtype: FbType


class FreeBusyDocument(Document):
    """A person's busy periods: BUSY for meetings and calendars, BUSY-UNAVAILABLE outside working hours and during
    firm blackouts, BUSY-TENTATIVE during soft blackouts.
    """

    start: Instant
    end: Instant
    periods: list[FreeBusyPeriod]
    unknown: Annotated[str | None, Field(description="why a connected calendar is unknown; null: it is known")]


@api.operation("POST /people", PersonDocument, status=201, body=NewPerson, refuses=(409,))
def create_person() -> Response:
    """Create a person."""
    new = read_body(NewPerson)
    if (new.time_zone is None) == (new.country is None):
        raise InvalidFields.at("/time_zone", "give either time_zone or country")
    zones = (new.time_zone,) if new.time_zone else zones_of_country(new.country or "")
    if len(zones) > 1:
        detail = f"{new.country} has {len(zones)} time zones; send the one that applies as time_zone"
        raise InvalidFields([FieldError("/country", detail, zones)])
    hours = hours_to_domain(new.working_hours) if "working_hours" in new.model_fields_set else DEFAULT_HOURS
    buffer = new.buffer.to(Buffer) if new.buffer else NO_BUFFER
    person = Person(new_id(), new.name, new.email, str(zones[0]), hours, buffer, **preferences_to_domain(new, ""))
    people.create_person(context(), programme_id(), person)
    location = url_for("v1.people.get_person", person_id=person.id)
    return answer(PersonDocument.from_domain(person), 201, {"Location": location})


@api.operation("GET /people", PersonPage, query=PageQuery)
def list_people() -> Response:
    """List the programme's people."""
    page = read_page_request()
    found = people.list_people(context(), programme_id(), page.after, page.fetch_limit)
    return answer_page(PersonPage, found, PersonDocument.from_domain, page)


@api.operation("GET /people/<person_id>", PersonDocument)
def get_person(person_id: str) -> Response:
    """Read a person."""
    return answer(PersonDocument.from_domain(people.get_person(context(), programme_id(), person_id)))


@api.operation("PATCH /people/<person_id>", ChangedPersonDocument, body=PersonChange)
def update_person(person_id: str) -> Response:
    """Change a person. A new time zone does not move booked series, which keep their anchor zone.

    Booked meetings that other hours, moves or a zone rule out wait for somebody to decide.
    """
    body = read_body(PersonChange)
    changes = changes_of(body)
    if "working_hours" in body.model_fields_set:
        changes["working_hours"] = hours_to_domain(body.working_hours)
    if "buffer" in body.model_fields_set:
        changes["buffer"] = body.buffer.to(Buffer) if body.buffer else NO_BUFFER
    changes |= preferences_to_domain(body, "")
    person, found = people.update_person(context(), programme_id(), person_id, changes)
    document = PersonDocument.from_domain(person)
    return answer(ChangedPersonDocument.after(found, document), of=document)


@api.operation("DELETE /people/<person_id>", None, status=204)
def delete_person(person_id: str) -> Response:
    """Delete a person: cancels their future meetings, revokes their feeds, erases secrets and personal data."""
    people.delete_person(context(), programme_id(), person_id)
    return Response(status=204)


@api.operation("GET /people/<person_id>/free-busy", FreeBusyDocument, query=Span)
def get_free_busy(person_id: str) -> Response:
    """Read a person's busy periods, merged by FBTYPE, without titles."""
    span = read_query(Span)
    if span.end <= span.start:
        raise InvalidFields.at("/end", backward("span", span.start, span.end))
    if span.end - span.start > timedelta(days=366):
        raise InvalidFields.at("/end", "the span is longer than 366 days; ask for less at a time")
    found, unknown = freebusy.get_free_busy(context(), programme_id(), person_id, span.start, span.end)
    periods = [
        FreeBusyPeriod.model_construct(start=period.start, end=period.end, fbtype=kind)
        for kind, periods in found.items()
        for period in periods
    ]
    periods.sort(key=lambda row: (row.start, row.end))
    reason = unknown.reason if unknown else None
    return answer(FreeBusyDocument.model_construct(start=span.start, end=span.end, periods=periods, unknown=reason))
