"""POST /v1/mentorships/{id}/meetings: booking a cadence or a single slot, and why it can't be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import orjson
from flask import Blueprint, Response, url_for
from pydantic import Field

from scheduler.domain.availability.attendees import Days
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.meetings import Party
from scheduler.domain.search.planning import OnConflict
from scheduler.domain.search.rules import Rules
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import SeriesRule, parse_rule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime, check_date
from scheduler.errors import InvalidFields, at_field
from scheduler.services.booking import (
    CadenceBooking,
    Details,
    ExpectedOccurrence,
    PlanChanged,
    SlotTaken,
    book_cadence,
    book_slot,
)
from scheduler.web.api.cadences import Coverage, MoveDays, check_move_days
from scheduler.web.api.meetings import BookingProblem, GuestDocument, MeetingDocument
from scheduler.web.documents.occurrences import BlockedByDocument, PlannedOccurrenceDocument
from scheduler.web.documents.rules import NO_GAP, MinimumGap, WithinDocument
from scheduler.web.fields.document import Document
from scheduler.web.fields.durations import QUARTER, MeetingLength
from scheduler.web.fields.texts import Name, WebAddress, ZoneName
from scheduler.web.fields.times import Day, Moment, WallTime
from scheduler.web.http.operations import Operation
from scheduler.web.http.problems import problem
from scheduler.web.http.requests import answer, context, json_bytes, programme_id, read_body, viewer

api = Blueprint("booking", __name__)


class TurnReference(Document):
    """Another turn of the rotation that is being booked."""

    dtstart: WallTime
    rrule: str = Field(max_length=200)


class _Booking(Document):
    """What a booking says of any meeting."""

    duration: MeetingLength
    title: Name | None = Field(None, description="left out: made of the two names")
    conference_url: WebAddress | None = None
    guests: list[GuestDocument] = Field([], max_length=50)

    @property
    def details(self) -> Details:
        """Return what the booking says besides the times."""
        guests = tuple(Party(guest.name, guest.email, guest.time_zone) for guest in self.guests)
        return Details(self.title, self.conference_url, guests)


class SlotBookingDocument(_Booking):
    """A single meeting to book."""

    start: Moment = Field(description="an instant, or a local time of the mentor")


class CadenceBookingDocument(_Booking):
    """A cadence to book, or one turn of a rotation, as an answer to find_cadences gave it."""

    dtstart: WallTime
    time_zone: ZoneName
    rrule: str = Field(max_length=200)
    expected: Annotated[list[PlannedOccurrenceDocument], Field(min_length=1, max_length=400)] = Field(
        description="the cadence's occurrences as the answer gave them; members that are not known are ignored"
    )
    other_turns: Annotated[list[TurnReference], Field(max_length=3)] = Field(
        [], description="of a rotation, whose turns are booked one by one in their order: no move comes near to them"
    )
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: MoveDays = 3
    min_coverage: Coverage = 0.5
    step: MeetingLength = QUARTER
    starts_on: Day | None = Field(None, description="as in the request to find_cadences; left out: the mentorship's")
    ends_on: Day | None = Field(None, description="as in the request to find_cadences; left out: the mentorship's")
    within: WithinDocument | None = Field(None, description="as in the request to find_cadences")
    minimum_gap: MinimumGap = NO_GAP


@api.post("/mentorships/<mentorship_id>/meetings")
@Operation(
    MeetingDocument,
    status=201,
    body=(CadenceBookingDocument, SlotBookingDocument),
    refuses=(404, 409),
    conflict=BookingProblem,
    tag="meetings",
    scope=Scope.MEETINGS_WRITE,
)
def create_meeting(mentorship_id: str) -> Response:
    """Book a cadence or a single slot.

    Every occurrence is planned again; if the plan differs from ``expected`` nothing is booked.
    """
    if _books_slot():
        slot = read_body(SlotBookingDocument)
        when = slot.start, slot.duration, slot.details
        stored = book_slot(context(), programme_id(), mentorship_id, *when, viewer())
    else:
        cadence = _cadence(read_body(CadenceBookingDocument))
        stored = book_cadence(context(), programme_id(), mentorship_id, cadence, viewer())
    where = url_for("v1.meetings.get_meeting", meeting_id=stored.id)
    return answer(MeetingDocument.of(stored), 201, {"Location": where})


@api.app_errorhandler(PlanChanged)
def _plan_changed(error: PlanChanged) -> Response:
    plan = [PlannedOccurrenceDocument.of(one, ()).model_dump(mode="json") for one in error.plan]
    return problem(409, str(error), kind="plan-changed", extra={"plan": plan})


@api.app_errorhandler(SlotTaken)
def _slot_taken(error: SlotTaken) -> Response:
    rows = [BlockedByDocument.of(row) for row in error.blocked_by if row.index is not None]
    return problem(409, str(error), extra={"blocked_by": [row.model_dump(mode="json") for row in rows]})


def _books_slot() -> bool:
    """Return whether the body is a single meeting's. Raises InvalidFields where it is neither's or both's."""
    try:
        sent = orjson.loads(json_bytes())
    except orjson.JSONDecodeError:
        return False  # reading it as a document says what is wrong
    if not isinstance(sent, dict):
        return False
    is_slot = sent.get("start") is not None
    if is_slot == (sent.get("dtstart") is not None):
        raise InvalidFields.at("/start", "give either start (a single meeting) or dtstart (a cadence)")
    for name in CadenceBookingDocument.model_fields:
        if is_slot and name in sent and name not in SlotBookingDocument.model_fields:
            raise InvalidFields.at(f"/{name}", "this belongs to a cadence; a single meeting has a start and a duration")
    return is_slot


def _expected(index: int, one: PlannedOccurrenceDocument) -> ExpectedOccurrence:
    with at_field(f"/expected/{index}"):
        moved_to = Period(one.moved_to.start, one.moved_to.end) if one.moved_to else None
        return ExpectedOccurrence(Period(one.start, one.end), one.status, moved_to)


def _cadence(body: CadenceBookingDocument) -> CadenceBooking:
    rule = _rule(body.rrule, "/rrule")
    return CadenceBooking(
        series=Series(LocalTime(body.dtstart, body.time_zone), rule, body.duration),
        expected=tuple(_expected(index, one) for index, one in enumerate(body.expected)),
        details=body.details,
        dates=_dates(body),
        step=body.step,
        on_conflict=body.on_conflict,
        move_within_days=check_move_days(body.move_within_days, rule.min_round_days),
        min_coverage=body.min_coverage,
        elsewhere=tuple(_elsewhere(body)),
        rules=Rules(None if body.within is None else body.within.to_domain(), body.minimum_gap),
    )


def _dates(body: CadenceBookingDocument) -> Days | None:
    if body.starts_on is None and body.ends_on is None:
        return None
    if body.starts_on is None or body.ends_on is None:
        missing = "ends_on" if body.ends_on is None else "starts_on"
        raise InvalidFields.at(f"/{missing}", f"{missing} is missing: starts_on and ends_on go together; give both")
    with at_field("/ends_on"):
        return Days(body.starts_on, body.ends_on)


def _elsewhere(body: CadenceBookingDocument) -> Iterator[Period]:
    """The occurrences of the other turns."""
    length = timedelta(minutes=body.duration)
    for index, turn in enumerate(body.other_turns):
        rule = _rule(turn.rrule, f"/other_turns/{index}/rrule")
        for start in rule.starts(turn.dtstart, body.time_zone):
            yield Period(start.instant, start.instant + length)


def _rule(text: str, pointer: str) -> SeriesRule:
    with at_field(pointer):
        rule = parse_rule(text)
        check_date(rule.until.date())
    return rule
