"""The log of what changed: when, by whom, and why. It names people and blackouts by their ids alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.availability.obstacles import Obstacle
from scheduler.domain.programme.conflicts import Conflict
from scheduler.domain.programme.meetings import Meeting, Occurrence, OccurrenceStatus

SERVICE = "service"
"""The actor of what the service does by itself."""


class ChangeType(StrEnum):
    """What happened."""

    PERSON_CREATED = "person.created"
    PERSON_CHANGED = "person.changed"
    PERSON_ERASED = "person.erased"
    BLACKOUT_CREATED = "blackout.created"
    BLACKOUT_CHANGED = "blackout.changed"
    BLACKOUT_DELETED = "blackout.deleted"
    MENTORSHIP_CREATED = "mentorship.created"
    MENTORSHIP_CHANGED = "mentorship.changed"
    MEETING_BOOKED = "meeting.booked"
    MEETING_CHANGED = "meeting.changed"
    MEETING_RESCHEDULED = "meeting.rescheduled"
    MEETING_CANCELLED = "meeting.cancelled"
    OCCURRENCE_MOVED = "occurrence.moved"
    OCCURRENCE_SKIPPED = "occurrence.skipped"
    OCCURRENCE_CANCELLED = "occurrence.cancelled"
    OCCURRENCE_RESTORED = "occurrence.restored"
    OCCURRENCE_CONFLICTED = "occurrence.conflicted"
    OCCURRENCE_KEPT = "occurrence.kept"


@dataclass(frozen=True)
class Change:
    """One thing that changed. ``details`` are JSON; ``recurrence_id`` is the wall start of an occurrence."""

    type: ChangeType
    person_id: str | None = None
    mentorship_id: str | None = None
    meeting_id: str | None = None
    recurrence_id: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LoggedChange:
    """A change in the log, with its position, its UTC instant and who made it: ``key:<id>``, or ``service``."""

    position: int
    at: datetime
    actor: str
    change: Change


def changes_between(old: Meeting, new: Meeting, because: Mapping[datetime, Sequence[Obstacle]]) -> Iterator[Change]:
    """Yield what a change of a meeting is: of each occurrence, or of the meeting as a whole.

    ``because`` says, by the wall start of an occurrence, what made the service change it.
    """
    if new.status is not old.status:
        yield Change(ChangeType.MEETING_CANCELLED)
        return
    before = {one.recurrence_id.wall: one for one in old.occurrences}
    count = 0
    for one in new.occurrences:
        was = before[one.recurrence_id.wall]
        times = {"from": _start(was), "to": _start(one)}
        if was.status is not one.status or times["from"] != times["to"]:
            count += 1
            wall = one.recurrence_id.wall
            details = times | ({"because": causes(because[wall])} if wall in because else {})
            yield Change(_type_of(was, one), recurrence_id=wall, details=details)
    if not count and (old.title, old.conference_url, old.parties, old.goals) != (
        new.title,
        new.conference_url,
        new.parties,
        new.goals,
    ):
        yield Change(ChangeType.MEETING_CHANGED)


def change_of_conflict(conflict: Conflict) -> Change | None:
    """Return the entry for a conflict that was opened; None for others, whose occurrences change.

    The occurrence stays where it is, so ``from`` and ``to`` are the same.
    """
    return _staying(ChangeType.OCCURRENCE_CONFLICTED, conflict, conflict.period.start) if conflict.is_open else None


def change_of_decision(kind: ChangeType, conflict: Conflict, occurrence: Occurrence) -> Change:
    """Return the entry for a decision that an occurrence stays as it is: at its time, or skipped, without one."""
    return _staying(kind, conflict, _start(occurrence))


def _staying(kind: ChangeType, conflict: Conflict, start: datetime | None) -> Change:
    details = {"from": start, "to": start, "because": causes(conflict.obstacles)}
    return Change(kind, recurrence_id=conflict.recurrence_id.wall, details=details)


def causes(obstacles: Iterable[Obstacle]) -> list[dict[str, str]]:
    """Return obstacles as JSON: whose, which cause, and the id of a blackout."""
    return [
        {"person": one.person, "cause": one.cause.value} | ({"blackout": one.blackout} if one.blackout else {})
        for one in obstacles
    ]


def _type_of(was: Occurrence, one: Occurrence) -> ChangeType:
    if was.status is one.status:
        return ChangeType.OCCURRENCE_MOVED
    match one.status:
        case OccurrenceStatus.MOVED:
            return ChangeType.OCCURRENCE_MOVED
        case OccurrenceStatus.SKIPPED:
            return ChangeType.OCCURRENCE_SKIPPED
        case OccurrenceStatus.CANCELLED:
            return ChangeType.OCCURRENCE_CANCELLED
        case OccurrenceStatus.SCHEDULED:
            return ChangeType.OCCURRENCE_RESTORED


def _start(one: Occurrence) -> datetime | None:
    return one.period.start if one.takes_place else None
