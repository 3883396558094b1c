"""POST /v1/cadences: when can these people meet again and again?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from flask import Blueprint, Response
from pydantic import ConfigDict, Field

from scheduler.domain.access import Scope
from scheduler.domain.availability import Attendee
from scheduler.domain.cadences import Cadence, CadenceAnswer, CadenceQuery
from scheduler.domain.explanation import Cause
from scheduler.domain.patterns import MOST_PER_WEEK, Pattern
from scheduler.domain.planning import BlockedBy, OnConflict, PlannedOccurrence, PlanStatus
from scheduler.domain.recurrence import LEAST_MONTH
from scheduler.domain.zones import in_zone
from scheduler.errors import InvalidFields
from scheduler.services.proposing import suggest_cadences
from scheduler.web.api import examples
from scheduler.web.api.attendees import Attendees, specs_of, stored_places
from scheduler.web.api.explanations import ExplanationDocument
from scheduler.web.api.fields import (
    QUARTER,
    ClockTime,
    Day,
    Document,
    Flag,
    Instant,
    LocalInstant,
    MeetingLength,
    WallTime,
    ZoneName,
)
from scheduler.web.api.openapi import documented
from scheduler.web.api.slots import UnknownAttendee, unknown_attendees
from scheduler.web.requests import LARGE_BODY, answer, api_key, context, programme_id, read_body

api = Blueprint("cadences", __name__)

LONGEST_SPAN = 366

MoveDays = Annotated[
    int, Field(ge=0, le=55, strict=True, description="less than 7 x every_weeks; monthly: less than 28")
]
Coverage = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]


class CadencesRequest(Document):
    """The question: which local time on which weekday suits these people until the end?"""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CADENCES]})

    starts_on: Day
    ends_on: Day
    pattern: Pattern = Field(Pattern.WEEKLY, description="monthly_weekday: such as every first Tuesday")
    every_weeks: int = Field(1, ge=1, le=8, strict=True)
    per_week: int = Field(1, ge=1, le=MOST_PER_WEEK, strict=True, description="on so many weekdays, every week")
    duration: MeetingLength
    step: MeetingLength = QUARTER
    time_zone: ZoneName | None = Field(None, description="the anchor zone; left out: the organizer's")
    attendees: Attendees
    min_coverage: Coverage = 0.5
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: MoveDays = 3
    limit: int = Field(5, ge=1, le=100, strict=True)
    allow_unknown: Flag = True
    explain: Flag = Field(False, description="also where cadences are found: what bars the others")
    relax_into_night: Flag = Field(False, description="what would help may lie between 22:00 and 07:00")

    def to_query(self) -> CadenceQuery:
        """The question as the domain takes it, about nobody yet. Raises InvalidFields."""
        if self.ends_on < self.starts_on:
            raise InvalidFields.at("/ends_on", f"{self.ends_on} is before starts_on {self.starts_on}")
        if (self.ends_on - self.starts_on).days > LONGEST_SPAN:
            raise InvalidFields.at("/ends_on", "starts_on to ends_on spans more than 366 days; ask for less at a time")
        if self.every_weeks > 1 and (self.per_week > 1 or self.pattern is not Pattern.WEEKLY):
            detail = f"{self.every_weeks} goes with one meeting a week only; leave it out here"
            raise InvalidFields.at("/every_weeks", detail)
        if self.per_week > 1 and self.pattern is not Pattern.WEEKLY:
            raise InvalidFields.at("/per_week", f"{self.per_week} goes with the pattern weekly only; leave it out")
        round_days = LEAST_MONTH if self.pattern is Pattern.MONTHLY_WEEKDAY else 7 * self.every_weeks
        return CadenceQuery(
            self.starts_on,
            self.ends_on,
            self.every_weeks,
            self.duration,
            self.step,
            self.time_zone or "",
            (),
            self.min_coverage,
            self.on_conflict,
            check_move_days(self.move_within_days, round_days),
            self.limit,
            self.allow_unknown,
            self.explain,
            self.relax_into_night,
            pattern=self.pattern,
            per_week=self.per_week,
        )


class CadenceAttendee(Document):
    """An attendee's local start of an occurrence."""

    index: int
    start: LocalInstant


class BlockedByDocument(Document):
    """Whom an occurrence does not suit (null: a rule of the request), and why."""

    index: int | None
    cause: Cause
    title: str | None = Field(
        None, exclude_if=lambda value: value is None, description="a stored blackout's needs a key with people:read"
    )
    blackout: str | None = Field(
        None, exclude_if=lambda value: value is None, description="the id of a stored blackout"
    )

    @classmethod
    def of(cls, row: BlockedBy, *, titles: bool) -> BlockedByDocument:
        """The document of one reason, with the title of a stored blackout only for who may read it."""
        title = title_of(row, titles=titles)
        return cls(index=row.index, cause=row.cause, title=title, blackout=row.blackout)


class PeriodDocument(Document):
    """A period [start, end) between two instants."""

    start: Instant
    end: Instant


class PlannedOccurrenceDocument(Document):
    """One occurrence of a cadence: clear, moved nearby, or skipped."""

    start: Instant
    end: Instant
    status: PlanStatus
    attendees: list[CadenceAttendee] | None = Field(None, exclude_if=lambda value: value is None)
    blocked_by: list[BlockedByDocument] | None = Field(None, exclude_if=lambda value: value is None)
    moved_to: PeriodDocument | None = Field(None, exclude_if=lambda value: value is None)

    @classmethod
    def of(cls, planned: PlannedOccurrence, zones: Sequence[str], *, titles: bool = True) -> PlannedOccurrenceDocument:
        """The document of a planned occurrence, with the local start in each zone, if any.

        Without ``titles`` those of stored blackouts are left out.
        """
        start = planned.period.start
        blocks = [BlockedByDocument.of(row, titles=titles) for row in planned.blocked_by]
        locals_ = [CadenceAttendee(index=index, start=in_zone(start, zone)) for index, zone in enumerate(zones)]
        moved = planned.moved_to
        return cls.model_construct(
            start=start,
            end=planned.period.end,
            status=planned.status,
            attendees=locals_ or None,
            blocked_by=blocks or None,
            moved_to=PeriodDocument.model_construct(start=moved.start, end=moved.end) if moved else None,
        )


class ShiftDocument(Document):
    """From this local date on, an attendee's wall time is another."""

    index: int
    on: date
    before: ClockTime = Field(alias="from", serialization_alias="from")
    after: ClockTime = Field(alias="to", serialization_alias="to")


class CadenceDocument(Document):
    """A cadence with all its occurrences; ``dtstart``, ``time_zone`` and ``rrule`` are what booking takes."""

    dtstart: WallTime = Field(description="nominal local time of the first occurrence")
    time_zone: str
    rrule: str
    occurrence_count: int
    clear_count: int
    coverage: float
    score: float
    occurrences: list[PlannedOccurrenceDocument]
    local_time_shifts: list[ShiftDocument]

    @classmethod
    def of(cls, cadence: Cadence, zones: Sequence[str], *, titles: bool = True) -> CadenceDocument:
        """The document of a cadence, without the titles of stored blackouts if told."""
        shifts = [
            ShiftDocument.model_construct(index=shift.index, on=shift.on, before=shift.before, after=shift.after)
            for shift in cadence.shifts
        ]
        return cls.model_construct(
            dtstart=cadence.dtstart.wall,
            time_zone=cadence.dtstart.zone,
            rrule=str(cadence.rule),
            occurrence_count=len(cadence.occurrences),
            clear_count=cadence.clear_count,
            coverage=cadence.coverage,
            score=cadence.score,
            occurrences=[PlannedOccurrenceDocument.of(one, zones, titles=titles) for one in cadence.occurrences],
            local_time_shifts=shifts,
        )


class CadencesAnswer(Document):
    """The cadences, how many there are in all, and why there are none if so."""

    cadences: list[CadenceDocument]
    total: int
    unknown_attendees: list[UnknownAttendee]
    explanation: ExplanationDocument | None

    @classmethod
    def of(
        cls, found: CadenceAnswer, attendees: Sequence[Attendee], now: datetime, untold: frozenset[int] = frozenset()
    ) -> CadencesAnswer:
        """The document of the domain's answer, without what is personal of the attendees at the ``untold`` places."""
        zones = [attendee.zone for attendee in attendees]
        return cls(
            cadences=[CadenceDocument.of(cadence, zones, titles=not untold) for cadence in found.cadences],
            total=found.total,
            unknown_attendees=unknown_attendees(attendees, now, personal=not untold),
            explanation=ExplanationDocument.of(found.explanation, "coverage_gained", untold),
        )


def title_of(row: BlockedBy, *, titles: bool) -> str | None:
    """The blackout's title, unless it is a stored one's and those are to be left out."""
    return row.title if titles or row.blackout is None else None


def check_move_days(days: int, round_days: int) -> int:
    """The days themselves. Raises InvalidFields where a move could reach the next round, so many days later."""
    if days >= round_days:
        detail = f"{days} is over {round_days - 1}, the most where the same meeting comes again after {round_days} days"
        raise InvalidFields.at("/move_within_days", detail)
    return days


@api.post("/cadences")
@documented(CadencesAnswer, body=CadencesRequest, refuses=(404,), tag="scheduling", scope=Scope.SLOTS_READ)
def post_cadences() -> Response:
    """Find cadences.

    One local time on one weekday, again and again, every occurrence checked: clear, moved nearby, or skipped.
    """
    asked = read_body(CadencesRequest, LARGE_BODY)
    specs = specs_of(asked.attendees)
    found, attendees = suggest_cadences(context(), programme_id(), specs, asked.to_query())
    untold = frozenset() if api_key().allows(Scope.PEOPLE_READ) else stored_places(specs)
    return answer(CadencesAnswer.of(found, attendees, context().clock(), untold))
