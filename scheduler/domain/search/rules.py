"""What a question asks besides people's own time: at which hours, how far from other meetings, how many of a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.availability.open_time import closed_hours
from scheduler.domain.search.explanation import Bars, Cause
from scheduler.domain.search.groups import Group, Panel
from scheduler.domain.search.starts import Bar, Starts
from scheduler.domain.time.clocks import Clock
from scheduler.domain.time.periods import Period, Periods


@dataclass(frozen=True)
class Within:
    """Weekdays and hours on a clock, inside of which the whole meeting lies."""

    hours: tuple[WorkingHours, ...]
    clock: Clock


@dataclass(frozen=True)
class Rules:
    """The rules of one question.

    ``minimum_gap`` is in minutes, between a meeting and those that two of its people have together already.
    """

    within: Within | None = None
    minimum_gap: int = 0
    groups: tuple[Group, ...] = ()

    def bars(self, attendees: Sequence[Attendee], start: int, end: int) -> dict[Cause, Bar]:
        """What bars everybody from meetings that lie in [start, end) (UTC minutes)."""
        found = {}
        if self.within is not None:
            found[Cause.WITHIN] = Bar(closed_hours(self.within.hours, self.within.clock, start, end))
        if self.minimum_gap:
            found[Cause.MINIMUM_GAP] = self._near(shared_meetings(attendees), start, end)
        return found

    def panel(
        self,
        attendees: Sequence[Attendee],
        bars: Sequence[Bars],
        starts: Starts,
        duration: int,
        never: frozenset[int] = frozenset(),
    ) -> Panel:
        """Who of the groups can come when; nobody counts on those at the places in ``never``."""
        too_near, barred = {}, {}
        for index in sorted({index for group in self.groups for index in group.members}):
            near = self._gap_to(attendees[index], attendees, starts, duration)
            too_near[index] = starts.barred(duration, near)
            barred[index] = starts.barred(duration, [*bars[index].all, *near]) | (index in never)
        return Panel(self.groups, barred, too_near)

    def _gap_to(self, member: Attendee, attendees: Sequence[Attendee], starts: Starts, duration: int) -> list[Bar]:
        """The gap that a member has to keep from meetings with somebody who has to come."""
        if not self.minimum_gap or not len(starts):
            return []
        required = {meeting for one in attendees if one.required for meeting in one.meetings}
        first, last = int(starts.minutes.min()), int(starts.minutes.max()) + duration
        return [self._near(sorted(required.intersection(member.meetings)), first, last)]

    def _near(self, meetings: Sequence[Period], start: int, end: int) -> Bar:
        """What keeps the gap from those of the meetings that are near [start, end)."""
        near = Periods.of(meetings).near(start - self.minimum_gap, end + self.minimum_gap)
        return Bar(near, self.minimum_gap, self.minimum_gap)


NO_RULES = Rules()


def with_fewer(rules: Rules, place: int, required: int) -> Rules:
    """The rules where the group at that place needs only so many."""
    groups = list(rules.groups)
    groups[place] = replace(groups[place], required=required)
    return replace(rules, groups=tuple(groups))


def shared_meetings(attendees: Sequence[Attendee]) -> list[Period]:
    """The meetings that at least two of the required attendees have together."""
    held = Counter(meeting for one in attendees if one.required for meeting in set(one.meetings))
    return sorted(meeting for meeting, people in held.items() if people > 1)
