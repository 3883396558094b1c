"""POST /v1/sequences: when can these sessions follow each other, each with its own people?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import orjson
from flask import Blueprint, Response
from pydantic import ConfigDict, Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.search.sequence_paths import TooManyLimits
from scheduler.domain.search.sequences import Obstacle, Plan, SequenceAnswer, SequenceQuery, Session
from scheduler.domain.search.slot_search import Order
from scheduler.domain.time.periods import Period, minute_of
from scheduler.errors import InvalidFields
from scheduler.services.proposing import SearchRequest, suggest_sequences
from scheduler.web.api.slots import SearchWindowDocument, SlotAttendee, UnknownAttendee, period_of, unknown_attendees
from scheduler.web.documents import examples
from scheduler.web.documents.attendees import REQUIRE_ONE, Attendees, specs_of
from scheduler.web.documents.explanations import ExplanationDocument
from scheduler.web.documents.local_times import attendee_rows
from scheduler.web.documents.rules import Place, WithinDocument
from scheduler.web.fields.document import Document, Omissible, is_none, quoted
from scheduler.web.fields.durations import QUARTER, MeetingLength, Notice
from scheduler.web.fields.texts import Flag, Name
from scheduler.web.fields.times import Instant
from scheduler.web.http.operations import Operation
from scheduler.web.http.requests import LARGE_BODY, context, json_response, programme_id, read_body, viewer

api = Blueprint("sequences", __name__)

MOST_ROWS = 100_000
"""How many attendees an answer may list, over the sessions of all its plans."""
MOST_SCORES = 60_000_000
"""How many starts may be looked at for one question, each once for each attendee of the different sessions."""


class SequenceSessionDocument(Document):
    """One meeting of the sequence, with its own people."""

    title: Name | None = Field(None, exclude_if=is_none)
    duration: MeetingLength
    attendees: Annotated[list[Place], Field(min_length=1, max_length=50)] = Field(
        description="indexes of the question's attendees, one of them required; the first organizes"
    )
    at_least: Notice | None = Field(
        None,
        exclude_if=is_none,
        description="begins no sooner than this after the end of the session before; not in the first",
    )
    at_most: Notice | None = Field(
        None,
        exclude_if=is_none,
        description="begins no later than this after the end of the session before; not in the first",
    )

    def to_domain(self) -> Session:
        """The session as the domain has it."""
        return Session(self.duration, tuple(self.attendees), self.at_least or 0, self.at_most)


class SequencesRequest(Document):
    """The question: when can these sessions take place in this order?"""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEQUENCE]})

    window: SearchWindowDocument
    step: MeetingLength = QUARTER
    attendees: Attendees = Field(description="everybody who is in any of the sessions")
    sessions: Annotated[list[SequenceSessionDocument], Field(min_length=1, max_length=10)]
    minimum_notice: Notice | None = Field(None, description="counted from now; left out, the clock is read for nothing")
    now: Instant | None = Field(None, description="what minimum_notice counts from; left out: the server's clock")
    order: Order = Order.BEST
    limit: int = Field(
        20,
        ge=1,
        le=5000,
        strict=True,
        description=f"no more than {MOST_ROWS} divided by how many attendees all sessions have, added up",
    )
    allow_unknown: Flag = Field(True, description="false: an unknown calendar of a required attendee bars all")
    relax_into_night: Flag = Field(False, description="what would help may lie between 22:00 and 07:00")
    within: WithinDocument | None = Field(None, description="inside of which every session lies")
    fair: Flag = Field(False, description="what people have borne of odd hours so far tips the choice")

    def to_search(self, now: datetime) -> SearchRequest[SequenceQuery]:
        """Return the search that is asked for; ``now`` is the server's clock. Raises InvalidFields."""
        specs = specs_of(self.attendees)
        window = period_of(self.window)
        for place in range(len(self.sessions)):
            self._check_attendees(place)
            self._check_waits(place)
        self._check_size(window)
        notice = None if self.minimum_notice is None else (self.now or now) + timedelta(minutes=self.minimum_notice)

        def to_query(attendees: tuple[Attendee, ...]) -> SequenceQuery:
            return SequenceQuery(
                window=window,
                step=self.step,
                attendees=attendees,
                sessions=tuple(session.to_domain() for session in self.sessions),
                order=self.order,
                limit=self.limit,
                allow_unknown=self.allow_unknown,
                not_before=notice,
                within=None if self.within is None else self.within.to_domain(),
                relax_into_night=self.relax_into_night,
                fair=self.fair,
            )

        return SearchRequest(specs, to_query, self.fair)

    def _check_attendees(self, place: int) -> None:
        indexes = self.sessions[place].attendees
        for at, index in enumerate(indexes):
            pointer = f"/sessions/{place}/attendees/{at}"
            if index >= len(self.attendees):
                raise InvalidFields.at(
                    pointer, f"there is no attendee {quoted(index)}; the last is {len(self.attendees) - 1}"
                )
            if index in indexes[:at]:
                raise InvalidFields.at(pointer, f"attendee {index} is in this session twice; name them once")
        if not any(self.attendees[index].role == "required" for index in indexes):
            detail = f"at least one attendee of a session has to be required; {REQUIRE_ONE}"
            raise InvalidFields.at(f"/sessions/{place}/attendees", detail)

    def _check_waits(self, place: int) -> None:
        session = self.sessions[place]
        for name in ("at_least", "at_most"):
            if place == 0 and getattr(session, name) is not None:
                raise InvalidFields.at(f"/sessions/0/{name}", "the first session comes after none; leave it out")
        if session.at_most is not None and session.at_most < (session.at_least or 0):
            raise InvalidFields.at(f"/sessions/{place}/at_most", "at_most is less than at_least; nothing lies between")

    def _check_size(self, window: Period) -> None:
        most = MOST_ROWS // sum(len(session.attendees) for session in self.sessions)
        if self.limit > most:
            detail = f"{self.limit} plans of sessions of so many are too long an answer; ask for at most {most}"
            raise InvalidFields.at("/limit", detail)
        different = {(tuple(session.attendees), session.duration) for session in self.sessions}
        starts = (minute_of(window.end) - minute_of(window.start)) // self.step
        if starts * sum(len(attendees) for attendees, _ in different) > MOST_SCORES:
            detail = (
                "too many starts for sessions of so many; ask for a longer step, a shorter window or fewer sessions"
            )
            raise InvalidFields.at("/step", detail)


class PlannedSession(Document):
    """When a session takes place, with the local times of its own attendees."""

    title: Omissible[str] = None
    start: Instant
    end: Instant
    attendees: list[SlotAttendee]


class SequencePlanDocument(Document):
    """A time for each session, in order; the score is the mean of theirs."""

    score: float = Field(ge=0, le=1)
    sessions: list[PlannedSession]


class FailingSession(Document):
    """Why there is no plan."""

    index: int = Field(description="the first session that can't be held, or can't follow those before it")
    obstacle: Obstacle = Field(description="session: it can't be held by itself; order: it can't follow as asked")
    explanation: ExplanationDocument | None = Field(
        description="why it can't be held by itself; ``starts_gained`` counts its own starts. null: it could be"
    )


class SequencesAnswer(Document):
    """For each start of the first session the best plan, how many such starts there are, and why there is none."""

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
    """A `SequencesAnswer` in JSON, without the personal data of the ``redacted`` attendees (indexes).

    Written without the documents in between, as `slots_answer` is, and for its reason.
    """
    unknown = unknown_attendees(attendees, now)
    failing = _failing(found, body.sessions, redacted)
    written = {
        "plans": _plans(found.plans, body.sessions, attendees),
        "total": found.total,
        "unknown_attendees": [one.model_dump(mode="json") for one in unknown],
        "failing": None if failing is None else failing.model_dump(mode="json"),
    }
    return orjson.dumps(written, option=orjson.OPT_UTC_Z).decode()


@api.post("/sequences")
@Operation(SequencesAnswer, body=SequencesRequest, refuses=(404,), tag="scheduling", scope=Scope.SLOTS_READ)
def find_sequences() -> Response:
    """Find sequences.

    Several sessions in order, each with its own people, in one plan: for every start of the first the best plan.
    """
    body = read_body(SequencesRequest, LARGE_BODY)
    now = context().clock()
    try:
        found = suggest_sequences(context(), programme_id(), viewer(), body.to_search(now))
    except TooManyLimits as error:
        raise InvalidFields.at("/sessions", str(error)) from error
    return json_response(sequences_answer(body, found.answer, found.attendees, now, found.redacted))


def _plans(
    plans: Sequence[Plan], sessions: Sequence[SequenceSessionDocument], attendees: Sequence[Attendee]
) -> list[dict[str, object]]:
    """The `SequencePlanDocument` of each plan in what JSON is written from."""
    if not plans:
        return []
    periods = zip(*(plan.periods for plan in plans), strict=True)
    available = zip(*(plan.available for plan in plans), strict=True)
    columns = [
        _planned(session, when, coming, attendees)
        for session, when, coming in zip(sessions, periods, available, strict=True)
    ]
    rows = zip(plans, zip(*columns, strict=True), strict=True)
    return [{"score": plan.score, "sessions": planned} for plan, planned in rows]


def _planned(
    session: SequenceSessionDocument,
    periods: Sequence[Period],
    available: Sequence[tuple[bool | None, ...]],
    attendees: Sequence[Attendee],
) -> list[dict[str, object]]:
    """The `PlannedSession` of one session in each plan, in what JSON is written from."""
    rows = attendee_rows(session.attendees, attendees, periods, available)
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
    explanation = ExplanationDocument.of(found.explanation, "starts_gained", redacted)
    if explanation is not None:
        relaxed = [
            one.model_copy(update={"patch": {"sessions": _shortened(sessions, found.failing, one.patch["duration"])}})
            if "duration" in one.patch
            else one
            for one in explanation.relaxations
        ]
        explanation = explanation.model_copy(update={"relaxations": relaxed})
    return FailingSession(index=found.failing, obstacle=found.obstacle, explanation=explanation)


def _shortened(sessions: Sequence[SequenceSessionDocument], place: int, duration: object) -> list[dict[str, object]]:
    """All sessions as they were asked for, but that one with another duration: a member of the request is whole."""
    rows = [session.model_dump(mode="json") for session in sessions]
    rows[place]["duration"] = duration
    return rows
