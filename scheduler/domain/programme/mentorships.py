"""Mentorships: a mentor and a mentee, their goals, and the dates from start to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from scheduler.errors import InvalidValue

LONGEST = timedelta(days=3 * 366)


class MentorshipStatus(StrEnum):
    """The status of a mentorship. Only an active one can be booked; an ended one stays ended."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Whether it is completed or cancelled."""
        return self in {MentorshipStatus.COMPLETED, MentorshipStatus.CANCELLED}


class WhenBlocked(StrEnum):
    """What becomes of a booked occurrence over which one of the two declares a firm blackout."""

    ASK = "ask"
    """Nothing, until somebody decides."""
    MOVE = "move"
    SKIP = "skip"


@dataclass(frozen=True)
class Mentorship:
    """An agreement between two people of a programme: goals and an end date are part of it. Raises InvalidValue."""

    id: str
    mentor_id: str
    mentee_id: str
    goals: tuple[str, ...]
    expectations: str
    starts_on: date
    ends_on: date
    status: MentorshipStatus = MentorshipStatus.ACTIVE
    when_blocked: WhenBlocked = WhenBlocked.ASK

    def __post_init__(self) -> None:
        if self.mentor_id == self.mentee_id:
            raise InvalidValue("the mentor and the mentee are the same person; name two")
        if self.ends_on < self.starts_on:
            raise InvalidValue(
                f"the mentorship ends on {self.ends_on}, before it starts on {self.starts_on}; give a later end"
            )
        if self.ends_on - self.starts_on > LONGEST:
            raise InvalidValue(
                f"{self.starts_on} to {self.ends_on} is more than three years; "
                "end it earlier, and start another one then"
            )
