"""GET /v1/people/{id}/burden: what a person bears of odd hours, beside those they meet."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.errors import InvalidFields
from scheduler.services.burden import BurdenSum, PersonBurden, Share, get_person_burden
from scheduler.web.fields.document import Document
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Instant, backward
from scheduler.web.http.operations import Operation
from scheduler.web.http.requests import answer, context, programme_id, read_query

api = Blueprint("burden", __name__)


class BurdenSpan(Document):
    """Which occurrences count: those that start in [start, end)."""

    start: Instant | None = Field(None, description="left out: from the first on")
    end: Instant | None = Field(None, description="left out: up to the last")


class BurdenSumDocument(Document):
    """So many occurrences, and what they cost in weighted minutes."""

    occurrences: int
    burden: int

    @classmethod
    def of(cls, borne: BurdenSum) -> BurdenSumDocument:
        """The document of what is borne."""
        return cls(occurrences=borne.occurrences, burden=borne.burden)


class BurdenShareDocument(Document):
    """Somebody's burden of some occurrences; ``held`` have ended, ``coming`` have not."""

    burden: int
    held: BurdenSumDocument
    coming: BurdenSumDocument

    @classmethod
    def of(cls, share: Share) -> BurdenShareDocument:
        """The document of somebody's share."""
        held, coming = BurdenSumDocument.of(share.held), BurdenSumDocument.of(share.coming)
        return cls(burden=share.burden, held=held, coming=coming)


class MentorshipBurden(Document):
    """What the same meetings cost the person and their partner."""

    mentorship: Id
    partner: Id = Field(description="the other person's id")
    own: BurdenShareDocument
    partners: BurdenShareDocument | None = Field(description="null: the partner's personal data is erased")


class PersonBurdenDocument(Document):
    """A person's burden of the meetings they keep, moved ones where they are now; see GET /v1/scoring."""

    person: Id
    burden: int
    held: BurdenSumDocument
    coming: BurdenSumDocument
    mentorships: list[MentorshipBurden] = Field(description="those with such meetings, by the first of them")

    @classmethod
    def of(cls, person_id: str, ledger: PersonBurden) -> PersonBurdenDocument:
        """The document of a person's ledger."""
        rows = [
            MentorshipBurden(
                mentorship=row.mentorship_id,
                partner=row.partner_id,
                own=BurdenShareDocument.of(row.own),
                partners=None if row.partner is None else BurdenShareDocument.of(row.partner),
            )
            for row in ledger.mentorships
        ]
        whole = BurdenShareDocument.of(ledger.whole)
        return cls(person=person_id, burden=whole.burden, held=whole.held, coming=whole.coming, mentorships=rows)


@api.get("/people/<person_id>/burden")
@Operation(PersonBurdenDocument, query=BurdenSpan, refuses=(404,), tag="people", scope=Scope.PEOPLE_READ)
def get_burden(person_id: str) -> Response:
    """Read what a person bears of odd hours, all in all and in each mentorship beside their partner."""
    span = read_query(BurdenSpan)
    if span.start is not None and span.end is not None and span.end <= span.start:
        raise InvalidFields.at("/end", backward("span", span.start, span.end))
    ledger = get_person_burden(context(), programme_id(), person_id, span.start, span.end)
    return answer(PersonBurdenDocument.of(person_id, ledger))
