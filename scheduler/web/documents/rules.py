"""Rules of a search request besides the attendees: hours, minimum gap, groups and fairness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from scheduler.domain.availability.attendees import MAX_HOURS_ENTRIES
from scheduler.domain.search.rules import Group, Rules, Within
from scheduler.errors import InvalidFields
from scheduler.services.attendees import AttendeeSpec
from scheduler.web.documents.attendees import MOST_ATTENDEES, Attendees, WorkingHoursDocument, attendee_specs
from scheduler.web.fields.document import Document, quoted
from scheduler.web.fields.durations import Duration, lasting
from scheduler.web.fields.texts import Flag, ZoneName

FARTHEST = 14 * 1440
"""The longest minimum gap, in minutes: stored meetings are loaded this far around the searched time."""

AttendeeIndex = Annotated[
    int, Field(ge=0, strict=True, description="index of an attendee", json_schema_extra={"maximum": MOST_ATTENDEES - 1})
]
"""Validators that know the number of attendees refuse an index that is too large."""


class WithinDocument(Document):
    """Weekdays and hours in a zone. The whole meeting lies within them."""

    time_zone: ZoneName
    hours: Annotated[list[WorkingHoursDocument], Field(min_length=1, max_length=MAX_HOURS_ENTRIES)]

    def to_domain(self) -> Within:
        """Return the domain's hours."""
        return Within(tuple(entry.to_domain() for entry in self.hours), self.time_zone)


class AttendeeGroupDocument(Document):
    """A group of attendees; any ``required`` of them have to come, and none is required individually."""

    members: Annotated[list[AttendeeIndex], Field(min_length=1, max_length=50)]
    required: int = Field(1, ge=1, le=50, strict=True)


MinimumGap = Annotated[Duration, lasting(0, FARTHEST)]
NO_GAP: Any = Field(
    "PT0S",
    validate_default=True,
    description="least time between meetings of the same people, existing meetings included",
)


class RuledRequest(Document):
    """The members that requests for slots and cadences share: attendees and rules."""

    attendees: Attendees
    within: WithinDocument | None = None
    minimum_gap: MinimumGap = NO_GAP
    groups: Annotated[list[AttendeeGroupDocument], Field(max_length=20)] = Field(
        [], description="such as a panel or stand-ins; each slot says which members can come"
    )
    fair: Flag = Field(False, description="weights the comfort of people with a higher past burden more")

    def specs(self) -> list[AttendeeSpec]:
        """Return the attendees for the services. Raises InvalidFields."""
        return attendee_specs(self.attendees, frozenset(self._group_members()))

    def rules(self) -> Rules:
        """Return the domain's rules. Raises InvalidFields."""
        within = None if self.within is None else self.within.to_domain()
        groups = tuple(Group(tuple(group.members), group.required) for group in self.groups)
        return Rules(within, self.minimum_gap, groups)

    def _group_members(self) -> Iterator[int]:
        """Yield the indexes of all group members. Raises InvalidFields."""
        for number, group in enumerate(self.groups):
            for position, index in enumerate(group.members):
                pointer = f"/groups/{number}/members/{position}"
                if index >= len(self.attendees):
                    last = len(self.attendees) - 1
                    raise InvalidFields.at(pointer, f"there is no attendee {quoted(index)}; the last is {last}")
                if index in group.members[:position]:
                    raise InvalidFields.at(pointer, f"attendee {index} is in this group twice; name them once")
                yield index
            if group.required > len(group.members):
                detail = f"{group.required} are more than the {len(group.members)} members"
                raise InvalidFields.at(f"/groups/{number}/required", detail)
