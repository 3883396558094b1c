"""What stands in the way of a meeting: the causes, and an obstacle of one person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scheduler.domain.availability.attendees import BlackoutKind


class Cause(StrEnum):
    """What rules out a meeting at a start; explanations add the causes up in this order."""

    NO_WORKING_HOURS = "no_working_hours"
    OUTSIDE_HOURS = "outside_hours"
    WITHIN = "within"
    BLACKOUT = "blackout"
    MINIMUM_NOTICE = "minimum_notice"
    BUSY = "busy"
    BUFFER = "buffer"
    LIMIT = "limit"
    MINIMUM_GAP = "minimum_gap"
    GROUP = "group"


_WORDS = {
    BlackoutKind.EXAM: "exams",
    BlackoutKind.BREAK: "a break",
    BlackoutKind.HOLIDAY: "a holiday",
    BlackoutKind.LEAVE: "time away",
    BlackoutKind.OTHER: "time away",
}


@dataclass(frozen=True)
class Obstacle:
    """What keeps a stored person from an occurrence: a cause, and the firm blackout (its id and kind) if it is one."""

    person: str
    cause: Cause
    blackout: str | None = None
    kind: BlackoutKind | None = None

    @property
    def words(self) -> str:
        """The cause in words for everybody in the meeting: neither whose it is nor what it is called."""
        if self.kind is not None:
            return _WORDS[self.kind]
        return "another appointment" if self.cause is Cause.BUSY else "working hours"


def blackouts_among(obstacles: Iterable[Obstacle]) -> frozenset[str]:
    """Return the ids of the blackouts among obstacles."""
    return frozenset(obstacle.blackout for obstacle in obstacles if obstacle.blackout is not None)
