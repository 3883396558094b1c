"""What becomes of a meeting when its people's time has changed: occurrences move, are skipped, go back, or wait.

Only firm blackouts act by themselves, and only as the mentorship says. Everything else makes an open conflict, which
waits for somebody's decision. Nothing acts by itself near the time of the meeting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.availability.obstacles import Obstacle, blackouts_among
from scheduler.domain.programme.conflicts import Conflict, Resolution, is_open_to
from scheduler.domain.programme.meetings import Meeting, MeetingStatus, Occurrence, OccurrenceStatus
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.domain.time.periods import Period
from scheduler.domain.time.zones import LocalTime

NOTICE = timedelta(hours=24)
"""What begins within this time is not changed by itself, and nothing is moved there by itself."""
HARD_HIT = 3
"""A change that hits more than one in so many coming occurrences of a series asks, whatever the mentorship says."""


class Places(Protocol):
    """When the people of one meeting can have it. ``others`` are other occurrences of its series. Starts are UTC."""

    def obstacles(self, starts: Sequence[datetime]) -> Sequence[tuple[Obstacle, ...]]:
        """Return for each start what keeps its people from a meeting then: hours, firm blackouts, busy time."""

    def has_room(self, start: datetime, others: Sequence[Period]) -> bool:
        """Whether an occurrence fits again where it stood, beside the others, if nobody has an obstacle."""

    def nearest(self, nominal: LocalTime, others: Sequence[Period], after: datetime) -> Iterator[datetime]:
        """Yield free starts later than ``after`` where an occurrence may move, the nearest first."""


@dataclass(frozen=True)
class Settled:
    """The outcome: where occurrences are now, by wall start (None: skipped), and the conflicts that changed.

    ``is_hit_hard``: so much of the series is blocked that another cadence may be better.
    """

    starts: Mapping[datetime, datetime | None]
    conflicts: tuple[Conflict, ...]
    is_hit_hard: bool = False


@dataclass(frozen=True, kw_only=True)
class TimeChange:
    """A change of somebody's time at a UTC instant; ``blackouts`` are the ids of those declared or changed."""

    at: datetime
    blackouts: frozenset[str] = frozenset()
    when_blocked: WhenBlocked = WhenBlocked.ASK


def settle(meeting: Meeting, conflicts: Sequence[Conflict], places: Places, change: TimeChange) -> Settled:
    """Decide what becomes of each occurrence that has not begun, in the order of the rule.

    First what was displaced by itself goes back where it can; then what is blocked moves, is skipped or waits.
    """
    settling = _Settling(meeting, conflicts, places, change)
    settling.end_the_past()
    settling.go_back()
    is_hit_hard = settling.displace()
    return settling.outcome(is_hit_hard=is_hit_hard)


def keeps_notice(now: datetime, *starts: datetime | None) -> bool:
    """Whether all of the starts are more than ``NOTICE`` ahead; None is skipped."""
    return all(start is None or start > now + NOTICE for start in starts)


class _Settling:
    """The present state of one meeting while it is decided about. Occurrences go by their wall start."""

    def __init__(self, meeting: Meeting, conflicts: Sequence[Conflict], places: Places, change: TimeChange) -> None:
        self._length = timedelta(minutes=meeting.series.duration)
        self._meeting = meeting
        self._places = places
        self._change = change
        self._now = change.at
        self._before = {one.recurrence_id.wall: one for one in conflicts}
        self._conflicts = dict(self._before)
        taking_place = {one.recurrence_id.wall for one in meeting.taking_place}
        self._old = {one.recurrence_id.wall: one.period.start for one in meeting.taking_place}
        self._starts: dict[datetime, datetime | None] = {
            wall: one.period.start if wall in taking_place else None
            for one in meeting.occurrences
            for wall in [one.recurrence_id.wall]
            if one.status is not OccurrenceStatus.CANCELLED and meeting.status is not MeetingStatus.CANCELLED
        }

    def end_the_past(self) -> None:
        """End conflicts of occurrences that have begun or are cancelled."""
        for wall, conflict in list(self._conflicts.items()):
            start = self._starts.get(wall)
            has_begun = start is not None and start <= self._now
            is_late = conflict.former is not None and conflict.former <= self._now
            if wall not in self._starts:
                self._conflicts[wall] = conflict.ended_by_change(self._now)
            elif has_begun or (is_late and not conflict.is_open):
                self._conflicts[wall] = conflict.ended_by_time(self._now)

    def go_back(self) -> None:
        """Put back what was displaced by itself, where its former time is free again."""
        returning = sorted(
            (one.former, one.recurrence_id.wall)
            for one in self._conflicts.values()
            if one.former is not None
            and one.returns
            and keeps_notice(self._now, one.recurrence_id.instant, self._starts[one.recurrence_id.wall], one.former)
        )
        blocked = self._places.obstacles([former for former, _ in returning])
        for (former, wall), obstacles in zip(returning, blocked, strict=True):
            if not obstacles and self._places.has_room(former, self._others(wall)):
                self._starts[wall] = former
                self._set(self._conflicts[wall].undone())

    def displace(self) -> bool:
        """Open, move or skip what is blocked; return whether the series is hit hard."""
        coming = [
            (one, start)
            for one in self._meeting.occurrences
            if (start := self._starts.get(one.recurrence_id.wall)) is not None and start > self._now
        ]
        blocked = dict(
            zip(
                (one.recurrence_id.wall for one, _ in coming),
                self._places.obstacles([start for _, start in coming]),
                strict=True,
            )
        )
        hit = {one.recurrence_id.wall for one, _ in coming if self._is_newly_hit(one, blocked)}
        is_series = self._meeting.series.rule is not None
        is_hit_hard = is_series and HARD_HIT * len(hit) > len(coming)
        for one, start in coming:
            obstacles = blocked[one.recurrence_id.wall]
            if not obstacles:
                self._unblock(one, start)
            elif is_hit_hard or one.recurrence_id.wall not in hit or not self._act(one, start, obstacles):
                self._open(one, start, obstacles)
        return is_hit_hard

    def outcome(self, *, is_hit_hard: bool) -> Settled:
        """Return what has changed."""
        starts = {wall: start for wall, start in self._starts.items() if start != self._old.get(wall)}
        conflicts = [one for wall, one in self._conflicts.items() if one != self._before.get(wall)]
        return Settled(starts, tuple(conflicts), is_hit_hard)

    def _is_newly_hit(self, one: Occurrence, blocked: Mapping[datetime, Collection[Obstacle]]) -> bool:
        """Whether a blackout of this change blocks the occurrence, and nobody has been asked because of it.

        What somebody decided to keep is theirs to decide again.
        """
        hitting = blackouts_among(blocked[one.recurrence_id.wall]) & self._change.blackouts
        conflict = self._conflicts.get(one.recurrence_id.wall)
        if conflict is not None and conflict.is_open:
            hitting -= conflict.blackouts
        return bool(hitting) and (conflict is None or conflict.resolution is not Resolution.KEPT)

    def _act(self, one: Occurrence, start: datetime, obstacles: tuple[Obstacle, ...]) -> bool:
        """Move or skip a blocked occurrence as the mentorship says; return whether that was done."""
        if not keeps_notice(self._now, one.recurrence_id.instant, start):
            return False
        match self._change.when_blocked:
            case WhenBlocked.MOVE:
                after = self._now + NOTICE
                others = [*self._others(one.recurrence_id.wall), *self._reserved(one.recurrence_id.wall)]
                moved_to = next(self._places.nearest(one.recurrence_id, others, after), None)
                if moved_to is None:
                    return False
                self._displace(one, start, moved_to, obstacles)
                return True
            case WhenBlocked.SKIP if self._has_others(one):
                self._displace(one, start, None, obstacles)
                return True
            case _:
                return False

    def _displace(
        self, one: Occurrence, start: datetime, moved_to: datetime | None, obstacles: tuple[Obstacle, ...]
    ) -> None:
        """Move (None: skip) an occurrence; where it goes back to is where it was before it was first displaced."""
        present = self._conflicts.get(one.recurrence_id.wall)
        former, before = (start, None) if present is None else present.undoing_from(start)
        if former != start:
            obstacles = tuple(dict.fromkeys((*self._places.obstacles([former])[0], *obstacles)))
        self._starts[one.recurrence_id.wall] = moved_to
        self._set(
            self._conflict_of(one, former, obstacles),
            resolution=Resolution.SKIPPED if moved_to is None else Resolution.MOVED,
            moved_to=None if moved_to is None else self._period(moved_to),
            former=former,
            returns=True,
            before=before,
        )

    def _open(self, one: Occurrence, start: datetime, obstacles: tuple[Obstacle, ...]) -> None:
        """Have somebody decide about a blocked occurrence, unless they have."""
        present = self._conflicts.get(one.recurrence_id.wall)
        if present is not None and present.resolution is Resolution.KEPT and not is_open_to(present, obstacles):
            return
        opened = self._conflict_of(one, start, obstacles)
        before = None if present is None else present.displacement
        if before is None:
            self._set(opened)
        else:
            self._set(opened, former=before.former, returns=before.returns, before=before)

    def _unblock(self, one: Occurrence, start: datetime) -> None:
        """End the conflict of an occurrence that nothing blocks any more; what had displaced it counts again."""
        conflict = self._conflicts.get(one.recurrence_id.wall)
        if conflict is None or not (conflict.is_open or conflict.resolution is Resolution.KEPT):
            return
        if conflict.displacement is None:
            self._set(conflict, resolution=Resolution.LAPSED, former=None, returns=False, before=None)
        else:
            self._set(conflict.displacement, moved_to=self._period(start))

    def _conflict_of(self, one: Occurrence, start: datetime, obstacles: tuple[Obstacle, ...]) -> Conflict:
        return Conflict(one.recurrence_id, self._period(start), obstacles, Resolution.OPEN, self._now)

    def _set(self, conflict: Conflict, **changes: object) -> None:
        """Store a changed conflict; its time of change stays if nothing else differs."""
        wall = conflict.recurrence_id.wall
        changed = replace(conflict, **changes)  # type: ignore[arg-type]
        present = self._conflicts.get(wall)
        if present is None or replace(present, changed_at=changed.changed_at) != changed:
            self._conflicts[wall] = replace(changed, changed_at=self._now)

    def _others(self, wall: datetime) -> list[Period]:
        """Return when the other occurrences take place."""
        return [self._period(start) for other, start in self._starts.items() if other != wall and start is not None]

    def _reserved(self, wall: datetime) -> list[Period]:
        """Return where other occurrences go back to. Nothing moves there, so that undoing undoes."""
        return [
            self._period(one.former)
            for other, one in self._conflicts.items()
            if other != wall and one.returns and one.former
        ]

    def _has_others(self, one: Occurrence) -> bool:
        """Whether another occurrence takes place: a recurrence set is never left without any."""
        return any(start is not None for wall, start in self._starts.items() if wall != one.recurrence_id.wall)

    def _period(self, start: datetime) -> Period:
        return Period(start, start + self._length)
