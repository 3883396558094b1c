"""Why there is no slot or cadence: which causes bar how many starts, and which of them decides.

Each attendee's causes are kept apart as bars, so that the search uses them all at once and the
explanation one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.open_time import blackout_periods, closed_hours
from scheduler.domain.search.groups import Panel
from scheduler.domain.search.meeting_limits import full_days
from scheduler.domain.search.starts import Bar, Mask, Starts


class Cause(StrEnum):
    """What bars a meeting at a start."""

    OUTSIDE_HOURS = "outside_hours"
    NO_WORKING_HOURS = "no_working_hours"
    BLACKOUT = "blackout"
    MINIMUM_NOTICE = "minimum_notice"
    BUSY = "busy"
    BUFFER = "buffer"
    WITHIN = "within"
    LIMIT = "limit"
    MINIMUM_GAP = "minimum_gap"
    GROUP = "group"


class Reason(StrEnum):
    """Why nothing is feasible; the first that is true, in this order, is given."""

    WINDOW_TOO_SHORT = "window_too_short"
    STALE_CALENDAR = "stale_calendar"
    NO_WORKING_HOURS = "no_working_hours"
    NO_COMMON_HOURS = "no_common_hours"
    WITHIN = "within"
    BLACKOUT = "blackout"
    MINIMUM_NOTICE = "minimum_notice"
    BUSY = "busy"
    BUFFER = "buffer"
    LIMIT = "limit"
    MINIMUM_GAP = "minimum_gap"
    GROUP = "group"


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
    """One attendee's bars by cause.

    ``buffer`` is the busy time with the buffers around it, ``limit`` the days and weeks that are full.
    """

    hours: Bar
    blackout: Bar
    busy: Bar
    buffer: Bar
    limit: Bar

    @classmethod
    def of(cls, attendee: Attendee, start: int, end: int) -> Bars:
        """What bars this attendee from meetings that lie in [start, end) (UTC minutes)."""
        buffer = cls.of_buffer(attendee, start, end)
        hours, blackout = cls.of_hours(attendee, start, end), cls.of_blackouts(attendee, start, end)
        limit = Bar(full_days(attendee, start, end), starts_only=True)
        return cls(hours, blackout, Bar(buffer.periods), buffer, limit)

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
        return (self.hours, self.blackout, self.buffer, self.limit)


@dataclass(frozen=True)
class Situation:
    """A question as the explanation needs it: whom it is about, what bars them, and the starts in question.

    Every meeting lies in ``span`` (UTC minutes). ``rules`` masks the starts that the question's own rules bar, by
    cause, and ``panel`` says who of its groups can come. ``unreliable`` are the attendees whose calendar is unknown
    where that is not put up with.
    """

    attendees: Sequence[Attendee]
    bars: Sequence[Bars]
    starts: Starts
    duration: int
    span: tuple[int, int]
    rules: Mapping[Cause, Mask]
    unreliable: frozenset[int] = frozenset()
    panel: Panel | None = None

    @property
    def required(self) -> list[tuple[int, Attendee, Bars]]:
        """Those who have to come, with their places and bars."""
        pairs = enumerate(zip(self.attendees, self.bars, strict=True))
        return [(index, attendee, own) for index, (attendee, own) in pairs if attendee.required]

    def barred(self, *bars: Bar) -> Mask:
        """Which of the starts the bars bar."""
        return self.starts.barred(self.duration, bars)


Weigh = Callable[[int | None, Cause, Mask], int]
"""How many starts somebody's cause takes, of which those are barred in this mask that it bars for any candidate."""


def blocking_causes(situation: Situation, weigh: Weigh) -> tuple[Blocking, ...]:
    """Each required attendee's and the question's own causes, with what each takes by itself.

    Most starts lost first, then by index, the question's own first.
    """
    rows = [Blocking(None, cause, weigh(None, cause, mask)) for cause, mask in situation.rules.items()]
    for index, attendee, own in situation.required:
        hours = Cause.NO_WORKING_HOURS if attendee.hours == () else Cause.OUTSIDE_HOURS
        busy = situation.barred(own.busy)
        masks = {
            hours: situation.barred(own.hours),
            Cause.BLACKOUT: situation.barred(own.blackout),
            Cause.BUSY: busy,
            Cause.BUFFER: situation.barred(own.buffer) & ~busy,
            Cause.LIMIT: situation.barred(own.limit),
        }
        rows += [Blocking(index, cause, weigh(index, cause, mask)) for cause, mask in masks.items()]
    lost = [row for row in rows if row.starts_lost]
    return tuple(sorted(lost, key=lambda row: (-row.starts_lost, -1 if row.index is None else row.index)))


def first_reason(situation: Situation, is_hopeless: Callable[[Reason, Mask], bool]) -> Reason:
    """The first reason in their order whose cause, with those before it, leaves nothing.

    ``is_hopeless`` says whether what is left is nothing, of the reason that was come to and a mask of barred starts.
    """
    required = [own for _, _, own in situation.required]
    if any(index in situation.unreliable for index, _, _ in situation.required):
        return Reason.STALE_CALENDAR
    if any(attendee.hours == () for _, attendee, _ in situation.required):
        return Reason.NO_WORKING_HOURS
    own_rules = situation.rules
    nothing: Mask = np.zeros(len(situation.starts), dtype=bool)
    layers: tuple[tuple[Reason, Callable[[], Mask]], ...] = (
        (Reason.NO_COMMON_HOURS, lambda: situation.barred(*(own.hours for own in required))),
        (Reason.WITHIN, lambda: own_rules.get(Cause.WITHIN, nothing)),
        (Reason.BLACKOUT, lambda: situation.barred(*(own.blackout for own in required))),
        (Reason.MINIMUM_NOTICE, lambda: own_rules.get(Cause.MINIMUM_NOTICE, nothing)),
        (Reason.BUSY, lambda: situation.barred(*(own.busy for own in required))),
        (Reason.BUFFER, lambda: situation.barred(*(own.buffer for own in required))),
        (Reason.LIMIT, lambda: situation.barred(*(own.limit for own in required))),
        (Reason.MINIMUM_GAP, lambda: own_rules.get(Cause.MINIMUM_GAP, nothing)),
    )
    barred = nothing
    for reason, layer in layers:
        barred = barred | layer()
        if is_hopeless(reason, barred):
            return reason
    return Reason.GROUP
