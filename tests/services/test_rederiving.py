"""rederive_meetings: a new release of the tz database moves UTC times; local times are what was agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from support.api import Clock
from support.calendars import RecordingCalendars
from support.programme import Programme
from support.working import deliver_next

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.changes import ChangeType
from scheduler.domain.programme.conflicts import Conflict
from scheduler.domain.programme.meetings import Meeting
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.domain.programme.outbox import DeliveryState
from scheduler.domain.programme.people import Show
from scheduler.domain.time.periods import Period
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout
from scheduler.services.feed_tokens import create_feed
from scheduler.services.feeds import read_feed
from scheduler.services.meetings import cancel_meeting, cancel_occurrence, rederive_meetings
from scheduler.services.mentorships import update_mentorship
from scheduler.services.secrets import digest
from scheduler.store import StoredMeeting

HOUR = timedelta(hours=1)
Age = Callable[..., StoredMeeting]


@pytest.fixture
def aged(programme: Programme) -> Age:
    """Stores a meeting as an older release derived it: those of its last occurrences an hour off."""

    def store(booked: StoredMeeting, shifted: int) -> StoredMeeting:
        meeting = booked.meeting
        kept = len(meeting.occurrences) - shifted
        occurrences = tuple(
            replace(one, period=Period(one.period.start - HOUR, one.period.end - HOUR)) if place >= kept else one
            for place, one in enumerate(meeting.occurrences)
        )
        old: Meeting = replace(meeting, occurrences=occurrences, tz_database="2020a")
        if meeting.series.rule and shifted:
            rule = replace(meeting.series.rule, until=occurrences[-1].period.start)
            old = replace(old, series=replace(meeting.series, rule=rule))
        with programme.context.store.write() as tx:
            tx.meetings.update(programme.id, replace(booked, meeting=old))
        return programme.meeting(booked.id)

    return store


def test_shifted_series_is_corrected_and_lists_moved_occurrences(programme: Programme, aged: Age) -> None:
    right = programme.book_tuesdays()
    aged(right, shifted=3)
    ((meeting_id, moved),) = rederive_meetings(programme.context)
    assert meeting_id == right.id
    assert [one.start.wall for one in moved] == [
        datetime(2026, 10, 27, 10),
        datetime(2026, 11, 3, 10),
        datetime(2026, 11, 10, 10),
    ]
    now = programme.meeting(right.id).meeting
    assert [one.period for one in now.occurrences] == [one.period for one in right.meeting.occurrences]
    assert now.series == right.meeting.series
    assert (now.sequence, now.revision, now.tz_database) == (1, 2, TZ_DATABASE_VERSION)


def test_corrected_series_is_queued_and_shown_in_feeds(
    programme: Programme, aged: Age, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor)
    right = programme.book_tuesdays()
    _, token = create_feed(programme.context, programme.id, programme.mentee.id, Show.DETAILS)
    assert deliver_next(programme.context)
    before = read_feed(programme.context, digest(token))
    aged(right, shifted=3)
    clock.advance(days=1)
    rederive_meetings(programme.context)
    assert programme.delivery(right.id).state is DeliveryState.WAITING
    assert deliver_next(programme.context)
    assert b"SEQUENCE:1" in calendars.puts[-1].data
    after = read_feed(programme.context, digest(token))
    assert before is not None
    assert after is not None
    assert after.version.etag != before.version.etag
    assert after.page is not None
    assert b"SEQUENCE:1" in (after.page.body or b"")


def test_unshifted_series_only_gets_the_new_release(programme: Programme, aged: Age) -> None:
    programme.connect(programme.mentor)
    right = programme.book_tuesdays()
    deliver_next(programme.context)
    aged(right, shifted=0)
    assert rederive_meetings(programme.context) == []
    assert programme.meeting(right.id) == right
    assert deliver_next(programme.context) is False


def test_single_meeting_is_corrected(programme: Programme, aged: Age) -> None:
    right = programme.book_slot()
    aged(right, shifted=1)
    ((meeting_id, moved),) = rederive_meetings(programme.context)
    assert (meeting_id, len(moved)) == (right.id, 1)
    assert programme.meeting(right.id).meeting.occurrences == right.meeting.occurrences


def test_second_run_changes_nothing(programme: Programme, aged: Age) -> None:
    aged(programme.book_tuesdays(), shifted=3)
    assert len(rederive_meetings(programme.context)) == 1
    assert rederive_meetings(programme.context) == []


def test_cancelled_meetings_and_occurrences_stay_cancelled(programme: Programme, aged: Age) -> None:
    gone = programme.book_slot(7)
    aged(cancel_meeting(programme.context, programme.id, gone.id), shifted=1)
    series = programme.book_tuesdays()
    aged(cancel_occurrence(programme.context, programme.id, series.id, datetime(2026, 11, 3, 10)), shifted=3)
    ((meeting_id, _),) = rederive_meetings(programme.context)
    assert meeting_id == series.id
    assert [str(one.status) for one in programme.meeting(series.id).meeting.occurrences][4] == "cancelled"
    assert programme.meeting(gone.id).meeting.tz_database == "2020a"


def exams() -> BlackoutFields:
    """In the way of the fifth Tuesday."""
    day = date(2026, 11, 3)
    return BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=day, last_day=day)


def conflict_of(programme: Programme, meeting_id: str) -> Conflict:
    with programme.context.store.read() as tx:
        (conflict,) = tx.conflicts.list_for_meetings(programme.id, [meeting_id])[meeting_id]
    return conflict


def test_open_conflict_stays_with_its_occurrence(programme: Programme, aged: Age) -> None:
    right = programme.book_tuesdays()
    aged(right, shifted=3)
    create_blackout(programme.context, programme.id, programme.mentee.id, exams())
    rederive_meetings(programme.context)
    assert conflict_of(programme, right.id).period == right.meeting.occurrences[4].period


def test_displaced_occurrence_goes_back_to_the_wall_time_that_it_had(programme: Programme, aged: Age) -> None:
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    right = programme.book_tuesdays()
    aged(right, shifted=3)
    mentee = programme.mentee.id
    declared, _ = create_blackout(programme.context, programme.id, mentee, exams())
    moved = programme.meeting(right.id).meeting.occurrences[4].period
    rederive_meetings(programme.context)
    conflict = conflict_of(programme, right.id)
    nominal = right.meeting.occurrences[4].period
    assert (conflict.period, conflict.former, conflict.moved_to) == (nominal, nominal.start, moved)
    delete_blackout(programme.context, programme.id, mentee, declared.id)
    assert programme.meeting(right.id).meeting.occurrences == right.meeting.occurrences


def test_what_moves_is_logged(programme: Programme, aged: Age) -> None:
    right = programme.book_tuesdays()
    cancel_occurrence(programme.context, programme.id, right.id, datetime(2026, 11, 10, 10))
    aged(programme.meeting(right.id), shifted=3)
    rederive_meetings(programme.context)
    with programme.context.store.read() as tx:
        logged = [one.change for one in tx.changes.list_for_meeting(programme.id, right.id, None, None)]
    assert [one.type for one in logged] == [
        ChangeType.MEETING_BOOKED,
        ChangeType.OCCURRENCE_CANCELLED,
        ChangeType.OCCURRENCE_MOVED,
        ChangeType.OCCURRENCE_MOVED,
    ]
    assert [(one.details["from"], one.details["to"]) for one in logged[2:]] == [
        ("2026-10-27T08:00:00+00:00", "2026-10-27T09:00:00+00:00"),
        ("2026-11-03T08:00:00+00:00", "2026-11-03T09:00:00+00:00"),
    ]
