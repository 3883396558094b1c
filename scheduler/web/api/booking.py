"""POST /v1/mentorships/{id}/meetings: book a cadence or a single slot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import orjson
from flask import Response, url_for
from pydantic import Field

from scheduler.domain.availability.attendees import Days
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.meetings import Party
from scheduler.domain.search.planning import OnConflict
from scheduler.domain.search.replanning import PlanTerms
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
from scheduler.web.documents import examples
from scheduler.web.documents.occurrences import BlockedByDocument, PlannedOccurrenceDocument, occurrence_rows
from scheduler.web.documents.rules import NO_GAP, MinimumGap, WithinDocument
from scheduler.web.fields.document import Document
from scheduler.web.fields.durations import QUARTER, MeetingLength
from scheduler.web.fields.texts import Name, WebAddress, ZoneName
from scheduler.web.fields.times import Day, Moment, WallTime
from scheduler.web.http.problems import problem
from scheduler.web.http.requests import answer, context, json_bytes, programme_id, read_body, viewer
from scheduler.web.http.resources import Resource

api = Resource("booking", tag="meetings", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)


class TurnReference(Document):
    """Another turn of the rotation that is being booked."""

    dtstart: WallTime
    rrule: str = Field(max_length=200)


class _Booking(Document):
    """The members that bookings of cadences and of single slots share."""

    duration: MeetingLength
    title: Name | None = Field(None, description="default: the names of mentor and mentee")
    conference_url: WebAddress | None = None
    guests: list[GuestDocument] = Field([], max_length=50)

    @property
    def details(self) -> Details:
        """Return the title, conference and guests."""
        return self.to(Details, guests=tuple(guest.to(Party) for guest in self.guests))


class SlotBookingDocument(_Booking, json_schema_extra={"examples": [examples.SLOT_BOOKING]}):
    """A single meeting to book."""

    start: Moment = Field(description="an instant, or a local time of the mentor")


class CadenceBookingDocument(_Booking, json_schema_extra={"examples": [examples.CADENCE_BOOKING]}):
    """A cadence, or one turn of a rotation, from an answer to find_cadences."""

    dtstart: WallTime
    time_zone: ZoneName
    rrule: str = Field(max_length=200)
    expected: Annotated[list[PlannedOccurrenceDocument], Field(min_length=1, max_length=400)] = Field(
        description="the cadence's occurrences from the answer; unknown members are ignored"
    )
    other_turns: Annotated[list[TurnReference], Field(max_length=3)] = Field(
        [], description="the rotation's other turns, which no occurrence moves close to; book the turns in their order"
    )
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: MoveDays = 3
    min_coverage: Coverage = 0.5
    step: MeetingLength = QUARTER
    starts_on: Day | None = Field(None, description="as in the request to find_cadences; default: the mentorship's")
    ends_on: Day | None = Field(None, description="as in the request to find_cadences; default: the mentorship's")
    within: WithinDocument | None = Field(None, description="as in the request to find_cadences")
    minimum_gap: MinimumGap = NO_GAP

    def to_series(self) -> Series:
        """Return the series. Raises InvalidFields."""
        return Series(LocalTime(self.dtstart, self.time_zone), _parse_rule(self.rrule, "/rrule"), self.duration)

    def to_expected(self) -> tuple[ExpectedOccurrence, ...]:
        """Return the expected occurrences. Raises InvalidFields."""
        return tuple(_expected_occurrence(index, one) for index, one in enumerate(self.expected))

    def to_elsewhere(self) -> tuple[Period, ...]:
        """Return the occurrences of the other turns. Raises InvalidFields."""
        return tuple(_other_turn_periods(self))


@api.operation(
    "POST /mentorships/<mentorship_id>/meetings",
    MeetingDocument,
    status=201,
    body=(CadenceBookingDocument, SlotBookingDocument),
    refuses=(409,),
    conflict=BookingProblem,
)
def create_meeting(mentorship_id: str) -> Response:
    """Book a cadence or a single slot.

    Every occurrence is planned again; if the plan differs from ``expected`` nothing is booked.
    """
    if _books_slot():
        slot = read_body(SlotBookingDocument)
        times = slot.start, slot.duration, slot.details
        stored = book_slot(context(), programme_id(), mentorship_id, *times, viewer())
    else:
        cadence = _cadence_booking(read_body(CadenceBookingDocument))
        stored = book_cadence(context(), programme_id(), mentorship_id, cadence, viewer())
    location = url_for("v1.meetings.get_meeting", meeting_id=stored.id)
    return answer(MeetingDocument.from_domain(stored), 201, {"Location": location})


@api.app_errorhandler(PlanChanged)
def _plan_changed(error: PlanChanged) -> Response:
    return problem(409, str(error), kind="plan-changed", extra={"plan": occurrence_rows(error.plan, ())})


@api.app_errorhandler(SlotTaken)
def _slot_taken(error: SlotTaken) -> Response:
    rows = [BlockedByDocument.from_domain(row) for row in error.blocked_by if row.index is not None]
    return problem(409, str(error), extra={"blocked_by": rows})


def _books_slot() -> bool:
    """Return whether the body books a single meeting. Raises InvalidFields unless it books either that or a cadence."""
    try:
        body = orjson.loads(json_bytes())
    except orjson.JSONDecodeError:
        return False  # read_body refuses it with the reason
    if not isinstance(body, dict):
        return False
    is_slot = body.get("start") is not None
    if is_slot == (body.get("dtstart") is not None):
        raise InvalidFields.at("/start", "give either start (a single meeting) or dtstart (a cadence)")
    for name in CadenceBookingDocument.model_fields:
        if is_slot and name in body and name not in SlotBookingDocument.model_fields:
            raise InvalidFields.at(f"/{name}", "this belongs to a cadence; a single meeting has a start and a duration")
    return is_slot


def _expected_occurrence(index: int, one: PlannedOccurrenceDocument) -> ExpectedOccurrence:
    with at_field(f"/expected/{index}"):
        moved_to = Period(one.moved_to.start, one.moved_to.end) if one.moved_to else None
        return ExpectedOccurrence(Period(one.start, one.end), one.status, moved_to)


def _cadence_booking(body: CadenceBookingDocument) -> CadenceBooking:
    series = body.to_series()
    return body.to(
        CadenceBooking,
        series=series,
        expected=body.to_expected(),
        details=body.details,
        terms=body.to(
            PlanTerms,
            dates=_dates(body),
            move_within_days=check_move_days(body.move_within_days, round_days_of(series)),
            elsewhere=body.to_elsewhere(),
            rules=Rules(None if body.within is None else body.within.to_domain(), body.minimum_gap),
        ),
    )


def round_days_of(series: Series) -> int:
    """Return the least number of days after which a cadence's pattern repeats."""
    assert series.rule is not None  # a cadence has a rule
    return series.rule.min_round_days


def _dates(body: CadenceBookingDocument) -> Days | None:
    if body.starts_on is None and body.ends_on is None:
        return None
    if body.starts_on is None or body.ends_on is None:
        missing = "ends_on" if body.ends_on is None else "starts_on"
        raise InvalidFields.at(f"/{missing}", f"{missing} is missing: starts_on and ends_on go together; give both")
    with at_field("/ends_on"):
        return Days(body.starts_on, body.ends_on)


def _other_turn_periods(body: CadenceBookingDocument) -> Iterator[Period]:
    """Yield the occurrences of the other turns."""
    length = timedelta(minutes=body.duration)
    for index, turn in enumerate(body.other_turns):
        rule = _parse_rule(turn.rrule, f"/other_turns/{index}/rrule")
        for start in rule.starts(turn.dtstart, body.time_zone):
            yield Period(start.instant, start.instant + length)


def _parse_rule(text: str, pointer: str) -> SeriesRule:
    with at_field(pointer):
        rule = parse_rule(text)
        check_date(rule.until.date())
    return rule
