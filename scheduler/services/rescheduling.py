"""Another cadence for what is left of a booked series: found, and booked in its place in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.programme.api_keys import RESTRICTED, Viewer
from scheduler.domain.programme.changes import Change, ChangeType
from scheduler.domain.programme.meetings import (
    MeetingCancelled,
    MeetingStatus,
    OccurrenceStatus,
    Party,
    cancel_occurrences_from,
)
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.replanning import PlanTerms
from scheduler.domain.time.periods import Periods
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime, local_time
from scheduler.errors import FieldError, InvalidFields, NotFound, Refused
from scheduler.services.attendees import AttendeeSpec
from scheduler.services.booking import CadenceBooking, Details, ExpectedOccurrence, add_series, time_gone
from scheduler.services.locking import lock_meeting
from scheduler.services.ports import Context
from scheduler.services.proposing import SearchRequest
from scheduler.services.publishing import log_changes, publish_change
from scheduler.store import StoredMeeting, Transaction

LONGEST = timedelta(days=366)
"""The longest time that is searched, from the first date to the last."""


class NothingToReplace(Refused):
    """A meeting that is no series, or has no occurrence any more from the given time on."""


@dataclass(frozen=True)
class ReplacementSearch:
    """A search for cadences of the same kind in place of ``meeting_id``, on ``dates``."""

    meeting_id: str
    duration: int
    dates: Days
    search: SearchRequest[CadenceQuery]


@dataclass(frozen=True)
class Replacement:
    """A cadence to book in the place of a series.

    Args:
        starts_on: from when on the series is replaced, and the first date that moves may go to; None: the date on which
            the cadence starts.
        ends_on: the last date that moves may go to; None: that of the series.
        details: those fields of `Details` that differ from the series'.
        terms: those fields of `PlanTerms` and its `Rules` that differ from the series'.

    """

    series: Series
    expected: tuple[ExpectedOccurrence, ...]
    starts_on: date | None = None
    ends_on: date | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def guests(self) -> tuple[Party, ...]:
        """The guests that the series did not have."""
        return tuple(self.details.get("guests", ()))


def find_replacements(
    context: Context, programme_id: str, mentorship_id: str, meeting_id: str | None, starts_on: date | None, limit: int
) -> ReplacementSearch:
    """Return the search for the best cadences from a date on in place of a mentorship's series.

    ``meeting_id`` None is its only series that is to come then, ``starts_on`` None is today for the mentor. Raises
    NotFound, InvalidFields, MeetingCancelled, NothingToReplace.
    """
    now = context.clock()
    with context.store.read() as tx:
        mentorship = tx.mentorships.get(programme_id, mentorship_id)
        stored = _series_of(tx, programme_id, mentorship, meeting_id, starts_on, now)
    _check_left(stored, now)
    dates = _dates_left(stored, mentorship, starts_on, now)
    meeting, terms = stored.meeting, stored.terms
    ends = _end_of(dates.first, meeting.series.time_zone, now)
    _check_left(stored, ends)
    staying = tuple(sorted(period for period in meeting.busy if period.start < ends))
    gone = time_gone(dates.first, meeting.series.time_zone, now)
    busy = Periods.of(staying)
    specs = (
        AttendeeSpec(stored.mentor_id, {"busy": Periods.union(busy, gone), "meetings": staying}),
        AttendeeSpec(stored.mentee_id, {"busy": busy, "meetings": staying}),
    )

    def to_query(attendees: tuple[Attendee, ...]) -> CadenceQuery:
        return terms.query(attendees, meeting.series, dates, limit)

    search = SearchRequest(specs, to_query, except_meeting=stored.id)
    return ReplacementSearch(stored.id, meeting.series.duration, dates, search)


def reschedule(
    context: Context, programme_id: str, meeting_id: str, replacement: Replacement, viewer: Viewer = RESTRICTED
) -> StoredMeeting:
    """Cancel what a series has left from a date on, and book another cadence in its place; return the new series.

    What the new one does not give is as it was for the old one. Raises PlanChanged, NothingToReplace, MeetingCancelled,
    Refused, NotFound, InvalidFields, QuotaReached; then nothing changes.
    """
    now = context.clock()
    with context.store.write() as tx:
        mentorship, old = lock_meeting(tx, programme_id, meeting_id, replacement.guests)
        booking, dates = _booking(replacement, old, mentorship, now)
        ends = _end_of(dates.first, booking.series.time_zone, now)
        _check_left(old, ends)
        ended = cancel_occurrences_from(old.meeting, ends, now)
        left = publish_change(context, tx, programme_id, old, ended, now)
        _let_stay(tx, programme_id, left, ends, now)
        new = add_series(context, tx, programme_id, mentorship, booking, viewer, replaces=old.id)
        details = {"from": ends, "replaced_by": new.id}
        log_changes(context, tx, programme_id, left, [Change(ChangeType.MEETING_RESCHEDULED, details=details)], now)
        return new


def _let_stay(tx: Transaction, programme_id: str, stored: StoredMeeting, ends: datetime, now: datetime) -> None:
    """Let nothing of a replaced series go back by itself to where the other one begins, or later."""
    staying = [
        replace(one, returns=False, changed_at=now)
        for one in tx.conflicts.list_for_meetings(programme_id, [stored.id])[stored.id]
        if one.returns and one.former is not None and one.former >= ends
    ]
    tx.conflicts.put(programme_id, stored.id, staying)


def _series_of(
    tx: Transaction,
    programme_id: str,
    mentorship: Mentorship,
    meeting_id: str | None,
    starts_on: date | None,
    now: datetime,
) -> StoredMeeting:
    """Return the series of that id, or the only one with an occurrence from that day on (None: from now on).

    Raises NotFound, InvalidFields, NothingToReplace.
    """
    meetings = tx.meetings.list_for_mentorship(programme_id, mentorship.id)
    if meeting_id is not None:
        found = [stored for stored in meetings if stored.id == meeting_id]
        if not found:
            raise NotFound("meeting", meeting_id, "/meeting")
        return found[0]
    series = [stored for stored in meetings if stored.meeting.series.rule is not None]
    running = [
        stored
        for stored in series
        if _has_left(stored, _end_of(starts_on, stored.meeting.series.time_zone, now) if starts_on else now)
    ]
    if not running:
        raise NothingToReplace("the mentorship has no series that is to come then; find cadences, and book one")
    if len(running) > 1:
        ids = tuple(stored.id for stored in running)
        detail = f"the mentorship has {len(ids)} series; say which one to replace: {', '.join(ids)}"
        raise InvalidFields([FieldError("/meeting", detail, ids)])
    return running[0]


def _dates_left(stored: StoredMeeting, mentorship: Mentorship, starts_on: date | None, now: datetime) -> Days:
    """Return the dates from ``starts_on`` to the last one that the series was planned for. Raises InvalidFields."""
    rule = stored.meeting.series.rule
    assert rule is not None  # a series has a rule
    if isinstance(rule, WeeklyRule) and rule.interval > 1 and rule.per_week > 1:
        raise NothingToReplace(f"no search finds cadences like {rule}; find cadences of another kind")
    today = local_time(now, stored.meeting.organizer.time_zone).wall.date()
    first = max(today, mentorship.starts_on) if starts_on is None else starts_on
    _check_first(first, today, mentorship, "/from")
    last = _last_planned(stored, mentorship)
    if first > last:
        raise InvalidFields.at("/from", f"{first} is after {last}, when the series ends; give an earlier day")
    last = min(last, first + LONGEST)
    if (last - first).days + 1 < rule.per_week:
        detail = f"{first} to {last} has no {rule.per_week} days to meet on; give an earlier day"
        raise InvalidFields.at("/from", detail)
    return Days(first, last)


def _last_planned(stored: StoredMeeting, mentorship: Mentorship) -> date:
    """Return the last date that a series was planned for, as far as the mentorship has it still."""
    dates = stored.terms.dates
    return mentorship.ends_on if dates is None else min(dates.last, mentorship.ends_on)


def _check_first(first: date, today: date, mentorship: Mentorship, pointer: str) -> None:
    """Raises InvalidFields for a first day that is over, or before the mentorship."""
    if first < today:
        raise InvalidFields.at(pointer, f"{first} is over; give {today} or a later day")
    if first < mentorship.starts_on:
        detail = f"{first} is before the mentorship starts on {mentorship.starts_on}; give a later day"
        raise InvalidFields.at(pointer, detail)


def _booking(
    replacement: Replacement, old: StoredMeeting, mentorship: Mentorship, now: datetime
) -> tuple[CadenceBooking, Days]:
    """Return the booking of a replacement, with what it does not give taken from the old series, and its dates."""
    series = replacement.series
    today = local_time(now, old.meeting.organizer.time_zone).wall.date()
    first = replacement.starts_on or series.dtstart.wall.date()
    _check_first(first, today, mentorship, "/dtstart" if replacement.starts_on is None else "/starts_on")
    last = replacement.ends_on or min(_last_planned(old, mentorship), first + LONGEST)
    if last < first:
        raise InvalidFields.at("/ends_on", f"the last day {last} is before the first day {first}; give a later one")
    dates = Days(first, last)
    details = {
        "title": old.own_title,
        "conference_url": old.meeting.conference_url,
        "guests": old.meeting.guests,
    } | dict(replacement.details)
    terms = _terms(old.terms, series, replacement.terms, dates)
    return CadenceBooking(series, replacement.expected, Details(**details), terms), dates


def _terms(old: PlanTerms, series: Series, given: Mapping[str, Any], dates: Days) -> PlanTerms:
    """Return the old terms with the given ones. Moves stay within a round of the new rule."""
    rules = {name: given[name] for name in ("within", "minimum_gap") if name in given}
    others = {name: value for name, value in given.items() if name not in rules}
    assert series.rule is not None  # a cadence has a rule
    within_days = min(old.move_within_days, series.rule.min_round_days - 1)
    changes: dict[str, Any] = {"move_within_days": within_days, "elsewhere": ()} | others
    return replace(old, dates=dates, rules=replace(old.rules, **rules), **changes)


def _end_of(day: date, zone: str, now: datetime) -> datetime:
    """Return the instant at which a series ends that is replaced from a day on: what has begun stays."""
    return max(LocalTime(datetime.combine(day, time()), zone).instant, now)


def _check_left(stored: StoredMeeting, ends: datetime) -> None:
    """Raises MeetingCancelled or NothingToReplace unless it is a series with an occurrence from an instant on."""
    meeting = stored.meeting
    if meeting.status is MeetingStatus.CANCELLED:
        raise MeetingCancelled
    if meeting.series.rule is None:
        raise NothingToReplace("the meeting is no series; move its only occurrence, or book another meeting")
    if not _has_left(stored, ends):
        raise NothingToReplace(f"the series has no occurrence from {ends:%Y-%m-%dT%H:%MZ} on; book a cadence instead")


def _has_left(stored: StoredMeeting, instant: datetime) -> bool:
    """Whether a series has an occurrence from an instant on, which may be skipped."""
    meeting = stored.meeting
    return meeting.status is not MeetingStatus.CANCELLED and any(
        one.period.start >= instant and one.status is not OccurrenceStatus.CANCELLED for one in meeting.occurrences
    )
