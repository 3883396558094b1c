"""Limits on the number of stored things, so that a client's loop can't fill the database or slow every search."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.errors import Refused

_NOUNS = {
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
    """A thing more than the operator allows; ``quota`` is the name of a limit in `Quotas`."""

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(f"the limit of {limit} {_NOUNS[quota]} is reached ({quota}); delete some, or ask the operator")


@dataclass(frozen=True)
class Quotas:
    """The limit for each kind of thing."""

    people: int = 10_000
    blackouts_per_person: int = 500
    recurring_blackouts_per_person: int = 50
    calendars_per_person: int = 10
    feeds_per_person: int = 20
    mentorships: int = 20_000
    meetings_per_mentorship: int = 500
    keys: int = 50

    def check(self, quota: str, present: int) -> None:
        """Raises QuotaReached if there are already as many as the limit. ``quota`` is a field's name."""
        limit: int = getattr(self, quota)
        if present >= limit:
            raise QuotaReached(quota, limit)
