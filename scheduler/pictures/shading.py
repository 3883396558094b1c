"""What can be seen of a search minute by minute: when a meeting can be going on, and what bars it where it can't."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scheduler.domain.availability.attendees import Attendee, BlackoutKind
from scheduler.domain.availability.open_time import blackout_periods
from scheduler.domain.search.explanation import Bars, Cause
from scheduler.domain.search.slots import SlotQuery
from scheduler.domain.search.starts import Bar
from scheduler.domain.time.periods import Periods, Span, minute_after, minute_of


@dataclass(frozen=True)
class Shade:
    """Why no meeting can be going on; ``kind`` is a blackout's, None where it is not told."""

    cause: Cause
    kind: BlackoutKind | None = None


@dataclass(frozen=True)
class Shading:
    """A window by the minute: [start, end) in UTC minutes, the attendees' bars, and the spans with their shade.

    A span has the first shade that holds in it, in the order of `Cause` as explanations weigh them; None is open.
    But for LIMIT (where a meeting may not begin) and GROUP (where too few of a group are free at once) a start is
    feasible exactly where all of its meeting is open.
    """

    start: int
    end: int
    bars: tuple[Bars, ...]
    spans: tuple[tuple[Span, Shade | None], ...]

    def free(self, index: int) -> Periods:
        """When that attendee could be in a meeting."""
        return _taken(self.bars[index]).gaps(self.start, self.end)

    def hours(self, index: int) -> Periods:
        """When that attendee's wall clock reads a time inside the hours."""
        return Periods.union(self.bars[index].hours.periods).gaps(self.start, self.end)


def shade_window(query: SlotQuery, redacted: frozenset[int] = frozenset()) -> Shading:
    """Shade the window for all required attendees together; a ``redacted`` attendee's blackouts have no kind."""
    start = minute_after(query.window.start)
    end = max(minute_of(query.window.end), start)
    bars = tuple(Bars.of(attendee, start, end) for attendee in query.attendees)
    shades: list[Shade | None] = [None]
    painted = np.zeros(end - start, dtype=np.uint8)
    for shade, periods in reversed(list(_layers(query, bars, redacted, start, end))):
        shades.append(shade)
        for since, until in _spans(periods.within(start, end)):
            painted[since - start : until - start] = len(shades) - 1
    spans = [((since + start, until + start), shades[code]) for since, until, code in _runs(painted)]
    return Shading(start, end, bars, tuple(spans))


def _layers(
    query: SlotQuery, bars: Sequence[Bars], redacted: frozenset[int], start: int, end: int
) -> Iterator[tuple[Shade, Periods]]:
    """What bars a meeting, first what is named first where several hold."""
    required = [own for one, own in zip(query.attendees, bars, strict=True) if one.required]
    rules = query.rules.bars(query.attendees, start, end)
    yield Shade(Cause.OUTSIDE_HOURS), Periods.union(*(own.hours.periods for own in required))
    if Cause.WITHIN in rules:
        yield Shade(Cause.WITHIN), _reach(rules[Cause.WITHIN])
    yield from _blackouts(query.attendees, redacted, start, end)
    if query.not_before is not None and minute_after(query.not_before) > start:
        bounds = np.array([start, minute_after(query.not_before)], dtype=np.int64)
        yield Shade(Cause.MINIMUM_NOTICE), Periods(bounds[:1], bounds[1:])
    yield Shade(Cause.BUSY), Periods.union(*(own.busy.periods for own in required))
    yield Shade(Cause.BUFFER), Periods.union(*(_reach(own.buffer) for own in required))
    yield Shade(Cause.LIMIT), Periods.union(*(own.limit.periods for own in required))
    if Cause.MINIMUM_GAP in rules:
        yield Shade(Cause.MINIMUM_GAP), _reach(rules[Cause.MINIMUM_GAP])
    yield Shade(Cause.GROUP), _short(query, bars, start, end)


def _blackouts(
    attendees: Sequence[Attendee], redacted: frozenset[int], start: int, end: int
) -> Iterator[tuple[Shade, Periods]]:
    """The required attendees' firm blackouts by kind."""
    found: dict[BlackoutKind | None, list[Periods]] = {kind: [] for kind in (*BlackoutKind, None)}
    for index, one in enumerate(attendees):
        for kind in {blackout.kind for blackout in one.blackouts if blackout.firm and one.required}:
            own = [blackout for blackout in one.blackouts if blackout.firm and blackout.kind is kind]
            shown = None if index in redacted else kind
            found[shown].append(blackout_periods(own, one.clock, start, end))
    for shown, periods in found.items():
        yield Shade(Cause.BLACKOUT, shown), Periods.union(*periods)


def _short(query: SlotQuery, bars: Sequence[Bars], start: int, end: int) -> Periods:
    """When fewer of a group are free than it needs."""
    short = np.zeros(end - start, dtype=bool)
    for group in query.rules.groups:
        free = np.zeros(end - start, dtype=np.int64)
        for index in group.members:
            for since, until in _spans(_taken(bars[index]).gaps(start, end)):
                free[since - start : until - start] += 1
        short |= free < group.required
    spans = [(since + start, until + start) for since, until, code in _runs(short.astype(np.uint8)) if code]
    bounds = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return Periods(bounds[:, 0], bounds[:, 1])


def _taken(own: Bars) -> Periods:
    """When that attendee can't be in a meeting."""
    return Periods.union(own.hours.periods, own.blackout.periods, _reach(own.buffer))


def _reach(bar: Bar) -> Periods:
    """The minutes that no meeting has where the bar holds."""
    return Periods.merged(bar.periods.starts - bar.after, bar.periods.ends + bar.before)


def _spans(periods: Periods) -> Iterator[Span]:
    return zip(periods.starts.tolist(), periods.ends.tolist(), strict=True)


def _runs(codes: np.typing.NDArray[np.uint8]) -> Iterator[tuple[int, int, int]]:
    """The stretches of equal codes: (start, end, code)."""
    if not codes.size:
        return
    cuts = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), codes.size]
    for since, until in pairwise(cuts):
        yield since, until, int(codes[since])
