"""Groups of attendees of whom some number has to come: a panel, or stand-ins for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.starts import Mask


@dataclass(frozen=True)
class Group:
    """Attendees (their indexes) of whom any ``required`` have to come; none of them is required by name."""

    members: tuple[int, ...]
    required: int


def counted_attendees(attendees: Sequence[Attendee], groups: Sequence[Group]) -> tuple[int, ...]:
    """Return the indexes of attendees who are required by name or members of a group; of all if there are none."""
    members = {index for group in groups for index in group.members}
    counted = [index for index, one in enumerate(attendees) if one.required or index in members]
    return tuple(counted or range(len(attendees)))


@dataclass(frozen=True)
class GroupAvailability:
    """Which members of the groups can't come to meetings at some starts.

    By the member's index: ``blocked`` has the starts at which anything rules the meeting out for them, ``too_near``
    those less than the minimum gap from a meeting that they share with a required attendee.
    """

    groups: tuple[Group, ...]
    blocked: Mapping[int, Mask]
    too_near: Mapping[int, Mask]

    @property
    def short(self) -> Mask:
        """The starts at which a group has fewer members than it needs."""
        return self.short_without(None)

    def short_without(self, member: int | None) -> Mask:
        """Return the starts at which a group would have fewer members than it needs even if that member could come."""
        size = len(next(iter(self.blocked.values())))
        short: Mask = np.zeros(size, dtype=bool)
        for group in self.groups:
            absent = np.zeros(size, dtype=np.uint8)
            for index in group.members:
                if index != member:
                    absent += self.blocked[index].view(np.uint8)
            short |= absent > len(group.members) - group.required
        return short
