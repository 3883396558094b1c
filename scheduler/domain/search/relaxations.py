"""Relaxations: changes of a request that were tried and make a meeting possible.

A change of one attendee's hours, blackouts or buffer can only free starts that nothing else rules out. These starts are
found once, for all attendees and causes; each change is then tried on them alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from scheduler.domain.availability.attendees import Attendee
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
    Cause,
    Constraints,
)
from scheduler.domain.search.starts import Constraint, Mask, Starts
from scheduler.domain.time.periods import Minutes, Span

MOST = 20
"""How many relaxations are offered."""

_NOTHING, _SEVERAL = -1, -2
_NUMBERS = {cause: number for number, cause in enumerate(Cause)}


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
        """Return the objective of the search with a change made."""

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
    for index, _ in constraints.required():
        yield from _of_attendee(search, blockers, index, partial(blockers.only, index))
        for change in optional_ladder(index, constraints.attendees, has_groups=bool(constraints.rules.groups)):
            free = blockers.free_with(blockers.only_attendee(index))
            if gain := search.retry(change) if search.depends_on_who_is_required else search.objective(free):
                yield Relaxation(change, gain)
    for index in sorted({index for group in constraints.rules.groups for index in group.members}):
        yield from _of_attendee(search, blockers, index, partial(blockers.only_member, index))


def _of_attendee(
    search: Explainable, blockers: _Blockers, index: int, only: Callable[[Cause], Minutes]
) -> Iterator[Relaxation]:
    """Yield the cheapest helpful changes of an attendee's hours, blackouts and buffer.

    ``only`` returns, by cause, the indexes of the starts that nothing but that cause of the attendee rules out.
    """
    attendee = search.constraints.attendees[index]
    kinds = (
        (Cause.OUTSIDE_HOURS, hours_ladders(index, attendee, night=search.relax_into_night), _first_that_helps),
        (Cause.BLACKOUT, blackout_ladders(index, attendee), _first_that_helps),
        (Cause.BUFFER, buffer_ladders(index, attendee), _cheapest_that_helps),
    )
    for cause, ladders, choose in kinds:
        if (indexes := only(cause)).size:
            yield from choose(ladders, partial(_gain, search, blockers, indexes))


def _gain(search: Explainable, blockers: _Blockers, indexes: Minutes, change: Change) -> float:
    return search.objective(blockers.free_after(change, indexes))


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
    """For each start, what rules it out: nothing, one cause of one attendee, several of one attendee, or more."""

    def __init__(self, search: Explainable) -> None:
        self._search = search
        constraints, starts, duration = search.constraints, search.starts, search.duration
        size = len(starts)
        self._cause = np.full(size, _NOTHING, dtype=np.int32)
        self._attendee = np.full(size, _NOTHING, dtype=np.int32)
        for index, own in constraints.required():
            is_unreliable = index in constraints.unreliable
            blocked = np.full(size, is_unreliable)
            if is_unreliable:
                self._cause[:] = _SEVERAL
            for cause, mask in self._masks(own):
                self._cause[mask] = np.where(self._cause[mask] == _NOTHING, _code(index, cause), _SEVERAL)
                blocked |= mask
            self._attendee[blocked] = np.where(self._attendee[blocked] == _NOTHING, index, _SEVERAL)
        for constraint in constraints.request.values():
            self._set_several(starts.blocked(duration, [constraint]))
        self._free_by_name: Mask = self._attendee == _NOTHING
        self._groups = constraints.group_availability(starts, duration) if constraints.rules.groups else None
        if self._groups:
            self._set_several(self._groups.short())
        self._free: Mask = self._attendee == _NOTHING

    def _masks(self, own: AttendeeConstraints) -> Iterator[tuple[Cause, Mask]]:
        """Yield which starts each of an attendee's causes rules out; ``BUFFER`` includes ``BUSY``."""
        for cause, constraint in own.by_cause.items():
            if cause is not Cause.BUSY:
                yield cause, self._search.starts.blocked(self._search.duration, [constraint])

    def _set_several(self, mask: Mask) -> None:
        self._cause[mask] = self._attendee[mask] = _SEVERAL

    def only(self, index: int, cause: Cause) -> Minutes:
        """Return the indexes of the starts that only this cause of this attendee rules out."""
        indexes: Minutes = np.flatnonzero(self._cause == _code(index, cause))
        return indexes

    def only_attendee(self, index: int) -> Minutes:
        """Return the indexes of the starts that only this attendee's constraints rule out."""
        indexes: Minutes = np.flatnonzero(self._attendee == index)
        return indexes

    def only_member(self, index: int, cause: Cause) -> Minutes:
        """Return the indexes of the starts at which groups lack only this member, and only because of this cause."""
        search, groups = self._search, self._groups
        assert groups is not None  # otherwise nobody is a member
        if index in search.constraints.unreliable:
            return np.empty(0, dtype=np.int64)
        lacking = self._free_by_name & ~self._free & ~groups.short(without=index) & ~groups.too_near[index]
        masks = dict(self._masks(search.constraints.of[index]))
        if cause not in masks:
            return np.empty(0, dtype=np.int64)
        indexes: Minutes = np.flatnonzero(lacking & masks[cause] & (np.sum(list(masks.values()), axis=0) == 1))
        return indexes

    def free_with(self, indexes: Minutes) -> Mask:
        """Return which starts are free once those at the indexes are."""
        free: Mask = self._free.copy()
        free[indexes] = True
        return free

    def free_after(self, change: Change, indexes: Minutes) -> Mask:
        """Return which starts are free after a change of hours, blackouts or buffer that may free some of those."""
        search = self._search
        assert change.index is not None  # changes of the request move the starts themselves
        attendee = replace(search.constraints.attendees[change.index], **change.fields)  # type: ignore[arg-type]  # its fields
        constraint = _changed_constraint(attendee, change, search.constraints.span)
        starts = Starts(search.starts.minutes[indexes], None)
        return self.free_with(indexes[~starts.blocked(search.duration, [constraint])])


def _code(index: int, cause: Cause) -> int:
    return len(_NUMBERS) * index + _NUMBERS[cause]


def _changed_constraint(attendee: Attendee, change: Change, span: Span) -> Constraint:
    """Return the constraint that the changed field makes."""
    own = AttendeeConstraints(attendee, span)
    if "hours" in change.fields:
        return own.hours
    return own.blackout if "blackouts" in change.fields else own.buffer
