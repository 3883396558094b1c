"""What each occurrence of a series comes to: clear, moved nearby, or skipped, and who stood in the way.

The same plan is shown with a cadence and made again, inside the transaction, when it is booked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np

from scheduler.domain.availability.attendees import NO_BUFFER, Attendee, Blackout, Days
from scheduler.domain.availability.open_time import blackout_periods
from scheduler.domain.search.explanation import Bars, Cause
from scheduler.domain.search.groups import Panel
from scheduler.domain.search.meeting_limits import _Limit, caps_of
from scheduler.domain.search.rules import NO_RULES, Rules
from scheduler.domain.search.scoring import coming_attendees
from scheduler.domain.search.starts import Bar, Mask, Starts
from scheduler.domain.time.periods import EPOCH, Minutes, Period, instant_of, minute_of
from scheduler.domain.time.series import Series
from scheduler.domain.time.units import DAY, wall_midnight
from scheduler.domain.time.zones import LocalTime, offsets_between


class OnConflict(StrEnum):
    """What to do with an occurrence that is blocked."""

    MOVE = "move"
    SKIP = "skip"


class PlanStatus(StrEnum):
    """What an occurrence comes to."""

    CLEAR = "clear"
    MOVED = "moved"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class BlockedBy:
    """Whom an occurrence does not suit (``index`` None: a rule of the question's own), and why.

    ``title`` is a blackout's, ``blackout`` the id of a stored one.
    """

    index: int | None
    cause: Cause
    title: str | None = None
    blackout: str | None = None


@dataclass(frozen=True)
class PlannedOccurrence:
    """One occurrence: ``period`` is the nominal one, ``moved_to`` where it goes instead.

    ``coming`` says of those who are not required by name, by index, whether they can come if it takes place; of who is
    unknown it says nothing.
    """

    period: Period
    status: PlanStatus
    blocked_by: tuple[BlockedBy, ...] = ()
    moved_to: Period | None = None
    coming: Mapping[int, bool] = field(default_factory=dict)


class Planner:
    """Plans the occurrences of any series for the same people, length and dates.

    A move stays within ``move_within_days`` of the blocked date and within ``starts_on`` to ``ends_on``,
    dates of ``zone``; its time of day there is a multiple of ``step`` minutes. A week has room for a series that comes
    ``per_week`` times in it if it has for all of them. Nobody counts on a group's members who are ``unreliable``.
    """

    def __init__(
        self,
        attendees: tuple[Attendee, ...],
        dates: Days,
        zone: str,
        duration: int,
        step: int,
        on_conflict: OnConflict = OnConflict.MOVE,
        move_within_days: int = 3,
        rules: Rules = NO_RULES,
        per_week: int = 1,
        unreliable: frozenset[int] = frozenset(),
    ) -> None:
        self.attendees = tuple(_with_room_for(attendee, per_week) for attendee in attendees)
        self.dates = dates
        self.zone = zone
        self.duration = duration
        self.step = step
        self.on_conflict = on_conflict
        self.move_within_days = move_within_days
        self.rules = rules
        # No wall clock is a whole day away from UTC.
        self.start = wall_midnight(dates.first) - DAY
        self.end = wall_midnight(dates.last) + 3 * DAY
        self.bars = [Bars.of(attendee, *self.span) for attendee in self.attendees]
        self.rule_bars = rules.bars(attendees, *self.span)
        self.unreliable = unreliable
        self.limits = [
            _Limit(index, attendee.clock, cap, cap.taken(attendee.clock, attendee.meeting_starts), attendee.meetings)
            for index, attendee in enumerate(attendees)
            for cap in (caps_of(attendee) if attendee.required else ())
        ]

    @property
    def span(self) -> tuple[int, int]:
        """The UTC minutes [start, end) within which every meeting lies that is looked at."""
        return self.start, self.end + self.duration

    def barred(self, starts: Starts) -> Mask:
        """Which of the starts something bars for a required attendee, or a rule bars for all."""
        required = [own for one, own in zip(self.attendees, self.bars, strict=True) if one.required]
        bars = [bar for own in required for bar in own.all]
        barred = starts.barred(self.duration, [*bars, *self.rule_bars.values()])
        panel = self.panel(starts)
        return barred | panel.short if panel else barred

    def panel(self, starts: Starts) -> Panel | None:
        """Who of the question's groups, if it has any, can come to meetings at the starts."""
        if not self.rules.groups:
            return None
        return self.rules.panel(self.attendees, self.bars, starts, self.duration, self.unreliable)

    def rule_masks(self, starts: Starts) -> dict[Cause, Mask]:
        """Which of the starts each of the question's own rules bars."""
        masks = {cause: starts.barred(self.duration, [bar]) for cause, bar in self.rule_bars.items()}
        panel = self.panel(starts)
        return masks | {Cause.GROUP: panel.short} if panel else masks

    def plan(self, series: Series, elsewhere: Sequence[Period] = ()) -> tuple[PlannedOccurrence, ...]:
        """Each occurrence of the series in order; none moves onto another one or onto an earlier move.

        Nor does any move near what is ``elsewhere``, the times of other series that go with this one.
        """
        locals_ = series.nominal_starts
        nominal = [self._meeting(minute_of(local.instant)) for local in locals_]
        begin, over = (instant_of(minute) for minute in self.span)
        near = [period for period in elsewhere if begin < period.end and period.start < over]
        reasons = self._blocked_by(nominal, near)
        planned: list[PlannedOccurrence] = []
        taken = [*nominal, *(self._with_buffers(period) for period in near)]
        held = [*nominal, *near]
        for place, (local, period) in enumerate(zip(locals_, nominal, strict=True)):
            if not reasons[place]:
                planned.append(PlannedOccurrence(period, PlanStatus.CLEAR))
                continue
            held.remove(period)
            others = [other for other in taken if other is not period]
            moved_to = self._nearest(local, others, held) if self.on_conflict is OnConflict.MOVE else None
            if moved_to is None:
                planned.append(PlannedOccurrence(period, PlanStatus.SKIPPED, reasons[place]))
            else:
                taken.append(moved_to)
                held.append(moved_to)
                planned.append(PlannedOccurrence(period, PlanStatus.MOVED, reasons[place], moved_to))
        return tuple(self._with_those_who_come(planned))

    def _with_those_who_come(self, planned: Sequence[PlannedOccurrence]) -> Iterator[PlannedOccurrence]:
        """The occurrences with who else can come to each."""
        others = [index for index, one in enumerate(self.attendees) if not one.required and one.unknown is None]
        kept = [one.moved_to or one.period for one in planned if one.status is not PlanStatus.SKIPPED] if others else []
        starts = Starts(np.unique(np.array([minute_of(one.start) for one in kept], dtype=np.int64)), None)
        masks = coming_attendees(self.attendees, self.bars, starts, self.duration, self.panel(starts))
        for one in planned:
            if not others or one.status is PlanStatus.SKIPPED:
                yield one
                continue
            place = np.searchsorted(starts.minutes, minute_of((one.moved_to or one.period).start))
            coming = {index: mask[place] for index in others if (mask := masks[index]) is not None}
            yield replace(one, coming={index: bool(can) for index, can in coming.items()})

    def _blocked_by(self, periods: Sequence[Period], elsewhere: Sequence[Period]) -> list[tuple[BlockedBy, ...]]:
        """For each period, every cause that keeps a required attendee from it, in the attendees' order.

        A period counts towards what a day or a week may have of those after it, and so does what is ``elsewhere``.
        """
        starts = Starts(np.array([minute_of(period.start) for period in periods], dtype=np.int64), None)
        found: list[list[BlockedBy]] = [[] for _ in periods]
        for blocked_by, mask in self._causes(starts):
            for place in mask.nonzero()[0].tolist():
                found[place].append(blocked_by)
        for limit in self.limits:
            for place in limit.overfull(periods, elsewhere).nonzero()[0].tolist():
                found[place].append(BlockedBy(limit.index, Cause.LIMIT))
        return [tuple(_without_doubles(causes)) for causes in found]

    def _causes(self, starts: Starts) -> Iterator[tuple[BlockedBy, Mask]]:
        """Every cause with the starts that it bars: the question's own, then each required attendee's."""
        for cause, mask in self.rule_masks(starts).items():
            yield BlockedBy(None, cause), mask
        for index, (attendee, own) in enumerate(zip(self.attendees, self.bars, strict=True)):
            if not attendee.required:
                continue
            hours = Cause.NO_WORKING_HOURS if attendee.hours == () else Cause.OUTSIDE_HOURS
            yield BlockedBy(index, hours), starts.barred(self.duration, [own.hours])
            if starts.barred(self.duration, [own.blackout]).any():
                for blackout, bar in self._blackouts[index]:
                    by = BlockedBy(index, Cause.BLACKOUT, blackout.title, blackout.id)
                    yield by, starts.barred(self.duration, [bar])
            yield BlockedBy(index, Cause.BUSY), starts.barred(self.duration, [own.busy])
            if own.buffer.before or own.buffer.after:
                yield BlockedBy(index, Cause.BUFFER), starts.barred(self.duration, [own.buffer])
            yield BlockedBy(index, Cause.LIMIT), starts.barred(self.duration, [own.limit])

    @cached_property
    def _blackouts(self) -> list[list[tuple[Blackout, Bar]]]:
        """Each attendee's firm blackouts, worked out once for all series."""
        return [
            [
                (blackout, Bar(blackout_periods([blackout], attendee.clock, *self.span)))
                for blackout in attendee.blackouts
                if blackout.firm
            ]
            for attendee in self.attendees
        ]

    def _with_buffers(self, period: Period) -> Period:
        """The period with the time around it that somebody keeps free of others."""
        buffers = [attendee.buffer for attendee in self.attendees if attendee.required] or [NO_BUFFER]
        before, after = max(one.before for one in buffers), max(one.after for one in buffers)
        return Period(period.start - timedelta(minutes=after), period.end + timedelta(minutes=before))

    def _nearest(self, blocked: LocalTime, others: Sequence[Period], held: Sequence[Period]) -> Period | None:
        """The free start nearest in time to the blocked one, of two the later, that keeps away from all the others.

        With those that are ``held`` nobody's day or week is fuller than it may be.
        """
        day = blocked.wall.date().toordinal() - EPOCH.toordinal()
        minutes, days = self._free
        near = minutes[np.abs(days - day) <= self.move_within_days]
        # Nothing further away is in the same week as a start that is near.
        origin, reach = blocked.instant, timedelta(days=self.move_within_days + 10)
        held = [period for period in held if abs(period.start - origin) < reach] if self.limits else []
        for limit in self.limits:
            near = near[limit.has_room(near, held)]
        gap = timedelta(minutes=self.rules.minimum_gap)
        for place in np.lexsort((-near, np.abs(near - minute_of(origin)))).tolist():
            period = self._meeting(int(near[place]))
            is_near = any(period.start < other.end + gap and other.start < period.end + gap for other in others)
            if not is_near:
                return period
        return None

    @cached_property
    def _free(self) -> tuple[Minutes, Minutes]:
        """The starts on the dates at which everything holds for the required attendees, and the local day of each."""
        starts = Starts.on_wall_clock(self.zone, self.step, self.start, self.end)
        walls = starts.minutes + offsets_between(self.zone, self.start, self.end).at(starts.minutes)
        on_dates = (walls >= wall_midnight(self.dates.first)) & (walls < wall_midnight(self.dates.last) + DAY)
        free = on_dates & ~self.barred(starts)
        return starts.minutes[free], walls[free] // DAY

    def _meeting(self, start: int) -> Period:
        return Period(instant_of(start), instant_of(start + self.duration))


def _with_room_for(attendee: Attendee, per_week: int) -> Attendee:
    """Whose week is full already when it can't take so many more."""
    most = attendee.at_most_per_week
    return attendee if most is None else replace(attendee, at_most_per_week=most - per_week + 1)


def _without_doubles(causes: Sequence[BlockedBy]) -> Iterator[BlockedBy]:
    """Each cause once, and no ``buffer`` beside ``busy``: it counts only where the busy time itself does not bar."""
    busy = {cause.index for cause in causes if cause.cause is Cause.BUSY}
    once = dict.fromkeys(causes)
    return (cause for cause in once if cause.cause is not Cause.BUFFER or cause.index not in busy)
