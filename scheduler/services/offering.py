"""Conflicts with what can be done about each: where an open one may move, where a displaced one may go back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scheduler.domain.programme.conflicts import Conflict
from scheduler.domain.programme.meetings import Meeting, OccurrenceStatus
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.search.replanning import SeriesPlaces
from scheduler.domain.time.periods import Period
from scheduler.domain.time.zones import local_time
from scheduler.services.schedules import Schedule
from scheduler.store import StoredConflict, StoredMeeting, Transaction

MOST = 100
"""How many conflicts an answer holds."""
ALTERNATIVES = 3
"""How many other times are offered for a conflict."""


@dataclass(frozen=True)
class Alternative:
    """Another time for an occurrence, with its score from 0 to 1."""

    period: Period
    score: float


@dataclass(frozen=True)
class OfferedConflict:
    """A conflict with other times for its occurrence, or where it goes when it is restored.

    Other times are the nearest of several days, the nearest day first.
    """

    stored: StoredConflict
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class Consequences:
    """What a change did to booked meetings: the first ``MOST`` conflicts, their number, and the series hit hard."""

    conflicts: tuple[OfferedConflict, ...] = ()
    total: int = 0
    hit_hard: tuple[StoredMeeting, ...] = ()


def offer(
    tx: Transaction,
    programme_id: str,
    found: Sequence[StoredConflict],
    meetings: Mapping[str, tuple[StoredMeeting, Mentorship]],
    schedule: Schedule,
    now: datetime,
) -> tuple[OfferedConflict, ...]:
    """Return conflicts, in their order, with alternatives; the first ones of all open ones can be taken together.

    ``meetings`` has the conflicts' meetings, by id, with their mentorships. Conflicts of others have no alternatives.
    What is offered first is reserved in the schedule.
    """
    by_meeting: dict[str, list[Conflict]] = defaultdict(list)
    for one in found:
        if one.meeting_id in meetings and may_move(one.conflict, now):
            by_meeting[one.meeting_id].append(one.conflict)
    returning = tx.conflicts.list_for_meetings(programme_id, by_meeting)
    alternatives: dict[tuple[str, datetime], tuple[Alternative, ...]] = {}
    for meeting_id, its in by_meeting.items():
        stored, mentorship = meetings[meeting_id]
        places = schedule.places(stored, mentorship, returning[meeting_id])
        starts = _other_starts(stored.meeting, its, returning[meeting_id], places, now)
        firsts = [starts[one.recurrence_id.wall][:1] for one in its if one.is_open and one.recurrence_id.wall in starts]
        schedule.reserve(stored, [_period(stored.meeting, start) for first in firsts for start in first])
        scores = places.scores([start for each in starts.values() for start in each])
        for wall, each in starts.items():
            alternatives[meeting_id, wall] = tuple(
                Alternative(_period(stored.meeting, start), scores.get(start, 0.0)) for start in each
            )
    return tuple(
        OfferedConflict(one, alternatives.get((one.meeting_id, one.conflict.recurrence_id.wall), ())) for one in found
    )


def may_move(conflict: Conflict, now: datetime) -> bool:
    """Whether another time can be offered at all: a decision is open, or there is a former time to go back to."""
    return conflict.is_open or (conflict.former is not None and conflict.former > now)


def _other_starts(
    meeting: Meeting, conflicts: Iterable[Conflict], all_of_it: Iterable[Conflict], places: SeriesPlaces, now: datetime
) -> dict[datetime, list[datetime]]:
    """Return for each conflict, by wall start, the starts that are offered. Nobody is offered two at one time."""
    reserved = {one.recurrence_id.wall: _period(meeting, one.former) for one in all_of_it if one.returns and one.former}
    present = {one.recurrence_id.wall: one.period for one in meeting.taking_place}
    taken: list[Period] = []
    found: dict[datetime, list[datetime]] = {}
    for conflict in sorted(conflicts, key=lambda one: one.recurrence_id.instant):
        wall = conflict.recurrence_id.wall
        if meeting.occurrence(wall).status is OccurrenceStatus.CANCELLED:
            continue
        others = [period for other, period in present.items() if other != wall]
        if conflict.is_open:
            kept_free = [period for other, period in reserved.items() if other != wall]
            starts = places.nearest(conflict.recurrence_id, [*others, *kept_free, *taken], now)
            found[wall] = _on_several_days(starts, meeting.series.time_zone)
            taken += [_period(meeting, start) for start in found[wall][:1]]
        else:
            former = conflict.former
            found[wall] = [former] if former is not None and places.is_free(former, others) else []
    return found


def _on_several_days(starts: Iterable[datetime], zone: str) -> list[datetime]:
    """Return the first starts of several local days; further ones of these days where there are fewer."""
    by_day: dict[date, datetime] = {}
    others: list[datetime] = []
    for start in starts:
        day = local_time(start, zone).wall.date()
        if by_day.setdefault(day, start) is not start:
            others.append(start)
        if len(by_day) == ALTERNATIVES:
            break
    return [*by_day.values(), *others][:ALTERNATIVES]


def _period(meeting: Meeting, start: datetime) -> Period:
    return Period(start, start + timedelta(minutes=meeting.series.duration))
