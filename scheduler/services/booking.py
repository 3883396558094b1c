"""Booking a cadence or a slot: planned again in the transaction that stores it, and refused if the plan has changed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.programme.api_keys import RESTRICTED, Viewer
from scheduler.domain.programme.changes import Change, ChangeType
from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.programme.meetings import Meeting, Occurrence, Party, plan_occurrences
from scheduler.domain.programme.mentorships import Mentorship, MentorshipStatus
from scheduler.domain.search.planning import BlockedBy, OnConflict, PlannedOccurrence, Planner, PlanStatus
from scheduler.domain.search.replanning import DEFAULT_TERMS, PlanTerms, obstacles_of
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.recurrence import DAY_NAMES, weekday_of
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime, local_time, resolve_typed_time
from scheduler.errors import InvalidFields, Refused, at_field
from scheduler.services.attendees import MARGIN, AttendeeSpec, load_attendees
from scheduler.services.locking import lock_mentorship
from scheduler.services.ports import Context
from scheduler.services.publishing import log_changes, publish
from scheduler.store import StoredMeeting, Transaction

_AS_ANSWERED = "send dtstart and rrule as find_cadences answered them"


class PlanChanged(Refused):
    """A cadence whose plan is not the expected one, or has too little coverage; carries the plan as it now is."""

    def __init__(self, plan: Sequence[PlannedOccurrence], detail: str) -> None:
        self.plan = tuple(plan)
        super().__init__(detail)


class SlotTaken(Refused):
    """A time at which the two people can't meet, with the reasons (index 0: the mentor, 1: the mentee)."""

    def __init__(self, period: Period, blocked_by: Sequence[BlockedBy]) -> None:
        self.blocked_by = tuple(blocked_by)
        names = {0: "the mentor", 1: "the mentee", None: "the two"}
        causes = ", ".join(f"{names[block.index]}: {block.cause.value.replace('_', ' ')}" for block in self.blocked_by)
        super().__init__(f"the two can't meet at {period.start:%Y-%m-%dT%H:%MZ} ({causes}); find slots again")


@dataclass(frozen=True)
class Details:
    """A meeting's details besides its times. ``title`` None is the default title."""

    title: str | None = None
    conference_url: str | None = None
    guests: tuple[Party, ...] = ()


class ExpectedOccurrence(NamedTuple):
    """An occurrence as the client expects it: ``period`` is the nominal one, ``moved_to`` where it moves."""

    period: Period
    status: PlanStatus
    moved_to: Period | None = None


@dataclass(frozen=True)
class CadenceBooking:
    """A cadence to book, as a search answered it, with the terms of that search."""

    series: Series
    expected: tuple[ExpectedOccurrence, ...]
    details: Details
    terms: PlanTerms = DEFAULT_TERMS

    def plan(self, attendees: tuple[Attendee, ...], dates: Days) -> tuple[PlannedOccurrence, ...]:
        """The plan of the series for these attendees within these dates."""
        return self.terms.planner(attendees, self.series, dates).plan(self.series, self.terms.elsewhere)


def book_cadence(
    context: Context, programme_id: str, mentorship_id: str, booking: CadenceBooking, viewer: Viewer = RESTRICTED
) -> StoredMeeting:
    """Book a series. Raises PlanChanged, Refused, NotFound, InvalidFields, QuotaReached."""
    with context.store.write() as tx:
        mentorship = lock_mentorship(tx, programme_id, mentorship_id, booking.details.guests)
        return add_series(context, tx, programme_id, mentorship, booking, viewer)


def add_series(
    context: Context,
    tx: Transaction,
    programme_id: str,
    mentorship: Mentorship,
    booking: CadenceBooking,
    viewer: Viewer,
    replaces: str | None = None,
) -> StoredMeeting:
    """Plan a series again and store it, in the caller's transaction, which has locked everybody.

    ``replaces`` is the id of a series whose place it takes; then no time before now is free. Raises PlanChanged,
    Refused, InvalidFields, QuotaReached.
    """
    _check_active(mentorship)
    dates = booking.terms.dates or Days(mentorship.starts_on, mentorship.ends_on)
    check_day(dates.first, mentorship, "/starts_on")
    check_day(dates.last, mentorship, "/ends_on")
    _check_series(booking.series, mentorship, dates)
    attendees = load_pair(context, tx, programme_id, mentorship, dates)
    if replaces is not None:
        gone = time_gone(dates.first, booking.series.time_zone, context.clock())
        attendees = (replace(attendees[0], busy=Periods.union(attendees[0].busy, gone)), *attendees[1:])
    plan = booking.plan(attendees, dates)
    _check_plan(plan, booking, viewer)
    blocked = [one for one in plan if one.status is not PlanStatus.CLEAR]
    moves = {one.period.start: one.moved_to.start if one.moved_to else None for one in blocked}
    occurrences = plan_occurrences(booking.series, moves)
    stored = _add_meeting(
        context, tx, programme_id, mentorship, booking.series, occurrences, booking.details, booking.terms, replaces
    )
    _keep_agreed_changes(tx, programme_id, stored, plan, context.clock())
    return stored


def time_gone(day: date, zone: str, now: datetime) -> Periods:
    """Return what has passed, in the zone, since the beginning of a day; nothing before a day that is to come."""
    begin = LocalTime(datetime.combine(day, time()), zone).instant
    return Periods.of([Period(begin, now)] if begin < now else [])


def book_slot(
    context: Context,
    programme_id: str,
    mentorship_id: str,
    start: datetime,
    duration: int,
    details: Details,
    viewer: Viewer = RESTRICTED,
) -> StoredMeeting:
    """Book a single meeting of ``duration`` minutes in the mentor's zone; a naive start is local time there.

    Raises SlotTaken, Refused, NotFound, InvalidFields, QuotaReached.
    """
    with context.store.write() as tx:
        mentorship = lock_mentorship(tx, programme_id, mentorship_id, details.guests)
        zone = tx.people.get_party(programme_id, mentorship.mentor_id).time_zone
        start = read_start(start, zone)
        _check_active(mentorship)
        local = local_time(start, zone)
        day = local.wall.date()
        check_day(day, mentorship, "/start")
        series = Series(local, None, duration)
        check_free(load_pair(context, tx, programme_id, mentorship, Days(day, day)), series, viewer)
        return _add_meeting(context, tx, programme_id, mentorship, series, plan_occurrences(series, {}), details)


def read_start(start: datetime, zone: str) -> datetime:
    """The instant of a meeting's start; a naive one is local time of the zone. Raises InvalidFields."""
    with at_field("/start"):
        instant = resolve_typed_time(start, zone) if start.tzinfo is None else start
    if instant.second or instant.microsecond:
        raise InvalidFields.at("/start", f"{instant.isoformat()} has seconds; meetings start on whole minutes")
    return instant


def load_pair(
    context: Context,
    tx: Transaction,
    programme_id: str,
    mentorship: Mentorship,
    dates: Days,
    except_meeting: str | None = None,
) -> tuple[Attendee, ...]:
    """The mentor and the mentee with their availability on the dates and some days around."""
    first, last = (datetime.combine(day, time(), UTC) for day in (dates.first, dates.last))
    around = Period(first - MARGIN, last + MARGIN)
    specs = [AttendeeSpec(mentorship.mentor_id, {}), AttendeeSpec(mentorship.mentee_id, {})]
    return load_attendees(context, tx, programme_id, specs, around, except_meeting)


def check_day(day: date, mentorship: Mentorship, pointer: str) -> None:
    """Raises InvalidFields for a day before the mentorship starts or after it ends."""
    starts, ends = mentorship.starts_on, mentorship.ends_on
    if day < starts:
        raise InvalidFields.at(pointer, f"{day} is before the mentorship starts on {starts}; give a later day")
    if day > ends:
        raise InvalidFields.at(pointer, f"{day} is after the mentorship ends on {ends}; give an earlier day")


def check_free(attendees: tuple[Attendee, ...], meeting: Series, viewer: Viewer) -> None:
    """Raises SlotTaken unless all attendees can come to a single meeting."""
    day = meeting.dtstart.wall.date()
    planner = Planner(
        attendees=attendees,
        dates=Days(day, day),
        time_zone=meeting.time_zone,
        duration=meeting.duration,
        step=1,
        on_conflict=OnConflict.SKIP,
    )
    (planned,) = planner.plan(meeting)
    if planned.status is not PlanStatus.CLEAR:
        raise SlotTaken(planned.period, _redact(planned, viewer).blocked_by)


def _check_active(mentorship: Mentorship) -> None:
    if mentorship.status is not MentorshipStatus.ACTIVE:
        raise Refused(f"the mentorship is {mentorship.status}; only an active one can be booked")


def _check_series(series: Series, mentorship: Mentorship, dates: Days) -> None:
    """Raises InvalidFields unless a cadence search over those dates of the mentorship can answer the series.

    Outside the dates no availability is loaded, so that an occurrence there would pass as free.
    """
    first, rule = series.dtstart.wall.date(), series.rule
    check_day(first, mentorship, "/dtstart")
    assert rule is not None  # a cadence has a rule
    if next(rule.dates(first)) != first:
        weekday = DAY_NAMES[weekday_of(first)]
        detail = f"dtstart {first}, a {weekday}, is not one of the rule's dates; {_AS_ANSWERED}"
        raise InvalidFields.at("/rrule", detail)
    last = local_time(rule.until, series.time_zone).wall.date()
    check_day(last, mentorship, "/rrule")
    if first < dates.first:
        raise InvalidFields.at("/starts_on", f"the series starts on {first}, before {dates.first}; give an earlier one")
    if last > dates.last:
        raise InvalidFields.at("/ends_on", f"the series goes on until {last}, after {dates.last}; give a later one")
    starts = series.nominal_starts
    if not starts or starts[-1].instant != rule.until:
        detail = f"UNTIL={rule.until:%Y%m%dT%H%M%SZ} is not the start of an occurrence; {_AS_ANSWERED}"
        raise InvalidFields.at("/rrule", detail)


def _check_plan(plan: Sequence[PlannedOccurrence], booking: CadenceBooking, viewer: Viewer) -> None:
    """Raises PlanChanged unless the plan is the expected one, with enough coverage."""
    clear = sum(one.status is PlanStatus.CLEAR for one in plan)
    coverage = round(clear / len(plan), 3)
    if tuple((one.period, one.status, one.moved_to) for one in plan) != booking.expected:
        detail = "the plan is no longer the expected one; look at the present plan, and book it as it is"
    elif not clear:
        detail = "no occurrence is clear; find cadences again"
    elif coverage < booking.terms.min_coverage:
        detail = (
            f"the coverage is {coverage}, below the min_coverage of {booking.terms.min_coverage}; find cadences again"
        )
    else:
        return
    raise PlanChanged([_redact(one, viewer) for one in plan], detail)


def _redact(planned: PlannedOccurrence, viewer: Viewer) -> PlannedOccurrence:
    """The occurrence without the titles of stored blackouts, unless the viewer sees people."""
    if viewer.sees_people:
        return planned
    blocked_by = (replace(block, title=None, person=None) for block in planned.blocked_by)
    return replace(planned, blocked_by=tuple(blocked_by))


def _add_meeting(
    context: Context,
    tx: Transaction,
    programme_id: str,
    mentorship: Mentorship,
    series: Series,
    occurrences: tuple[Occurrence, ...],
    details: Details,
    terms: PlanTerms = DEFAULT_TERMS,
    replaces: str | None = None,
) -> StoredMeeting:
    context.quotas.check("meetings_per_mentorship", tx.meetings.count(programme_id, mentorship.id))
    now = context.clock().replace(microsecond=0)
    meeting = Meeting(
        uid=str(uuid.uuid4()),
        title=details.title or "",
        series=series,
        occurrences=occurrences,
        organizer=tx.people.get_party(programme_id, mentorship.mentor_id),
        attendee=tx.people.get_party(programme_id, mentorship.mentee_id),
        guests=details.guests,
        goals=mentorship.goals,
        conference_url=details.conference_url,
        created_at=now,
        changed_at=now,
    )
    meeting_id = tx.meetings.add(
        programme_id, mentorship.id, meeting, own_title=details.title, terms=terms, replaces=replaces
    )
    stored = tx.meetings.get(programme_id, meeting_id)
    booked = Change(ChangeType.MEETING_BOOKED, details={} if replaces is None else {"replaces": replaces})
    log_changes(context, tx, programme_id, stored, [booked], now)
    publish(tx, programme_id, stored, now)
    return stored


def _keep_agreed_changes(
    tx: Transaction, programme_id: str, stored: StoredMeeting, plan: Sequence[PlannedOccurrence], now: datetime
) -> None:
    """Remember what was moved or skipped at booking, and why: it was agreed, and can be restored."""
    agreed = [
        Conflict(
            one.recurrence_id,
            planned.period,
            obstacles_of(planned.blocked_by),
            Resolution.SKIPPED if planned.moved_to is None else Resolution.MOVED,
            now,
            moved_to=planned.moved_to,
            former=planned.period.start,
        )
        for one, planned in zip(stored.meeting.occurrences, plan, strict=True)
        if planned.status is not PlanStatus.CLEAR
    ]
    tx.conflicts.put(programme_id, stored.id, agreed)
