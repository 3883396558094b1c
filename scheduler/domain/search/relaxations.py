"""Relaxations: changes of a request that were tried and make a meeting possible.

A change of one attendee's hours, blackouts or buffer can only free starts that nothing else rules out. These starts are
found once, for all attendees and causes; each change is then tried on them alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Protocol

import numpy as np

from scheduler.domain.availability.attendees import Attendee
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.candidate_changes import (
    Change,
    Ladder,
    blackout_ladders,
    buffer_ladders,
    hours_ladders,
    optional_ladder,
)
from scheduler.domain.search.constraints import (
    AttendeeConstraints,
    Constraints,
)
from scheduler.domain.search.starts import Constraint, Mask, Starts
from scheduler.domain.search.work import Extent, Trials
from scheduler.domain.time.periods import Minutes

MOST = 20
"""How many relaxations are offered."""


class Explainable(Protocol):
    """A search as its explanation needs it."""

    @property
    def constraints(self) -> Constraints:
        """What rules out its meetings."""

    @property
    def starts(self) -> Starts:
        """All starts that it looks at."""

    @property
    def duration(self) -> int:
        """The length of its meetings in minutes."""

    @property
    def extent(self) -> Extent:
        """How far it reaches."""

    @property
    def trials(self) -> Trials:
        """How much may still be spent on trials."""

    @property
    def relax_into_night(self) -> bool:
        """Whether a relaxation may add night hours."""

    @property
    def depends_on_who_is_required(self) -> bool:
        """Whether making an attendee optional may change what rules out meetings for the others."""

    def count_lost(self, index: int | None, cause: Cause, blocked: Mask) -> int:
        """Return how many starts, or pairs of candidate and occurrence, a cause takes that rules out these starts.

        ``index`` is the attendee's, None for the request's own cause.
        """

    def objective(self, free: Mask, up_to: Cause = Cause.GROUP) -> float:
        """Return what the search finds if only these starts are free: a number of starts, or the best coverage.

        0 means nothing. Conflicts among a candidate's own occurrences count if their cause is not after ``up_to``.
        """

    def retry(self, change: Change) -> float:
        """Return the objective of the search with a change made; 0 if there may be no more trials."""

    def request_ladders(self) -> Iterator[Ladder]:
        """Yield the ladders of changes of the request itself that are tried by searching again."""


@dataclass(frozen=True)
class Relaxation:
    """A change that was tried, and its ``gain``: the feasible starts, or the best coverage, that it leads to."""

    change: Change
    gain: float


def find_relaxations(search: Explainable) -> tuple[Relaxation, ...]:
    """Return for each attendee and cause the cheapest change that helps, and changes of the request; cheapest first."""
    return cheapest_first([*_of_attendees(search), *_of_request(search)])


def cheapest_first(found: Iterable[Relaxation]) -> tuple[Relaxation, ...]:
    """Sort by cost, then by gain downwards, then by index; at most ``MOST``."""
    return tuple(sorted(found, key=_rank)[:MOST])


def _rank(relaxation: Relaxation) -> tuple[int, float, int, str]:
    change = relaxation.change
    return change.cost, -relaxation.gain, -1 if change.index is None else change.index, change.description


def _of_attendees(search: Explainable) -> Iterator[Relaxation]:
    """Yield the changes of attendees that help."""
    constraints = search.constraints
    blockers = _Blockers(search)
    for index in blockers.masks:
        alone = blockers.alone(index)
        yield from _of_attendee(search, blockers, index, alone & (blockers.count_of(index) == 1))
        if constraints.attendees[index].required:
            free = blockers.free | alone
            for change in optional_ladder(index, constraints.attendees, has_groups=bool(constraints.rules.groups)):
                if gain := search.retry(change) if search.depends_on_who_is_required else search.objective(free):
                    yield Relaxation(change, gain)


def _of_attendee(search: Explainable, blockers: _Blockers, index: int, by_one_cause: Mask) -> Iterator[Relaxation]:
    """Yield the cheapest helpful changes of an attendee's hours, blackouts and buffer.

    ``by_one_cause`` are the starts that nothing but a single cause of this attendee rules out.
    """
    attendee, masks, night = search.constraints.attendees[index], blockers.masks[index], search.relax_into_night
    kinds = (
        (Cause.OUTSIDE_HOURS, hours_ladders(index, attendee, night=night), attrgetter("hours"), _first_that_helps),
        (Cause.BLACKOUT, blackout_ladders(index, attendee), attrgetter("blackout"), _first_that_helps),
        (Cause.BUFFER, buffer_ladders(index, attendee), attrgetter("buffer"), _cheapest_that_helps),
    )
    for cause, ladders, constraint_of, choose in kinds:
        if cause in masks and (indexes := np.flatnonzero(by_one_cause & masks[cause])).size:
            yield from choose(ladders, partial(_gain, search, blockers.free, indexes, attendee, constraint_of))


def _gain(
    search: Explainable,
    free: Mask,
    indexes: Minutes,
    attendee: Attendee,
    constraint_of: Callable[[AttendeeConstraints], Constraint],
    change: Change,
) -> float:
    """Return the objective if the starts at the indexes are free unless the changed attendee's constraint bars them.

    0 if there may be no more trials.
    """
    if not search.trials.take(search.extent.change_work):
        return 0
    constraint = constraint_of(AttendeeConstraints(replace(attendee, **change.fields), search.constraints.span))
    starts = Starts(search.starts.minutes[indexes], None)
    after = free.copy()
    after[indexes] = ~starts.blocked(search.duration, [constraint])
    return search.objective(after)


def _of_request(search: Explainable) -> Iterator[Relaxation]:
    """Yield the changes of the request itself that help; none does if a required attendee's calendar is stale."""
    if not search.constraints.is_stale:
        yield from _first_that_helps(search.request_ladders(), search.retry)


def shortest_cut(ladder: Ladder, retry: Callable[[Change], float]) -> Ladder:
    """Return the first change of a ladder that helps, found by halves: each one gains no less than the one before."""
    least = bisect_left(ladder, True, key=lambda change: retry(change) > 0)
    return ladder[least : least + 1]


def _first_that_helps(ladders: Iterable[Ladder], gain_of: Callable[[Change], float]) -> Iterator[Relaxation]:
    """Yield of each ladder the first change that gains something."""
    for ladder in ladders:
        found = next(((change, gain) for change in ladder if (gain := gain_of(change))), None)
        if found:
            yield Relaxation(*found)


def _cheapest_that_helps(ladders: Iterable[Ladder], gain_of: Callable[[Change], float]) -> Iterator[Relaxation]:
    """Yield the cheapest helpful change of all ladders, in each of which every change gains no less than the last."""
    cuts = [change for ladder in ladders for change in shortest_cut(ladder, gain_of)]
    yield from cheapest_first(Relaxation(change, gain_of(change)) for change in cuts)[:1]


class _Blockers:
    """How many causes rule out each start, and which of them are an attendee's.

    An unreliable calendar is one cause more, and so is each of the request's own constraints.
    """

    def __init__(self, search: Explainable) -> None:
        self._constraints = search.constraints
        starts, duration, groups = search.starts, search.duration, search.constraints.rules.groups
        members = {index for group in groups for index in group.members}
        self.masks = {
            index: {
                cause: starts.blocked(duration, [constraint])
                for cause, constraint in self._constraints.of[index].by_cause.items()
                if cause is not Cause.BUSY  # included in the buffer
            }
            for index, attendee in enumerate(self._constraints.attendees)
            if attendee.required or index in members
        }
        """The starts that each cause of a required attendee or a group's member rules out."""
        self._count: Minutes = np.zeros(len(starts), dtype=np.int64)
        for index, _ in self._constraints.required():
            self._count += self.count_of(index)
        for constraint in self._constraints.request.values():
            self._count += starts.blocked(duration, [constraint])
        self._groups = self._constraints.group_availability(starts, duration) if groups else None
        self._short: Mask = self._groups.short() if self._groups else np.zeros(len(starts), dtype=bool)
        self.free: Mask = (self._count == 0) & ~self._short

    def count_of(self, index: int) -> Minutes:
        """Return how many causes of an attendee rule out each start."""
        count: Minutes = np.sum(list(self.masks[index].values()), axis=0)
        return count + (index in self._constraints.unreliable)

    def alone(self, index: int) -> Mask:
        """Return the starts that only this attendee rules out, or at which groups lack only this member."""
        if self._groups is None or self._constraints.attendees[index].required:
            missed: Mask = (self._count == self.count_of(index)) & ~self.free & ~self._short
        else:
            lacking = self._short & ~self._groups.short(without=index) & ~self._groups.too_near[index]
            missed = lacking & (self._count == 0)
        return missed
