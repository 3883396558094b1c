"""A booked meeting, single or a series: its occurrences, and the changes that can be made to it.

A series is defined by its local start, zone, rule and exceptions. Its UTC occurrences are derived from these and
stored with the tz release that derived them. SEQUENCE rises when times change or the meeting is cancelled (RFC 5546
§2.1.4).
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
from scheduler.errors import NotFound, Refused


class MeetingCancelled(Refused):
    """A change of a cancelled meeting, which stays cancelled: booking again makes a new UID."""

    def __init__(self) -> None:
        super().__init__("the meeting is cancelled and can't be changed; book a new one")


class OccurrenceNotChangeable(Refused):
    """A move of a cancelled occurrence, or a cancellation of a skipped one."""

    def __init__(self, recurrence_id: datetime, status: OccurrenceStatus) -> None:
        super().__init__(
            f"the occurrence of {recurrence_id:%Y-%m-%d %H:%M} is {status} and can't be changed; choose another one"
        )


class OverlapsOwnOccurrence(Refused):
    """A move of an occurrence onto another one of its series."""

    def __init__(self, start: datetime, other: datetime) -> None:
        self.other = other
        super().__init__(
            f"a meeting at {start:%Y-%m-%dT%H:%MZ} would overlap the series' own occurrence at "
            f"{other:%Y-%m-%dT%H:%MZ}; give another start"
        )


class MeetingStatus(StrEnum):
    """STATUS of the whole meeting (RFC 5545 §3.8.1.11)."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class OccurrenceStatus(StrEnum):
    """The status of one occurrence."""

    SCHEDULED = "scheduled"
    MOVED = "moved"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Party:
    """A person in a meeting, with home zone and planned moves. ``email`` is None if the person's data is erased."""

    name: str
    email: str | None
    time_zone: str
    travel: tuple[PlannedMove, ...] = ()

    @property
    def clock(self) -> Clock:
        """The clock of the home zone and the planned moves. Raises OverlappingMoves."""
        return Itinerary(self.time_zone, self.travel) if self.travel else self.time_zone


@dataclass(frozen=True)
class Occurrence:
    """One occurrence. ``recurrence_id`` is the wall start that the rule gives it; it identifies it and never changes.

    ``moved_to`` is its wall start if it was moved. ``period`` is its time in UTC, also if it is skipped or cancelled.
    ``detached``: it is published as an event of its own, because clients refuse a RECURRENCE-ID
    override that passes its neighbours or shares their day. ``to_be_moved``: it has an open conflict, with this cause
    in words.
    """

    recurrence_id: LocalTime
    period: Period
    status: OccurrenceStatus = OccurrenceStatus.SCHEDULED
    moved_to: LocalTime | None = None
    detached: bool = False
    to_be_moved: str | None = None

    @property
    def takes_place(self) -> bool:
        """Whether it is neither skipped nor cancelled."""
        return self.status in {OccurrenceStatus.SCHEDULED, OccurrenceStatus.MOVED}

    @property
    def start(self) -> LocalTime:
        """The present wall start."""
        return self.moved_to or self.recurrence_id


@dataclass(frozen=True)
class Meeting:
    """A meeting of a mentorship as it is stored, rendered and published.

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
    created_at: datetime
    changed_at: datetime
    status: MeetingStatus = MeetingStatus.CONFIRMED
    sequence: int = 0
    revision: int = 1
    tz_database: str = TZ_DATABASE_VERSION

    @property
    def parties(self) -> tuple[Party, ...]:
        """Everyone: the organizer first, then the attendee, then the guests."""
        return (self.organizer, self.attendee, *self.guests)

    @property
    def taking_place(self) -> tuple[Occurrence, ...]:
        """The occurrences that take place."""
        if self.status is MeetingStatus.CANCELLED:
            return ()
        return tuple(occurrence for occurrence in self.occurrences if occurrence.takes_place)

    @property
    def busy(self) -> tuple[Period, ...]:
        """The periods at which its two people are busy."""
        return tuple(occurrence.period for occurrence in self.taking_place)

    def occurrence(self, recurrence_id: datetime) -> Occurrence:
        """The occurrence of that wall start (naive). Raises NotFound."""
        for occurrence in self.occurrences:
            if occurrence.recurrence_id.wall == recurrence_id:
                return occurrence
        raise NotFound("occurrence", f"{recurrence_id:%Y%m%dT%H%M%S}")

    def detached_uid(self, occurrence: Occurrence) -> str:
        """The UID of a detached occurrence."""
        return f"{occurrence.recurrence_id.wall:%Y%m%dT%H%M%S}-{self.uid}"

    @property
    def uids(self) -> tuple[str, ...]:
        """The UIDs of every calendar object it is published as, the series first (RFC 4791 §4.1)."""
        detached = [self.detached_uid(occurrence) for occurrence in self.occurrences if occurrence.detached]
        return (self.uid, *detached)


def plan_occurrences(series: Series, outcomes: Mapping[datetime, datetime | None]) -> tuple[Occurrence, ...]:
    """The planned occurrences of a series.

    ``outcomes`` maps the nominal UTC start of each blocked occurrence to the UTC start it moves to (None: skipped).
    """
    occurrences = []
    for start in series.nominal_starts:
        occurrence = Occurrence(start, _period(start, series.duration))
        if start.instant in outcomes:
            occurrence = _placed(occurrence, outcomes[start.instant], series)
        occurrences.append(occurrence)
    return _with_detachments(occurrences)


def move_occurrence(meeting: Meeting, recurrence_id: datetime, start: datetime, now: datetime) -> Meeting:
    """The meeting with one occurrence moved to a UTC start; a skipped one takes place again.

    The rule and the ``recurrence_id`` stay the same. Raises NotFound, MeetingCancelled, OccurrenceNotChangeable,
    OverlapsOwnOccurrence.
    """
    occurrence = _changeable(meeting, recurrence_id, OccurrenceStatus.SKIPPED)
    period = Period(start, start + timedelta(minutes=meeting.series.duration))
    for other in meeting.taking_place:
        if other is not occurrence and other.period.overlaps(period):
            raise OverlapsOwnOccurrence(start, other.period.start)
    moved = _moved(occurrence, start, meeting.series)
    occurrences = [moved if other is occurrence else other for other in meeting.occurrences]
    return _reschedule(meeting, now, occurrences=_with_detachments(occurrences))


def place_occurrences(meeting: Meeting, starts: Mapping[datetime, datetime | None], now: datetime) -> Meeting:
    """The meeting with occurrences, by their wall start, at other UTC starts (None: skipped); itself if there are none.

    Whether they fit there is the caller's to know. SEQUENCE rises by one for all of them.
    """
    if not starts:
        return meeting
    occurrences = [
        _placed(occurrence, starts[occurrence.recurrence_id.wall], meeting.series)
        if occurrence.recurrence_id.wall in starts
        else occurrence
        for occurrence in meeting.occurrences
    ]
    return _reschedule(meeting, now, occurrences=_with_detachments(occurrences))


def mark_conflicts(meeting: Meeting, words: Mapping[datetime, str | None], now: datetime) -> Meeting:
    """The meeting with why occurrences, by their wall start, are to be moved (None: they are not any more).

    A new revision with the same SEQUENCE; itself if nothing changes.
    """
    occurrences = tuple(
        replace(occurrence, to_be_moved=words.get(occurrence.recurrence_id.wall, occurrence.to_be_moved))
        for occurrence in meeting.occurrences
    )
    return meeting if occurrences == meeting.occurrences else revise(meeting, now, occurrences=occurrences)


def cancel_occurrence(meeting: Meeting, recurrence_id: datetime, now: datetime) -> Meeting:
    """The meeting with one occurrence cancelled; the last one cancels the whole meeting.

    Raises NotFound, MeetingCancelled, OccurrenceNotChangeable.
    """
    return _cancel(meeting, [_changeable(meeting, recurrence_id)], now)


def cancel_occurrences_from(meeting: Meeting, instant: datetime, now: datetime) -> Meeting:
    """The meeting with every occurrence cancelled that starts at or after an instant; itself if there is none.

    Skipped ones too: they would take place again if what blocks them went away.
    """
    if meeting.status is MeetingStatus.CANCELLED:
        return meeting
    targets = [
        found
        for found in meeting.occurrences
        if found.status is not OccurrenceStatus.CANCELLED and found.period.start >= instant
    ]
    return _cancel(meeting, targets, now) if targets else meeting


def cancel(meeting: Meeting, now: datetime) -> Meeting:
    """The meeting cancelled as a whole. Raises MeetingCancelled if it already is."""
    if meeting.status is MeetingStatus.CANCELLED:
        raise MeetingCancelled
    occurrences = tuple(replace(found, to_be_moved=None) for found in meeting.occurrences)
    return _reschedule(meeting, now, occurrences=occurrences, status=MeetingStatus.CANCELLED)


def revise(meeting: Meeting, now: datetime, **changes: Any) -> Meeting:
    """The meeting with other details: a new revision with the same SEQUENCE. ``changed_at`` never goes back."""
    changed_at = max(now.astimezone(UTC).replace(microsecond=0), meeting.changed_at)
    return replace(meeting, **changes, revision=meeting.revision + 1, changed_at=changed_at)


def rederive(meeting: Meeting, now: datetime) -> tuple[Meeting, tuple[Occurrence, ...]]:
    """The meeting with its UTC occurrences derived again by the tz release in use, and those that moved.

    Local times stay the same. If UTC times moved, the meeting has a new revision and a higher SEQUENCE, and the rule's
    UNTIL is the last occurrence's new start.
    """
    series = meeting.series
    if series.rule is not None and meeting.occurrences:
        last = meeting.occurrences[-1].recurrence_id
        series = replace(series, rule=replace(series.rule, until=last.instant))
    derived = tuple(_derived(occurrence, series) for occurrence in meeting.occurrences)
    shifted = tuple(new for new, old in zip(derived, meeting.occurrences, strict=True) if new.period != old.period)
    if not shifted:
        return replace(meeting, tz_database=TZ_DATABASE_VERSION), ()
    moved = _reschedule(meeting, now, series=series, occurrences=derived)
    return replace(moved, tz_database=TZ_DATABASE_VERSION), shifted


def _changeable(meeting: Meeting, recurrence_id: datetime, *also: OccurrenceStatus) -> Occurrence:
    occurrence = meeting.occurrence(recurrence_id)
    if meeting.status is MeetingStatus.CANCELLED:
        raise MeetingCancelled
    if not occurrence.takes_place and occurrence.status not in also:
        raise OccurrenceNotChangeable(recurrence_id, occurrence.status)
    return occurrence


def _cancel(meeting: Meeting, targets: Iterable[Occurrence], now: datetime) -> Meeting:
    gone = set(targets)
    occurrences = tuple(
        replace(found, status=OccurrenceStatus.CANCELLED, to_be_moved=None) if found in gone else found
        for found in meeting.occurrences
    )
    left = any(found.takes_place for found in occurrences)
    status = MeetingStatus.CONFIRMED if left else MeetingStatus.CANCELLED
    return _reschedule(meeting, now, occurrences=occurrences, status=status)


def _reschedule(meeting: Meeting, now: datetime, **changes: Any) -> Meeting:
    """The meeting with other times or another status: a new revision and a higher SEQUENCE."""
    return revise(meeting, now, **changes, sequence=meeting.sequence + 1)


def _period(start: LocalTime, duration: int) -> Period:
    return Period(start.instant, start.instant + timedelta(minutes=duration))


def _derived(occurrence: Occurrence, series: Series) -> Occurrence:
    return replace(occurrence, period=_period(occurrence.start, series.duration))


def _placed(occurrence: Occurrence, start: datetime | None, series: Series) -> Occurrence:
    if start is not None:
        return _moved(occurrence, start, series)
    skipped = replace(occurrence, status=OccurrenceStatus.SKIPPED, moved_to=None, to_be_moved=None)
    return _derived(skipped, series)


def _moved(occurrence: Occurrence, start: datetime, series: Series) -> Occurrence:
    moved_to = local_time(start, series.time_zone)
    if start == occurrence.recurrence_id.instant:
        moved = replace(occurrence, status=OccurrenceStatus.SCHEDULED, moved_to=None, to_be_moved=None)
    else:
        moved = replace(occurrence, status=OccurrenceStatus.MOVED, moved_to=moved_to, to_be_moved=None)
    return _derived(moved, series)


def _with_detachments(occurrences: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """Detach the moves that can't be RECURRENCE-ID overrides. A detached occurrence stays so: its UID is published."""
    found = tuple(occurrences)
    return tuple(
        replace(occurrence, detached=True)
        if occurrence.status is OccurrenceStatus.MOVED and not _keeps_its_order(index, found)
        else occurrence
        for index, occurrence in enumerate(found)
    )


def _keeps_its_order(index: int, occurrences: tuple[Occurrence, ...]) -> bool:
    """Whether a moved occurrence lies on a day of its own, after all earlier ones and before all later ones."""
    day = occurrences[index].start.wall.date()
    earlier = [found.start.wall.date() for found in occurrences[:index] if found.takes_place]
    later = [found.start.wall.date() for found in occurrences[index + 1 :] if found.takes_place]
    return all(other < day for other in earlier) and all(day < other for other in later)
