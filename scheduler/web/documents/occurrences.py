"""Planned occurrences in JSON: times, local times, status and blocking causes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.constraints import Cause
from scheduler.domain.search.planning import BlockedBy, PlannedOccurrence, PlanStatus
from scheduler.domain.time.clocks import zone_at
from scheduler.domain.time.zones import in_zone
from scheduler.web.fields.document import Document, Omissible, OpenDocument
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import ClockTime, Instant, LocalInstant


class CadenceAttendee(OpenDocument):
    """An attendee's local start of an occurrence, and the availability of an optional attendee or group member.

    ``available`` is for the moved time if the occurrence is moved. It is left out for unknown calendars and skipped
    occurrences.
    """

    index: int
    start: LocalInstant
    available: Omissible[bool] = None


class BlockedByDocument(OpenDocument):
    """The attendee whom an occurrence does not suit (null: a rule of the request), and the cause."""

    index: int | None = Field(description="the attendee's index; for a booking 0 is the mentor and 1 the mentee")
    cause: Cause
    person: Omissible[Id] = Field(None, description="the stored person's id; needs a key with people:read")
    title: Omissible[str] = Field(None, description="a stored blackout's title needs a key with people:read")
    blackout: Omissible[Id] = Field(None, description="the id of a stored blackout")

    @classmethod
    def from_domain(cls, row: BlockedBy, *, visible: bool = True) -> BlockedByDocument:
        """Return the document of a cause. Unless ``visible``, it has no stored person's id or blackout's title."""
        title = row.title if visible or row.blackout is None else None
        return cls.of(row, person=row.person if visible else None, title=title)


class PeriodDocument(OpenDocument):
    """A period [start, end) between two instants."""

    start: Instant
    end: Instant


class PlannedOccurrenceDocument(OpenDocument):
    """One occurrence of a cadence: clear, moved nearby, or skipped."""

    start: Instant
    end: Instant
    status: PlanStatus
    attendees: Omissible[list[CadenceAttendee]] = None
    blocked_by: Omissible[list[BlockedByDocument]] = None
    moved_to: Omissible[PeriodDocument] = None

    @classmethod
    def from_domain(
        cls, planned: PlannedOccurrence, attendees: Sequence[Attendee], *, visible: bool = True
    ) -> PlannedOccurrenceDocument:
        """Return the document of a planned occurrence, with the local start of each attendee.

        Unless ``visible``, the ids of stored people and the titles of stored blackouts are left out.
        """
        start = planned.period.start
        blocks = [BlockedByDocument.from_domain(row, visible=visible) for row in planned.blocked_by]
        locals_ = [
            CadenceAttendee(
                index=index, start=in_zone(start, zone_at(one.clock, start)), available=planned.coming.get(index)
            )
            for index, one in enumerate(attendees)
        ]
        return cls.model_construct(
            start=start,
            end=planned.period.end,
            status=planned.status,
            attendees=locals_ or None,
            blocked_by=blocks or None,
            moved_to=PeriodDocument.of(planned.moved_to) if planned.moved_to else None,
        )


class LocalTimeShiftDocument(Document):
    """A change of an attendee's local meeting time, from a local date on."""

    index: int
    on: date
    before: ClockTime = Field(alias="from", serialization_alias="from")
    after: ClockTime = Field(alias="to", serialization_alias="to")
