"""Another cadence for what is left of a series: found for a mentorship, and booked in the place of the series."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response, url_for
from pydantic import BeforeValidator, Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.services import rescheduling
from scheduler.services.proposing import suggest_cadences
from scheduler.services.rescheduling import Replacement
from scheduler.web.api.booking import CadenceBookingDocument, round_days_of
from scheduler.web.api.cadences import CadencesAnswer, cadences_answer, check_move_days
from scheduler.web.api.meetings import BookingProblem, MeetingDocument
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document
from scheduler.web.fields.durations import Duration, format_duration
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Day
from scheduler.web.http.etags import entity_tag
from scheduler.web.http.paging import whole_number
from scheduler.web.http.requests import answer, context, json_response, programme_id, read_body, read_query, viewer
from scheduler.web.http.resources import Resource

api = Resource("rescheduling", tag="meetings", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)

_TERMS = ("on_conflict", "move_within_days", "min_coverage", "step", "minimum_gap")
_DETAILS = ("title", "conference_url", "guests")


class ReplacementQuery(Document):
    """Which series is to be replaced, and from when on."""

    starts_on: Day | None = Field(
        None,
        alias="from",
        description="the first day of the new cadence's dates; default: today for the mentor",
        examples=["2036-11-10"],
    )
    meeting: Id | None = Field(None, description="the series; default: the mentorship's only one that is to come then")
    limit: Annotated[int, Field(ge=1, le=100, description="the most cadences"), BeforeValidator(whole_number)] = 5


class ReplacementsAnswer(CadencesAnswer):
    """The best cadences in place of a series, with what the booking of one needs besides ``expected``."""

    meeting: Id = Field(description="the series to reschedule")
    starts_on: Day
    ends_on: Day
    duration: Duration


class ReschedulingDocument(CadenceBookingDocument, json_schema_extra={"examples": [examples.RESCHEDULING]}):
    """A cadence to book in the place of a series. What is left out is as it was for the series."""

    starts_on: Day | None = Field(
        None,
        description="from when on the series is replaced, as in the answer of find_replacements; default: the date "
        "of dtstart",
    )
    ends_on: Day | None = Field(
        None, description="as in the answer of find_replacements; default: the last day that the series was planned for"
    )

    def to_replacement(self) -> Replacement:
        """Return the replacement, with what was sent of its details and terms. Raises InvalidFields."""
        sent = self.model_fields_set
        series = self.to_series()
        terms: dict[str, Any] = {name: getattr(self, name) for name in _TERMS if name in sent}
        if "move_within_days" in sent:
            check_move_days(self.move_within_days, round_days_of(series))
        if "within" in sent:
            terms["within"] = None if self.within is None else self.within.to_domain()
        if "other_turns" in sent:
            terms["elsewhere"] = self.to_elsewhere()
        details = {name: getattr(self.details, name) for name in _DETAILS if name in sent}
        return Replacement(series, self.to_expected(), self.starts_on, self.ends_on, details, terms)


@api.operation(
    "GET /mentorships/<mentorship_id>/cadences",
    ReplacementsAnswer,
    query=ReplacementQuery,
    also=Scope.SLOTS_READ,
    refuses=(409,),
)
def find_replacements(mentorship_id: str) -> Response:
    """Find other cadences for what is left of a series.

    They are planned with what the series was planned with, from a day on until its last day, as if its own coming
    occurrences were not there. Book one with reschedule_meeting, with the answer's starts_on, ends_on and duration.
    """
    query = read_query(ReplacementQuery)
    wish = query.meeting, query.starts_on, query.limit
    found = rescheduling.find_replacements(context(), programme_id(), mentorship_id, *wish)
    with context().lanes.place(programme_id(), found.search.check_work()):
        suggestion = suggest_cadences(context(), programme_id(), viewer(), found.search)
    body = cadences_answer(
        suggestion.answer,
        suggestion.attendees,
        context().clock(),
        suggestion.redacted,
        meeting=found.meeting_id,
        starts_on=found.dates.first,
        ends_on=found.dates.last,
        duration=format_duration(found.duration),
    )
    return json_response(body, headers={"ETag": entity_tag(body)})


@api.operation(
    "POST /meetings/<meeting_id>/reschedule",
    MeetingDocument,
    status=201,
    body=ReschedulingDocument,
    refuses=(409,),
    conflict=BookingProblem,
    needs_match=True,
)
def reschedule_meeting(meeting_id: str) -> Response:
    """Book another cadence in the place of a series, from a day on.

    What the series has from that day on is cancelled, and the new one is planned as if it had never been. If the plan
    differs from ``expected`` nothing changes. If-Match takes the version of the series.
    """
    replacement = read_body(ReschedulingDocument).to_replacement()
    stored = rescheduling.reschedule(context(), programme_id(), meeting_id, replacement, viewer())
    location = url_for("v1.meetings.get_meeting", meeting_id=stored.id)
    return answer(MeetingDocument.from_domain(stored), 201, {"Location": location})
