"""Conflicts of booked occurrences: of a meeting, a mentorship or a person, and what is decided about one."""

from __future__ import annotations

from flask import Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.conflicts import Resolution
from scheduler.errors import InvalidFields
from scheduler.services.conflicts import Decision, KeepNotAllowed, list_conflicts, resolve_conflict
from scheduler.store import ConflictsOf
from scheduler.web.api.meetings import BookingProblem, OccurrenceDocument, occurrence_document, parse_recurrence_id
from scheduler.web.documents import examples
from scheduler.web.documents.conflicts import ConflictDocument
from scheduler.web.fields.document import Document, Omissible
from scheduler.web.fields.times import Moment
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request
from scheduler.web.http.problems import problem
from scheduler.web.http.requests import answer, api_key, context, programme_id, read_body, read_query, viewer
from scheduler.web.http.resources import Resource

api = Resource("conflicts", tag="meetings", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)


class ConflictQuery(PageQuery):
    """Which conflicts to return."""

    resolution: Omissible[Resolution] = Field(None, description="only those; open: somebody has to decide")


class ConflictPage(PageDocument):
    """Conflicts, open ones first, then by time."""

    items: list[ConflictDocument]


class OccurrenceDecision(Document, json_schema_extra={"examples": [examples.OCCURRENCE_DECISION]}):
    """What to do with an occurrence that somebody can't come to."""

    do: Decision = Field(
        description="move it to start; skip it; keep it where it is; restore it to where it was before it was moved or "
        "skipped. To keep it in spite of a blackout needs a key with people:write too"
    )
    start: Omissible[Moment] = Field(
        None, description="only to move it: an instant, or a local time of the meeting's zone"
    )


@api.operation("GET /meetings/<meeting_id>/conflicts", ConflictPage, query=ConflictQuery)
def list_meeting_conflicts(meeting_id: str) -> Response:
    """List the conflicts of a meeting's occurrences, with other times for them."""
    return _answer_conflicts(ConflictsOf("meeting", meeting_id))


@api.operation("GET /mentorships/<mentorship_id>/conflicts", ConflictPage, query=ConflictQuery)
def list_mentorship_conflicts(mentorship_id: str) -> Response:
    """List the conflicts of a mentorship's meetings, with other times for them."""
    return _answer_conflicts(ConflictsOf("mentorship", mentorship_id))


@api.operation("GET /people/<person_id>/conflicts", ConflictPage, query=ConflictQuery)
def list_person_conflicts(person_id: str) -> Response:
    """List the conflicts of a person's meetings, whoever of the two can't come, with other times for them."""
    return _answer_conflicts(ConflictsOf("person", person_id))


@api.operation(
    "POST /meetings/<meeting_id>/occurrences/<recurrence_id>/resolve",
    OccurrenceDocument,
    body=OccurrenceDecision,
    refuses=(409,),
    conflict=BookingProblem,
    needs_match=True,
)
def resolve_occurrence(meeting_id: str, recurrence_id: str) -> Response:
    """Decide about an occurrence that somebody can't come to.

    If-Match takes the occurrence's version. What is decided stays: nothing that somebody moved, skipped or kept goes
    back by itself. To restore needs no conflict: it undoes any move, and what was skipped at booking.
    """
    body = read_body(OccurrenceDecision)
    if (body.do is Decision.MOVE) != (body.start is not None):
        needed = "this field is needed: it says where to move the occurrence"
        raise InvalidFields.at("/start", needed if body.start is None else f"{body.do} takes no start; leave it out")
    wall = parse_recurrence_id(recurrence_id)
    stored = resolve_conflict(
        context(),
        programme_id(),
        meeting_id,
        wall,
        body.do,
        body.start,
        may_overrule=api_key().allows(Scope.PEOPLE_WRITE),
        viewer=viewer(),
    )
    return answer(occurrence_document(stored, wall))


@api.app_errorhandler(KeepNotAllowed)
def _keep_not_allowed(error: KeepNotAllowed) -> Response:
    return problem(403, str(error))


def _answer_conflicts(where: ConflictsOf) -> Response:
    query = read_query(ConflictQuery)
    page = read_page_request(query)
    found = list_conflicts(context(), programme_id(), where, query.resolution, page.after, page.fetch_limit)
    return answer_page(ConflictPage, found, ConflictDocument.from_domain, page)
