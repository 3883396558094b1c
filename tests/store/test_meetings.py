"""Mentorships and meetings come back whole, and make their two people busy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.budget import examples

from scheduler.domain.programme.meetings import (
    Meeting,
    MeetingStatus,
    Party,
    cancel,
    cancel_occurrence,
    move_occurrence,
    plan_occurrences,
)
from scheduler.domain.programme.mentorships import Mentorship, MentorshipStatus
from scheduler.domain.programme.people import Person
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WeeklyRule, weekday_of
from scheduler.domain.time.series import Series
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.domain.time.zones import LocalTime, local_time
from scheduler.store import Store, new_id

GUEST = Party("Gil", "Gil@Example.org", "America/New_York")
START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2027, 4, 1, tzinfo=UTC)


def minutes_later(instant: datetime, minutes: int = 45) -> Period:
    return Period(instant, instant + timedelta(minutes=minutes))


def test_mentorship_is_loaded_as_stored_and_updated(
    store: Store, programme_id: str, mentor: Person, mentee: Person, mentorship: Mentorship
) -> None:
    with store.write() as tx:
        assert tx.mentorships.get(programme_id, mentorship.id) == mentorship
        ended = replace(mentorship, goals=(), expectations="", status=MentorshipStatus.COMPLETED)
        tx.mentorships.update(programme_id, ended)
        assert tx.mentorships.get(programme_id, mentorship.id, lock=True) == ended
        assert tx.mentorships.list_all(programme_id) == [ended]
        assert tx.mentorships.list_for_person(programme_id, mentor.id) == [ended]
        assert tx.mentorships.list_for_person(programme_id, mentee.id) == [ended]


def test_meeting_is_loaded_whole(
    store: Store, programme_id: str, mentorship: Mentorship, plan_meeting: Callable[..., Meeting]
) -> None:
    meeting = plan_meeting(guests=(GUEST, Party("No mail", None, "UTC")))
    with store.write() as tx:
        meeting_id = tx.meetings.add(programme_id, mentorship.id, meeting)
    with store.read() as tx:
        stored = tx.meetings.get(programme_id, meeting_id)
    assert stored.meeting == meeting
    assert stored.own_title is None
    assert (stored.id, stored.mentorship_id) == (meeting_id, mentorship.id)
    assert (stored.mentor_id, stored.mentee_id) == (mentorship.mentor_id, mentorship.mentee_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda meeting, now: cancel(meeting, now),
        lambda meeting, now: cancel_occurrence(meeting, datetime.fromisoformat("2026-10-06T14:30"), now),
        lambda meeting, now: move_occurrence(
            meeting, datetime.fromisoformat("2026-11-03T14:30"), datetime(2026, 11, 17, 8, tzinfo=UTC), now
        ),
        lambda meeting, now: replace(meeting, guests=(GUEST,), conference_url=None, revision=9),
    ],
    ids=["cancelled", "an occurrence cancelled", "an occurrence moved and detached", "described otherwise"],
)
def test_updated_meeting_is_loaded_updated(
    store: Store, programme_id: str, meeting_id: str, now: datetime, change: Callable[[Meeting, datetime], Meeting]
) -> None:
    with store.write() as tx:
        stored = tx.meetings.get(programme_id, meeting_id, lock=True)
        changed = replace(stored, meeting=change(stored.meeting, now))
        assert changed != stored
        tx.meetings.update(programme_id, changed)
        assert tx.meetings.get(programme_id, meeting_id) == changed


@given(
    zone=st.sampled_from(["Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Apia"]),
    first=st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2030-01-01")),
    weeks=st.none() | st.integers(0, 60),
    interval=st.integers(1, 8),
    moves=st.dictionaries(st.integers(0, 60), st.none() | st.integers(-700, 700)),
    single_fold=st.integers(0, 1),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(40))
def test_any_series_is_loaded_occurrence_by_occurrence(
    store: Store,
    programme_id: str,
    mentorship: Mentorship,
    plan_meeting: Callable[..., Meeting],
    zone: str,
    first: datetime,
    weeks: int | None,
    interval: int,
    moves: dict[int, int | None],
    single_fold: int,
) -> None:
    wall = first.replace(second=0, microsecond=0)
    if weeks is None:
        dtstart = LocalTime(wall, zone, single_fold)
        series = Series(dtstart, None, 30)
    else:
        dtstart = LocalTime(wall, zone)
        rule = WeeklyRule(interval, (weekday_of(wall.date()),), dtstart.instant + timedelta(weeks=weeks))
        series = Series(dtstart, rule, 30)
    nominal = [start.instant for start in series.nominal_starts]
    outcomes = {
        nominal[place]: None if by is None else nominal[place] + timedelta(minutes=by)
        for place, by in moves.items()
        if place < len(nominal)
    }
    meeting = replace(
        plan_meeting(f"{new_id()}@scheduler"), series=series, occurrences=plan_occurrences(series, outcomes)
    )
    with store.write() as tx:
        meeting_id = tx.meetings.add(programme_id, mentorship.id, meeting)
        assert tx.meetings.get(programme_id, meeting_id).meeting == meeting


def test_second_pass_of_repeated_hour_is_preserved(
    store: Store, programme_id: str, mentorship: Mentorship, plan_meeting: Callable[..., Meeting]
) -> None:
    second_pass = local_time(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin")
    assert second_pass.fold == 1
    series = Series(second_pass, None, 30)
    meeting = replace(plan_meeting(), series=series, occurrences=plan_occurrences(series, {}))
    with store.write() as tx:
        meeting_id = tx.meetings.add(programme_id, mentorship.id, meeting)
        assert tx.meetings.get(programme_id, meeting_id).meeting == meeting


def test_move_into_second_pass_of_repeated_hour_is_preserved(
    store: Store, programme_id: str, meeting_id: str, now: datetime
) -> None:
    second_pass = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    with store.write() as tx:
        stored = tx.meetings.get(programme_id, meeting_id)
        moved = move_occurrence(stored.meeting, datetime.fromisoformat("2026-11-03T14:30"), second_pass, now)
        tx.meetings.update(programme_id, replace(stored, meeting=moved))
        found = tx.meetings.get(programme_id, meeting_id).meeting
    assert found == moved
    assert [one.moved_to.fold for one in found.occurrences if one.moved_to] == [0, 1]


def test_default_title_follows_names_and_own_title_does_not(
    store: Store,
    programme_id: str,
    mentor: Person,
    mentorship: Mentorship,
    plan_meeting: Callable[..., Meeting],
    now: datetime,
) -> None:
    with store.write() as tx:
        default = tx.meetings.add(programme_id, mentorship.id, plan_meeting())
        own = tx.meetings.add(programme_id, mentorship.id, plan_meeting(), own_title="Thesis")
        tx.people.update(programme_id, replace(mentor, name="Ada L."), now)
        found = [tx.meetings.get(programme_id, meeting_id) for meeting_id in (default, own)]
        assert [(stored.own_title, stored.meeting.title) for stored in found] == [
            (None, "Mentoring: Ada L. & Bina"),
            ("Thesis", "Thesis"),
        ]
        tx.meetings.update(programme_id, replace(found[1], own_title=None))
        assert tx.meetings.get(programme_id, own).meeting.title == "Mentoring: Ada L. & Bina"


def test_meeting_has_the_mentorships_present_goals(
    store: Store, programme_id: str, mentorship: Mentorship, meeting_id: str
) -> None:
    with store.write() as tx:
        tx.mentorships.update(programme_id, replace(mentorship, goals=("a book",)))
        assert tx.meetings.get(programme_id, meeting_id).meeting.goals == ("a book",)


def test_meetings_are_listed_by_mentorship_person_and_guest_email(
    store: Store,
    programme_id: str,
    another_programme_id: str,
    mentor: Person,
    mentee: Person,
    mentorship: Mentorship,
    plan_meeting: Callable[..., Meeting],
    now: datetime,
) -> None:
    stranger = Person(new_id(), "Gil", "gil@example.ORG", "UTC")
    with store.write() as tx:
        tx.people.add(programme_id, stranger, now)
        first = tx.meetings.add(programme_id, mentorship.id, plan_meeting())
        later = replace(plan_meeting(guests=(GUEST,)), created_at=now + timedelta(days=1))
        second = tx.meetings.add(programme_id, mentorship.id, later)
        both = [tx.meetings.get(programme_id, first), tx.meetings.get(programme_id, second)]
        assert tx.meetings.list_for_mentorship(programme_id, mentorship.id) == both
        assert tx.meetings.list_for_person(programme_id, mentor.id) == both
        assert tx.meetings.list_for_person(programme_id, mentee.id) == both
        assert tx.meetings.list_for_person(programme_id, stranger.id) == []
        assert tx.meetings.list_for_guest(programme_id, stranger.email) == both[1:]
        assert tx.meetings.list_for_guest(another_programme_id, stranger.email) == []


def test_meeting_periods_are_listed_for_both_people(
    store: Store, programme_id: str, mentor: Person, mentee: Person, meeting_id: str
) -> None:
    with store.read() as tx:
        meeting = tx.meetings.get(programme_id, meeting_id).meeting
        taken = tx.meetings.list_periods(programme_id, [mentor.id, mentee.id, "nobody"], START, END)
    assert len(meeting.busy) == 5
    assert taken == {mentor.id: meeting.busy, mentee.id: meeting.busy, "nobody": ()}


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-10-06T12:30", "2026-10-06T13:15", 1),
        ("2026-10-06T13:14", "2026-10-06T14:00", 1),
        ("2026-10-06T13:15", "2026-10-21T12:30", 0),
        ("2026-10-06T13:14", "2026-10-21T12:31", 2),
        ("2026-11-03T00:00", "2026-11-04T00:00", 0),
    ],
    ids=["exactly", "overlapping its end", "touching on both sides", "overlapping on both sides", "a skipped day"],
)
def test_periods_overlap_the_half_open_window(
    store: Store, programme_id: str, mentor: Person, meeting_id: str, start: str, end: str, found: int
) -> None:
    first, last = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (start, end))
    with store.read() as tx:
        assert len(tx.meetings.list_periods(programme_id, [mentor.id], first, last)[mentor.id]) == found


def test_excepted_and_cancelled_meetings_have_no_periods(
    store: Store,
    programme_id: str,
    mentor: Person,
    mentorship: Mentorship,
    meeting_id: str,
    plan_meeting: Callable[..., Meeting],
    now: datetime,
) -> None:
    series = Series(LocalTime(datetime.fromisoformat("2026-10-06T15:15"), "Europe/Berlin"), None, 15)
    right_after = replace(plan_meeting(), series=series, occurrences=plan_occurrences(series, {}))
    with store.write() as tx:
        other = tx.meetings.add(programme_id, mentorship.id, right_after)

        def first_day(except_meeting: str | None = None) -> tuple[Period, ...]:
            day = datetime(2026, 10, 6, tzinfo=UTC)
            return tx.meetings.list_periods(programme_id, [mentor.id], day, day + timedelta(days=1), except_meeting)[
                mentor.id
            ]

        start = datetime(2026, 10, 6, 12, 30, tzinfo=UTC)
        assert first_day() == (minutes_later(start), minutes_later(start + timedelta(minutes=45), 15))
        assert first_day(other) == (minutes_later(start),)
        stored = tx.meetings.get(programme_id, other)
        tx.meetings.update(programme_id, replace(stored, meeting=cancel(stored.meeting, now)))
        assert first_day() == (minutes_later(start),)


def test_meetings_of_another_tz_release_are_listed_unless_cancelled(
    store: Store, programme_id: str, mentorship: Mentorship, meeting_id: str, plan_meeting: Callable[..., Meeting]
) -> None:
    with store.write() as tx:
        old = tx.meetings.add(programme_id, mentorship.id, replace(plan_meeting(), tz_database="2019a"))
        cancelled = replace(plan_meeting(), tz_database="2019a", status=MeetingStatus.CANCELLED)
        tx.meetings.add(programme_id, mentorship.id, cancelled)
        assert tx.meetings.list_with_other_tz_database(TZ_DATABASE_VERSION) == [(programme_id, old)]
