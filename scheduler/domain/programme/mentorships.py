"""Mentorships: a mentor and a mentee, their goals, and the dates from start to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from scheduler.errors import InvalidValue, Refused


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


class SameTwoPeople(InvalidValue):
    """A mentorship of one person with themselves."""

    def __init__(self, person_id: str) -> None:
        self.person_id = person_id
        super().__init__("the mentor and the mentee are the same person; name two")


class BackwardMentorship(InvalidValue):
    """A mentorship that ends before it starts."""

    def __init__(self, starts_on: date, ends_on: date) -> None:
        self.starts_on = starts_on
        self.ends_on = ends_on
        super().__init__(f"the mentorship ends on {ends_on}, before it starts on {starts_on}; give a later end")


LONGEST = timedelta(days=3 * 366)


class MentorshipTooLong(InvalidValue):
    """A mentorship of more than three years."""

    def __init__(self, starts_on: date, ends_on: date) -> None:
        self.starts_on = starts_on
        self.ends_on = ends_on
        super().__init__(
            f"{starts_on} to {ends_on} is more than three years; end it earlier, and start another one then"
        )


class MentorshipNotActive(Refused):
    """A booking for a mentorship that is paused or has ended."""

    def __init__(self, status: MentorshipStatus) -> None:
        self.status = status
        super().__init__(f"the mentorship is {status}; only an active one can be booked")


class MentorshipEnded(Refused):
    """A change of status of a mentorship that has ended."""

    def __init__(self, status: MentorshipStatus) -> None:
        self.status = status
        super().__init__(f"the mentorship is {status} and can't be reopened; start a new one")


@dataclass(frozen=True)
class Mentorship:
    """An agreement between two people of a programme: goals and an end date are part of it.

    Raises SameTwoPeople, BackwardMentorship, MentorshipTooLong.
    """

    id: str
    mentor_id: str
    mentee_id: str
    goals: tuple[str, ...]
    expectations: str
    starts_on: date
    ends_on: date
    status: MentorshipStatus = MentorshipStatus.ACTIVE

    def __post_init__(self) -> None:
        if self.mentor_id == self.mentee_id:
            raise SameTwoPeople(self.mentor_id)
        if self.ends_on < self.starts_on:
            raise BackwardMentorship(self.starts_on, self.ends_on)
        if self.ends_on - self.starts_on > LONGEST:
            raise MentorshipTooLong(self.starts_on, self.ends_on)
