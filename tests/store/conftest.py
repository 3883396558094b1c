"""A migrated database for each test, and a small programme to put into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from scheduler.domain.programme.api_keys import ApiKey, Scope
from scheduler.domain.programme.meetings import Meeting, MeetingStatus, Party, plan_occurrences
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import ConnectedCalendar, Person
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime
from scheduler.store import Store, new_id


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of its own for the test, which runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 10, 1, 9, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def programme_id(store: Store, now: datetime) -> str:
    with store.write() as tx:
        return tx.programmes.add("Women in Science", now)


@pytest.fixture
def key(programme_id: str, now: datetime) -> ApiKey:
    """A key of the programme, which the test stores."""
    return ApiKey(new_id(), programme_id, "mk_1", "", frozenset({Scope.SLOTS_READ, Scope.PEOPLE_READ}), now)


@pytest.fixture
def another_programme_id(store: Store, now: datetime) -> str:
    with store.write() as tx:
        return tx.programmes.add("Another one", now)


@pytest.fixture
def mentor(store: Store, programme_id: str, now: datetime) -> Person:
    person = Person(new_id(), "Ada", "Ada@example.org", "Europe/Berlin")
    with store.write() as tx:
        tx.people.add(programme_id, person, now)
    return person


@pytest.fixture
def mentee(store: Store, programme_id: str, now: datetime) -> Person:
    person = Person(new_id(), "Bina", "bina@example.org", "Asia/Kolkata")
    with store.write() as tx:
        tx.people.add(programme_id, person, now)
    return person


@pytest.fixture
def mentorship(store: Store, programme_id: str, mentor: Person, mentee: Person, now: datetime) -> Mentorship:
    agreed = Mentorship(
        new_id(), mentor.id, mentee.id, ("first paper", "a talk"), "meet often", date(2026, 10, 1), date(2027, 3, 31)
    )
    with store.write() as tx:
        tx.mentorships.add(programme_id, agreed, now)
    return agreed


@pytest.fixture
def calendar(store: Store, programme_id: str, mentor: Person, now: datetime) -> ConnectedCalendar:
    with store.write() as tx:
        calendar = ConnectedCalendar(new_id(), mentor.id, "https://dav.example.org/ada/", "ada", publish=True)
        tx.calendars.add(programme_id, calendar, "gAAAA-token", now, auto_schedule=False)
        return calendar


@pytest.fixture
def plan_meeting(mentor: Person, mentee: Person, now: datetime) -> Callable[..., Meeting]:
    """Makes a fortnightly meeting of six occurrences, over the end of summer time; one moved, one skipped."""

    def plan(uid: str | None = None, guests: tuple[Party, ...] = ()) -> Meeting:
        dtstart = LocalTime(datetime.fromisoformat("2026-10-06T14:30"), "Europe/Berlin")
        rule = WeeklyRule(2, ("TU",), datetime(2026, 12, 15, 13, 30, tzinfo=UTC))
        series = Series(dtstart, rule, 45)
        moved = datetime(2026, 10, 20, 12, 30, tzinfo=UTC)
        skipped = datetime(2026, 11, 3, 13, 30, tzinfo=UTC)
        return Meeting(
            uid=uid or f"{new_id()}@scheduler",
            title=f"Mentoring: {mentor.name} & {mentee.name}",
            series=series,
            occurrences=plan_occurrences(series, {moved: datetime(2026, 10, 21, 12, 30, tzinfo=UTC), skipped: None}),
            organizer=Party(mentor.name, mentor.email, mentor.time_zone),
            attendee=Party(mentee.name, mentee.email, mentee.time_zone),
            guests=guests,
            goals=("first paper", "a talk"),
            conference_url="https://meet.example.org/x",
            status=MeetingStatus.CONFIRMED,
            sequence=0,
            revision=1,
            created_at=now.replace(microsecond=0),
            changed_at=now.replace(microsecond=0),
        )

    return plan


@pytest.fixture
def meeting_id(store: Store, programme_id: str, mentorship: Mentorship, plan_meeting: Callable[..., Meeting]) -> str:
    with store.write() as tx:
        return tx.meetings.add(programme_id, mentorship.id, plan_meeting("series@scheduler"))
