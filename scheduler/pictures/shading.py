"""Shade a search window minute by minute: when a meeting is possible, and which cause prevents it otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.availability.open_time import blackout_periods
from scheduler.domain.search.constraints import AttendeeConstraints, Cause, Constraints
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.starts import Constraint
from scheduler.domain.time.periods import Periods, Span


@dataclass(frozen=True)
class Shade:
    """Why no meeting is possible; ``kind`` is a blackout's, None for other causes and where it is redacted."""

    cause: Cause
    kind: BlackoutKind | None = None


@dataclass(frozen=True)
class Shading:
    """The window [start, end) in UTC minutes, its constraints, and consecutive spans with their shade.

    Where several causes hold, the first in the order of explanations is shown; None means open. A start is feasible
    exactly if its whole meeting is open, except for LIMIT (no meeting may start there) and GROUP (too few members are
    free at the same time).
    """

    start: int
    end: int
    constraints: Constraints
    spans: tuple[tuple[Span, Shade | None], ...]

    def free(self, index: int) -> Periods:
        """Return when the attendee at that index is free for a meeting."""
        return _unavailable(self.constraints.of(index)).gaps(self.start, self.end)

    def hours(self, index: int) -> Periods:
        """Return when it is within the working hours of the attendee at that index, on their clock."""
        return Periods.union(self.constraints.of(index).hours.periods).gaps(self.start, self.end)


def shade_window(query: SlotQuery, redacted: frozenset[int] = frozenset()) -> Shading:
    """Shade the window for all required attendees together; ``redacted`` ones' blackouts (indexes) have no kind."""
    constraints = query.constraints()
    start, end = constraints.span
    shades: list[Shade | None] = [None]
    painted = np.zeros(end - start, dtype=np.uint8)
    for shade, periods in reversed(list(_layers(constraints, redacted))):
        shades.append(shade)
        for since, until in _spans(periods.within(start, end)):
            painted[since - start : until - start] = len(shades) - 1
    spans = [((since + start, until + start), shades[code]) for since, until, code in _runs(painted)]
    return Shading(start, end, constraints, tuple(spans))


def _layers(constraints: Constraints, redacted: frozenset[int]) -> Iterator[tuple[Shade, Periods]]:
    """Yield each shade with its periods; where several hold, the first one is shown."""
    required = [own for _, own in constraints.required()]
    request = constraints.request
    yield Shade(Cause.OUTSIDE_HOURS), Periods.union(*(own.hours.periods for own in required))
    if Cause.WITHIN in request:
        yield Shade(Cause.WITHIN), _meeting_free(request[Cause.WITHIN])
    yield from _blackouts(constraints, redacted)
    if Cause.MINIMUM_NOTICE in request:
        yield Shade(Cause.MINIMUM_NOTICE), request[Cause.MINIMUM_NOTICE].periods
    yield Shade(Cause.BUSY), Periods.union(*(own.busy.periods for own in required))
    yield Shade(Cause.BUFFER), Periods.union(*(_meeting_free(own.buffer) for own in required))
    yield Shade(Cause.LIMIT), Periods.union(*(own.limit.periods for own in required))
    if Cause.MINIMUM_GAP in request:
        yield Shade(Cause.MINIMUM_GAP), _meeting_free(request[Cause.MINIMUM_GAP])
    yield Shade(Cause.GROUP), _understaffed(constraints)


def _blackouts(constraints: Constraints, redacted: frozenset[int]) -> Iterator[tuple[Shade, Periods]]:
    """Yield the required attendees' firm blackouts by kind, redacted ones last."""
    found: dict[BlackoutKind | None, list[Periods]] = {kind: [] for kind in (*BlackoutKind, None)}
    for index, one in enumerate(constraints.attendees):
        for kind in {blackout.kind for blackout in one.blackouts if blackout.firm and one.required}:
            own = [blackout for blackout in one.blackouts if blackout.firm and blackout.kind is kind]
            shown = None if index in redacted else kind
            found[shown].append(blackout_periods(own, one.clock, *constraints.span))
    for shown, periods in found.items():
        yield Shade(Cause.BLACKOUT, shown), Periods.union(*periods)


def _understaffed(constraints: Constraints) -> Periods:
    """Return when fewer members of a group are free than it requires."""
    start, end = constraints.span
    short = np.zeros(end - start, dtype=bool)
    for group in constraints.rules.groups:
        free = np.zeros(end - start, dtype=np.int64)
        for index in group.members:
            for since, until in _spans(_unavailable(constraints.of(index)).gaps(start, end)):
                free[since - start : until - start] += 1
        short |= free < group.required
    spans = [(since + start, until + start) for since, until, code in _runs(short.astype(np.uint8)) if code]
    bounds = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return Periods(bounds[:, 0], bounds[:, 1])


def _unavailable(own: AttendeeConstraints) -> Periods:
    """Return when an attendee is outside their hours, in a blackout, or busy with buffers."""
    return Periods.union(own.hours.periods, own.blackout.periods, _meeting_free(own.buffer))


def _meeting_free(constraint: Constraint) -> Periods:
    """Return the minutes that no meeting may contain under the constraint."""
    periods = constraint.periods
    return Periods.merged(periods.starts - constraint.after, periods.ends + constraint.before)


def _spans(periods: Periods) -> Iterator[Span]:
    return zip(periods.starts.tolist(), periods.ends.tolist(), strict=True)


def _runs(codes: np.typing.NDArray[np.uint8]) -> Iterator[tuple[int, int, int]]:
    """Yield the runs of equal codes as (start, end, code)."""
    if not codes.size:
        return
    cuts = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), codes.size]
    for since, until in pairwise(cuts):
        yield since, until, int(codes[since])
