"""GET /v1/people/{id}/burden: what a person bears of odd hours, beside those they meet."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.errors import InvalidFields
from scheduler.services.burden import BurdenSum, PersonBurden, Share, get_person_burden
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import Instant, backward
from scheduler.web.http.operations import Operation
from scheduler.web.http.requests import answer, context, programme_id, read_query

api = Blueprint("burden", __name__)


class BurdenSpan(Document):
    """Which occurrences count: those that start in [start, end)."""

    start: Instant | None = Field(None, description="left out: from the first on")
    end: Instant | None = Field(None, description="left out: up to the last")


class BorneDocument(Document):
    """So many occurrences, and what they cost in weighted minutes."""

    occurrences: int
    burden: int

    @classmethod
    def of(cls, borne: BurdenSum) -> BorneDocument:
        """The document of what is borne."""
        return cls(occurrences=borne.occurrences, burden=borne.burden)


class ShareDocument(Document):
    """Somebody's burden of some occurrences; ``held`` have ended, ``coming`` have not."""

    burden: int
    held: BorneDocument
    coming: BorneDocument

    @classmethod
    def of(cls, share: Share) -> ShareDocument:
        """The document of somebody's share."""
        return cls(burden=share.burden, held=BorneDocument.of(share.held), coming=BorneDocument.of(share.coming))


class MentorshipBurden(Document):
    """What the same meetings cost the person and their partner."""

    mentorship: str
    partner: str = Field(description="the other person's id")
    own: ShareDocument
    partners: ShareDocument | None = Field(description="null: the partner's personal data is erased")


class BurdenDocument(Document):
    """A person's burden of the meetings they keep, moved ones where they are now; see GET /v1/scoring."""

    person: str
    burden: int
    held: BorneDocument
    coming: BorneDocument
    mentorships: list[MentorshipBurden] = Field(description="those with such meetings, by the first of them")

    @classmethod
    def of(cls, person_id: str, ledger: PersonBurden) -> BurdenDocument:
        """The document of a person's ledger."""
        rows = [
            MentorshipBurden(
                mentorship=row.mentorship_id,
                partner=row.partner_id,
                own=ShareDocument.of(row.own),
                partners=None if row.partner is None else ShareDocument.of(row.partner),
            )
            for row in ledger.mentorships
        ]
        whole = ShareDocument.of(ledger.whole)
        return cls(person=person_id, burden=whole.burden, held=whole.held, coming=whole.coming, mentorships=rows)


@api.get("/people/<person_id>/burden")
@Operation(BurdenDocument, query=BurdenSpan, refuses=(404,), tag="people", scope=Scope.PEOPLE_READ)
def get_burden(person_id: str) -> Response:
    """Read what a person bears of odd hours, all in all and in each mentorship beside their partner."""
    span = read_query(BurdenSpan)
    if span.start is not None and span.end is not None and span.end <= span.start:
        raise InvalidFields.at("/end", backward("span", span.start, span.end))
    ledger = get_person_burden(context(), programme_id(), person_id, span.start, span.end)
    return answer(BurdenDocument.of(person_id, ledger))
