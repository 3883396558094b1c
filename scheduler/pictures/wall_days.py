"""UTC time as spans of local days, as a wall calendar shows it, including hours that a clock skips or repeats."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby, pairwise

from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import EPOCH, Span
from scheduler.domain.time.units import DAY


@dataclass(frozen=True)
class Stretch:
    """Minutes [since, until) of a local day; ``start`` is the UTC minute of the first.

    Where a clock change repeats these minutes, ``passes`` counts how often the clock reads them and ``index`` which
    time this is, from 0.
    """

    day: date
    since: int
    until: int
    start: int
    index: int = 0
    passes: int = 1

    @property
    def end(self) -> int:
        """The UTC minute at which it ends."""
        return self.start + self.until - self.since

    def within(self, start: int, end: int) -> Stretch | None:
        """Return the part within [start, end) (UTC minutes), or None if there is none."""
        begin, over = max(self.start, start), min(self.end, end)
        if begin >= over:
            return None
        return replace(self, since=self.since + begin - self.start, until=self.since + over - self.start, start=begin)


def wall_stretches(clock: Clock, start: int, end: int) -> list[Stretch]:
    """Return [start, end) (UTC minutes) as stretches of local days, in order and without gaps.

    Repeated minutes are counted over whole days, so that ``index`` is right where the span begins between two passes.
    """
    segments = _day_segments(clock, start - 2 * DAY, end + 2 * DAY)
    by_day = sorted(segments, key=lambda stretch: (stretch.day, stretch.start))
    days = (list(group) for _, group in groupby(by_day, key=lambda stretch: stretch.day))
    clipped = (stretch.within(start, end) for day in days for stretch in _number_passes(day))
    return sorted((stretch for stretch in clipped if stretch is not None), key=lambda stretch: stretch.start)


def split_by_day(spans: Iterable[Span], stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """Yield the parts of the stretches (in order) that the spans (UTC minutes) cover."""
    ends = [stretch.end for stretch in stretches]
    for start, end in spans:
        for stretch in stretches[bisect_right(ends, start) :]:
            if stretch.start >= end:
                break
            if inside := stretch.within(start, end):
                yield inside


def monday_of(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def skipped_spans(clock: Clock, day: date) -> list[Span]:
    """Return the minutes of the local day that the clock skips, as spans within [0, 1440)."""
    noon = (day.toordinal() - EPOCH.toordinal()) * DAY + DAY // 2
    segments = _day_segments(clock, noon - 3 * DAY, noon + 3 * DAY)
    read = [(segment.since, segment.until) for segment in segments if segment.day == day]
    reached, skipped = 0, []
    for since, until in sorted(read):
        if since > reached:
            skipped.append((reached, since))
        reached = max(reached, until)
    return [*skipped, (reached, DAY)] if reached < DAY else skipped


def _day_segments(clock: Clock, start: int, end: int) -> list[Stretch]:
    """Split [start, end) (UTC minutes) at local midnights and at clock changes."""
    found = []
    for since, until, offset in clock_offsets(clock, start, end):
        wall = since + offset
        while wall < until + offset:
            number, minute = divmod(wall, DAY)
            over = min(wall - minute + DAY, until + offset)
            day = EPOCH.date() + timedelta(days=number)
            found.append(Stretch(day, minute, minute + over - wall, wall - offset))
            wall = over
    return found


def _number_passes(segments: Sequence[Stretch]) -> Iterator[Stretch]:
    """Split one day's segments where the number of passes changes, and number the passes of each part."""
    cuts = sorted({cut for segment in segments for cut in (segment.since, segment.until)})
    for since, until in pairwise(cuts):
        passes = [segment for segment in segments if segment.since <= since and until <= segment.until]
        for index, segment in enumerate(passes):
            yield Stretch(segment.day, since, until, segment.start + since - segment.since, index, len(passes))
