"""Conflicts: booked occurrences that somebody can't come to any more, and what was decided about each.

There is at most one conflict for an occurrence. It also remembers where an occurrence was before it was moved or
skipped, so that it can go back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from scheduler.domain.availability.obstacles import Obstacle, blackouts_among
from scheduler.domain.time.periods import Period
from scheduler.domain.time.zones import LocalTime
from scheduler.errors import Refused


class Resolution(StrEnum):
    """What became of a conflict."""

    OPEN = "open"
    MOVED = "moved"
    SKIPPED = "skipped"
    KEPT = "kept"
    """Somebody decided to meet all the same, which holds until another firm blackout is in the way."""
    RESTORED = "restored"
    LAPSED = "lapsed"
    """The cause is gone, or the occurrence has begun or was changed otherwise."""


class NothingToRestore(Refused):
    """An occurrence that was neither moved nor skipped because somebody could not come."""

    def __init__(self, recurrence_id: datetime) -> None:
        super().__init__(
            f"the occurrence of {recurrence_id:%Y-%m-%d %H:%M} is where it was booked; there is nothing to restore"
        )


class FormerTimeOver(Refused):
    """A decision to put an occurrence back to a time that has begun."""

    def __init__(self, recurrence_id: datetime, former: datetime) -> None:
        super().__init__(
            f"the occurrence of {recurrence_id:%Y-%m-%d %H:%M} was at {former:%Y-%m-%dT%H:%MZ} before, which is over; "
            "move it to a time to come"
        )


class NothingToDecide(Refused):
    """A decision about an occurrence that has no open conflict."""

    def __init__(self, recurrence_id: datetime) -> None:
        super().__init__(
            f"the occurrence of {recurrence_id:%Y-%m-%d %H:%M} has no open conflict; change the occurrence itself"
        )


@dataclass(frozen=True)
class Conflict:
    """A conflict of the occurrence with that wall start by the rule.

    ``period`` is when the occurrence was to take place, ``moved_to`` where it was moved. ``former`` is where it goes
    when it is restored: its UTC start before it was moved or skipped, None if it was not. ``returns``: it goes back
    there by itself when it can, as nobody decided where it is now. ``before`` had moved or skipped the occurrence when
    this conflict arose, and counts again once this one is gone. No more than two lie under one another.
    """

    recurrence_id: LocalTime
    period: Period
    obstacles: tuple[Obstacle, ...]
    resolution: Resolution
    changed_at: datetime
    moved_to: Period | None = None
    former: datetime | None = None
    returns: bool = False
    before: Conflict | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody has to decide."""
        return self.resolution is Resolution.OPEN

    @property
    def blackouts(self) -> frozenset[str]:
        """The ids of the blackouts among its causes."""
        return blackouts_among(self.obstacles)

    @property
    def words(self) -> str | None:
        """Why the occurrence is to be moved, in words; None if the conflict is not open."""
        return ", ".join(dict.fromkeys(obstacle.words for obstacle in self.obstacles)) if self.is_open else None

    @property
    def displacement(self) -> Conflict | None:
        """What moved or skipped the occurrence, if that can be undone: this conflict, or the one before it."""
        found = self if self.resolution in {Resolution.MOVED, Resolution.SKIPPED} else self.before
        if found is None or found.former is None:
            return None
        return replace(found, returns=self.returns, before=found.before and replace(found.before, before=None))

    def undoing_from(self, start: datetime) -> tuple[datetime, Conflict | None]:
        """Return where an occurrence that is now displaced from a UTC start goes back to, and what counts there.

        What was displaced by itself goes back to its first time at once.
        """
        displacement = self.displacement
        if displacement is not None and displacement.returns and displacement.former is not None:
            return displacement.former, displacement.before
        return start, displacement

    def undone(self) -> Conflict:
        """The conflict after its occurrence went back to its former time, where an earlier one may have put it."""
        displacement = self.displacement or self
        if displacement.before is not None:
            return displacement.before
        back = replace(displacement, resolution=Resolution.RESTORED, moved_to=None)
        return replace(back, former=None, returns=False)

    def without_person(self, person_id: str) -> Conflict:
        """The conflict without what it says of somebody."""
        others = tuple(one for one in self.obstacles if one.person != person_id)
        before = self.before and self.before.without_person(person_id)
        return replace(self, obstacles=others, before=before)

    def as_of(self, now: datetime) -> Conflict:
        """The conflict at an instant: an open one has lapsed once its occurrence has begun, recorded or not."""
        return replace(self, resolution=Resolution.LAPSED) if self.is_open and self.period.start <= now else self

    def ended_by_change(self, now: datetime) -> Conflict:
        """The conflict after somebody changed the occurrence otherwise: no decision about its old time is left."""
        if not self.is_open and not self.returns and self.resolution is not Resolution.KEPT:
            return self
        lapsed = replace(self, resolution=Resolution.LAPSED, changed_at=now)
        return replace(lapsed, moved_to=None, former=None, returns=False, before=None)

    def ended_by_time(self, now: datetime) -> Conflict:
        """The conflict once its occurrence, or where that goes back to, has begun; it stays where it is."""
        if not self.is_open and not self.returns:
            return self
        resolution = Resolution.LAPSED if self.is_open else self.resolution
        return replace(self, resolution=resolution, changed_at=now, former=None, returns=False, before=None)


def is_open_to(kept: Conflict, obstacles: Collection[Obstacle]) -> bool:
    """Whether a kept conflict is open again: a firm blackout is in the way that was not when it was decided."""
    return not blackouts_among(obstacles) <= kept.blackouts
