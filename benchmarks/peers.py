"""The same query answered with other libraries, each written as its own manual suggests.

Each peer gets its input in the form that suits it best, made before the clock runs: ``portion``, ``intervaltree`` and
``pandas`` hours and blackouts already turned into UTC minutes, the scans hours and blackouts as the wall clock reads
them and busy minutes sorted for ``bisect``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pandas as pd
import portion
from intervaltree import IntervalTree

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.availability.open_time import blackout_periods, closed_hours
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.time.periods import Period, Periods, minute_after, minute_of

Spans = list[tuple[int, int]]
"""Half-open [start, end) in UTC minutes, in order."""


@dataclass(frozen=True)
class PeerPerson:
    """One attendee in plain Python numbers, dates and zones."""

    hours: Spans
    closed: Spans
    blackouts: Spans
    busy: Spans
    zone: ZoneInfo
    days_off: frozenset[date]
    workdays: frozenset[int]
    opens: int
    closes: int
    taken_starts: list[int]
    taken_ends: list[int]

    def suits(self, start: int, duration: int) -> bool:
        """Whether the person can meet at that UTC minute, by the wall clock and then a bisection of busy time."""
        local = datetime.fromtimestamp(start * 60, self.zone)
        opens = local.hour * 60 + local.minute
        if opens < self.opens or local.weekday() not in self.workdays or local.date() in self.days_off:
            return False
        until = datetime.fromtimestamp((start + duration) * 60, self.zone)
        if until.date() != local.date() or until.hour * 60 + until.minute > self.closes:
            return False
        return bisect_right(self.taken_ends, start) >= bisect_left(self.taken_starts, start + duration)

    @property
    def in_the_way(self) -> Spans:
        """All that keeps this person from meeting, in three runs of spans."""
        return [*self.closed, *self.blackouts, *self.busy]

    @classmethod
    def of(cls, attendee: Attendee, start: int, end: int) -> PeerPerson:
        """Everything that any peer may want to know, worked out beforehand."""
        pieces = closed_hours(attendee.hours, attendee.zone, start, end)
        closed = Periods.merged(pieces.starts, pieces.ends)
        timed = [one.span for one in attendee.blackouts if isinstance(one.span, Period)]
        taken = Periods.union(attendee.busy, Periods.of(timed))
        assert attendee.hours is not None
        (entry,) = attendee.hours
        return cls(
            hours=_spans(closed.gaps(start, end)),
            closed=_spans(closed),
            blackouts=_spans(blackout_periods(attendee.blackouts, attendee.zone, start, end)),
            busy=_spans(attendee.busy),
            zone=ZoneInfo(attendee.zone),
            days_off=frozenset(_days_off(attendee)),
            workdays=frozenset(["MO", "TU", "WE", "TH", "FR", "SA", "SU"].index(day) for day in entry.days),
            opens=entry.start,
            closes=entry.end,
            taken_starts=taken.starts.tolist(),
            taken_ends=taken.ends.tolist(),
        )


@dataclass(frozen=True)
class PeerInput:
    """The question in plain Python numbers."""

    start: int
    end: int
    duration: int
    step: int
    people: list[PeerPerson]
    frame: pd.DataFrame

    @classmethod
    def of(cls, query: SlotQuery) -> PeerInput:
        """The same question; no attendee of it has a buffer or is optional."""
        start, end = minute_after(query.window.start), minute_of(query.window.end)
        people = [PeerPerson.of(attendee, start, end) for attendee in query.attendees]
        taken = [span for person in people for span in person.in_the_way]
        return cls(start, end, query.duration, query.step, people, pd.DataFrame(taken, columns=["start", "end"]))

    def starts_in(self, low: int, high: int) -> range:
        """The grid's starts whose meeting fits [low, high): the organizer's UTC offset is whole hours."""
        return range(-(-low // self.step) * self.step, high - self.duration + 1, self.step)


def with_portion(given: PeerInput) -> list[int]:
    """Interval algebra as one says it: each person's hours less their absences and busy time, all intersected."""
    free = portion.closedopen(given.start, given.end)
    for person in given.people:
        free &= _union(person.hours) - _union(person.blackouts) - _union(person.busy)
    return [start for piece in free for start in given.starts_in(piece.lower, piece.upper)]


def with_one_portion_union(given: PeerInput) -> list[int]:
    """The fastest way we know to ask ``portion``: all that is in anyone's way is one union, taken away once."""
    taken = [span for person in given.people for span in person.in_the_way]
    free = portion.closedopen(given.start, given.end) - _union(taken)
    return [start for piece in free for start in given.starts_in(piece.lower, piece.upper)]


def with_intervaltree(given: PeerInput) -> list[int]:
    """One tree of everything that blocks, with overlaps merged; the gaps are free."""
    edges = [(given.start - 1, given.start), (given.end, given.end + 1)]
    taken = [span for person in given.people for span in person.in_the_way]
    tree = IntervalTree.from_tuples(edges + taken)
    tree.merge_overlaps(strict=False)
    pieces = ((low.end, high.begin) for low, high in pairwise(sorted(tree)))
    return [start for low, high in pieces for start in given.starts_in(low, high)]


def with_pandas(given: PeerInput) -> list[int]:
    """One frame of everything that blocks, merged by a running maximum, and joined to each start."""
    frame = given.frame.sort_values("start")
    run = (frame["start"] > frame["end"].cummax().shift(fill_value=0)).cumsum()
    taken = frame.groupby(run).agg({"start": "min", "end": "max"})
    starts = pd.DataFrame({"at": given.starts_in(given.start, given.end)})
    joined = pd.merge_asof(starts, taken, left_on="at", right_on="end", direction="forward", allow_exact_matches=False)
    is_free = joined["start"].isna() | (joined["start"] >= joined["at"] + given.duration)
    found: list[int] = joined.loc[is_free, "at"].tolist()
    return found


def with_zoneinfo(given: PeerInput) -> list[int]:
    """Every start of the grid is tried with each person."""
    return [
        start
        for start in given.starts_in(given.start, given.end)
        if all(person.suits(start, given.duration) for person in given.people)
    ]


Peer = Callable[[PeerInput], list[int]]
PEERS: dict[str, Peer] = {
    "portion": with_portion,
    "intervaltree": with_intervaltree,
    "pandas": with_pandas,
    "zoneinfo": with_zoneinfo,
}
"""By package name."""


def _union(spans: Spans) -> portion.Interval:
    """One interval of many: the constructor sorts and merges once, where ``|`` would each time."""
    return portion.Interval(*[portion.closedopen(start, end) for start, end in spans])


def _spans(periods: Periods) -> Spans:
    return list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True))


def _days_off(attendee: Attendee) -> list[date]:
    spans = [one.span for one in attendee.blackouts if isinstance(one.span, Days)]
    return [span.first + timedelta(days=n) for span in spans for n in range((span.last - span.first).days + 1)]
