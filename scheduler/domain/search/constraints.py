"""What rules out a meeting: the constraints of a request and of each attendee, by cause.

Search, planning, scores, pictures and explanations all take them from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import Attendee, Blackout
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.availability.open_time import blackout_periods, closed_hours
from scheduler.domain.search.meeting_limits import full_periods
from scheduler.domain.search.rules import NO_RULES, Group, Rules
from scheduler.domain.search.starts import Constraint, Mask, Starts
from scheduler.domain.time.periods import Period, Periods, Span


@dataclass(frozen=True, eq=False)
class AttendeeConstraints:
    """One attendee's constraints on meetings that lie in ``span`` (half-open UTC minutes).

    ``declared`` are the same attendee's, with other meetings, whose hours and blackouts are taken over.
    """

    attendee: Attendee
    span: Span
    declared: AttendeeConstraints | None = None

    @cached_property
    def hours(self) -> Constraint:
        """The time outside the working hours."""
        if self.declared is not None:
            return self.declared.hours
        return Constraint(closed_hours(self.attendee.hours, self.attendee.clock, *self.span))

    @cached_property
    def blackout(self) -> Constraint:
        """The firm blackouts."""
        if self.declared is not None:
            return self.declared.blackout
        firm = [blackout for blackout in self.attendee.blackouts if blackout.firm]
        return Constraint(blackout_periods(firm, self.attendee.clock, *self.span))

    @cached_property
    def each_blackout(self) -> list[tuple[Blackout, Constraint]]:
        """Each firm blackout by itself."""
        if self.declared is not None:
            return self.declared.each_blackout
        return [
            (blackout, Constraint(blackout_periods([blackout], self.attendee.clock, *self.span)))
            for blackout in self.attendee.blackouts
            if blackout.firm
        ]

    @cached_property
    def buffer(self) -> Constraint:
        """The busy time, to be kept away from by the buffers."""
        (start, end), buffer = self.span, self.attendee.buffer
        margin = buffer.before + buffer.after
        return Constraint(self.attendee.busy.near(start - margin, end + margin), buffer.before, buffer.after)

    @cached_property
    def limit(self) -> Constraint:
        """The days and weeks that take no more meetings."""
        return Constraint(full_periods(self.attendee, *self.span), starts_only=True)

    @property
    def by_cause(self) -> dict[Cause, Constraint]:
        """The constraints by cause, in the order of `Cause`."""
        return {
            Cause.NO_WORKING_HOURS if self.attendee.hours == () else Cause.OUTSIDE_HOURS: self.hours,
            Cause.BLACKOUT: self.blackout,
            Cause.BUSY: Constraint(self.buffer.periods),
            Cause.BUFFER: self.buffer,
            Cause.LIMIT: self.limit,
        }

    @property
    def sufficient(self) -> tuple[Constraint, ...]:
        """The constraints without the busy time, which ``buffer`` includes."""
        return self.hours, self.blackout, self.buffer, self.limit


class DeclaredTime:
    """What stored people declared, worked out once in ``span`` (half-open UTC minutes) for many meetings of theirs.

    All attendees with one id have to have the same hours, travel and blackouts.
    """

    def __init__(self, span: Span) -> None:
        self.span = span
        self._known: dict[str | None, AttendeeConstraints] = {}

    def of(self, attendee: Attendee) -> AttendeeConstraints:
        """Return the constraints of an attendee, with the hours and blackouts of the first with that id."""
        declared = self._known.setdefault(attendee.id, AttendeeConstraints(attendee, self.span))
        return AttendeeConstraints(attendee, self.span, declared)


@dataclass(frozen=True, kw_only=True, eq=False)
class Constraints:
    """The constraints on meetings of some attendees that lie in ``span`` (half-open UTC minutes).

    A meeting must not start before the UTC minute ``not_before``. Unless ``allow_unknown``, members of groups whose
    calendar is unknown count as absent. ``declared`` has the same span.
    """

    attendees: Sequence[Attendee]
    span: Span
    rules: Rules = NO_RULES
    not_before: int | None = None
    allow_unknown: bool = True
    declared: DeclaredTime | None = None

    @cached_property
    def request(self) -> Mapping[Cause, Constraint]:
        """The request's own constraints, which hold for all attendees together; groups are apart."""
        start, end = self.span
        found = {}
        if self.rules.within is not None:
            found[Cause.WITHIN] = Constraint(closed_hours(self.rules.within.hours, self.rules.within.clock, start, end))
        if self.not_before is not None:
            early = Periods.merged(np.array([start], dtype=np.int64), np.array([self.not_before], dtype=np.int64))
            found[Cause.MINIMUM_NOTICE] = Constraint(early, starts_only=True)
        if self.rules.minimum_gap:
            found[Cause.MINIMUM_GAP] = self._gap_to(shared_meetings(self.attendees), start, end)
        return found

    @cached_property
    def of(self) -> Sequence[AttendeeConstraints]:
        """The constraints of each attendee."""
        if self.declared is not None:
            return [self.declared.of(attendee) for attendee in self.attendees]
        return [AttendeeConstraints(attendee, self.span) for attendee in self.attendees]

    @cached_property
    def unreliable(self) -> frozenset[int]:
        """The indexes of the attendees with an unknown calendar, unless the request allows that."""
        unknown = (index for index, attendee in enumerate(self.attendees) if attendee.unknown)
        return frozenset() if self.allow_unknown else frozenset(unknown)

    def required(self) -> Iterator[tuple[int, AttendeeConstraints]]:
        """Yield the index and the constraints of each required attendee."""
        return ((index, own) for index, own in enumerate(self.of) if own.attendee.required)

    @property
    def is_stale(self) -> bool:
        """Whether the calendar of a required attendee is unknown although the request does not allow that."""
        return any(self.attendees[index].required for index in self.unreliable)

    def blocked(self, starts: Starts, duration: int) -> Mask:
        """Return which of the starts are ruled out for a required attendee, by the request, or by a short group."""
        own = [constraint for _, one in self.required() for constraint in one.sufficient]
        blocked = starts.blocked(duration, [*own, *self.request.values()])
        if self.rules.groups:
            free = np.flatnonzero(~blocked)
            groups = self.group_availability(Starts(starts.minutes[free], None), duration)
            blocked[free] = groups.short()
        return blocked

    def request_masks(self, starts: Starts, duration: int) -> dict[Cause, Mask]:
        """Return for each of the request's own constraints, groups included, which of the starts it rules out."""
        masks = {cause: starts.blocked(duration, [constraint]) for cause, constraint in self.request.items()}
        if self.rules.groups:
            masks[Cause.GROUP] = self.group_availability(starts, duration).short()
        return masks

    def group_availability(self, starts: Starts, duration: int) -> GroupAvailability:
        """Return which members of the request's groups can come to meetings at the starts."""
        too_near, blocked = {}, {}
        for index in sorted({index for group in self.rules.groups for index in group.members}):
            gap = self._gap_to_required(index, starts, duration)
            own = self.of[index].sufficient
            too_near[index] = starts.blocked(duration, gap)
            blocked[index] = starts.blocked(duration, [*own, *gap]) | (index in self.unreliable)
        return GroupAvailability(self.rules.groups, blocked, too_near)

    def availability(self, starts: Starts, duration: int) -> tuple[Mask | None, ...]:
        """Return for each attendee which of the feasible starts suit them; None if their calendar is unknown."""
        members = self.group_availability(starts, duration).blocked if self.rules.groups else {}
        return tuple(
            None
            if attendee.unknown
            else np.ones(len(starts), dtype=bool)
            if attendee.required
            else ~members[index]
            if index in members
            else ~starts.blocked(duration, self.of[index].sufficient)
            for index, attendee in enumerate(self.attendees)
        )

    def _gap_to_required(self, member: int, starts: Starts, duration: int) -> list[Constraint]:
        """Return the gap that a group's member keeps from the meetings that they share with a required attendee."""
        if not self.rules.minimum_gap or not len(starts):
            return []
        required = {meeting for one in self.attendees if one.required for meeting in one.meetings}
        first, last = int(starts.minutes.min()), int(starts.minutes.max()) + duration
        return [self._gap_to(sorted(required.intersection(self.attendees[member].meetings)), first, last)]

    def _gap_to(self, meetings: Sequence[Period], start: int, end: int) -> Constraint:
        """Return the minimum gap from those of the meetings that are near [start, end)."""
        gap = self.rules.minimum_gap
        return Constraint(Periods.of(meetings).near(start - gap, end + gap), gap, gap)


def shared_meetings(attendees: Sequence[Attendee]) -> list[Period]:
    """Return the meetings that at least two of the required attendees have together."""
    held = Counter(meeting for one in attendees if one.required for meeting in set(one.meetings))
    return sorted(meeting for meeting, people in held.items() if people > 1)


@dataclass(frozen=True)
class GroupAvailability:
    """Which members of the groups can't come to meetings at some starts.

    By the member's index: ``blocked`` has the starts at which anything rules the meeting out for them, ``too_near``
    those less than the minimum gap from a meeting that they share with a required attendee.
    """

    groups: tuple[Group, ...]
    blocked: Mapping[int, Mask]
    too_near: Mapping[int, Mask]

    def short(self, without: int | None = None) -> Mask:
        """Return the starts at which a group has fewer members than it needs, even if the one at ``without`` came."""
        short: Mask = np.zeros_like(next(iter(self.blocked.values())))
        for group in self.groups:
            # Bytes hold any count of members, and numpy adds them eight times as fast as int64.
            absent = np.zeros(short.size, dtype=np.uint8)
            for index in group.members:
                if index != without:
                    absent += self.blocked[index].view(np.uint8)
            short |= absent > len(group.members) - group.required
        return short
