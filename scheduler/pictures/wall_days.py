"""UTC time as stretches of local days, as a wall calendar shows it, including hours that a clock skips or repeats."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from scheduler.domain.time.clocks import Clock, clock_offsets
from scheduler.domain.time.periods import EPOCH, Span
from scheduler.domain.time.units import DAY


@dataclass(frozen=True)
class Stretch:
    """UTC minutes [start, end) within one local day, during which the clock is ``offset`` minutes ahead of UTC.

    Where a clock change repeats these minutes, ``passes`` counts how often the clock reads them and ``index`` which
    time this is, from 0.
    """

    start: int
    end: int
    offset: int
    index: int = 0
    passes: int = 1

    @property
    def day(self) -> date:
        """The local day."""
        return EPOCH.date() + timedelta(days=(self.start + self.offset) // DAY)

    @property
    def since(self) -> int:
        """The minute of the local day at which it begins."""
        return (self.start + self.offset) % DAY

    @property
    def until(self) -> int:
        """The minute of the local day before which it ends, at most 1440."""
        return self.since + self.end - self.start

    @property
    def monday(self) -> date:
        """The Monday of the local day's week."""
        return self.day - timedelta(days=self.day.weekday())


def wall_stretches(clock: Clock, start: int, end: int) -> list[Stretch]:
    """Return [start, end) (UTC minutes) as stretches of local days, in order and without gaps.

    Repeated minutes are counted over whole days, so that ``index`` is right where the span begins between two passes.
    """
    segments = defaultdict(list)
    for since, until, offset in clock_offsets(clock, start - 2 * DAY, end + 2 * DAY):
        for segment in _split_at_midnights(since, until, offset):
            segments[segment.day].append(segment)
    numbered = [stretch for day in segments.values() for stretch in _number_passes(day)]
    return list(split_by_day([(start, end)], sorted(numbered, key=lambda stretch: stretch.start)))


def split_by_day(spans: Iterable[Span], stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """Yield the parts of the stretches (in order) that the spans (UTC minutes) cover."""
    ends = [stretch.end for stretch in stretches]
    for start, end in spans:
        for stretch in stretches[bisect_right(ends, start) :]:
            if stretch.start >= end:
                break
            yield replace(stretch, start=max(stretch.start, start), end=min(stretch.end, end))


def skipped_stretches(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """Yield the local minutes that the clock skips between the stretches, as if it went on at its offset before."""
    for before, after in pairwise(stretches):
        if before.offset < after.offset:
            yield from _split_at_midnights(before.end, before.end + after.offset - before.offset, before.offset)


def _split_at_midnights(start: int, end: int, offset: int) -> Iterator[Stretch]:
    """Split [start, end) (UTC minutes) at the midnights of a clock with a constant offset."""
    while start < end:
        midnight = start + DAY - (start + offset) % DAY
        yield Stretch(start, min(midnight, end), offset)
        start = midnight


def _number_passes(segments: Sequence[Stretch]) -> Iterator[Stretch]:
    """Split one day's segments where the number of passes changes, and number the passes of each part."""
    cuts = sorted({cut for segment in segments for cut in (segment.since, segment.until)})
    for since, until in pairwise(cuts):
        passes = [segment for segment in segments if segment.since <= since and until <= segment.until]
        for index, segment in enumerate(passes):
            start = segment.start + since - segment.since
            yield Stretch(start, start + until - since, segment.offset, index, len(passes))
