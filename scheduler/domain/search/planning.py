"""Plans of series: whether each occurrence is clear, moves nearby or is skipped, and what blocks it.

A cadence is shown with its plan; booking makes the same plan again inside its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import NO_BUFFER, Attendee, BlackoutKind, Days
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.constraints import Constraints, DeclaredTime
from scheduler.domain.search.meeting_limits import MeetingLimit, limits_of
from scheduler.domain.search.rules import NO_RULES, Rules
from scheduler.domain.search.starts import Mask, Starts
from scheduler.domain.time.periods import EPOCH, Minutes, Period, Span, instant_of, minute_of
from scheduler.domain.time.series import Series
from scheduler.domain.time.units import DAY, wall_midnight
from scheduler.domain.time.zones import LocalTime, offsets_between


class OnConflict(StrEnum):
    """What to do with a blocked occurrence."""

    MOVE = "move"
    SKIP = "skip"


class PlanStatus(StrEnum):
    """Whether an occurrence takes place, and when."""

    CLEAR = "clear"
    MOVED = "moved"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class BlockedBy:
    """What blocks an occurrence: a cause, and the attendee's index, or None for the request's own constraints.

    ``title`` and ``kind`` are those of a blackout, ``blackout`` the id of a stored one, ``person`` the id of a stored
    person.
    """

    index: int | None
    cause: Cause
    title: str | None = None
    blackout: str | None = None
    person: str | None = None
    kind: BlackoutKind | None = None


@dataclass(frozen=True)
class PlannedOccurrence:
    """One occurrence: ``period`` is the nominal one, ``moved_to`` the one that replaces it.

    ``coming`` says, by index, whether each attendee not required by name can come where the occurrence takes place;
    attendees with an unknown calendar are left out.
    """

    period: Period
    status: PlanStatus
    blocked_by: tuple[BlockedBy, ...] = ()
    moved_to: Period | None = None
    coming: Mapping[int, bool] = field(default_factory=dict)

    @property
    def final(self) -> Period | None:
        """When the occurrence takes place; None if it is skipped."""
        return None if self.status is PlanStatus.SKIPPED else self.moved_to or self.period


@dataclass(frozen=True, kw_only=True, eq=False)
class Planner:
    """Plans series of the same attendees, duration (minutes) and dates.

    Args:
        dates: the first and the last local date, in ``time_zone``, that a move may go to.
        step: moves start at a time of day that is a multiple of it, in minutes.
        move_within_days: the most days between a blocked occurrence and its move.
        per_week: how often the series comes in a week. A week that does not take so many more meetings is full.
        allow_unknown: count group members whose calendar is unknown as free.
        declared: what stored attendees declared, in a span that includes all meetings asked about.

    """

    attendees: tuple[Attendee, ...]
    dates: Days
    time_zone: str
    duration: int
    step: int
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: int = 3
    rules: Rules = NO_RULES
    per_week: int = 1
    allow_unknown: bool = True
    declared: DeclaredTime | None = None

    @cached_property
    def start_span(self) -> Span:
        """The UTC minutes [start, end) in which every meeting starts; no wall clock is a whole day from UTC."""
        return wall_midnight(self.dates.first) - DAY, wall_midnight(self.dates.last) + 3 * DAY

    @cached_property
    def constraints(self) -> Constraints:
        """What rules out the occurrences."""
        start, end = self.start_span
        return Constraints(
            attendees=tuple(_with_room_for(attendee, self.per_week) for attendee in self.attendees),
            span=self.declared.span if self.declared else (start, end + self.duration),
            rules=self.rules,
            allow_unknown=self.allow_unknown,
            declared=self.declared,
        )

    @cached_property
    def limits(self) -> list[tuple[int, MeetingLimit]]:
        """The limits of the required attendees, each with the attendee's index."""
        required = ((index, attendee) for index, attendee in enumerate(self.attendees) if attendee.required)
        return [(index, limit) for index, attendee in required for limit in limits_of(attendee)]

    def plan(self, series: Series, others: Sequence[Period] = ()) -> tuple[PlannedOccurrence, ...]:
        """Plan the occurrences of a series, in order.

        No occurrence moves onto another one, onto an earlier move, or near ``others``, the occurrences of other series
        that belong to this one.
        """
        locals_ = series.nominal_starts
        nominal = [self._meeting(minute_of(local.instant)) for local in locals_]
        begin, over = (instant_of(minute) for minute in self.constraints.span)
        near = [period for period in others if begin < period.end and period.start < over]
        reasons = self.blocked_by(nominal, near)
        planned: list[PlannedOccurrence] = []
        taken = [*nominal, *(self.with_buffers(period) for period in near)]
        held = [*nominal, *near]
        for local, period, blocked_by in zip(locals_, nominal, reasons, strict=True):
            if not blocked_by:
                planned.append(PlannedOccurrence(period, PlanStatus.CLEAR))
                continue
            held.remove(period)
            free_of = [other for other in taken if other is not period]
            moves = self.on_conflict is OnConflict.MOVE
            moved_to = next(self.nearest(local, free_of, held), None) if moves else None
            if moved_to is None:
                planned.append(PlannedOccurrence(period, PlanStatus.SKIPPED, blocked_by))
            else:
                taken.append(moved_to)
                held.append(moved_to)
                planned.append(PlannedOccurrence(period, PlanStatus.MOVED, blocked_by, moved_to))
        return tuple(self._with_availability(planned))

    def _with_availability(self, planned: Sequence[PlannedOccurrence]) -> Iterator[PlannedOccurrence]:
        """Yield the occurrences with ``coming`` filled in."""
        finals = sorted({minute_of(one.final.start) for one in planned if one.final})
        masks = self.constraints.availability(Starts(np.array(finals, dtype=np.int64), None), self.duration)
        asked = [(index, mask) for index, mask in enumerate(masks) if not self.attendees[index].required]
        for one in planned:
            if one.final:
                at = finals.index(minute_of(one.final.start))
                coming = {index: bool(mask[at]) for index, mask in asked if mask is not None}
                yield replace(one, coming=coming)
            else:
                yield one

    def blocked_by(self, periods: Sequence[Period], others: Sequence[Period] = ()) -> list[tuple[BlockedBy, ...]]:
        """Return for each period everything that blocks it: the request's constraints, then each attendee's.

        Earlier periods and ``others`` count towards the limits of a day or week.
        """
        starts = Starts(np.array([minute_of(period.start) for period in periods], dtype=np.int64), None)
        found: list[list[BlockedBy]] = [[] for _ in periods]
        for blocked_by, mask in self._causes(starts):
            for index in mask.nonzero()[0].tolist():
                found[index].append(blocked_by)
        for attendee, limit in self.limits:
            for index in limit.exceeded(periods, others).nonzero()[0].tolist():
                found[index].append(BlockedBy(attendee, Cause.LIMIT, person=self.attendees[attendee].id))
        return [tuple(_without_repeats(causes)) for causes in found]

    def _causes(self, starts: Starts) -> Iterator[tuple[BlockedBy, Mask]]:
        """Yield everything that may block, with the starts that it blocks."""
        for cause, mask in self.constraints.request_masks(starts, self.duration).items():
            yield BlockedBy(None, cause), mask
        for index, own in self.constraints.required():
            person = self.attendees[index].id
            for cause, constraint in own.by_cause.items():
                if cause is Cause.BUFFER and not (constraint.before or constraint.after):
                    continue  # it is the busy time
                mask = starts.blocked(self.duration, [constraint])
                if cause is not Cause.BLACKOUT:
                    yield BlockedBy(index, cause, person=person), mask
                elif mask.any():
                    for blackout, constraint_ in own.each_blackout:
                        blocked_by = BlockedBy(index, cause, blackout.title, blackout.id, person, blackout.kind)
                        yield blocked_by, starts.blocked(self.duration, [constraint_])

    def with_buffers(self, period: Period) -> Period:
        """Return the period with the largest buffers that any required attendee keeps around it."""
        buffers = [attendee.buffer for attendee in self.attendees if attendee.required] or [NO_BUFFER]
        before, after = max(one.before for one in buffers), max(one.after for one in buffers)
        return Period(period.start - timedelta(minutes=after), period.end + timedelta(minutes=before))

    def nearest(self, blocked: LocalTime, others: Sequence[Period], held: Sequence[Period]) -> Iterator[Period]:
        """Yield the free periods near the blocked occurrence, the nearest first and of two the later one.

        They keep the minimum gap from ``others``; the ``held`` periods count towards the limits of a day or week.
        """
        day = blocked.wall.date().toordinal() - EPOCH.toordinal()
        minutes, days = self._free
        near = minutes[np.abs(days - day) <= self.move_within_days]
        # Periods further away are not in the same week as any start that is near.
        origin, span = blocked.instant, timedelta(days=self.move_within_days + 10)
        held = [period for period in held if abs(period.start - origin) < span] if self.limits else []
        for _, limit in self.limits:
            near = near[limit.has_room(near, held)]
        for index in np.lexsort((-near, np.abs(near - minute_of(origin)))).tolist():
            period = self._meeting(int(near[index]))
            if self._keeps_gap(period, others):
                yield period

    def is_free(self, start: datetime, others: Sequence[Period]) -> bool:
        """Whether everybody required can come to a meeting at ``start`` (UTC), beside ``others`` of its series."""
        period = self._meeting(minute_of(start))
        minutes = np.array([minute_of(start)], dtype=np.int64)
        if self.constraints.blocked(Starts(minutes, None), self.duration)[0]:
            return False
        has_room = all(limit.has_room(minutes, others)[0] for _, limit in self.limits)
        return has_room and self._keeps_gap(period, others)

    def _keeps_gap(self, period: Period, others: Sequence[Period]) -> bool:
        gap = timedelta(minutes=self.rules.minimum_gap)
        return not any(period.start < other.end + gap and other.start < period.end + gap for other in others)

    @cached_property
    def _free(self) -> tuple[Minutes, Minutes]:
        """The starts on the dates that nothing rules out, and the local day of each, counted from the epoch."""
        start, end = self.start_span
        starts = Starts.on_wall_clock(self.time_zone, self.step, start, end)
        walls = starts.minutes + offsets_between(self.time_zone, start, end).at(starts.minutes)
        on_dates = (walls >= wall_midnight(self.dates.first)) & (walls < wall_midnight(self.dates.last) + DAY)
        free = on_dates & ~self.constraints.blocked(starts, self.duration)
        return starts.minutes[free], walls[free] // DAY

    def _meeting(self, start: int) -> Period:
        return Period(instant_of(start), instant_of(start + self.duration))


def _with_room_for(attendee: Attendee, per_week: int) -> Attendee:
    """Return the attendee with a weekly limit that is reached as soon as a week does not take ``per_week`` more."""
    most = attendee.at_most_per_week
    return attendee if most is None else replace(attendee, at_most_per_week=most - per_week + 1)


def _without_repeats(causes: Sequence[BlockedBy]) -> Iterator[BlockedBy]:
    """Yield each cause once, and ``buffer`` only for attendees whose busy time itself does not block."""
    busy = {cause.index for cause in causes if cause.cause is Cause.BUSY}
    once = dict.fromkeys(causes)
    return (cause for cause in once if cause.cause is not Cause.BUFFER or cause.index not in busy)
