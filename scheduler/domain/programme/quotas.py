"""How many things a programme may have, so that one client's loop can't fill the database or slow every search."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.errors import Refused

_OF = {
    "people": "people in the programme",
    "blackouts_per_person": "blackouts of a person",
    "recurring_blackouts_per_person": "recurring blackouts of a person",
    "calendars_per_person": "connected calendars of a person",
    "feeds_per_person": "feeds of a person",
    "mentorships": "mentorships in the programme",
    "meetings_per_mentorship": "meetings of a mentorship",
    "keys": "API keys of the programme",
}


class QuotaReached(Refused):
    """There are as many of these as the operator allows. ``quota`` names the limit, ``most`` is its value."""

    def __init__(self, quota: str, most: int) -> None:
        self.quota = quota
        self.most = most
        super().__init__(f"the limit of {most} {_OF[quota]} is reached ({quota}); delete some, or ask the operator")


@dataclass(frozen=True)
class Quotas:
    """The most that there may be of each kind of thing."""

    people: int = 10_000
    blackouts_per_person: int = 500
    recurring_blackouts_per_person: int = 50
    calendars_per_person: int = 10
    feeds_per_person: int = 20
    mentorships: int = 20_000
    meetings_per_mentorship: int = 500
    keys: int = 50

    def check(self, quota: str, present: int) -> None:
        """Raises QuotaReached if no more fits beside so many. ``quota`` is a field's name."""
        most: int = getattr(self, quota)
        if present >= most:
            raise QuotaReached(quota, most)
