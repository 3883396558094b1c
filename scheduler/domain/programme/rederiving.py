"""Conflicts of a meeting whose UTC times another tz release derives: they follow its occurrences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.domain.programme.conflicts import Conflict
from scheduler.domain.programme.meetings import Meeting
from scheduler.domain.time.periods import Period


def rederive_conflicts(conflicts: Iterable[Conflict], old: Meeting, new: Meeting) -> list[Conflict]:
    """Return those of a meeting's conflicts that change with it: their wall times stay, as those of its occurrences."""
    places = {one.recurrence_id.wall: index for index, one in enumerate(old.occurrences)}
    known = {
        was.period.start: one.period.start - was.period.start
        for was, one in zip(old.occurrences, new.occurrences, strict=True)
    }
    changed = []
    for conflict in conflicts:
        index = places[conflict.recurrence_id.wall]
        shifts = _Shifts(old.occurrences[index].period.start, conflict.recurrence_id.instant, known)
        if (follows := shifts.of_conflict(conflict)) != conflict:
            changed.append(follows)
    return changed


@dataclass(frozen=True)
class _Shifts:
    """How UTC instants of one occurrence move.

    The other release is gone, so that only the shifts of the occurrences' present starts are ``known``, by the start
    that it derived. ``present`` is that of this occurrence, ``nominal`` where the rule puts it now.
    """

    present: datetime
    nominal: datetime
    known: dict[datetime, timedelta]

    def of_conflict(self, conflict: Conflict) -> Conflict:
        return replace(
            conflict,
            period=self._of_period(conflict.period),
            moved_to=conflict.moved_to and self._of_period(conflict.moved_to),
            former=conflict.former and self._of_start(conflict.former),
            before=conflict.before and self.of_conflict(conflict.before),
        )

    def _of_period(self, period: Period) -> Period:
        start = self._of_start(period.start)
        return Period(start, start + (period.end - period.start))

    def _of_start(self, start: datetime) -> datetime:
        """The start by this release. What the rule gave stays with the rule; elsewhere the nearest shift counts."""
        if start == self.present:
            return start + self.known[start]
        if any(start + shift == self.nominal for shift in self.known.values()):
            return self.nominal
        nearest = min(self.known, key=lambda one: abs(one - start))
        return start + self.known[nearest]
