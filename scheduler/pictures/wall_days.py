"""Time as a wall calendar shows it: stretches of local days, also where the clock skips an hour or reads it twice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby, pairwise

from scheduler.domain.time.clocks import Clock, clock_between
from scheduler.domain.time.periods import EPOCH, Span
from scheduler.domain.time.units import DAY


@dataclass(frozen=True)
class Stretch:
    """Minutes [since, until) of a local day, the first of which is the UTC minute ``start``.

    Where the clock reads them ``parts`` times this is the ``part``-th time, counted from 0.
    """

    day: date
    since: int
    until: int
    start: int
    part: int = 0
    parts: int = 1

    @property
    def end(self) -> int:
        """The UTC minute at which it is over."""
        return self.start + self.until - self.since

    def within(self, start: int, end: int) -> Stretch | None:
        """What of it lies in [start, end) (UTC minutes)."""
        begin, over = max(self.start, start), min(self.end, end)
        if begin >= over:
            return None
        return replace(self, since=self.since + begin - self.start, until=self.since + over - self.start, start=begin)


def wall_stretches(clock: Clock, start: int, end: int) -> list[Stretch]:
    """All of [start, end) (UTC minutes) on that clock, in order and without gaps.

    Which minutes the clock reads more than once is seen in whole days, also where the span begins in the middle.
    """
    whole = _days_cut(clock, start - 2 * DAY, end + 2 * DAY)
    by_day = sorted(whole, key=lambda stretch: (stretch.day, stretch.start))
    days = (list(some) for _, some in groupby(by_day, key=lambda stretch: stretch.day))
    inside = (one.within(start, end) for some in days for one in _told_apart(some))
    return sorted((one for one in inside if one is not None), key=lambda stretch: stretch.start)


def placed(spans: Iterable[Span], stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """The spans (UTC minutes) as parts of the stretches, which are in order."""
    ends = [stretch.end for stretch in stretches]
    for start, end in spans:
        for stretch in stretches[bisect_right(ends, start) :]:
            if stretch.start >= end:
                break
            if inside := stretch.within(start, end):
                yield inside


def monday_of(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def skipped_spans(clock: Clock, day: date) -> list[Span]:
    """The minutes of that local day which the clock never reads."""
    noon = (day.toordinal() - EPOCH.toordinal()) * DAY + DAY // 2
    read = [(one.since, one.until) for one in _days_cut(clock, noon - 3 * DAY, noon + 3 * DAY) if one.day == day]
    reached, skipped = 0, []
    for since, until in sorted(read):
        if since > reached:
            skipped.append((reached, since))
        reached = max(reached, until)
    return [*skipped, (reached, DAY)] if reached < DAY else skipped


def _days_cut(clock: Clock, start: int, end: int) -> list[Stretch]:
    """The span cut where a local day begins and where the clock changes."""
    found = []
    for since, until, offset in clock_between(clock, start, end):
        wall = since + offset
        while wall < until + offset:
            number, minute = divmod(wall, DAY)
            over = min(wall - minute + DAY, until + offset)
            day = EPOCH.date() + timedelta(days=number)
            found.append(Stretch(day, minute, minute + over - wall, wall - offset))
            wall = over
    return found


def _told_apart(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """One day's stretches, cut where the number of times that the clock reads a minute changes."""
    cuts = sorted({cut for one in stretches for cut in (one.since, one.until)})
    for since, until in pairwise(cuts):
        passes = [one for one in stretches if one.since <= since and until <= one.until]
        for part, one in enumerate(passes):
            yield Stretch(one.day, since, until, one.start + since - one.since, part, len(passes))
