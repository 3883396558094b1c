"""Planned occurrences in JSON: times, local times, status and blocking causes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.planning import BlockedBy, PlannedOccurrence, PlanStatus
from scheduler.domain.time.periods import minute_of
from scheduler.web.documents.local_times import local_texts
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


def occurrence_rows(
    plan: Sequence[PlannedOccurrence], attendees: Sequence[Attendee], *, visible: bool = True
) -> list[dict[str, object]]:
    """Return the `PlannedOccurrenceDocument` of each occurrence as a dict, with the local start of each attendee.

    Unless ``visible``, the ids of stored people and the titles of stored blackouts are left out.
    """
    starts = np.array([minute_of(one.period.start) for one in plan], dtype=np.int64)
    texts = local_texts([one.clock for one in attendees], starts) if plan and attendees else []
    return [_row(one, [local[position] for local in texts], visible=visible) for position, one in enumerate(plan)]


def _row(planned: PlannedOccurrence, local_starts: Sequence[str], *, visible: bool) -> dict[str, object]:
    row: dict[str, object] = {"start": planned.period.start, "end": planned.period.end, "status": planned.status}
    if local_starts:
        row["attendees"] = [
            {"index": index, "start": start, "available": planned.coming[index]}
            if planned.coming.get(index) is not None
            else {"index": index, "start": start}
            for index, start in enumerate(local_starts)
        ]
    if planned.blocked_by:
        row["blocked_by"] = [BlockedByDocument.from_domain(one, visible=visible) for one in planned.blocked_by]
    if planned.moved_to:
        row["moved_to"] = PeriodDocument.of(planned.moved_to)
    return row


class LocalTimeShiftDocument(Document):
    """A change of an attendee's local meeting time, from a local date on."""

    index: int
    on: date
    before: ClockTime = Field(alias="from", serialization_alias="from")
    after: ClockTime = Field(alias="to", serialization_alias="to")
