"""What would help: changes of a question that were tried and found to make a meeting possible.

A change of one attendee can only free starts at which nothing else stands in the way. Those are found once, for all
attendees and causes together; every change is then tried on them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from scheduler.domain.availability import Attendee
from scheduler.domain.changes import (
    Change,
    Ladder,
    blackout_ladders,
    buffer_ladders,
    hours_ladders,
    optional_ladder,
)
from scheduler.domain.explanation import Bars, Cause, Relaxation, Situation
from scheduler.domain.periods import Minutes
from scheduler.domain.timeline import Bar, Mask, Starts

Weigh = Callable[[Mask], float]
"""What a question comes to whose feasible starts are these: how many, or the best coverage; 0: still nothing."""

MOST = 20
"""How many relaxations are offered."""

_HOURS, _BLACKOUT, _BUFFER, _LIMIT = range(4)
"""The places of the causes in ``Bars.all``."""
_CAUSES = 4
_NOTHING, _SEVERAL = -1, -2


def relaxations(
    situation: Situation, weigh: Weigh, ask_again: Callable[[Change], float], *, night: bool
) -> Iterator[Relaxation]:
    """For each attendee and cause the change that asks least of those that help.

    ``ask_again`` is what the whole question comes to with a change: who has to come decides which meetings they share.
    """
    barriers = _Barriers(situation)
    for index, attendee, _ in situation.required:
        ladders: Mapping[int, Iterable[Ladder]] = {
            _HOURS: hours_ladders(index, attendee, night=night),
            _BLACKOUT: blackout_ladders(index, attendee),
            _BUFFER: buffer_ladders(index, attendee),
        }
        for cause, several in ladders.items():
            places = barriers.only(index, cause)
            for ladder in several if places.size else ():
                yield from _first_that_helps(ladder, partial(barriers.freed, places=places), weigh)
        alone = weigh(barriers.with_these(barriers.only_attendee(index)))
        for change in optional_ladder(index, situation.attendees) if alone else ():
            if gained := ask_again(change) if Cause.MINIMUM_GAP in situation.rules else alone:
                yield relaxation(change, gained)


def by_ask(found: Iterable[Relaxation]) -> tuple[Relaxation, ...]:
    """Those that ask least first; of two that ask the same, the one that gains more; at most ``MOST``."""
    ranked = sorted(found, key=lambda one: (one.asks, -one.gained, -1 if one.index is None else one.index, one.said))
    return tuple(ranked[:MOST])


def relaxation(change: Change, gained: float) -> Relaxation:
    """The change, with what it was found to gain."""
    return Relaxation(change.index, change.said, change.fields, gained, change.asks)


def _first_that_helps(ladder: Ladder, freed: Callable[[Change], Mask], weigh: Weigh) -> Iterator[Relaxation]:
    for change in ladder:
        if gained := weigh(freed(change)):
            yield relaxation(change, gained)
            return


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
        for mask in situation.rules.values():
            self._cause[mask] = self._attendee[mask] = _SEVERAL
        self._free: Mask = self._attendee == _NOTHING

    def only(self, index: int, cause: int) -> Minutes:
        """Where nothing but that cause of that attendee stands in the way."""
        places: Minutes = np.flatnonzero(self._cause == _CAUSES * index + cause)
        return places

    def only_attendee(self, index: int) -> Minutes:
        """Where nobody but that attendee stands in the way."""
        places: Minutes = np.flatnonzero(self._attendee == index)
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
