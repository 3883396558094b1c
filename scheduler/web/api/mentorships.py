"""Mentorships under /v1/mentorships."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from flask import Blueprint, Response, url_for
from pydantic import ConfigDict, Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.mentorships import Mentorship, MentorshipStatus
from scheduler.errors import at_field
from scheduler.services import mentorships
from scheduler.store import new_id
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document, Kept
from scheduler.web.fields.texts import Id, Line, Text
from scheduler.web.fields.times import Day
from scheduler.web.http.operations import Operation
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request
from scheduler.web.http.requests import answer, changes_of, context, programme_id, read_body

api = Blueprint("mentorships", __name__)

Goals = Annotated[list[Line], Field(min_length=1, max_length=50, description="agreed at the start")]
PersonId = Annotated[Id, Field(max_length=64)]


class NewMentorship(Document):
    """A mentorship to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.NEW_MENTORSHIP]})

    mentor: PersonId
    mentee: PersonId
    goals: Goals
    expectations: Text = ""
    starts_on: Day
    ends_on: Day
    status: MentorshipStatus = MentorshipStatus.ACTIVE


class MentorshipChange(Document):
    """Changes of a mentorship; members that are left out stay unchanged."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MENTORSHIP_CHANGE]})

    goals: Kept[Goals] = None
    expectations: Kept[Text] = None
    starts_on: Kept[Day] = None
    ends_on: Kept[Day] = None
    status: Kept[MentorshipStatus] = None


class MentorshipDocument(Document):
    """A mentorship."""

    id: Id
    mentor: Id
    mentee: Id
    goals: list[str]
    expectations: str
    starts_on: date
    ends_on: date
    status: MentorshipStatus

    @classmethod
    def from_domain(cls, mentorship: Mentorship) -> MentorshipDocument:
        """Return the document of a mentorship."""
        return cls(
            id=mentorship.id,
            mentor=mentorship.mentor_id,
            mentee=mentorship.mentee_id,
            goals=list(mentorship.goals),
            expectations=mentorship.expectations,
            starts_on=mentorship.starts_on,
            ends_on=mentorship.ends_on,
            status=mentorship.status,
        )


class MentorshipPage(PageDocument):
    """The programme's mentorships, the oldest first."""

    items: list[MentorshipDocument]


@api.post("/mentorships")
@Operation(
    MentorshipDocument,
    status=201,
    body=NewMentorship,
    refuses=(404, 409),
    tag="mentorships",
    scope=Scope.MEETINGS_WRITE,
)
def create_mentorship() -> Response:
    """Create a mentorship."""
    new = read_body(NewMentorship)
    with at_field("/mentee" if new.mentor == new.mentee else "/ends_on"):
        mentorship = Mentorship(
            new_id(), new.mentor, new.mentee, tuple(new.goals), new.expectations, new.starts_on, new.ends_on, new.status
        )
    mentorships.create_mentorship(context(), programme_id(), mentorship)
    location = url_for("v1.mentorships.get_mentorship", mentorship_id=mentorship.id)
    return answer(MentorshipDocument.from_domain(mentorship), 201, {"Location": location})


@api.get("/mentorships")
@Operation(MentorshipPage, query=PageQuery, tag="mentorships", scope=Scope.MEETINGS_READ)
def list_mentorships() -> Response:
    """List the programme's mentorships."""
    page = read_page_request()
    found = mentorships.list_mentorships(context(), programme_id(), page.after, page.fetch_limit)
    return answer_page(MentorshipPage, found, MentorshipDocument.from_domain, page)


@api.get("/mentorships/<mentorship_id>")
@Operation(MentorshipDocument, refuses=(404,), tag="mentorships", scope=Scope.MEETINGS_READ)
def get_mentorship(mentorship_id: str) -> Response:
    """Read a mentorship."""
    return answer(MentorshipDocument.from_domain(mentorships.get_mentorship(context(), programme_id(), mentorship_id)))


@api.patch("/mentorships/<mentorship_id>")
@Operation(MentorshipDocument, body=MentorshipChange, refuses=(404, 409), tag="mentorships", scope=Scope.MEETINGS_WRITE)
def update_mentorship(mentorship_id: str) -> Response:
    """Change a mentorship. Ending it cancels its future meetings."""
    body = read_body(MentorshipChange)
    changes = changes_of(body)
    if body.goals is not None:
        changes["goals"] = tuple(body.goals)
    with at_field("/ends_on"):
        mentorship = mentorships.update_mentorship(context(), programme_id(), mentorship_id, changes)
    return answer(MentorshipDocument.from_domain(mentorship))
