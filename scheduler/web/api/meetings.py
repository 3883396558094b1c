"""Booked meetings: /v1/mentorships/{id}/meetings and /v1/meetings/{id}."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from flask import Blueprint, Response, url_for
from pydantic import Field

from scheduler.domain.availability import Days
from scheduler.domain.explanation import Cause
from scheduler.domain.meetings import MeetingStatus, Occurrence, OccurrenceStatus, Party, Series
from scheduler.domain.periods import Period
from scheduler.domain.planning import OnConflict
from scheduler.domain.recurrence import WeeklyRule
from scheduler.domain.zones import LocalTime, check_date, in_zone, typed_time
from scheduler.errors import InvalidFields, InvalidValue, NotFound
from scheduler.services.booking import (
    CadenceBooking,
    Details,
    PlanChanged,
    SlotTaken,
    book_cadence,
    book_slot,
    cancel_meeting,
    cancel_one,
    change_details,
    move_one,
)
from scheduler.store import DeliveryRow, StoredMeeting
from scheduler.web.api.cadences import (
    Coverage,
    MoveDays,
    PlannedOccurrenceDocument,
    check_move_days,
)
from scheduler.web.api.fields import (
    QUARTER,
    Day,
    Document,
    Duration,
    MailAddress,
    MeetingLength,
    Moment,
    Name,
    WallTime,
    WebAddress,
    ZoneName,
)
from scheduler.web.api.openapi import documented
from scheduler.web.problems import Problem, problem
from scheduler.web.requests import answer, context, programme_id, read_body

api = Blueprint("meetings", __name__)

RECURRENCE_ID = "%Y%m%dT%H%M%S"


class GuestDocument(Document):
    """Someone invited besides the two: an expert, an interviewer, a panel's member."""

    name: Name
    email: MailAddress
    time_zone: ZoneName


class Booking(Document):
    """A cadence (``dtstart``, ``time_zone``, ``rrule``, ``expected``) or a single slot (``start``) to book."""

    start: Moment | None = Field(None, description="of a single meeting; a local time is the mentor's")
    dtstart: WallTime | None = None
    time_zone: ZoneName | None = None
    rrule: str | None = Field(None, max_length=200, description="as a cadence answer gave it")
    expected: Annotated[list[PlannedOccurrenceDocument], Field(min_length=1, max_length=400)] | None = Field(
        None, description="the cadence's occurrences as the answer gave them"
    )
    duration: MeetingLength
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: MoveDays = 3
    min_coverage: Coverage = 0.5
    step: MeetingLength = QUARTER
    starts_on: Day | None = Field(None, description="the cadence request's, if it is not the mentorship's")
    ends_on: Day | None = Field(None, description="the cadence request's, if it is not the mentorship's")
    title: Name | None = Field(None, description="left out: made of the two names")
    conference_url: WebAddress | None = None
    guests: list[GuestDocument] = Field([], max_length=50)

    @property
    def details(self) -> Details:
        """What the booking says besides when."""
        guests = tuple(Party(guest.name, guest.email, guest.time_zone) for guest in self.guests)
        return Details(self.title, self.conference_url, guests)


class MeetingChange(Document):
    """What to change of a meeting; what is left out stays. A title of null is the default one."""

    title: Name | None = None
    conference_url: WebAddress | None = None
    status: MeetingStatus | None = Field(None, description="cancelled cancels it for ever")


class OccurrenceChange(Document):
    """Move an occurrence (``start``) or cancel it (``status``)."""

    start: Moment | None = Field(None, description="an instant, or a local time of the meeting's zone")
    status: OccurrenceStatus | None = Field(None, description="only cancelled")


class LocalStart(Document):
    """When an occurrence begins on somebody's wall clock."""

    name: str
    start: datetime


class OccurrenceDocument(Document):
    """One occurrence; ``recurrence_id`` is its name for ever: the local start that the rule gives it."""

    recurrence_id: str = Field(examples=["20261103T143000"])
    start: datetime
    end: datetime
    status: OccurrenceStatus
    local_starts: list[LocalStart]

    @classmethod
    def of(cls, occurrence: Occurrence, parties: tuple[Party, ...]) -> OccurrenceDocument:
        """The document of an occurrence."""
        start = occurrence.period.start
        return cls(
            recurrence_id=f"{occurrence.recurrence_id.wall:{RECURRENCE_ID}}",
            start=start,
            end=occurrence.period.end,
            status=occurrence.status,
            local_starts=[LocalStart(name=party.name, start=in_zone(start, party.time_zone)) for party in parties],
        )


class MeetingDocument(Document):
    """A booked meeting. ``sequence`` rises when times change, ``revision`` with every change."""

    id: str
    mentorship: str
    uid: str
    title: str
    conference_url: str | None
    dtstart: WallTime
    time_zone: str
    rrule: str | None
    duration: Duration
    guests: list[GuestDocument]
    status: MeetingStatus
    sequence: int
    revision: int
    created_at: datetime
    changed_at: datetime
    tz_database: str
    occurrences: list[OccurrenceDocument]

    @classmethod
    def of(cls, stored: StoredMeeting) -> MeetingDocument:
        """The document of a stored meeting."""
        meeting = stored.meeting
        series = meeting.series
        return cls.model_construct(
            id=stored.id,
            mentorship=stored.mentorship_id,
            uid=meeting.uid,
            title=meeting.title,
            conference_url=meeting.conference_url,
            dtstart=series.dtstart.wall,
            time_zone=series.time_zone,
            rrule=str(series.rule) if series.rule else None,
            duration=series.duration,
            guests=[
                GuestDocument.model_construct(name=guest.name, email=guest.email or "", time_zone=guest.time_zone)
                for guest in meeting.guests
            ],
            status=meeting.status,
            sequence=meeting.sequence,
            revision=meeting.revision,
            created_at=meeting.created_at,
            changed_at=meeting.changed_at,
            tz_database=meeting.tz_database,
            occurrences=[OccurrenceDocument.of(one, meeting.parties) for one in meeting.occurrences],
        )


class MeetingsDocument(Document):
    """A mentorship's meetings."""

    items: list[MeetingDocument]


class OccurrencesDocument(Document):
    """A meeting's occurrences, in the order of the rule."""

    items: list[OccurrenceDocument]


class DeliveryDocument(Document):
    """How far a meeting is on its way into one connected calendar."""

    id: str
    calendar: str
    person: str
    uid: str
    state: str
    attempts: int
    wanted_revision: int
    delivered_revision: int | None
    due_at: datetime | None
    delivered_at: datetime | None
    reason: str | None

    @classmethod
    def of(cls, row: DeliveryRow) -> DeliveryDocument:
        """The document of a delivery."""
        return cls(
            id=row.id,
            calendar=row.calendar_id,
            person=row.person_id,
            uid=row.uid,
            state=row.state.value,
            attempts=row.attempts,
            wanted_revision=row.wanted_revision,
            delivered_revision=row.delivered_revision,
            due_at=row.due_at,
            delivered_at=row.delivered_at,
            reason=row.reason,
        )


class DeliveriesDocument(Document):
    """A meeting's deliveries, one for each calendar and calendar object."""

    items: list[DeliveryDocument]


class BlockedDocument(Document):
    """Who is kept from the time asked for, and by what."""

    person: str = Field(description="mentor or mentee")
    cause: Cause
    title: str | None = Field(None, exclude_if=lambda value: value is None)


class BookingProblem(Problem):
    """A booking that can't be made as asked: the plan as it now stands, or who is kept from the slot."""

    plan: list[PlannedOccurrenceDocument] | None = None
    blocked_by: list[BlockedDocument] | None = None


@api.post("/mentorships/<mentorship_id>/meetings")
@documented(
    MeetingDocument,
    status=201,
    body=Booking,
    refuses=(400, 404, 409, 413, 415, 422),
    conflict=BookingProblem,
    tag="meetings",
)
def post_meeting(mentorship_id: str) -> Response:
    """Book a cadence or a single slot.

    Every occurrence is planned again; if the plan differs from ``expected`` nothing is booked.
    """
    asked = read_body(Booking)
    if (asked.start is None) == (asked.dtstart is None):
        raise InvalidFields.at("/start", "give either start (a single meeting) or dtstart (a cadence)")
    if asked.start is not None:
        period = _slot(asked, asked.start, mentorship_id)
        stored = book_slot(context(), programme_id(), mentorship_id, period, asked.details)
    else:
        stored = book_cadence(context(), programme_id(), mentorship_id, _cadence(asked))
    where = url_for("v1.meetings.get_meeting", meeting_id=stored.id)
    return answer(MeetingDocument.of(stored), 201, {"Location": where})


@api.get("/mentorships/<mentorship_id>/meetings")
@documented(MeetingsDocument, refuses=(404,), tag="meetings")
def get_meetings(mentorship_id: str) -> Response:
    """List a mentorship's meetings."""
    with context().store.read() as tx:
        tx.mentorships.get(programme_id(), mentorship_id)
        meetings = tx.meetings.of_mentorship(programme_id(), mentorship_id)
    return answer(MeetingsDocument(items=[MeetingDocument.of(stored) for stored in meetings]))


@api.get("/meetings/<meeting_id>")
@documented(MeetingDocument, refuses=(404,), tag="meetings")
def get_meeting(meeting_id: str) -> Response:
    """Read a meeting."""
    return answer(MeetingDocument.of(_meeting(meeting_id)))


@api.patch("/meetings/<meeting_id>")
@documented(MeetingDocument, body=MeetingChange, refuses=(400, 404, 409, 413, 415, 422), tag="meetings")
def patch_meeting(meeting_id: str) -> Response:
    """Change a meeting's title or conference, or cancel it for ever."""
    asked = read_body(MeetingChange)
    if "status" in asked.model_fields_set:
        if asked.status is not MeetingStatus.CANCELLED or len(asked.model_fields_set) > 1:
            raise InvalidFields.at("/status", "the only change of status is cancelled, sent by itself")
        return answer(MeetingDocument.of(cancel_meeting(context(), programme_id(), meeting_id)))
    old = _meeting(meeting_id)
    title = asked.title if "title" in asked.model_fields_set else old.own_title
    url = asked.conference_url if "conference_url" in asked.model_fields_set else old.meeting.conference_url
    return answer(MeetingDocument.of(change_details(context(), programme_id(), meeting_id, title, url)))


@api.delete("/meetings/<meeting_id>")
@documented(MeetingDocument, refuses=(404, 409), tag="meetings")
def delete_meeting(meeting_id: str) -> Response:
    """Cancel a meeting for ever: it stays readable, and calendars show it as cancelled."""
    return answer(MeetingDocument.of(cancel_meeting(context(), programme_id(), meeting_id)))


@api.get("/meetings/<meeting_id>/occurrences")
@documented(OccurrencesDocument, refuses=(404,), tag="meetings")
def get_occurrences(meeting_id: str) -> Response:
    """List a meeting's occurrences."""
    meeting = _meeting(meeting_id).meeting
    rows = [OccurrenceDocument.of(occurrence, meeting.parties) for occurrence in meeting.occurrences]
    return answer(OccurrencesDocument(items=rows))


@api.get("/meetings/<meeting_id>/occurrences/<recurrence_id>")
@documented(OccurrenceDocument, refuses=(404,), tag="meetings")
def get_occurrence(meeting_id: str, recurrence_id: str) -> Response:
    """Read one occurrence."""
    return answer(_occurrence(_meeting(meeting_id), _parse_id(recurrence_id)))


@api.patch("/meetings/<meeting_id>/occurrences/<recurrence_id>")
@documented(
    OccurrenceDocument,
    body=OccurrenceChange,
    refuses=(400, 404, 409, 413, 415, 422),
    conflict=BookingProblem,
    tag="meetings",
)
def patch_occurrence(meeting_id: str, recurrence_id: str) -> Response:
    """Move or cancel one occurrence. A move goes where both people can meet; the series' own time is no obstacle."""
    asked = read_body(OccurrenceChange)
    if (asked.start is None) == (asked.status is None):
        raise InvalidFields.at("/start", "give either start (to move it) or status (to cancel it)")
    wanted = _parse_id(recurrence_id)
    if asked.start is None:
        if asked.status is not OccurrenceStatus.CANCELLED:
            raise InvalidFields.at("/status", "the only change of status is cancelled; to move it, send start")
        return answer(_occurrence(cancel_one(context(), programme_id(), meeting_id, wanted), wanted))
    start = _on_clock(asked.start, _meeting(meeting_id).meeting.series.time_zone)
    return answer(_occurrence(move_one(context(), programme_id(), meeting_id, wanted, start), wanted))


@api.get("/meetings/<meeting_id>/deliveries")
@documented(DeliveriesDocument, refuses=(404,), tag="meetings")
def get_deliveries(meeting_id: str) -> Response:
    """List how far a meeting is on its way into each connected calendar."""
    with context().store.read() as tx:
        tx.meetings.get(programme_id(), meeting_id)
        rows = tx.deliveries.of_meeting(programme_id(), meeting_id)
    return answer(DeliveriesDocument(items=[DeliveryDocument.of(row) for row in rows]))


@api.errorhandler(PlanChanged)
def _plan_changed(error: PlanChanged) -> Response:
    plan = [PlannedOccurrenceDocument.of(planned, ()).model_dump(mode="json") for planned in error.plan]
    return problem(409, str(error), kind="plan-changed", extra={"plan": [_without_locals(row) for row in plan]})


@api.errorhandler(SlotTaken)
def _slot_taken(error: SlotTaken) -> Response:
    rows = [
        BlockedDocument(person=("mentor", "mentee")[row.index], cause=row.cause, title=row.title)
        for row in error.blocked_by
    ]
    return problem(409, str(error), extra={"blocked_by": [row.model_dump(mode="json") for row in rows]})


def _without_locals(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "attendees"}


def _slot(asked: Booking, start: datetime, mentorship_id: str) -> Period:
    for name in ("time_zone", "rrule", "expected", "starts_on", "ends_on"):
        if getattr(asked, name) is not None:
            raise InvalidFields.at(f"/{name}", "this belongs to a cadence; a single meeting has a start and a duration")
    with context().store.read() as tx:
        mentorship = tx.mentorships.get(programme_id(), mentorship_id)
        zone = tx.people.party(programme_id(), mentorship.mentor_id).time_zone
    instant = _on_clock(start, zone)
    return Period(instant, instant + timedelta(minutes=asked.duration))


def _on_clock(moment: datetime, zone: str) -> datetime:
    """The instant in whole minutes; a local time is read on that zone's clock. Raises InvalidFields."""
    try:
        instant = typed_time(moment, zone) if moment.tzinfo is None else moment
    except InvalidValue as error:
        raise InvalidFields.at("/start", str(error)) from error
    if instant.second or instant.microsecond:
        raise InvalidFields.at("/start", f"{instant.isoformat()} has seconds; meetings start on whole minutes")
    return instant


def _cadence(asked: Booking) -> CadenceBooking:
    for name in ("time_zone", "rrule", "expected"):
        if getattr(asked, name) is None:
            raise InvalidFields.at(f"/{name}", "a cadence needs this, as the answer to /v1/cadences gave it")
    assert asked.dtstart is not None  # the caller looked
    try:
        rule = WeeklyRule.parse(asked.rrule or "")
        check_date(rule.until.date())
    except InvalidValue as error:
        raise InvalidFields.at("/rrule", str(error)) from error
    dates = None
    if asked.starts_on is not None and asked.ends_on is not None:
        try:
            dates = Days(asked.starts_on, asked.ends_on)
        except InvalidValue as error:
            raise InvalidFields.at("/ends_on", str(error)) from error
    elif asked.starts_on is not None or asked.ends_on is not None:
        missing = "ends_on" if asked.ends_on is None else "starts_on"
        raise InvalidFields.at(f"/{missing}", "starts_on and ends_on go together")
    return CadenceBooking(
        Series(LocalTime(asked.dtstart, asked.time_zone or ""), rule, asked.duration),
        tuple((one.start, one.status, one.moved_to.start if one.moved_to else None) for one in asked.expected or []),
        asked.details,
        dates,
        asked.step,
        asked.on_conflict,
        check_move_days(asked.move_within_days, rule.interval),
        asked.min_coverage,
    )


def _meeting(meeting_id: str) -> StoredMeeting:
    with context().store.read() as tx:
        return tx.meetings.get(programme_id(), meeting_id)


def _parse_id(text: str) -> datetime:
    try:
        return datetime.strptime(text, RECURRENCE_ID)  # noqa: DTZ007  # a RECURRENCE-ID is a wall time
    except ValueError as error:
        raise NotFound("occurrence", text[:60]) from error


def _occurrence(stored: StoredMeeting, recurrence_id: datetime) -> OccurrenceDocument:
    occurrence = stored.meeting.occurrence(recurrence_id)
    if occurrence is None:
        raise NotFound("occurrence", f"{recurrence_id:{RECURRENCE_ID}}")
    return OccurrenceDocument.of(occurrence, stored.meeting.parties)
