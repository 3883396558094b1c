"""Mentorships under /v1/mentorships."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from flask import Response, url_for
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.mentorships import Mentorship, MentorshipStatus, WhenBlocked
from scheduler.errors import at_field
from scheduler.services import mentorships
from scheduler.store import new_id
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document, Kept, only
from scheduler.web.fields.texts import Id, Line, Text
from scheduler.web.fields.times import Day
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request
from scheduler.web.http.requests import answer, changes_of, context, programme_id, read_body
from scheduler.web.http.resources import Resource

api = Resource("mentorships", tag="mentorships", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)

Goals = Annotated[list[Line], Field(min_length=1, max_length=50, description="agreed at the start")]
PersonId = Annotated[Id, Field(max_length=64)]
_WHEN_BLOCKED = "what becomes of a booked occurrence when a firm blackout of one of the two hits it later"


class NewMentorship(Document, json_schema_extra={"examples": [examples.NEW_MENTORSHIP]}):
    """A mentorship to create."""

    mentor: PersonId
    mentee: PersonId
    goals: Goals
    expectations: Text = ""
    starts_on: Day
    ends_on: Day
    status: MentorshipStatus = MentorshipStatus.ACTIVE
    when_blocked: WhenBlocked = Field(WhenBlocked.ASK, description=_WHEN_BLOCKED)


class MentorshipChange(Document, json_schema_extra={"examples": [examples.MENTORSHIP_CHANGE]}):
    """Changes of a mentorship; members that are left out stay unchanged."""

    goals: Kept[Goals] = None
    expectations: Kept[Text] = None
    starts_on: Kept[Day] = None
    ends_on: Kept[Day] = None
    status: Kept[MentorshipStatus] = None
    when_blocked: Kept[WhenBlocked] = Field(None, description=_WHEN_BLOCKED)


class MentorshipDocument(Document):
    """A mentorship."""

    shown_to_writers = only("id", "mentor", "mentee", "starts_on", "ends_on", "status")

    id: Id
    mentor: Id
    mentee: Id
    goals: list[str]
    expectations: str
    starts_on: date
    ends_on: date
    status: MentorshipStatus
    when_blocked: WhenBlocked

    @classmethod
    def from_domain(cls, mentorship: Mentorship) -> MentorshipDocument:
        """Return the document of a mentorship."""
        goals = list(mentorship.goals)
        return cls.of(mentorship, mentor=mentorship.mentor_id, mentee=mentorship.mentee_id, goals=goals)


class MentorshipPage(PageDocument):
    """The programme's mentorships, the oldest first."""

    items: list[MentorshipDocument]


@api.operation("POST /mentorships", MentorshipDocument, status=201, body=NewMentorship, refuses=(404, 409))
def create_mentorship() -> Response:
    """Create a mentorship."""
    new = read_body(NewMentorship)
    with at_field("/mentee" if new.mentor == new.mentee else "/ends_on"):
        mentorship = new.to(Mentorship, id=new_id(), mentor_id=new.mentor, mentee_id=new.mentee, goals=tuple(new.goals))
    mentorships.create_mentorship(context(), programme_id(), mentorship)
    location = url_for("v1.mentorships.get_mentorship", mentorship_id=mentorship.id)
    return answer(MentorshipDocument.from_domain(mentorship), 201, {"Location": location})


@api.operation("GET /mentorships", MentorshipPage, query=PageQuery)
def list_mentorships() -> Response:
    """List the programme's mentorships."""
    page = read_page_request()
    found = mentorships.list_mentorships(context(), programme_id(), page.after, page.fetch_limit)
    return answer_page(MentorshipPage, found, MentorshipDocument.from_domain, page)


@api.operation("GET /mentorships/<mentorship_id>", MentorshipDocument)
def get_mentorship(mentorship_id: str) -> Response:
    """Read a mentorship."""
    return answer(MentorshipDocument.from_domain(mentorships.get_mentorship(context(), programme_id(), mentorship_id)))


@api.operation("PATCH /mentorships/<mentorship_id>", MentorshipDocument, body=MentorshipChange, refuses=(409,))
def update_mentorship(mentorship_id: str) -> Response:
    """Change a mentorship. Ending it cancels its future meetings."""
    body = read_body(MentorshipChange)
    changes = changes_of(body)
    if body.goals is not None:
        changes["goals"] = tuple(body.goals)
    with at_field("/ends_on"):
        mentorship = mentorships.update_mentorship(context(), programme_id(), mentorship_id, changes)
    return answer(MentorshipDocument.from_domain(mentorship))
