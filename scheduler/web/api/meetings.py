"""Booked meetings: /v1/meetings/{id}, and their occurrences."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from flask import Response
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.meetings import Meeting, MeetingStatus, Occurrence, OccurrenceStatus
from scheduler.domain.time.clocks import zone_at
from scheduler.domain.time.zones import in_zone
from scheduler.errors import InvalidFields, NotFound
from scheduler.services import meetings
from scheduler.store import StoredMeeting
from scheduler.web.documents import examples
from scheduler.web.documents.occurrences import BlockedByDocument, PlannedOccurrenceDocument
from scheduler.web.fields.document import Document, Omissible, only
from scheduler.web.fields.durations import Duration
from scheduler.web.fields.texts import Id, MailAddress, Name, WebAddress, ZoneName
from scheduler.web.fields.times import (
    RECURRENCE_ID,
    Instant,
    LocalInstant,
    Moment,
    RecurrenceId,
    Timestamp,
    WallTime,
)
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.problems import Problem
from scheduler.web.http.requests import answer, changes_of, context, programme_id, read_body, viewer
from scheduler.web.http.resources import Resource

api = Resource("meetings", tag="meetings", reads=Scope.MEETINGS_READ, writes=Scope.MEETINGS_WRITE)


class GuestDocument(Document):
    """An invited person besides mentor and mentee, such as an expert or an interviewer."""

    name: Name
    email: MailAddress
    time_zone: ZoneName


class MeetingChange(Document, json_schema_extra={"examples": [examples.MEETING_CHANGE]}):
    """Changes of a meeting; members that are left out stay unchanged. A null title restores the default."""

    title: Name | None = None
    conference_url: WebAddress | None = None
    status: MeetingStatus | None = Field(None, description="only cancelled, which is final")


class OccurrenceChange(
    Document, json_schema_extra={"examples": [examples.OCCURRENCE_MOVE, examples.OCCURRENCE_CANCELLATION]}
):
    """Move an occurrence (``start``) or cancel it (``status``)."""

    start: Moment | None = Field(None, description="an instant, or a local time of the meeting's zone")
    status: OccurrenceStatus | None = Field(None, description="only cancelled")


class LocalStart(Document):
    """The local start of an occurrence for one participant."""

    name: str
    start: LocalInstant


class OccurrenceDocument(Document):
    """One occurrence. ``recurrence_id`` is the local start by the rule; it never changes."""

    shown_to_writers = only("recurrence_id", "start", "end", "status")

    recurrence_id: RecurrenceId
    start: Instant
    end: Instant
    status: OccurrenceStatus
    conflict: Omissible[Literal["open"]] = Field(None, description="somebody has to decide about it; see its conflict")
    local_starts: list[LocalStart]

    @classmethod
    def from_domain(cls, occurrence: Occurrence, meeting: Meeting) -> OccurrenceDocument:
        """Return the document of an occurrence. All occurrences of a cancelled meeting are cancelled."""
        start = occurrence.period.start
        cancelled = meeting.status is MeetingStatus.CANCELLED
        return cls.model_construct(
            recurrence_id=occurrence.recurrence_id.wall,
            start=start,
            end=occurrence.period.end,
            status=OccurrenceStatus.CANCELLED if cancelled else occurrence.status,
            conflict="open" if occurrence.to_be_moved else None,
            local_starts=[
                LocalStart(name=party.name, start=in_zone(start, zone_at(party.clock, start)))
                for party in meeting.parties
            ],
        )


class MeetingDocument(Document):
    """A booked meeting. ``sequence`` rises when times change, ``revision`` with every change."""

    shown_to_writers = only(
        "id",
        "mentorship",
        "uid",
        "status",
        "sequence",
        "revision",
        "created_at",
        "changed_at",
        occurrences={"__all__": OccurrenceDocument.shown_to_writers},
    )

    id: Id
    mentorship: Id
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
    created_at: Timestamp
    changed_at: Timestamp
    tz_database: str
    replaces: Omissible[Id] = Field(None, description="the series in whose place it was booked")
    occurrences: list[OccurrenceDocument]

    @classmethod
    def from_domain(cls, stored: StoredMeeting) -> MeetingDocument:
        """Return the document of a stored meeting."""
        meeting = stored.meeting
        series = meeting.series
        return cls.of(
            meeting,
            id=stored.id,
            mentorship=stored.mentorship_id,
            replaces=stored.replaces,
            dtstart=series.dtstart.wall,
            time_zone=series.time_zone,
            rrule=str(series.rule) if series.rule else None,
            duration=series.duration,
            guests=[GuestDocument.of(guest, email=guest.email or "") for guest in meeting.guests],
            occurrences=[OccurrenceDocument.from_domain(one, meeting) for one in meeting.occurrences],
        )


class MeetingPage(PageDocument):
    """A mentorship's meetings, the first booked first."""

    items: list[MeetingDocument]


class OccurrencePage(PageDocument):
    """A meeting's occurrences, in the order of the rule."""

    items: list[OccurrenceDocument]


class BookingProblem(Problem):
    """A refused booking, with the present plan of the cadence, or the causes that block the slot."""

    plan: Omissible[list[PlannedOccurrenceDocument]] = None
    blocked_by: Omissible[list[BlockedByDocument]] = None


@api.operation("GET /mentorships/<mentorship_id>/meetings", MeetingPage, query=PageQuery)
def list_meetings(mentorship_id: str) -> Response:
    """List a mentorship's meetings."""
    page = read_page_request()
    found = meetings.list_meetings(context(), programme_id(), mentorship_id, page.after, page.fetch_limit)
    return answer_page(MeetingPage, found, MeetingDocument.from_domain, page)


@api.operation("GET /meetings/<meeting_id>", MeetingDocument)
def get_meeting(meeting_id: str) -> Response:
    """Read a meeting."""
    return answer(MeetingDocument.from_domain(meetings.get_meeting(context(), programme_id(), meeting_id)))


@api.operation("PATCH /meetings/<meeting_id>", MeetingDocument, body=MeetingChange, refuses=(409,), needs_match=True)
def update_meeting(meeting_id: str) -> Response:
    """Change a meeting's title or conference, or cancel it, which is final."""
    body = read_body(MeetingChange)
    if "status" in body.model_fields_set:
        if body.status is not MeetingStatus.CANCELLED or len(body.model_fields_set) > 1:
            raise InvalidFields.at("/status", "the only change of status is cancelled, sent alone")
        return answer(MeetingDocument.from_domain(meetings.cancel_meeting(context(), programme_id(), meeting_id)))
    changes = changes_of(body)
    return answer(MeetingDocument.from_domain(meetings.update_meeting(context(), programme_id(), meeting_id, changes)))


@api.operation("DELETE /meetings/<meeting_id>", MeetingDocument, refuses=(409,), needs_match=True)
def delete_meeting(meeting_id: str) -> Response:
    """Cancel a meeting, which is final. It stays readable, and calendars show it as cancelled."""
    return answer(MeetingDocument.from_domain(meetings.cancel_meeting(context(), programme_id(), meeting_id)))


@api.operation("GET /meetings/<meeting_id>/occurrences", OccurrencePage, query=PageQuery)
def list_occurrences(meeting_id: str) -> Response:
    """List a meeting's occurrences."""
    page = read_page_request()
    meeting = meetings.get_meeting(context(), programme_id(), meeting_id).meeting
    rows = [OccurrenceDocument.from_domain(occurrence, meeting) for occurrence in meeting.occurrences]
    found = select_page(rows, lambda row: (row.recurrence_id.isoformat(), ""), page)
    return answer_page(OccurrencePage, found, lambda row: row, page)


@api.operation("GET /meetings/<meeting_id>/occurrences/<recurrence_id>", OccurrenceDocument)
def get_occurrence(meeting_id: str, recurrence_id: str) -> Response:
    """Read one occurrence."""
    stored = meetings.get_meeting(context(), programme_id(), meeting_id)
    return answer(occurrence_document(stored, parse_recurrence_id(recurrence_id)))


@api.operation(
    "PATCH /meetings/<meeting_id>/occurrences/<recurrence_id>",
    OccurrenceDocument,
    body=OccurrenceChange,
    refuses=(409,),
    conflict=BookingProblem,
    needs_match=True,
)
def update_occurrence(meeting_id: str, recurrence_id: str) -> Response:
    """Move or cancel one occurrence. If-Match takes the occurrence's version, not the meeting's.

    An occurrence can move to times at which both people can meet. The series' other periods don't block it.
    """
    body = read_body(OccurrenceChange)
    if (body.start is None) == (body.status is None):
        raise InvalidFields.at("/start", "give either start (to move it) or status (to cancel it)")
    occurrence_id = parse_recurrence_id(recurrence_id)
    if body.start is None:
        if body.status is not OccurrenceStatus.CANCELLED:
            raise InvalidFields.at("/status", "the only change of status is cancelled; to move it, send start")
        stored = meetings.cancel_occurrence(context(), programme_id(), meeting_id, occurrence_id)
    else:
        stored = meetings.move_occurrence(context(), programme_id(), meeting_id, occurrence_id, body.start, viewer())
    return answer(occurrence_document(stored, occurrence_id))


def parse_recurrence_id(text: str) -> datetime:
    """Return the wall start that an address names. Raises NotFound."""
    try:
        return datetime.strptime(text, RECURRENCE_ID)  # noqa: DTZ007  # a RECURRENCE-ID is a wall time
    except ValueError as error:
        raise NotFound("occurrence", text[:60]) from error


def occurrence_document(stored: StoredMeeting, recurrence_id: datetime) -> OccurrenceDocument:
    """Return the document of a meeting's occurrence. Raises NotFound."""
    return OccurrenceDocument.from_domain(stored.meeting.occurrence(recurrence_id), stored.meeting)
