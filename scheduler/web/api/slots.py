"""POST /v1/slots: find single meetings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Response
from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.search.slot_search import Order, SlotQuery
from scheduler.domain.search.slots import LONGEST_WINDOW, Slot, SlotAnswer
from scheduler.domain.time.periods import Period
from scheduler.errors import InvalidFields
from scheduler.services.proposing import SearchRequest, suggest_slots
from scheduler.web.api.slot_picture import SVG, AnswerFormat, FormatQuery, picture
from scheduler.web.documents import examples
from scheduler.web.documents.explanations import ExplanationDocument
from scheduler.web.documents.local_times import attendee_rows
from scheduler.web.documents.rules import RuledRequest
from scheduler.web.fields.document import Document, Omissible, to_json
from scheduler.web.fields.durations import QUARTER, MeetingLength, Notice, format_duration
from scheduler.web.fields.texts import Flag
from scheduler.web.fields.times import Instant, LocalInstant, backward
from scheduler.web.http.requests import LARGE_BODY, context, json_response, programme_id, read_body, read_query, viewer
from scheduler.web.http.resources import Resource

api = Resource("slots", tag="scheduling", reads=Scope.SLOTS_READ, writes=Scope.SLOTS_READ)


MOST_ROWS = 10_000
"""The largest number of attendee rows in an answer, over all slots."""


class SearchWindowDocument(Document):
    """The searched time, rounded inwards to whole minutes."""

    start: Instant
    end: Instant


class SlotsRequest(RuledRequest, json_schema_extra={"examples": [examples.SLOTS]}):
    """A search for single meetings."""

    window: SearchWindowDocument
    duration: MeetingLength
    step: MeetingLength = QUARTER
    minimum_notice: Notice | None = Field(None, description="least time from now to the start; default: no limit")
    now: Instant | None = Field(None, description="what minimum_notice counts from; default: the server's clock")
    order: Order = Order.BEST
    limit: int = Field(
        20, ge=1, le=5000, strict=True, description=f"at most {MOST_ROWS} divided by the number of attendees"
    )
    allow_unknown: Flag = Field(True, description="false: a required attendee's unknown calendar blocks every start")
    explain: Flag = Field(False, description="also where slots are found: what blocks other starts, and score parts")
    relax_into_night: Flag = Field(False, description="relaxations may use hours between 22:00 and 07:00")

    def to_search(self, now: datetime) -> SearchRequest[SlotQuery]:
        """Return the search; ``now`` is the server's clock. Raises InvalidFields."""
        window = window_to_domain(self.window)
        most = MOST_ROWS // len(self.attendees)
        if self.limit > most:
            detail = f"{self.limit} slots for {len(self.attendees)} are too long an answer; ask for at most {most}"
            raise InvalidFields.at("/limit", detail)
        notice = None if self.minimum_notice is None else (self.now or now) + timedelta(minutes=self.minimum_notice)

        def to_query(attendees: tuple[Attendee, ...]) -> SlotQuery:
            return self.to(SlotQuery, attendees=attendees, window=window, not_before=notice, rules=self.rules())

        return SearchRequest(self.specs(), to_query, self.fair)


class SlotAttendee(Document):
    """An attendee's local times of a slot."""

    index: int
    start: LocalInstant
    end: LocalInstant
    available: bool | None = Field(description="null: their calendar is unknown")


class SlotDocument(Document):
    """One feasible start."""

    start: Instant
    end: Instant
    score: float = Field(ge=0, le=1)
    score_parts: Omissible[dict[str, float]] = Field(
        None, description="with explain; for stored people needs a key with people:read"
    )
    attendees: list[SlotAttendee]


class UnknownAttendee(Document):
    """An attendee without a recent reading of their connected calendars."""

    index: int
    reason: str
    age: str | None = Field(description="ISO 8601 duration since the last reading; null: never read")


class SlotsAnswer(Document):
    """The best slots, the total number, and an explanation if there are none."""

    slots: list[SlotDocument]
    total: int
    unknown_attendees: list[UnknownAttendee]
    explanation: ExplanationDocument | None


def slots_answer(
    found: SlotAnswer, attendees: Sequence[Attendee], now: datetime, redacted: frozenset[int] = frozenset()
) -> str:
    """Return a `SlotsAnswer` as JSON, without personal data of the ``redacted`` attendees (indexes).

    It is serialized without pydantic documents: one document for each slot and attendee would take longer than the
    search.
    """
    document = {
        "slots": _slots(found.slots, attendees, parts=not redacted),
        "total": found.total,
        "unknown_attendees": unknown_attendees(attendees, now),
        "explanation": ExplanationDocument.from_domain(found.explanation, "starts_gained", redacted),
    }
    return to_json(document)


def unknown_attendees(attendees: Sequence[Attendee], now: datetime) -> list[UnknownAttendee]:
    """Return the attendees with unknown calendars, with the reason and the age of the last reading."""
    return [
        UnknownAttendee(index=index, reason=one.unknown.reason, age=_age(one.unknown.read_at, now))
        for index, one in enumerate(attendees)
        if one.unknown
    ]


def window_to_domain(window: SearchWindowDocument) -> Period:
    """Return the window as a period. Raises InvalidFields."""
    if window.end <= window.start:
        raise InvalidFields.at("/window/end", backward("window", window.start, window.end))
    if window.end - window.start > LONGEST_WINDOW:
        raise InvalidFields.at(
            "/window/end", f"the window is longer than {LONGEST_WINDOW.days} days; ask for less at a time"
        )
    return Period(window.start, window.end)


@api.operation("POST /slots", SlotsAnswer, body=SlotsRequest, query=FormatQuery, media_types=(SVG,), refuses=(404,))
def find_slots() -> Response:
    """Find slots.

    Every start at which all required attendees can meet, exact to the minute, best or earliest first.
    """
    answer_format = read_query(FormatQuery).format
    body = read_body(SlotsRequest, LARGE_BODY)
    now = context().clock()
    search = body.to_search(now)
    with context().lanes.place(programme_id(), search.check_work()):
        found = suggest_slots(context(), programme_id(), viewer(), search)
        if answer_format is AnswerFormat.SVG:
            return picture(found.query, found.answer, found.redacted)
        return json_response(slots_answer(found.answer, found.attendees, now, found.redacted))


def _slots(slots: Sequence[Slot], attendees: Sequence[Attendee], *, parts: bool) -> list[dict[str, object]]:
    """Return the `SlotDocument` of each slot as a dict, with the score's parts if ``parts`` is true.

    The parts reveal preferred hours.
    """
    rows = attendee_rows(
        range(len(attendees)), attendees, [slot.period for slot in slots], [slot.available for slot in slots]
    )
    return [
        {
            "start": slot.period.start,
            "end": slot.period.end,
            "score": slot.score,
            **({"score_parts": dict(slot.parts)} if parts and slot.parts is not None else {}),
            "attendees": row,
        }
        for slot, row in zip(slots, rows, strict=True)
    ]


def _age(read_at: datetime | None, now: datetime) -> str | None:
    return None if read_at is None else format_duration((now - read_at) // timedelta(minutes=1))
