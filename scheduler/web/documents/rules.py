"""What a question asks besides people's own time: at which hours, how far apart, how many of a group, how fairly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from scheduler.domain.availability.attendees import MAX_HOURS_ENTRIES
from scheduler.domain.search.groups import Group
from scheduler.domain.search.rules import Rules, Within
from scheduler.errors import InvalidFields
from scheduler.services.attendees import AttendeeSpec
from scheduler.web.documents.attendees import MOST_ATTENDEES, Attendees, WorkingHoursDocument, specs_of
from scheduler.web.fields.document import Document, quoted
from scheduler.web.fields.durations import Duration, lasting
from scheduler.web.fields.texts import Flag, ZoneName

FARTHEST = 14 * 1440
"""The longest gap, in minutes: meetings so far around the time looked at are known."""

Place = Annotated[
    int,
    Field(ge=0, strict=True, description="index of an attendee", json_schema_extra={"maximum": MOST_ATTENDEES - 1}),
]
"""Who refuses one that is too large knows how many attendees there are."""


class WithinDocument(Document):
    """Weekdays and hours in a zone, inside of which the whole meeting lies."""

    time_zone: ZoneName
    hours: Annotated[list[WorkingHoursDocument], Field(min_length=1, max_length=MAX_HOURS_ENTRIES)]

    def to_domain(self) -> Within:
        """The hours as the domain has them."""
        return Within(tuple(entry.to_domain() for entry in self.hours), self.time_zone)


class AttendeeGroupDocument(Document):
    """Attendees of whom any ``required`` have to come; none of them is required by name."""

    members: Annotated[list[Place], Field(min_length=1, max_length=50)]
    required: int = Field(1, ge=1, le=50, strict=True)


MinimumGap = Annotated[Duration, lasting(0, FARTHEST)]
NO_GAP: Any = Field(
    "PT0S", validate_default=True, description="between meetings of the same people, those there are counted"
)


class RuledRequest(Document):
    """What slots and cadences are both asked with: the people, and the question's own rules."""

    attendees: Attendees
    within: WithinDocument | None = None
    minimum_gap: MinimumGap = NO_GAP
    groups: Annotated[list[AttendeeGroupDocument], Field(max_length=20)] = Field(
        [], description="a panel, stand-ins: each slot says who of them can come"
    )
    fair: Flag = Field(False, description="what people have borne of odd hours so far tips the choice")

    def specs(self) -> list[AttendeeSpec]:
        """The attendees as the services take them. Raises InvalidFields."""
        return specs_of(self.attendees, frozenset(self._members()))

    def rules(self) -> Rules:
        """The rules as the domain has them. Raises InvalidFields."""
        within = None if self.within is None else self.within.to_domain()
        groups = tuple(Group(tuple(group.members), group.required) for group in self.groups)
        return Rules(within, self.minimum_gap, groups)

    def _members(self) -> Iterator[int]:
        """Everybody who is in a group."""
        for number, group in enumerate(self.groups):
            for at, index in enumerate(group.members):
                pointer = f"/groups/{number}/members/{at}"
                if index >= len(self.attendees):
                    last = len(self.attendees) - 1
                    raise InvalidFields.at(pointer, f"there is no attendee {quoted(index)}; the last is {last}")
                if index in group.members[:at]:
                    raise InvalidFields.at(pointer, f"attendee {index} is in this group twice; name them once")
                yield index
            if group.required > len(group.members):
                detail = f"{group.required} are more than the {len(group.members)} members"
                raise InvalidFields.at(f"/groups/{number}/required", detail)
