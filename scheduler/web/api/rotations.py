"""Rotations in JSON. Each turn is a series that is booked like a cadence."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.rotations import Rotation, Turn
from scheduler.web.documents.burdens import AttendeeBurden, BurdenSpread, render_burdens
from scheduler.web.documents.occurrences import LocalTimeShiftDocument, PlannedOccurrenceDocument
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import WallTime


class RotationTurnDocument(Document):
    """One turn of a rotation. Book it as a cadence, with the other turns as ``other_turns``."""

    dtstart: WallTime = Field(description="nominal local time of the first occurrence")
    rrule: str
    occurrences: list[PlannedOccurrenceDocument]
    local_time_shifts: list[LocalTimeShiftDocument]

    @classmethod
    def from_domain(cls, turn: Turn, attendees: Sequence[Attendee], *, visible: bool) -> RotationTurnDocument:
        """Return the document of a turn. Unless ``visible``, it has no stored person's id or blackout's title."""
        return cls.model_construct(
            dtstart=turn.dtstart.wall,
            rrule=str(turn.rule),
            occurrences=[
                PlannedOccurrenceDocument.from_domain(one, attendees, visible=visible) for one in turn.occurrences
            ],
            local_time_shifts=[LocalTimeShiftDocument.of(shift) for shift in turn.shifts],
        )


class RotationDocument(Document):
    """A cadence with several local times that take turns. ``coverage`` and ``score`` are for all turns together."""

    time_zone: str
    turns: list[RotationTurnDocument]
    occurrence_count: int
    clear_count: int
    coverage: float
    score: float
    burdens: list[AttendeeBurden]
    burden_spread: BurdenSpread

    @classmethod
    def from_domain(
        cls, rotation: Rotation, attendees: Sequence[Attendee], redacted: frozenset[int]
    ) -> RotationDocument:
        """Return the document of a rotation, without the personal data of the ``redacted`` attendees (indexes)."""
        burdens, spread = render_burdens(rotation.burdens, rotation.counted, redacted)
        return cls.of(
            rotation,
            time_zone=rotation.turns[0].dtstart.zone,
            turns=[RotationTurnDocument.from_domain(turn, attendees, visible=not redacted) for turn in rotation.turns],
            occurrence_count=len(rotation.occurrences),
            burdens=burdens,
            burden_spread=spread,
        )
