"""POST /v1/sequences: plan several sessions in order, each with its own attendees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from flask import Response
from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.search.sequence_paths import TooManyLimits
from scheduler.domain.search.sequences import Obstacle, Plan, SequenceAnswer, SequenceQuery, Session
from scheduler.domain.search.slot_search import Order
from scheduler.errors import InvalidFields
from scheduler.services.proposing import SearchRequest, suggest_sequences
from scheduler.web.api.slots import (
    SearchWindowDocument,
    SlotAttendee,
    UnknownAttendee,
    unknown_attendees,
    window_to_domain,
)
from scheduler.web.documents import examples
from scheduler.web.documents.attendees import REQUIRE_ONE, Attendees, attendee_specs
from scheduler.web.documents.explanations import ExplanationDocument
from scheduler.web.documents.local_times import attendee_rows
from scheduler.web.documents.rules import AttendeeIndex, WithinDocument
from scheduler.web.fields.document import Document, Omissible, is_none, quoted, to_json
from scheduler.web.fields.durations import QUARTER, MeetingLength, Notice
from scheduler.web.fields.texts import Flag, Name
from scheduler.web.fields.times import Instant
from scheduler.web.http.requests import LARGE_BODY, context, json_response, programme_id, read_body, viewer
from scheduler.web.http.resources import Resource

api = Resource("sequences", tag="scheduling", reads=Scope.SLOTS_READ, writes=Scope.SLOTS_READ)

MOST_ROWS = 100_000
"""The largest number of attendee rows in an answer, over the sessions of all plans."""


class SequenceSessionDocument(Document):
    """One meeting of the sequence, with its own attendees."""

    title: Name | None = Field(None, exclude_if=is_none)
    duration: MeetingLength
    attendees: Annotated[list[AttendeeIndex], Field(min_length=1, max_length=50)] = Field(
        description="indexes of the request's attendees, at least one of them required; the first is the organizer"
    )
    at_least: Notice | None = Field(
        None, exclude_if=is_none, description="least time after the end of the session before; not in the first session"
    )
    at_most: Notice | None = Field(
        None, exclude_if=is_none, description="most time after the end of the session before; not in the first session"
    )

    def to_domain(self) -> Session:
        """Return the domain's session."""
        return self.to(Session, attendees=tuple(self.attendees), at_least=self.at_least or 0)


class SequencesRequest(Document, json_schema_extra={"examples": [examples.SEQUENCE]}):
    """A search for times of several sessions in a given order."""

    window: SearchWindowDocument
    step: MeetingLength = QUARTER
    attendees: Attendees = Field(description="the attendees of all sessions")
    sessions: Annotated[list[SequenceSessionDocument], Field(min_length=1, max_length=10)]
    minimum_notice: Notice | None = Field(None, description="least time from now to the start; default: no limit")
    now: Instant | None = Field(None, description="what minimum_notice counts from; default: the server's clock")
    order: Order = Order.BEST
    limit: int = Field(
        20,
        ge=1,
        le=5000,
        strict=True,
        description=f"at most {MOST_ROWS} divided by the total number of attendees of all sessions",
    )
    allow_unknown: Flag = Field(True, description="false: a required attendee's unknown calendar blocks every start")
    relax_into_night: Flag = Field(False, description="relaxations may use hours between 22:00 and 07:00")
    within: WithinDocument | None = Field(None, description="every session lies within these hours")
    fair: Flag = Field(False, description="weights the comfort of people with a higher past burden more")

    def to_search(self, now: datetime) -> SearchRequest[SequenceQuery]:
        """Return the search; ``now`` is the server's clock. Raises InvalidFields."""
        specs = attendee_specs(self.attendees)
        window = window_to_domain(self.window)
        for number in range(len(self.sessions)):
            self._check_attendees(number)
            self._check_waits(number)
        self._check_length()
        notice = None if self.minimum_notice is None else (self.now or now) + timedelta(minutes=self.minimum_notice)

        def to_query(attendees: tuple[Attendee, ...]) -> SequenceQuery:
            return self.to(
                SequenceQuery,
                attendees=attendees,
                window=window,
                not_before=notice,
                sessions=tuple(session.to_domain() for session in self.sessions),
                within=None if self.within is None else self.within.to_domain(),
            )

        return SearchRequest(specs, to_query, self.fair)

    def _check_attendees(self, number: int) -> None:
        indexes = self.sessions[number].attendees
        for position, index in enumerate(indexes):
            pointer = f"/sessions/{number}/attendees/{position}"
            if index >= len(self.attendees):
                raise InvalidFields.at(
                    pointer, f"there is no attendee {quoted(index)}; the last is {len(self.attendees) - 1}"
                )
            if index in indexes[:position]:
                raise InvalidFields.at(pointer, f"attendee {index} is in this session twice; name them once")
        if not any(self.attendees[index].role == "required" for index in indexes):
            detail = f"at least one attendee of a session has to be required; {REQUIRE_ONE}"
            raise InvalidFields.at(f"/sessions/{number}/attendees", detail)

    def _check_waits(self, number: int) -> None:
        session = self.sessions[number]
        for name in ("at_least", "at_most"):
            if number == 0 and getattr(session, name) is not None:
                raise InvalidFields.at(f"/sessions/0/{name}", "the first session comes after none; leave it out")
        if session.at_most is not None and session.at_most < (session.at_least or 0):
            raise InvalidFields.at(f"/sessions/{number}/at_most", "at_most is less than at_least; nothing lies between")

    def _check_length(self) -> None:
        """Raises InvalidFields if the answer would be too long."""
        most = MOST_ROWS // sum(len(session.attendees) for session in self.sessions)
        if self.limit > most:
            detail = f"{self.limit} plans of sessions of so many are too long an answer; ask for at most {most}"
            raise InvalidFields.at("/limit", detail)


class PlannedSession(Document):
    """A session's time, with the local times of its attendees."""

    title: Omissible[str] = None
    start: Instant
    end: Instant
    attendees: list[SlotAttendee]


class SequencePlanDocument(Document):
    """A time for each session, in order. The score is the mean of the sessions' scores."""

    score: float = Field(ge=0, le=1)
    sessions: list[PlannedSession]


class FailingSession(Document):
    """Why there is no plan."""

    index: int = Field(description="the first session without a possible time, alone or after those before it")
    obstacle: Obstacle = Field(description="session: it has no time even alone; order: none after those before it")
    explanation: ExplanationDocument | None = Field(
        description="why it has no time alone; ``starts_gained`` counts its own starts. null: it has one"
    )


class SequencesAnswer(Document):
    """The best plan for each start of the first session, the number of such starts, and why there is none."""

    plans: list[SequencePlanDocument]
    total: int
    unknown_attendees: list[UnknownAttendee]
    failing: FailingSession | None


def sequences_answer(
    body: SequencesRequest,
    found: SequenceAnswer,
    attendees: Sequence[Attendee],
    now: datetime,
    redacted: frozenset[int] = frozenset(),
) -> str:
    """Return a `SequencesAnswer` as JSON, without personal data of the ``redacted`` attendees (indexes).

    It is serialized without pydantic documents, for the reason given in `slots_answer`.
    """
    document = {
        "plans": _plan_rows(found.plans, body.sessions, attendees),
        "total": found.total,
        "unknown_attendees": unknown_attendees(attendees, now),
        "failing": _failing(found, body.sessions, redacted),
    }
    return to_json(document)


@api.operation("POST /sequences", SequencesAnswer, body=SequencesRequest, refuses=(404,))
def find_sequences() -> Response:
    """Find sequences.

    A plan has several sessions in order, each with its own attendees. The answer has the best plan for each start of
    the first session.
    """
    body = read_body(SequencesRequest, LARGE_BODY)
    now = context().clock()
    search = body.to_search(now)
    with context().lanes.place(programme_id(), search.check_work()):
        try:
            found = suggest_sequences(context(), programme_id(), viewer(), search)
        except TooManyLimits as error:
            raise InvalidFields.at("/sessions", str(error)) from error
        return json_response(sequences_answer(body, found.answer, found.attendees, now, found.redacted))


def _plan_rows(
    plans: Sequence[Plan], sessions: Sequence[SequenceSessionDocument], attendees: Sequence[Attendee]
) -> list[dict[str, object]]:
    """Return the `SequencePlanDocument` of each plan as a dict."""
    columns = [_session_rows(number, session, plans, attendees) for number, session in enumerate(sessions)]
    rows = zip(plans, zip(*columns, strict=True), strict=True)
    return [{"score": plan.score, "sessions": planned} for plan, planned in rows]


def _session_rows(
    number: int, session: SequenceSessionDocument, plans: Sequence[Plan], attendees: Sequence[Attendee]
) -> list[dict[str, object]]:
    """Return the `PlannedSession` of the session of that number in each plan, as dicts."""
    periods = [plan.periods[number] for plan in plans]
    rows = attendee_rows(session.attendees, attendees, periods, [plan.available[number] for plan in plans])
    titled = {} if session.title is None else {"title": session.title}
    return [
        {**titled, "start": period.start, "end": period.end, "attendees": row}
        for period, row in zip(periods, rows, strict=True)
    ]


def _failing(
    found: SequenceAnswer, sessions: Sequence[SequenceSessionDocument], redacted: frozenset[int]
) -> FailingSession | None:
    if found.failing is None or found.obstacle is None:
        return None
    explanation = ExplanationDocument.from_domain(found.explanation, "starts_gained", redacted)
    if explanation is not None:
        relaxed = [
            one.model_copy(update={"patch": {"sessions": _shortened(sessions, found.failing, one.patch["duration"])}})
            if "duration" in one.patch
            else one
            for one in explanation.relaxations
        ]
        explanation = explanation.model_copy(update={"relaxations": relaxed})
    return FailingSession(index=found.failing, obstacle=found.obstacle, explanation=explanation)


def _shortened(sessions: Sequence[SequenceSessionDocument], index: int, duration: object) -> list[dict[str, object]]:
    """Return all sessions of the request, with another duration at ``index``: a patch replaces whole members."""
    rows = [session.model_dump(mode="json") for session in sessions]
    rows[index]["duration"] = duration
    return rows
