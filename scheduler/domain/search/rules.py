"""The rules of a request besides its attendees' own time: hours, gap to other meetings, groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scheduler.domain.availability.attendees import WorkingHours
from scheduler.domain.search.groups import Group
from scheduler.domain.time.clocks import Clock


@dataclass(frozen=True)
class Within:
    """Weekdays and hours on a clock; the whole meeting has to lie inside."""

    hours: tuple[WorkingHours, ...]
    clock: Clock


@dataclass(frozen=True)
class Rules:
    """The rules of one request.

    ``minimum_gap`` is the least number of minutes between a meeting and any meeting that two of its required attendees
    share already.
    """

    within: Within | None = None
    minimum_gap: int = 0
    groups: tuple[Group, ...] = ()

    def with_group_size(self, index: int, required: int) -> Rules:
        """Return the rules with another number of required members in the group at ``index``."""
        groups = list(self.groups)
        groups[index] = replace(groups[index], required=required)
        return replace(self, groups=tuple(groups))


NO_RULES = Rules()
