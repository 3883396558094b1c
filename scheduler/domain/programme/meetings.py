"""A booked meeting: a single one or a series, its occurrences, and what each change does to it.

What a series *is* is its local start, its zone, its rule and its exceptions; the UTC occurrences
are derived from that and kept beside it, with the tz release they were derived by.
SEQUENCE follows RFC 5546 §2.1.4: it rises when times change or the meeting is cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from scheduler.domain.time.clocks import Clock, Itinerary, PlannedMove
from scheduler.domain.time.periods import Period
from scheduler.domain.time.series import Series
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.domain.time.zones import LocalTime, local_time
from scheduler.errors import Refused


class MeetingCancelled(Refused):
    """A cancelled meeting never comes back: booking again is a new UID."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        super().__init__("the meeting is cancelled and can't be changed; book a new one")


class OccurrenceGone(Refused):
    """A cancelled occurrence can't be moved, nor a skipped one cancelled."""

    def __init__(self, recurrence_id: datetime, status: OccurrenceStatus) -> None:
        self.recurrence_id = recurrence_id
        self.status = status
        super().__init__(f"the occurrence of {recurrence_id:%Y-%m-%d %H:%M} is {status} and can't be changed")


class OntoItself(Refused):
    """A move onto another occurrence of the same series."""

    def __init__(self, start: datetime, other: datetime) -> None:
        self.start = start
        self.other = other
        super().__init__(
            f"a meeting at {start:%Y-%m-%dT%H:%MZ} would overlap the series' own occurrence at {other:%Y-%m-%dT%H:%MZ}"
        )


class MeetingStatus(StrEnum):
    """STATUS of the whole (RFC 5545 §3.8.1.11)."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class OccurrenceStatus(StrEnum):
    """What became of one occurrence."""

    SCHEDULED = "scheduled"
    MOVED = "moved"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Party:
    """Someone in a meeting, with their home zone and planned moves. ``email`` is None once their data is erased."""

    name: str
    email: str | None
    time_zone: str
    travel: tuple[PlannedMove, ...] = ()

    @property
    def clock(self) -> Clock:
        """The clock that they live by. Raises OverlappingMoves."""
        return Itinerary(self.time_zone, self.travel) if self.travel else self.time_zone


@dataclass(frozen=True)
class Occurrence:
    """One occurrence. ``recurrence_id`` is the wall start that the rule gives it, and its name for ever.

    ``moved_to`` is its wall start if it was moved. ``period`` is when it is, or would have been, in UTC.
    ``detached``: it is published as an event of its own, because clients refuse a RECURRENCE-ID
    override that passes its neighbours or shares their day.
    """

    recurrence_id: LocalTime
    period: Period
    status: OccurrenceStatus = OccurrenceStatus.SCHEDULED
    moved_to: LocalTime | None = None
    detached: bool = False

    @property
    def takes_place(self) -> bool:
        """Whether anyone has to be there."""
        return self.status in {OccurrenceStatus.SCHEDULED, OccurrenceStatus.MOVED}

    @property
    def start(self) -> LocalTime:
        """The wall start it really has."""
        return self.moved_to or self.recurrence_id


@dataclass(frozen=True)
class Meeting:
    """A meeting of a mentorship, whole: the value that is stored, rendered and published.

    ``goals`` are the mentorship's. ``changed_at`` (UTC, whole seconds) is LAST-MODIFIED and DTSTAMP.
    ``revision`` counts every change, ``sequence`` those of RFC 5546 §2.1.4.
    """

    uid: str
    title: str
    series: Series
    occurrences: tuple[Occurrence, ...]
    organizer: Party
    attendee: Party
    guests: tuple[Party, ...]
    goals: tuple[str, ...]
    conference_url: str | None
    status: MeetingStatus
    sequence: int
    revision: int
    created_at: datetime
    changed_at: datetime
    tz_database: str = TZ_DATABASE_VERSION

    @property
    def parties(self) -> tuple[Party, ...]:
        """Everyone: the organizer first, then the attendee, then the guests."""
        return (self.organizer, self.attendee, *self.guests)

    @property
    def kept(self) -> tuple[Occurrence, ...]:
        """The occurrences that take place."""
        if self.status is MeetingStatus.CANCELLED:
            return ()
        return tuple(occurrence for occurrence in self.occurrences if occurrence.takes_place)

    @property
    def busy(self) -> tuple[Period, ...]:
        """The periods at which its two people are taken."""
        return tuple(occurrence.period for occurrence in self.kept)

    def occurrence(self, recurrence_id: datetime) -> Occurrence | None:
        """The occurrence of that wall start (naive), or None."""
        return next((found for found in self.occurrences if found.recurrence_id.wall == recurrence_id), None)

    def detached_uid(self, occurrence: Occurrence) -> str:
        """The UID of an occurrence that is published on its own."""
        return f"{occurrence.recurrence_id.wall:%Y%m%dT%H%M%S}-{self.uid}"

    @property
    def uids(self) -> tuple[str, ...]:
        """The UIDs of every calendar object it is published as, the series first (RFC 4791 §4.1)."""
        detached = [self.detached_uid(occurrence) for occurrence in self.occurrences if occurrence.detached]
        return (self.uid, *detached)


def plan_occurrences(series: Series, outcomes: Mapping[datetime, datetime | None]) -> tuple[Occurrence, ...]:
    """The occurrences of a series as planned: ``outcomes`` maps the nominal UTC start of each blocked
    occurrence to the UTC start it moves to, or to None where it is skipped.
    """
    occurrences = [
        _derived(Occurrence(start, _period(start, series.duration)), series) for start in series.nominal_starts
    ]
    for place, occurrence in enumerate(occurrences):
        nominal = occurrence.period.start
        if nominal not in outcomes:
            continue
        moved_to = outcomes[nominal]
        if moved_to is None:
            occurrences[place] = replace(occurrence, status=OccurrenceStatus.SKIPPED)
        else:
            occurrences[place] = _moved(occurrence, moved_to, series)
    return _with_detachments(occurrences)


def move_occurrence(meeting: Meeting, recurrence_id: datetime, start: datetime, now: datetime) -> Meeting:
    """The meeting with one occurrence moved to a UTC start; a skipped one takes place again.

    The rule and the occurrence's name stay; where it now is stands in ``moved_to``. Raises MeetingCancelled,
    OccurrenceGone, OntoItself; KeyError for an occurrence the meeting does not have.
    """
    occurrence = _changeable(meeting, recurrence_id, OccurrenceStatus.SKIPPED)
    period = Period(start, start + timedelta(minutes=meeting.series.duration))
    others = [other for other in meeting.occurrences if other is not occurrence and other.takes_place]
    for other in others:
        if other.period.overlaps(period):
            raise OntoItself(start, other.period.start)
    moved = _moved(occurrence, start, meeting.series)
    occurrences = [moved if other is occurrence else other for other in meeting.occurrences]
    return _rescheduled(meeting, now, occurrences=_with_detachments(occurrences))


def cancel_occurrence(meeting: Meeting, recurrence_id: datetime, now: datetime) -> Meeting:
    """The meeting with one occurrence cancelled; with none left, the whole is cancelled.

    Raises MeetingCancelled, OccurrenceGone; KeyError for an occurrence the meeting does not have.
    """
    target = _changeable(meeting, recurrence_id)
    return _without(meeting, [target], now)


def cancel_from(meeting: Meeting, instant: datetime, now: datetime) -> Meeting:
    """The meeting with every occurrence that starts at or after an instant cancelled, if there is any."""
    if meeting.status is MeetingStatus.CANCELLED:
        return meeting
    targets = [found for found in meeting.occurrences if found.takes_place and found.period.start >= instant]
    return _without(meeting, targets, now) if targets else meeting


def cancel(meeting: Meeting, now: datetime) -> Meeting:
    """The meeting cancelled as a whole, for ever. Raises MeetingCancelled if it already is."""
    if meeting.status is MeetingStatus.CANCELLED:
        raise MeetingCancelled(meeting.uid)
    return _rescheduled(meeting, now, status=MeetingStatus.CANCELLED)


def redescribe(meeting: Meeting, now: datetime, **changes: Any) -> Meeting:
    """The meeting with another title, conference or guests: a new revision, the same SEQUENCE."""
    return replace(meeting, **changes, revision=meeting.revision + 1, changed_at=_later(meeting, now))


def rederive(meeting: Meeting, now: datetime) -> tuple[Meeting, tuple[Occurrence, ...]]:
    """The meeting with its UTC occurrences derived again by the tz release in use, and those that moved.

    Local times stay; where UTC moved the series is a new revision with a higher SEQUENCE, and the
    rule's UNTIL is the last occurrence's new start.
    """
    series = meeting.series
    if series.rule is not None and meeting.occurrences:
        last = meeting.occurrences[-1].recurrence_id
        series = replace(series, rule=series.rule.with_until(last.instant))
    derived = tuple(_derived(occurrence, series) for occurrence in meeting.occurrences)
    shifted = tuple(new for new, old in zip(derived, meeting.occurrences, strict=True) if new.period != old.period)
    if not shifted:
        return replace(meeting, tz_database=TZ_DATABASE_VERSION), ()
    moved = _rescheduled(meeting, now, series=series, occurrences=derived)
    return replace(moved, tz_database=TZ_DATABASE_VERSION), shifted


def _changeable(meeting: Meeting, recurrence_id: datetime, *also: OccurrenceStatus) -> Occurrence:
    if meeting.status is MeetingStatus.CANCELLED:
        raise MeetingCancelled(meeting.uid)
    occurrence = meeting.occurrence(recurrence_id)
    if occurrence is None:
        raise KeyError(recurrence_id)
    if not occurrence.takes_place and occurrence.status not in also:
        raise OccurrenceGone(recurrence_id, occurrence.status)
    return occurrence


def _without(meeting: Meeting, targets: Iterable[Occurrence], now: datetime) -> Meeting:
    gone = set(targets)
    occurrences = tuple(
        replace(found, status=OccurrenceStatus.CANCELLED) if found in gone else found for found in meeting.occurrences
    )
    left = any(found.takes_place for found in occurrences)
    status = MeetingStatus.CONFIRMED if left else MeetingStatus.CANCELLED
    return _rescheduled(meeting, now, occurrences=occurrences, status=status)


def _rescheduled(meeting: Meeting, now: datetime, **changes: Any) -> Meeting:
    sequence, revision = meeting.sequence + 1, meeting.revision + 1
    return replace(meeting, **changes, sequence=sequence, revision=revision, changed_at=_later(meeting, now))


def _later(meeting: Meeting, now: datetime) -> datetime:
    """The time of this change: whole seconds, and never before the last one."""
    return max(now.astimezone(UTC).replace(microsecond=0), meeting.changed_at)


def _period(start: LocalTime, duration: int) -> Period:
    return Period(start.instant, start.instant + timedelta(minutes=duration))


def _derived(occurrence: Occurrence, series: Series) -> Occurrence:
    return replace(occurrence, period=_period(occurrence.start, series.duration))


def _moved(occurrence: Occurrence, start: datetime, series: Series) -> Occurrence:
    moved_to = local_time(start, series.time_zone)
    if start == occurrence.recurrence_id.instant:
        moved = replace(occurrence, status=OccurrenceStatus.SCHEDULED, moved_to=None)
    else:
        moved = replace(occurrence, status=OccurrenceStatus.MOVED, moved_to=moved_to)
    return _derived(moved, series)


def _with_detachments(occurrences: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """Marks the moves that can't be RECURRENCE-ID overrides. Once detached, an occurrence stays so: its UID is out."""
    found = tuple(occurrences)
    return tuple(
        replace(occurrence, detached=True)
        if occurrence.status is OccurrenceStatus.MOVED and not _stays_in_place(place, found)
        else occurrence
        for place, occurrence in enumerate(found)
    )


def _stays_in_place(place: int, occurrences: tuple[Occurrence, ...]) -> bool:
    """Whether a moved occurrence lies on a day of its own, after all earlier ones and before all later ones."""
    day = occurrences[place].start.wall.date()
    earlier = [found.start.wall.date() for found in occurrences[:place] if found.takes_place]
    later = [found.start.wall.date() for found in occurrences[place + 1 :] if found.takes_place]
    return all(other < day for other in earlier) and all(day < other for other in later)
