"""Groups of whom any so many have to come: a panel, stand-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.search.starts import Mask


@dataclass(frozen=True)
class Group:
    """Attendees (places in the question) of whom any ``required`` have to come; none is required by name."""

    members: tuple[int, ...]
    required: int


def places_that_count(attendees: Sequence[Attendee], groups: Sequence[Group]) -> tuple[int, ...]:
    """The places of those who have to come, by name or as members of a group; everybody, if nobody has to."""
    members = {index for group in groups for index in group.members}
    counted = [place for place, one in enumerate(attendees) if one.required or place in members]
    return tuple(counted or range(len(attendees)))


@dataclass(frozen=True)
class Panel:
    """Who of the groups can come to meetings at some starts.

    For each member, by place: the starts that something ``barred`` for them, and those that are ``too_near`` to a
    meeting of theirs with somebody who has to come.
    """

    groups: tuple[Group, ...]
    barred: Mapping[int, Mask]
    too_near: Mapping[int, Mask]

    @property
    def short(self) -> Mask:
        """The starts at which a group has fewer than it needs."""
        return self.short_but_for(None)

    def short_but_for(self, member: int | None) -> Mask:
        """The starts at which a group has fewer than it needs even if that member could come."""
        short: Mask = np.zeros_like(next(iter(self.barred.values())))
        for group in self.groups:
            missing = [self.barred[index] for index in group.members if index != member]
            short |= np.sum(missing, axis=0) > len(group.members) - group.required
        return short
