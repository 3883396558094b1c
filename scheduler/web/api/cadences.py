"""POST /v1/cadences: find recurring meetings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from flask import Response
from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import Cadence, CadenceAnswer
from scheduler.domain.search.date_patterns import MOST_PER_WEEK, Pattern
from scheduler.domain.search.planning import OnConflict
from scheduler.domain.search.rotations import MAX_WEEKS, MIN_STEP, RotationAnswer
from scheduler.domain.time.recurrence import MIN_MONTH_DAYS
from scheduler.domain.time.units import DAY
from scheduler.errors import InvalidFields
from scheduler.services.proposing import SearchRequest, suggest_cadences
from scheduler.web.api.rotations import RotationDocument, rotation_row
from scheduler.web.api.slots import UnknownAttendee, unknown_attendees
from scheduler.web.documents import examples
from scheduler.web.documents.burdens import AttendeeBurden, BurdenSpread, render_burdens
from scheduler.web.documents.explanations import ExplanationDocument
from scheduler.web.documents.occurrences import LocalTimeShiftDocument, PlannedOccurrenceDocument, occurrence_rows
from scheduler.web.documents.rules import RuledRequest
from scheduler.web.fields.document import Document, Omissible, to_json
from scheduler.web.fields.durations import QUARTER, MeetingLength, format_duration
from scheduler.web.fields.texts import Flag, ZoneName
from scheduler.web.fields.times import Day, WallTime
from scheduler.web.http.requests import LARGE_BODY, context, json_response, programme_id, read_body, viewer
from scheduler.web.http.resources import Resource

api = Resource("cadences", tag="scheduling", reads=Scope.SLOTS_READ, writes=Scope.SLOTS_READ)

LONGEST_SPAN = 366

MoveDays = Annotated[
    int, Field(ge=0, le=55, strict=True, description="less than 7 x every_weeks; monthly: less than 28")
]
Coverage = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]


class CadencesRequest(RuledRequest, json_schema_extra={"examples": [examples.CADENCES]}):
    """A search for recurring meetings: a local time on the dates of a pattern."""

    starts_on: Day
    ends_on: Day
    pattern: Pattern = Field(Pattern.WEEKLY, description="monthly_weekday: such as every first Tuesday")
    every_weeks: int = Field(1, ge=1, le=8, strict=True)
    per_week: int = Field(1, ge=1, le=MOST_PER_WEEK, strict=True, description="meetings a week, on different weekdays")
    rotation: int = Field(
        1,
        ge=1,
        le=4,
        strict=True,
        description="local times that take turns, so that the greatest burden is least; all turns take at "
        "most 8 weeks, and more than two turns need a step of 15 minutes or more",
    )
    duration: MeetingLength
    step: MeetingLength = QUARTER
    time_zone: ZoneName | None = Field(None, description="the anchor zone; default: the organizer's")
    min_coverage: Coverage = 0.5
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: MoveDays = 3
    limit: int = Field(5, ge=1, le=100, strict=True)
    allow_unknown: Flag = True
    explain: Flag = Field(False, description="also where cadences are found: what blocks other starts")
    relax_into_night: Flag = Field(False, description="relaxations may use hours between 22:00 and 07:00")

    def to_search(self) -> SearchRequest[CadenceQuery]:
        """Return the search. Raises InvalidFields."""
        specs = self.specs()
        if self.ends_on < self.starts_on:
            raise InvalidFields.at("/ends_on", f"{self.ends_on} is before starts_on {self.starts_on}")
        if (self.ends_on - self.starts_on).days > LONGEST_SPAN:
            raise InvalidFields.at("/ends_on", "starts_on to ends_on spans more than 366 days; ask for less at a time")
        self._check_pattern()
        if self.rotation > 1:
            self._check_rotation()
        round_days = MIN_MONTH_DAYS if self.pattern is Pattern.MONTHLY_WEEKDAY else 7 * self.every_weeks
        check_move_days(self.move_within_days, round_days)

        def to_query(attendees: tuple[Attendee, ...]) -> CadenceQuery:
            time_zone = self.time_zone or attendees[0].zone
            return self.to(CadenceQuery, attendees=attendees, time_zone=time_zone, rules=self.rules())

        return SearchRequest(specs, to_query, self.fair)

    def _check_pattern(self) -> None:
        """Raises InvalidFields for members that exclude each other."""
        if self.every_weeks > 1 and (self.per_week > 1 or self.pattern is not Pattern.WEEKLY):
            detail = f"{self.every_weeks} goes with one meeting a week only; leave it out here"
            raise InvalidFields.at("/every_weeks", detail)
        if self.per_week > 1 and self.pattern is not Pattern.WEEKLY:
            raise InvalidFields.at("/per_week", f"{self.per_week} goes with the pattern weekly only; leave it out")
        if (self.ends_on - self.starts_on).days + 1 < self.per_week:
            detail = f"{self.starts_on} to {self.ends_on} has no {self.per_week} days to meet on; ask for a longer time"
            raise InvalidFields.at("/per_week", detail)

    def _check_rotation(self) -> None:
        """Raises InvalidFields for members that a rotation excludes."""
        if self.per_week > 1 or self.pattern is not Pattern.WEEKLY:
            raise InvalidFields.at("/rotation", "only a cadence of one meeting in a week or more takes turns")
        weeks = self.rotation * self.every_weeks
        if weeks > MAX_WEEKS:
            detail = f"{self.rotation} turns of {self.every_weeks} weeks are {weeks} weeks; {MAX_WEEKS} is the most"
            raise InvalidFields.at("/rotation", detail)
        # Two times of day, and two UTC offsets, each differ by less than a day: at most two days together.
        widest = max((7 * self.every_weeks - 2) * DAY - self.duration, 0)
        if self.minimum_gap > widest:
            detail = (
                f"{format_duration(self.minimum_gap)} may be more than there is between one turn and the next; "
                f"{format_duration(widest)} is the most"
            )
            raise InvalidFields.at("/minimum_gap", detail)
        if self.rotation > 2 and self.step < MIN_STEP:
            detail = f"{format_duration(self.step)} is too fine for {self.rotation} turns; PT{MIN_STEP}M is the least"
            raise InvalidFields.at("/step", detail)
        if (self.ends_on - self.starts_on).days < 7 * self.every_weeks * (self.rotation - 1):
            raise InvalidFields.at(
                "/ends_on", f"{self.ends_on} leaves no meeting for some of the {self.rotation} turns"
            )


class CadenceDocument(Document):
    """A cadence with its occurrences; a booking takes ``dtstart``, ``time_zone`` and ``rrule``."""

    dtstart: WallTime = Field(description="nominal local time of the first occurrence")
    time_zone: str
    rrule: str
    occurrence_count: int
    clear_count: int
    coverage: float
    score: float
    occurrences: list[PlannedOccurrenceDocument]
    local_time_shifts: list[LocalTimeShiftDocument]
    burdens: list[AttendeeBurden]
    burden_spread: BurdenSpread


class CadencesAnswer(Document):
    """The best cadences or rotations, the total number, and an explanation if there are none."""

    cadences: list[CadenceDocument]
    rotations: Omissible[list[RotationDocument]] = None
    total: int
    unknown_attendees: list[UnknownAttendee]
    explanation: ExplanationDocument | None


def cadences_answer(
    found: CadenceAnswer | RotationAnswer,
    attendees: Sequence[Attendee],
    now: datetime,
    redacted: frozenset[int] = frozenset(),
    **more: object,
) -> str:
    """Return a `CadencesAnswer` as JSON, without personal data of the ``redacted`` attendees (indexes).

    ``more`` are the members that a document has besides. It is serialized without pydantic documents, as `slots_answer`
    is.
    """
    cadences = found.cadences if isinstance(found, CadenceAnswer) else ()
    document: dict[str, object] = {"cadences": [_cadence_row(one, attendees, redacted) for one in cadences]}
    if isinstance(found, RotationAnswer):
        document["rotations"] = [rotation_row(one, attendees, redacted) for one in found.rotations]
    document["total"] = found.total
    document["unknown_attendees"] = unknown_attendees(attendees, now)
    document["explanation"] = ExplanationDocument.from_domain(found.explanation, "coverage_gained", redacted)
    return to_json(document | more)


def _cadence_row(cadence: Cadence, attendees: Sequence[Attendee], redacted: frozenset[int]) -> dict[str, object]:
    """Return the `CadenceDocument` of a cadence as a dict."""
    burdens, spread = render_burdens(cadence.burdens, cadence.counted, redacted)
    return {
        "dtstart": cadence.dtstart.wall,
        "time_zone": cadence.dtstart.zone,
        "rrule": str(cadence.rule),
        "occurrence_count": len(cadence.occurrences),
        "clear_count": cadence.clear_count,
        "coverage": cadence.coverage,
        "score": cadence.score,
        "occurrences": occurrence_rows(cadence.occurrences, attendees, visible=not redacted),
        "local_time_shifts": [LocalTimeShiftDocument.of(shift) for shift in cadence.shifts],
        "burdens": burdens,
        "burden_spread": spread,
    }


def check_move_days(days: int, round_days: int) -> int:
    """Return ``days``. Raises InvalidFields if a move could reach the next round, ``round_days`` later."""
    if days >= round_days:
        detail = f"{days} is over {round_days - 1}, the most where the same meeting comes again after {round_days} days"
        raise InvalidFields.at("/move_within_days", detail)
    return days


@api.operation("POST /cadences", CadencesAnswer, body=CadencesRequest, refuses=(404,))
def find_cadences() -> Response:
    """Find cadences.

    A cadence has one local time on the dates of a pattern, a rotation several that take turns. Every occurrence is
    clear, moved nearby, or skipped.
    """
    body = read_body(CadencesRequest, LARGE_BODY)
    search = body.to_search()
    with context().lanes.place(programme_id(), search.check_work()):
        found = suggest_cadences(context(), programme_id(), viewer(), search)
        return json_response(cadences_answer(found.answer, found.attendees, context().clock(), found.redacted))
