"""GET /v1/people/{id}/burden: a person's burden, compared with their partners'."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.errors import InvalidFields
from scheduler.services.burden import PersonBurden, get_person_burden
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Instant, backward
from scheduler.web.http.requests import answer, context, programme_id, read_query
from scheduler.web.http.resources import Resource

api = Resource("burden", tag="people", reads=Scope.PEOPLE_READ, writes=Scope.PEOPLE_WRITE)


class BurdenSpan(Document):
    """The counted occurrences: those that start in [start, end)."""

    start: Instant | None = Field(None, examples=[examples.MONTH["start"]], description="default: no lower bound")
    end: Instant | None = Field(None, examples=[examples.MONTH["end"]], description="default: no upper bound")


class BurdenSumDocument(Document):
    """A number of occurrences and their burden in weighted minutes."""

    occurrences: int
    burden: int


class BurdenShareDocument(Document):
    """A person's burden of some occurrences; ``held`` have ended, ``coming`` have not."""

    burden: int
    held: BurdenSumDocument
    coming: BurdenSumDocument


class MentorshipBurden(Document):
    """The burdens of the person and of their partner in the meetings of one mentorship."""

    mentorship: Id = Field(validation_alias="mentorship_id")
    partner: Id = Field(validation_alias="partner_id", description="the other person's id")
    own: BurdenShareDocument
    partners: BurdenShareDocument | None = Field(
        validation_alias="partner", description="null: the partner's personal data is erased"
    )


class PersonBurdenDocument(Document):
    """A person's burden; moved occurrences count at their present time. GET /v1/scoring defines burdens."""

    person: Id
    burden: int
    held: BurdenSumDocument
    coming: BurdenSumDocument
    mentorships: list[MentorshipBurden] = Field(description="those with counted occurrences, sorted by the first")

    @classmethod
    def from_domain(cls, person_id: str, found: PersonBurden) -> PersonBurdenDocument:
        """Return the document of a person's burden."""
        rows = [MentorshipBurden.model_validate(row, from_attributes=True) for row in found.mentorships]
        whole = BurdenShareDocument.model_validate(found.whole, from_attributes=True)
        return cls.of(whole, person=person_id, mentorships=rows)


@api.operation("GET /people/<person_id>/burden", PersonBurdenDocument, query=BurdenSpan)
def get_burden(person_id: str) -> Response:
    """Read a person's burden, in total and compared with the partner in each mentorship."""
    span = read_query(BurdenSpan)
    if span.start is not None and span.end is not None and span.end <= span.start:
        raise InvalidFields.at("/end", backward("span", span.start, span.end))
    found = get_person_burden(context(), programme_id(), person_id, span.start, span.end)
    return answer(PersonBurdenDocument.from_domain(person_id, found))
