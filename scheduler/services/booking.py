"""Booking meetings and changing them, each in one transaction that plans again before it promises."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.programme.meetings import (
    Meeting,
    MeetingCancelled,
    MeetingStatus,
    Occurrence,
    Party,
    cancel,
    cancel_occurrence,
    move_occurrence,
    plan_occurrences,
    rederive,
    redescribe,
)
from scheduler.domain.programme.mentorships import Mentorship, MentorshipNotActive, MentorshipStatus
from scheduler.domain.search.planning import BlockedBy, OnConflict, PlannedOccurrence, Planner, PlanStatus
from scheduler.domain.search.rules import NO_RULES, Rules
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import DAY_NAMES, weekday_of
from scheduler.domain.time.series import Series
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.domain.time.zones import local_time
from scheduler.errors import InvalidFields, NotFound, Refused
from scheduler.services.attendees import MARGIN, AttendeeSpec, load_attendees
from scheduler.services.locking import lock_meeting, lock_mentorship
from scheduler.services.ports import Context
from scheduler.services.publishing import publish, publish_change
from scheduler.services.quotas import make_room_for_meeting
from scheduler.store import StoredMeeting, Transaction


class PlanChanged(Refused):
    """A booking that no longer comes to what was expected; carries the plan as it now stands."""

    def __init__(self, plan: Sequence[PlannedOccurrence], detail: str) -> None:
        self.plan = tuple(plan)
        super().__init__(detail)


class SlotTaken(Refused):
    """A time at which the two people can't meet; says who is kept by what (0 the mentor, 1 the mentee)."""

    def __init__(self, period: Period, blocked_by: Sequence[BlockedBy]) -> None:
        self.period = period
        self.blocked_by = tuple(blocked_by)
        who = {0: "the mentor", 1: "the mentee", None: "the two"}
        causes = ", ".join(f"{who[block.index]}: {block.cause.value.replace('_', ' ')}" for block in self.blocked_by)
        super().__init__(f"the two can't meet at {period.start:%Y-%m-%dT%H:%MZ} ({causes}); ask for slots again")


@dataclass(frozen=True)
class Details:
    """What a booking says besides when. ``title`` None is the default title."""

    title: str | None = None
    conference_url: str | None = None
    guests: tuple[Party, ...] = ()


Expected = tuple[Period, PlanStatus, Period | None]
"""What a client expects of an occurrence: when it nominally is, what it comes to, and where it moves."""


@dataclass(frozen=True)
class CadenceBooking:
    """A cadence as answered, to be booked. ``dates`` None are the mentorship's; ``expected`` is its plan.

    ``elsewhere`` are the times of other series that go with it, which no occurrence is moved to; ``rules`` are those
    that the question had, groups left aside.
    """

    series: Series
    expected: tuple[Expected, ...]
    details: Details
    dates: Days | None = None
    step: int = 15
    on_conflict: OnConflict = OnConflict.MOVE
    move_within_days: int = 3
    min_coverage: float = 0.5
    elsewhere: tuple[Period, ...] = ()
    rules: Rules = NO_RULES


def book_cadence(context: Context, programme_id: str, mentorship_id: str, booking: CadenceBooking) -> StoredMeeting:
    """Books a series. Raises PlanChanged, MentorshipNotActive, NotFound, InvalidFields; then nothing is booked."""
    series = booking.series
    with context.store.write() as tx:
        mentorship = _bookable(tx, programme_id, mentorship_id, booking.details)
        dates = booking.dates or Days(mentorship.starts_on, mentorship.ends_on)
        _check_day(dates.first, mentorship, "/starts_on")
        _check_day(dates.last, mentorship, "/ends_on")
        _check_series(series, mentorship, dates)
        attendees = _two_people(context, tx, programme_id, mentorship, _around(dates))
        planner = Planner(
            attendees=attendees,
            dates=dates,
            time_zone=series.time_zone,
            duration=series.duration,
            step=booking.step,
            on_conflict=booking.on_conflict,
            move_within_days=booking.move_within_days,
            rules=booking.rules,
            per_week=series.rule.per_week if series.rule else 1,
        )
        plan = planner.plan(series, booking.elsewhere)
        _check_plan(plan, booking)
        blocked = [one for one in plan if one.status is not PlanStatus.CLEAR]
        moves = {one.period.start: one.moved_to.start if one.moved_to else None for one in blocked}
        occurrences = plan_occurrences(series, moves)
        return _store(context, tx, programme_id, mentorship, series, occurrences, booking.details)


def book_slot(
    context: Context, programme_id: str, mentorship_id: str, period: Period, details: Details
) -> StoredMeeting:
    """Books a single meeting, anchored in the mentor's zone.

    Raises SlotTaken, MentorshipNotActive, NotFound, InvalidFields; then nothing is booked.
    """
    with context.store.write() as tx:
        mentorship = _bookable(tx, programme_id, mentorship_id, details)
        attendees = _two_people(context, tx, programme_id, mentorship, (period.start, period.end))
        zone = attendees[0].zone
        start = local_time(period.start, zone)
        _check_day(start.wall.date(), mentorship, "/start")
        series = Series(start, None, int((period.end - period.start).total_seconds()) // 60)
        _check_free(attendees, series)
        return _store(context, tx, programme_id, mentorship, series, plan_occurrences(series, {}), details)


def change_details(
    context: Context, programme_id: str, meeting_id: str, changes: Mapping[str, str | None]
) -> StoredMeeting:
    """A meeting with another ``title`` (None: the default one) or ``conference_url``; what is left out stays.

    Raises NotFound, MeetingCancelled.
    """
    with context.store.write() as tx:
        _, stored = lock_meeting(tx, programme_id, meeting_id)
        if stored.meeting.status is MeetingStatus.CANCELLED:
            raise MeetingCancelled(stored.meeting.uid)
        title = changes.get("title", stored.own_title)
        conference_url = changes.get("conference_url", stored.meeting.conference_url)
        if (title, conference_url) != (stored.own_title, stored.meeting.conference_url):
            meeting = redescribe(stored.meeting, context.clock(), conference_url=conference_url)
            publish_change(tx, programme_id, replace(stored, own_title=title, meeting=meeting), context.clock())
        return tx.meetings.get(programme_id, meeting_id)


def cancel_meeting(context: Context, programme_id: str, meeting_id: str) -> StoredMeeting:
    """A meeting cancelled as a whole. Raises NotFound, MeetingCancelled."""
    with context.store.write() as tx:
        _, stored = lock_meeting(tx, programme_id, meeting_id)
        return _changed(tx, programme_id, stored, cancel(stored.meeting, context.clock()), context.clock())


def move_one(
    context: Context, programme_id: str, meeting_id: str, recurrence_id: datetime, start: datetime
) -> StoredMeeting:
    """A meeting with one occurrence moved to a start at which both people can meet.

    The series' own time does not count against it, but its other occurrences do towards how many meetings a day or a
    week may have. Raises NotFound, SlotTaken, OntoItself, MeetingCancelled, OccurrenceGone, InvalidFields.
    """
    with context.store.write() as tx:
        mentorship, stored = lock_meeting(tx, programme_id, meeting_id)
        tx.people.get_many(programme_id, [mentorship.mentor_id, mentorship.mentee_id])  # neither of them is erased
        series = stored.meeting.series
        local = local_time(start, series.time_zone)
        _check_day(local.wall.date(), mentorship, "/start")
        end = start + timedelta(minutes=series.duration)
        attendees = _two_people(context, tx, programme_id, mentorship, (start, end), except_meeting=meeting_id)
        occurrence = _occurrence(stored, recurrence_id)
        others = tuple(one.period for one in stored.meeting.kept if one is not occurrence)
        moved = move_occurrence(stored.meeting, recurrence_id, start, context.clock())
        attendees = tuple(replace(one, meetings=one.meetings + others) for one in attendees)
        _check_free(attendees, Series(local, None, series.duration))
        return _changed(tx, programme_id, stored, moved, context.clock())


def cancel_one(context: Context, programme_id: str, meeting_id: str, recurrence_id: datetime) -> StoredMeeting:
    """A meeting with one occurrence cancelled. Raises NotFound, MeetingCancelled, OccurrenceGone."""
    with context.store.write() as tx:
        _, stored = lock_meeting(tx, programme_id, meeting_id)
        _occurrence(stored, recurrence_id)
        cancelled = cancel_occurrence(stored.meeting, recurrence_id, context.clock())
        return _changed(tx, programme_id, stored, cancelled, context.clock())


def rederive_meetings(context: Context) -> list[tuple[str, tuple[Occurrence, ...]]]:
    """Derives again every series that another tz release derived: (meeting id, the occurrences whose UTC moved)."""
    shifted = []
    with context.store.read() as tx:
        stale = tx.meetings.list_with_other_tz_database(TZ_DATABASE_VERSION)
    for place in stale:
        programme_id, meeting_id = place.programme_id, place.meeting_id
        with context.store.write() as tx:
            _, stored = lock_meeting(tx, programme_id, meeting_id)
            meeting, moved = rederive(stored.meeting, context.clock())
            tx.meetings.update(programme_id, replace(stored, meeting=meeting))
            if moved:
                publish(tx, programme_id, replace(stored, meeting=meeting), context.clock())
                shifted.append((meeting_id, moved))
    return shifted


def _bookable(tx: Transaction, programme_id: str, mentorship_id: str, details: Details) -> Mentorship:
    """The mentorship, locked with its two people and the guests to be. Raises NotFound, MentorshipNotActive."""
    mentorship = lock_mentorship(tx, programme_id, mentorship_id, details.guests)
    if mentorship.status is not MentorshipStatus.ACTIVE:
        raise MentorshipNotActive(mentorship.status)
    return mentorship


def _two_people(
    context: Context,
    tx: Transaction,
    programme_id: str,
    mentorship: Mentorship,
    span: tuple[datetime, datetime],
    except_meeting: str | None = None,
) -> tuple[Attendee, ...]:
    """The mentor and the mentee with all that is known of their time in the span and some days around it."""
    specs = [AttendeeSpec(mentorship.mentor_id, {}), AttendeeSpec(mentorship.mentee_id, {})]
    return load_attendees(context, tx, programme_id, specs, span[0] - MARGIN, span[1] + MARGIN, except_meeting)


def _around(dates: Days) -> tuple[datetime, datetime]:
    return datetime.combine(dates.first, time(), UTC), datetime.combine(dates.last, time(), UTC)


def _check_series(series: Series, mentorship: Mentorship, dates: Days) -> None:
    """Raises InvalidFields unless the rule is one that a cadence answer gives, for those dates of the mentorship.

    Nobody's time is known outside the dates, so an occurrence there would pass for free.
    """
    first, rule = series.dtstart.wall.date(), series.rule
    _check_day(first, mentorship, "/dtstart")
    assert rule is not None  # a cadence has a rule
    if next(rule.dates(first)) != first:
        raise InvalidFields.at(
            "/rrule", f"dtstart {first}, a {DAY_NAMES[weekday_of(first)]}, is not one of the rule's dates"
        )
    last = local_time(rule.until, series.time_zone).wall.date()
    _check_day(last, mentorship, "/rrule")
    if first < dates.first:
        raise InvalidFields.at("/starts_on", f"the series starts on {first}, before {dates.first}")
    if last > dates.last:
        raise InvalidFields.at("/ends_on", f"the series goes on until {last}, after {dates.last}")
    starts = series.nominal_starts
    if not starts or starts[-1].instant != rule.until:
        raise InvalidFields.at("/rrule", f"UNTIL={rule.until:%Y%m%dT%H%M%SZ} is not the start of an occurrence")


def _check_day(day: date, mentorship: Mentorship, pointer: str) -> None:
    """Raises InvalidFields unless the mentorship lasts on that day."""
    if day < mentorship.starts_on:
        raise InvalidFields.at(pointer, f"{day} is before the mentorship starts on {mentorship.starts_on}")
    if day > mentorship.ends_on:
        raise InvalidFields.at(pointer, f"{day} is after the mentorship ends on {mentorship.ends_on}")


def _check_plan(plan: Sequence[PlannedOccurrence], booking: CadenceBooking) -> None:
    now_stands = tuple((one.period, one.status, one.moved_to) for one in plan)
    if now_stands != booking.expected:
        raise PlanChanged(plan, "the plan is no longer the one expected; look at the plan and book it as it now stands")
    clear = sum(one.status is PlanStatus.CLEAR for one in plan)
    coverage = round(clear / len(plan), 3)
    if coverage < booking.min_coverage or not clear:
        raise PlanChanged(plan, f"the coverage is {coverage}, under the {booking.min_coverage} asked for")


def _check_free(attendees: tuple[Attendee, ...], meeting: Series) -> None:
    """Raises SlotTaken unless everything holds for both."""
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
        raise SlotTaken(planned.period, planned.blocked_by)


def _store(
    context: Context,
    tx: Transaction,
    programme_id: str,
    mentorship: Mentorship,
    series: Series,
    occurrences: tuple[Occurrence, ...],
    details: Details,
) -> StoredMeeting:
    make_room_for_meeting(context, tx, programme_id, mentorship.id)
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
        status=MeetingStatus.CONFIRMED,
        sequence=0,
        revision=1,
        created_at=now,
        changed_at=now,
    )
    meeting_id = tx.meetings.add(programme_id, mentorship.id, meeting, own_title=details.title)
    stored = tx.meetings.get(programme_id, meeting_id)
    publish(tx, programme_id, stored, now)
    return stored


def _changed(
    tx: Transaction, programme_id: str, stored: StoredMeeting, meeting: Meeting, now: datetime
) -> StoredMeeting:
    changed = replace(stored, meeting=meeting)
    publish_change(tx, programme_id, changed, now)
    return changed


def _occurrence(stored: StoredMeeting, recurrence_id: datetime) -> Occurrence:
    found = stored.meeting.occurrence(recurrence_id)
    if found is None:
        raise NotFound("occurrence", f"{recurrence_id:%Y%m%dT%H%M%S}")
    return found
