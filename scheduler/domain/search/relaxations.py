"""What would help: changes of a question that were tried and found to make a meeting possible.

A change of one attendee can only free starts at which nothing else stands in the way. Those are found once, for all
attendees and causes together; every change is then tried on them alone. Somebody of a group stands in the way where the
group would be large enough with them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

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
from scheduler.domain.search.explanation import Bars, Cause, Relaxation, Situation
from scheduler.domain.search.starts import Bar, Mask, Starts
from scheduler.domain.time.periods import Minutes

Worth = Callable[[Mask], float]
"""What a question comes to whose feasible starts are these: how many, or the best coverage; 0: still nothing."""

MOST = 20
"""How many relaxations are offered."""

_HOURS, _BLACKOUT, _BUFFER, _LIMIT = range(4)
"""The places of the causes in ``Bars.all``."""
_CAUSES = 4
_NOTHING, _SEVERAL = -1, -2


def relaxations(
    situation: Situation,
    worth: Worth,
    ask_again: Callable[[Change], float],
    *,
    night: bool,
    is_shared: bool,
) -> Iterator[Relaxation]:
    """For each attendee and cause the change that asks least of those that help.

    ``ask_again`` is what the whole question comes to with a change. Whether somebody may stay away has to be asked so
    where what bars the others hangs on who has to come (``is_shared``).
    """
    barriers = _Barriers(situation)
    for index, attendee, _ in situation.required:
        places = partial(barriers.only, index)
        yield from _of_their_time(index, attendee, barriers, places, worth, night=night)
        for change in optional_ladder(index, situation.attendees, has_groups=situation.panel is not None):
            free = barriers.with_these(barriers.only_attendee(index))
            if gained := ask_again(change) if is_shared else worth(free):
                yield relaxation(change, gained)
    for index in situation.panel.barred if situation.panel else ():
        places = partial(barriers.only_member, index)
        yield from _of_their_time(index, situation.attendees[index], barriers, places, worth, night=night)


def _of_their_time(
    index: int,
    attendee: Attendee,
    barriers: _Barriers,
    places_of: Callable[[int], Minutes],
    worth: Worth,
    *,
    night: bool,
) -> Iterator[Relaxation]:
    """The changes of somebody's hours, blackouts and buffer that ask least, of those that help.

    ``places_of`` are, by cause, the starts at which nothing but that cause of theirs stands in the way.
    """
    kinds = (
        (_HOURS, hours_ladders(index, attendee, night=night), first_that_helps),
        (_BLACKOUT, blackout_ladders(index, attendee), first_that_helps),
        (_BUFFER, buffer_ladders(index, attendee), _least_that_helps),
    )
    for cause, ladders, chosen in kinds:
        if (places := places_of(cause)).size:
            yield from chosen(ladders, partial(_gain, worth, barriers, places))


def _gain(worth: Worth, barriers: _Barriers, places: Minutes, change: Change) -> float:
    return worth(barriers.freed(change, places))


def by_ask(found: Iterable[Relaxation]) -> tuple[Relaxation, ...]:
    """Those that ask least first; of two that ask the same, the one that gains more; at most ``MOST``."""
    ranked = sorted(found, key=lambda one: (one.asks, -one.gained, -1 if one.index is None else one.index, one.said))
    return tuple(ranked[:MOST])


def relaxation(change: Change, gained: float) -> Relaxation:
    """The change, with what it was found to gain."""
    return Relaxation(change.index, change.said, change.fields, gained, change.asks)


def first_that_helps(ladders: Iterable[Ladder], gain: Callable[[Change], float]) -> Iterator[Relaxation]:
    """Of each ladder the first change that gains something."""
    for ladder in ladders:
        found = next(((change, gained) for change in ladder if (gained := gain(change))), None)
        if found:
            yield relaxation(*found)


def _least_that_helps(ladders: Iterable[Ladder], gain: Callable[[Change], float]) -> Iterator[Relaxation]:
    """Of all ladders, each change of which gains no less than the one before it, the one that asks least."""
    found = []
    for ladder in ladders:
        place = bisect_left(ladder, True, key=lambda change: gain(change) > 0)
        found += [relaxation(change, gain(change)) for change in ladder[place : place + 1]]
    yield from by_ask(found)[:1]


class _Barriers:
    """For each start, what stands in the way: nothing, one cause of one attendee, several of one, or more."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        size = len(situation.starts)
        self._cause = np.full(size, _NOTHING, dtype=np.int32)
        self._attendee = np.full(size, _NOTHING, dtype=np.int32)
        for index, _, own in situation.required:
            barred = np.full(size, index in situation.unreliable)
            if index in situation.unreliable:
                self._cause[:] = _SEVERAL
            for cause, bar in enumerate(own.all):
                mask = situation.barred(bar)
                self._cause[mask] = np.where(self._cause[mask] == _NOTHING, _CAUSES * index + cause, _SEVERAL)
                barred |= mask
            self._attendee[barred] = np.where(self._attendee[barred] == _NOTHING, index, _SEVERAL)
        for cause_, mask in situation.rules.items():
            if cause_ is not Cause.GROUP:
                self._cause[mask] = self._attendee[mask] = _SEVERAL
        self._free_by_name: Mask = self._attendee == _NOTHING
        if situation.panel:
            short = situation.panel.short
            self._cause[short] = self._attendee[short] = _SEVERAL
        self._free: Mask = self._attendee == _NOTHING

    def only(self, index: int, cause: int) -> Minutes:
        """Where nothing but that cause of that attendee stands in the way."""
        places: Minutes = np.flatnonzero(self._cause == _CAUSES * index + cause)
        return places

    def only_attendee(self, index: int) -> Minutes:
        """Where nobody but that attendee stands in the way."""
        places: Minutes = np.flatnonzero(self._attendee == index)
        return places

    def only_member(self, index: int, cause: int) -> Minutes:
        """Where groups lack nobody but that member, whom nothing but that cause keeps from coming."""
        situation, panel = self._situation, self._situation.panel
        assert panel is not None  # who else would have members
        if index in situation.unreliable:
            return np.empty(0, dtype=np.int64)
        lacking = self._free_by_name & ~self._free & ~panel.short_but_for(index) & ~panel.too_near[index]
        masks = [situation.barred(bar) for bar in situation.bars[index].all]
        places: Minutes = np.flatnonzero(lacking & masks[cause] & (np.sum(masks, axis=0) == 1))
        return places

    def with_these(self, places: Minutes) -> Mask:
        """What is free once those places are."""
        free: Mask = self._free.copy()
        free[places] = True
        return free

    def freed(self, change: Change, places: Minutes) -> Mask:
        """What is free after a change of hours, blackouts or buffer, of which it frees some of those places."""
        situation = self._situation
        assert change.index is not None  # the question's own changes move the starts themselves
        changed = replace(situation.attendees[change.index], **change.fields)  # type: ignore[arg-type]  # its fields
        bar = _bar_of(changed, change, situation.span)
        at = Starts(situation.starts.minutes[places], None)
        return self.with_these(places[~at.barred(situation.duration, [bar])])


def _bar_of(attendee: Attendee, change: Change, span: tuple[int, int]) -> Bar:
    """What the changed field bars."""
    if "hours" in change.fields:
        return Bars.of_hours(attendee, *span)
    return Bars.of_blackouts(attendee, *span) if "blackouts" in change.fields else Bars.of_buffer(attendee, *span)
