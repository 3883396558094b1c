"""Rotations in JSON: turns that are series of their own, each bookable as a cadence is."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.rotations import Rotation, Turn
from scheduler.web.documents.burdens import AttendeeBurden, BurdenSpread, burdens_of
from scheduler.web.documents.occurrences import LocalTimeShiftDocument, PlannedOccurrenceDocument
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import WallTime


class RotationTurnDocument(Document):
    """One of the alternating series; booking takes it as a cadence, with the others as ``other_turns``."""

    dtstart: WallTime = Field(description="nominal local time of the first occurrence")
    rrule: str
    occurrences: list[PlannedOccurrenceDocument]
    local_time_shifts: list[LocalTimeShiftDocument]

    @classmethod
    def of(cls, turn: Turn, attendees: Sequence[Attendee], *, visible: bool) -> RotationTurnDocument:
        """The document of a turn, without stored people's ids and blackouts' titles unless ``visible``."""
        return cls.model_construct(
            dtstart=turn.dtstart.wall,
            rrule=str(turn.rule),
            occurrences=[PlannedOccurrenceDocument.of(one, attendees, visible=visible) for one in turn.occurrences],
            local_time_shifts=[LocalTimeShiftDocument.of(shift) for shift in turn.shifts],
        )


class RotationDocument(Document):
    """A cadence whose local time takes turns. ``coverage`` and ``score`` are of all turns together."""

    time_zone: str
    turns: list[RotationTurnDocument]
    occurrence_count: int
    clear_count: int
    coverage: float
    score: float
    burdens: list[AttendeeBurden]
    burden_spread: BurdenSpread

    @classmethod
    def of(cls, rotation: Rotation, attendees: Sequence[Attendee], redacted: frozenset[int]) -> RotationDocument:
        """The document of a rotation, without the personal data of the ``redacted`` attendees (indexes)."""
        burdens, spread = burdens_of(rotation.burdens, rotation.counted, redacted)
        return cls.model_construct(
            time_zone=rotation.turns[0].dtstart.zone,
            turns=[RotationTurnDocument.of(turn, attendees, visible=not redacted) for turn in rotation.turns],
            occurrence_count=len(rotation.occurrences),
            clear_count=rotation.clear_count,
            coverage=rotation.coverage,
            score=rotation.score,
            burdens=burdens,
            burden_spread=spread,
        )
