"""Why there is no slot or cadence: which causes bar how many starts, and which of them decides.

Each attendee's causes are kept apart as bars, so that the search uses them all at once and the
explanation one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from scheduler.domain.availability import Attendee, blackout_periods, closed_hours
from scheduler.domain.timeline import Bar, Mask, Starts


class Cause(StrEnum):
    """What bars a meeting at a start."""

    OUTSIDE_HOURS = "outside_hours"
    NO_WORKING_HOURS = "no_working_hours"
    BLACKOUT = "blackout"
    MINIMUM_NOTICE = "minimum_notice"
    BUSY = "busy"
    BUFFER = "buffer"


class Reason(StrEnum):
    """Why nothing is feasible; the first that is true, in this order, is given."""

    WINDOW_TOO_SHORT = "window_too_short"
    STALE_CALENDAR = "stale_calendar"
    NO_WORKING_HOURS = "no_working_hours"
    NO_COMMON_HOURS = "no_common_hours"
    BLACKOUT = "blackout"
    MINIMUM_NOTICE = "minimum_notice"
    BUSY = "busy"
    BUFFER = "buffer"


@dataclass(frozen=True)
class Blocking:
    """How many starts one cause takes by itself; ``index`` is the attendee's, None for the request's own."""

    index: int | None
    cause: Cause
    starts_lost: int


@dataclass(frozen=True)
class Relaxation:
    """A change of the request that was tried, and what it comes to: feasible starts, or the best coverage.

    ``fields`` are those of the attendee at ``index``, or of the question itself (None), that take other values.
    """

    index: int | None
    said: str
    fields: Mapping[str, object]
    gained: float
    asks: int


@dataclass(frozen=True)
class Explanation:
    """Who stands in the way; where there is nothing, also why (``reason``) and what would help."""

    reason: Reason | None
    blocking: tuple[Blocking, ...]
    relaxations: tuple[Relaxation, ...] = ()


@dataclass(frozen=True)
class Bars:
    """One attendee's bars by cause. ``buffer`` is the busy time with the buffers around it."""

    hours: Bar
    blackout: Bar
    busy: Bar
    buffer: Bar

    @classmethod
    def of(cls, attendee: Attendee, start: int, end: int) -> Bars:
        """What bars this attendee from meetings that lie in [start, end) (UTC minutes)."""
        buffer = cls.of_buffer(attendee, start, end)
        hours, blackout = cls.of_hours(attendee, start, end), cls.of_blackouts(attendee, start, end)
        return cls(hours, blackout, Bar(buffer.periods), buffer)

    @staticmethod
    def of_hours(attendee: Attendee, start: int, end: int) -> Bar:
        """The time outside the hours."""
        return Bar(closed_hours(attendee.hours, attendee.clock, start, end))

    @staticmethod
    def of_blackouts(attendee: Attendee, start: int, end: int) -> Bar:
        """The firm blackouts."""
        return Bar(blackout_periods([one for one in attendee.blackouts if one.firm], attendee.clock, start, end))

    @staticmethod
    def of_buffer(attendee: Attendee, start: int, end: int) -> Bar:
        """The busy time with the buffers around it."""
        buffer = attendee.buffer
        margin = buffer.before + buffer.after
        return Bar(attendee.busy.near(start - margin, end + margin), buffer.before, buffer.after)

    @property
    def all(self) -> tuple[Bar, ...]:
        """Everything that must hold; the buffered busy time holds the busy time."""
        return (self.hours, self.blackout, self.buffer)


def blocking_causes(
    attendees: Sequence[Attendee], bars: Sequence[Bars], starts: Starts, duration: int, weigh: Callable[[Mask], int]
) -> Iterator[Blocking]:
    """Each required attendee's causes with what they take by themselves; ``weigh`` counts a mask of barred starts."""
    for index, (attendee, own) in enumerate(zip(attendees, bars, strict=True)):
        if not attendee.required:
            continue
        hours = Cause.NO_WORKING_HOURS if attendee.hours == () else Cause.OUTSIDE_HOURS
        busy = starts.barred(duration, [own.busy])
        masks = {
            hours: starts.barred(duration, [own.hours]),
            Cause.BLACKOUT: starts.barred(duration, [own.blackout]),
            Cause.BUSY: busy,
            Cause.BUFFER: starts.barred(duration, [own.buffer]) & ~busy,
        }
        for cause, mask in masks.items():
            if lost := weigh(mask):
                yield Blocking(index, cause, lost)


def by_weight(blocking: Sequence[Blocking]) -> tuple[Blocking, ...]:
    """Most starts lost first, then by index, the request's own first."""
    return tuple(sorted(blocking, key=lambda row: (-row.starts_lost, -1 if row.index is None else row.index)))


def first_reason(
    attendees: Sequence[Attendee],
    bars: Sequence[Bars],
    starts: Starts,
    duration: int,
    too_early: Mask,
    is_hopeless: Callable[[Mask], bool],
) -> Reason:
    """The first cause in the order of ``Reason`` that, with those before it, leaves nothing.

    ``too_early`` masks the starts under the minimum notice; ``is_hopeless`` says of a mask of barred
    starts whether what is left is nothing.
    """
    required = [own for attendee, own in zip(attendees, bars, strict=True) if attendee.required]
    if any(attendee.required and attendee.hours == () for attendee in attendees):
        return Reason.NO_WORKING_HOURS
    layers: tuple[tuple[Reason, Callable[[], Mask]], ...] = (
        (Reason.NO_COMMON_HOURS, lambda: starts.barred(duration, [own.hours for own in required])),
        (Reason.BLACKOUT, lambda: starts.barred(duration, [own.blackout for own in required])),
        (Reason.MINIMUM_NOTICE, lambda: too_early),
        (Reason.BUSY, lambda: starts.barred(duration, [own.busy for own in required])),
    )
    barred = np.zeros(len(starts), dtype=bool)
    for reason, layer in layers:
        barred = barred | layer()
        if is_hopeless(barred):
            return reason
    return Reason.BUFFER
