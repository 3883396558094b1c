"""The rules of a request besides its attendees' own time: hours, gap to other meetings, groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.time.clocks import Clock


@dataclass(frozen=True)
class Within:
    """Weekdays and hours on a clock; the whole meeting has to lie inside."""

    hours: tuple[WorkingHours, ...]
    clock: Clock


@dataclass(frozen=True)
class Group:
    """Attendees (their indexes) of whom any ``required`` have to come, such as a panel or stand-ins for each other.

    None of them is required by name.
    """

    members: tuple[int, ...]
    required: int


@dataclass(frozen=True)
class Rules:
    """The rules of one request.

    ``minimum_gap`` is the least number of minutes between a meeting and any meeting that two of its required attendees
    share already.
    """

    within: Within | None = None
    minimum_gap: int = 0
    groups: tuple[Group, ...] = ()

    @property
    def places(self) -> int:
        """The number of members of all groups together."""
        return sum(len(group.members) for group in self.groups)

    def counted(self, attendees: Sequence[Attendee]) -> tuple[int, ...]:
        """Return the indexes of attendees who are required by name or members of a group; of all if there are none."""
        members = {index for group in self.groups for index in group.members}
        counted = [index for index, one in enumerate(attendees) if one.required or index in members]
        return tuple(counted or range(len(attendees)))

    def with_group_size(self, index: int, required: int) -> Rules:
        """Return the rules with another number of required members in the group at ``index``."""
        groups = list(self.groups)
        groups[index] = replace(groups[index], required=required)
        return replace(self, groups=tuple(groups))


NO_RULES = Rules()


@dataclass(frozen=True, kw_only=True)
class MeetingQuery:
    """What queries for slots and for cadences have in common.

    Args:
        duration: minutes, 1-1440.
        step: meetings start at a multiple of it on a wall clock; minutes, 1-1440.
        attendees: the first one is the organizer.
        allow_unknown: whether a required attendee's unknown calendar counts as free.
        explain: explain what rules out others even if meetings are found.
        relax_into_night: whether a relaxation may add night hours.
        fair: weigh comfort by the burden so far.

    """

    duration: int
    step: int
    attendees: tuple[Attendee, ...]
    allow_unknown: bool = True
    explain: bool = False
    relax_into_night: bool = False
    rules: Rules = NO_RULES
    fair: bool = False
