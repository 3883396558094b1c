"""Rotations in JSON. Each turn is a series that is booked like a cadence."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.rotations import Rotation, Turn
from scheduler.web.documents.burdens import AttendeeBurden, BurdenSpread, render_burdens
from scheduler.web.documents.occurrences import LocalTimeShiftDocument, PlannedOccurrenceDocument, occurrence_rows
from scheduler.web.fields.document import Document
from scheduler.web.fields.times import WallTime


class RotationTurnDocument(Document):
    """One turn of a rotation. Book it as a cadence, with the other turns as ``other_turns``."""

    dtstart: WallTime = Field(description="nominal local time of the first occurrence")
    rrule: str
    occurrences: list[PlannedOccurrenceDocument]
    local_time_shifts: list[LocalTimeShiftDocument]


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


def rotation_row(rotation: Rotation, attendees: Sequence[Attendee], redacted: frozenset[int]) -> dict[str, object]:
    """Return the `RotationDocument` of a rotation as a dict, without personal data of the ``redacted`` (indexes)."""
    burdens, spread = render_burdens(rotation.burdens, rotation.counted, redacted)
    return {
        "time_zone": rotation.turns[0].dtstart.zone,
        "turns": [_turn_row(turn, attendees, visible=not redacted) for turn in rotation.turns],
        "occurrence_count": len(rotation.occurrences),
        "clear_count": rotation.clear_count,
        "coverage": rotation.coverage,
        "score": rotation.score,
        "burdens": burdens,
        "burden_spread": spread,
    }


def _turn_row(turn: Turn, attendees: Sequence[Attendee], *, visible: bool) -> dict[str, object]:
    return {
        "dtstart": turn.dtstart.wall,
        "rrule": str(turn.rule),
        "occurrences": occurrence_rows(turn.occurrences, attendees, visible=visible),
        "local_time_shifts": [LocalTimeShiftDocument.of(shift) for shift in turn.shifts],
    }
