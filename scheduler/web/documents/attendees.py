"""Hours, blackouts, buffers and attendees in JSON, converted to and from the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from scheduler.domain.availability.attendees import MAX_HOURS_ENTRIES, Blackout, BlackoutKind, Buffer, WorkingHours
from scheduler.domain.time.clocks import BackwardMove, Itinerary, OverlappingMoves, PlannedMove
from scheduler.domain.time.periods import Period, Periods
from scheduler.errors import InvalidFields
from scheduler.services.attendees import AttendeeSpec
from scheduler.services.blackouts import parse_span
from scheduler.web.fields.busy_lists import BusyList, BusyPeriodDocument
from scheduler.web.fields.document import Document, NotNull, quoted
from scheduler.web.fields.durations import BufferLength
from scheduler.web.fields.texts import Flag, Id, Name, Weekday, ZoneName
from scheduler.web.fields.times import ClockTime, Day, Instant, backward


class WorkingHoursDocument(Document):
    """Local hours on some weekdays; an end at or before the start runs past midnight (equal: 24 hours)."""

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    start: ClockTime
    end: ClockTime

    def to_domain(self) -> WorkingHours:
        """Return the domain's hours."""
        return self.to(WorkingHours, days=tuple(self.days))


ANY_TIME: Literal["any"] = "any"
"""The JSON value of working hours without limits."""


class _OrAnyTime:
    """Accepts a list of hours, or ``"any"``. Errors point to the invalid entry, which errors of a union would not."""

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of a list of hours, wrapped in a validator that accepts ``"any"``."""
        hours = handler.generate_schema(Annotated[list[WorkingHoursDocument], Field(max_length=MAX_HOURS_ENTRIES)])
        serialization = core_schema.wrap_serializer_function_ser_schema(_serialize_week, schema=hours)
        return core_schema.no_info_wrap_validator_function(_parse_week, hours, serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a JSON schema with both alternatives."""
        return {"anyOf": [handler(schema["schema"]), {"type": "string", "const": ANY_TIME}]}


def _parse_week(value: Any, parse_list: Callable[[Any], Any]) -> Any:
    if isinstance(value, str) and value != ANY_TIME:
        raise ValueError(f'{quoted(value)} is not known here; give a list of hours, or "any" for any time')
    return value if value == ANY_TIME else parse_list(value)


def _serialize_week(week: Any, serialize_list: Callable[[Any], Any]) -> Any:
    return week if week == ANY_TIME else serialize_list(week)


Week = Annotated[list[WorkingHoursDocument] | Literal["any"], _OrAnyTime()]
"""Working hours: ``"any"`` for any time, or a list of hours; an empty list means never."""

NO_NULL_HOURS = NotNull('write "any" for any time, or leave it out')


class BufferDocument(Document):
    """Time around a meeting that no busy period may touch."""

    before: BufferLength = Field("PT0S", validate_default=True)
    after: BufferLength = Field("PT0S", validate_default=True)


class AttendeeBlackoutDocument(Document):
    """A time away: whole local days (``first_day`` to ``last_day``, both included) or instants (``start``, ``end``)."""

    kind: BlackoutKind
    title: Name = "away"
    firm: Flag = Field(True, description="false marks a time to avoid: it bars nothing and lowers the score")
    first_day: Day | None = None
    last_day: Day | None = None
    start: Instant | None = None
    end: Instant | None = None

    def to_domain(self, pointer: str) -> Blackout:
        """Return the domain's blackout. ``pointer`` is its JSON pointer. Raises InvalidFields."""
        return Blackout(self.kind, self.title, parse_span(self, pointer), self.firm)


class TravelStayDocument(Document):
    """A planned stay in another zone, from the first to the last local day, both included."""

    first: Day = Field(alias="from", serialization_alias="from")
    last: Day = Field(alias="until", serialization_alias="until")
    time_zone: ZoneName


PreferredHours = Annotated[
    Annotated[list[WorkingHoursDocument], Field(min_length=1, max_length=MAX_HOURS_ENTRIES)] | None,
    Field(description="null: the score uses the middle of the working day"),
]
Travel = Annotated[list[TravelStayDocument], Field(max_length=50, description="stays in other time zones")]
MostMeetings = Annotated[int, Field(ge=1, le=50, strict=True)]


class AttendeeDocument(Document):
    """An attendee: a stored person by id, or an inline description."""

    person: Id | None = Field(None, max_length=64, description="a stored person's id; every other field is optional")
    name: Name | None = None
    time_zone: ZoneName | None = Field(None, description="required without person; replaces a stored person's zone")
    role: Literal["required", "optional"] = "required"
    working_hours: Annotated[Week | None, NO_NULL_HOURS] = Field(
        None, description='left out: MO-FR 09:00-17:00, or the stored person\'s; "any": any time; []: never'
    )
    blackouts: Annotated[list[AttendeeBlackoutDocument], Field(max_length=1000)] | None = None
    softened_blackouts: Annotated[list[Id], Field(max_length=1000)] = Field(
        [], description="ids of the stored person's firm blackouts to treat as times to avoid in this search"
    )
    busy: BusyList | None = None
    buffer: BufferDocument | None = None
    preferred_hours: PreferredHours = None
    travel: Travel | None = None
    at_most_per_day: MostMeetings | None = Field(None, description="most meetings on a local day, existing included")
    at_most_per_week: MostMeetings | None = Field(
        None, description="most in a local week from Monday, existing included"
    )
    meetings: Annotated[list[BusyPeriodDocument], Field(max_length=5000, fail_fast=True)] | None = Field(
        None, description="existing meetings: busy time that counts towards the limits; default: a stored person's"
    )
    past_burden: int | None = Field(
        None, ge=0, le=10_000_000, strict=True, description="past weighted minutes; default: a stored person's burden"
    )

    def to_spec(self, pointer: str) -> AttendeeSpec:
        """Return the attendee for the services. ``pointer`` is its JSON pointer. Raises InvalidFields."""
        if self.person is None and self.time_zone is None:
            raise InvalidFields.at(f"{pointer}/time_zone", "an attendee without a person needs a time_zone")
        given: dict[str, Any] = {"required": self.role == "required"}
        if self.time_zone is not None:
            given["zone"] = self.time_zone
        if self.name is not None:
            given["name"] = self.name
        if "working_hours" in self.model_fields_set:
            given["hours"] = hours_to_domain(self.working_hours)
        given |= preferences_to_domain(self, pointer) | self._busy_fields(pointer)
        if self.past_burden is not None:
            given["past_burden"] = self.past_burden
        if self.blackouts is not None:
            rows = enumerate(self.blackouts)
            given["blackouts"] = tuple(row.to_domain(f"{pointer}/blackouts/{index}") for index, row in rows)
        if self.buffer is not None:
            given["buffer"] = self.buffer.to(Buffer)
        if self.softened_blackouts and self.person is None:
            raise InvalidFields.at(f"{pointer}/softened_blackouts", "only a stored person has blackouts with ids")
        return AttendeeSpec(self.person, given, tuple(self.softened_blackouts))

    def _busy_fields(self, pointer: str) -> dict[str, Any]:
        """Return the fields ``busy``, which includes the meetings, and ``meetings``."""
        fields: dict[str, Any] = {}
        if self.busy is not None:
            fields["busy"] = self.busy.to_domain(f"{pointer}/busy")
        if self.meetings is not None:
            fields["meetings"] = _periods(self.meetings, f"{pointer}/meetings")
            fields["busy"] = Periods.union(fields.get("busy", Periods.none()), Periods.of(fields["meetings"]))
        return fields


MOST_ATTENDEES = 50

Attendees = Annotated[
    list[AttendeeDocument], Field(min_length=1, max_length=MOST_ATTENDEES, description="the first is the organizer")
]

REQUIRE_ONE = "give one of them the role 'required', or leave their role out"
"""The remedy in errors about a list without a required attendee."""


def attendee_specs(attendees: list[AttendeeDocument], members: frozenset[int] = frozenset()) -> list[AttendeeSpec]:
    """Return the attendees for the services. ``members`` are the indexes of group members, who become optional.

    Raises InvalidFields if no attendee is required or a person is listed twice.
    """
    specs = [attendee.to_spec(f"/attendees/{index}") for index, attendee in enumerate(attendees)]
    for index in members:
        specs[index] = replace(specs[index], fields={**specs[index].fields, "required": False})
    if not members and not any(attendee.role == "required" for attendee in attendees):
        raise InvalidFields.at("/attendees", f"at least one attendee has to be required; {REQUIRE_ONE}")
    seen: set[str] = set()
    for index, attendee in enumerate(attendees):
        if attendee.person in seen:
            raise InvalidFields.at(f"/attendees/{index}/person", f"{attendee.person!r} is there twice; name them once")
        if attendee.person is not None:
            seen.add(attendee.person)
    return specs


def preferences_to_domain(row: Any, pointer: str) -> dict[str, Any]:
    """Return the domain's preferred hours, travel and meeting limits of a document. Raises InvalidFields."""
    given: dict[str, Any] = {}
    for name in ("preferred_hours", "at_most_per_day", "at_most_per_week"):
        if name in row.model_fields_set:
            given[name] = getattr(row, name)
    if "preferred_hours" in given:
        given["preferred_hours"] = hours_to_domain(given["preferred_hours"])
    if row.travel is not None:
        given["travel"] = _travel(row.travel, f"{pointer}/travel")
    return given


def _travel(rows: list[TravelStayDocument], pointer: str) -> tuple[PlannedMove, ...]:
    moves = []
    for index, row in enumerate(rows):
        try:
            moves.append(PlannedMove(row.first, row.last, row.time_zone))
        except BackwardMove as error:
            raise InvalidFields.at(f"{pointer}/{index}/until", str(error)) from error
    try:
        return Itinerary("UTC", tuple(moves)).moves
    except OverlappingMoves as error:
        raise InvalidFields.at(pointer, str(error)) from error


def _periods(rows: list[BusyPeriodDocument], pointer: str) -> tuple[Period, ...]:
    for index, row in enumerate(rows):
        if row.end <= row.start:
            raise InvalidFields.at(f"{pointer}/{index}/end", backward("meeting", row.start, row.end))
    return tuple(Period(row.start, row.end) for row in rows)


def hours_to_domain(week: list[WorkingHoursDocument] | Literal["any"] | None) -> tuple[WorkingHours, ...] | None:
    """Return the domain's hours. None means any time; for preferred hours it means none."""
    return None if week is None or week == ANY_TIME else tuple(entry.to_domain() for entry in week)


def hours_from_domain(hours: Iterable[WorkingHours]) -> list[WorkingHoursDocument]:
    """Return the documents of hours."""
    return [WorkingHoursDocument.of(entry, days=list(entry.days)) for entry in hours]
