"""What a question asks besides people's own time: at which hours, how far from other meetings, how many of a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.domain.availability import Attendee, WorkingHours, closed_hours
from scheduler.domain.clocks import Clock
from scheduler.domain.explanation import Bars, Cause
from scheduler.domain.periods import Period, Periods
from scheduler.domain.timeline import Bar, Mask, Starts


@dataclass(frozen=True)
class Within:
    """Weekdays and hours on a clock, inside of which the whole meeting lies."""

    hours: tuple[WorkingHours, ...]
    clock: Clock


@dataclass(frozen=True)
class Group:
    """Attendees (places in the question) of whom any ``required`` have to come; none is required by name."""

    members: tuple[int, ...]
    required: int


@dataclass(frozen=True)
class Rules:
    """The rules of one question. ``minimum_gap`` is in minutes, between meetings that the same people have."""

    within: Within | None = None
    minimum_gap: int = 0
    groups: tuple[Group, ...] = ()

    def bars(self, attendees: Sequence[Attendee], start: int, end: int) -> dict[Cause, Bar]:
        """What bars everybody from meetings that lie in [start, end) (UTC minutes)."""
        found = {}
        if self.within is not None:
            found[Cause.WITHIN] = Bar(closed_hours(self.within.hours, self.within.clock, start, end))
        if self.minimum_gap:
            shared = Periods.of(shared_meetings(attendees))
            near = shared.near(start - self.minimum_gap, end + self.minimum_gap)
            found[Cause.MINIMUM_GAP] = Bar(near, self.minimum_gap, self.minimum_gap)
        return found

    def short_of(self, bars: Sequence[Bars], starts: Starts, duration: int) -> Mask:
        """The starts at which a group has fewer than it needs."""
        short = np.zeros(len(starts), dtype=bool)
        for group in self.groups:
            coming = np.zeros(len(starts), dtype=np.int64)
            for index in group.members:
                coming += ~starts.barred(duration, bars[index].all)
            short |= coming < group.required
        return short


NO_RULES = Rules()


def shared_meetings(attendees: Sequence[Attendee]) -> list[Period]:
    """The meetings that all required attendees have together."""
    required = [set(attendee.meetings) for attendee in attendees if attendee.required]
    return sorted(set.intersection(*required)) if required else []
