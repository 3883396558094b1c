"""Checks that workers make: what readings, disconnections, other people's changes and the clock do to conflicts."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from support.api import Clock
from support.calendars import RecordingCalendars, event_object
from support.programme import Programme
from support.working import read_next

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.programme.mentorships import Mentorship, WhenBlocked
from scheduler.domain.programme.people import Person
from scheduler.services import checking
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout
from scheduler.services.booking import Details, book_slot
from scheduler.services.calendars import delete_calendar
from scheduler.services.checking import AT_ONCE, RETRY_AFTER, check_due_people, mark_begun_due
from scheduler.services.meetings import move_occurrence
from scheduler.services.mentorships import create_mentorship, update_mentorship
from scheduler.services.offering import Consequences
from scheduler.services.people import create_person, delete_person
from scheduler.services.ports import Context, Observer
from scheduler.store import Deadlocked, Store, Transaction, new_id
from scheduler.store.conflicts import Conflicts

DENTIST = event_object("dentist", "DTSTART:20261013T080000Z", "DTEND:20261013T093000Z", "SUMMARY:Dentist")
"""In the way of the second Tuesday."""


@dataclass
class Counts(Observer):
    """Counts what became of checks."""

    checks: list[str] = field(default_factory=list)

    def meetings_checked(self, outcome: str) -> None:
        self.checks.append(outcome)


@pytest.fixture
def counts(programme: Programme) -> Counts:
    """Nobody is due any more, and what is checked from now on is counted."""
    check_all(programme)
    counts = Counts()
    programme.context = replace(programme.context, observer=counts)
    return counts


def check_all(programme: Programme) -> None:
    while check_due_people(programme.context):
        pass


def read(programme: Programme, calendars: RecordingCalendars, clock: Clock, *objects: bytes) -> None:
    """Have a worker read the calendars, which hold these objects now, and check what follows."""
    calendars.objects = list(objects)
    clock.advance(minutes=15)
    while read_next(programme.context):
        pass
    check_all(programme)


def conflicts(programme: Programme, meeting_id: str) -> list[Conflict]:
    with programme.context.store.read() as tx:
        return tx.conflicts.list_for_meetings(programme.id, [meeting_id])[meeting_id]


def to_be_moved(programme: Programme, meeting_id: str) -> list[str | None]:
    return [one.to_be_moved for one in programme.meeting(meeting_id).meeting.occurrences]


def mark_due(programme: Programme, *people: Person, programme_id: str | None = None) -> None:
    ids = [person.id for person in people]
    with programme.context.store.write() as tx:
        tx.conflicts.mark_due(programme_id or programme.id, ids, programme.context.clock())


def declare_exams(programme: Programme) -> str:
    """The mentee's, on the second Tuesday."""
    day = date(2026, 10, 13)
    exams = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=day, last_day=day)
    return create_blackout(programme.context, programme.id, programme.mentee.id, exams)[0].id


@pytest.mark.parametrize("when_blocked", [WhenBlocked.ASK, WhenBlocked.MOVE, WhenBlocked.SKIP])
def test_busy_period_that_is_read_only_asks_and_lapses_when_it_is_gone(
    programme: Programme, calendars: RecordingCalendars, clock: Clock, when_blocked: WhenBlocked
) -> None:
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": when_blocked})
    programme.connect(programme.mentor)
    read(programme, calendars, clock)
    booked = programme.book_tuesdays()
    read(programme, calendars, clock, DENTIST)
    (conflict,) = conflicts(programme, booked.id)
    assert (conflict.resolution, conflict.period.start) == (Resolution.OPEN, datetime(2026, 10, 13, 8, tzinfo=UTC))
    assert [(one.person, one.cause) for one in conflict.obstacles] == [(programme.mentor.id, Cause.BUSY)]
    assert to_be_moved(programme, booked.id) == [None, "another appointment", None, None, None, None]
    during = programme.meeting(booked.id).meeting
    assert (during.busy, during.sequence) == (booked.meeting.busy, 0)
    read(programme, calendars, clock)
    (conflict,) = conflicts(programme, booked.id)
    assert conflict.resolution is Resolution.LAPSED
    after = programme.meeting(booked.id).meeting
    assert to_be_moved(programme, booked.id) == [None] * 6
    assert (after.busy, after.sequence, after.revision) == (booked.meeting.busy, 0, 3)


def test_reading_that_changes_nothing_checks_nobody(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor)
    read(programme, calendars, clock, DENTIST)
    programme.context = replace(programme.context, observer=(counts := Counts()))
    read(programme, calendars, clock, DENTIST)
    assert counts.checks == []


def test_disconnected_calendar_ends_the_conflicts_that_it_made(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    calendar = programme.connect(programme.mentor)
    read(programme, calendars, clock)
    booked = programme.book_tuesdays()
    read(programme, calendars, clock, DENTIST)
    assert "another appointment" in to_be_moved(programme, booked.id)
    delete_calendar(programme.context, programme.id, programme.mentor.id, calendar.id)
    check_all(programme)
    assert [one.resolution for one in conflicts(programme, booked.id)] == [Resolution.LAPSED]
    assert to_be_moved(programme, booked.id) == [None] * 6


def test_person_unknown_at_the_booking_has_conflicts_once_their_calendar_is_read(
    programme: Programme, calendars: RecordingCalendars, clock: Clock
) -> None:
    programme.connect(programme.mentor)
    booked = programme.book_tuesdays()
    assert programme.calendar(programme.mentor).read_at is None
    check_all(programme)
    assert conflicts(programme, booked.id) == []
    read(programme, calendars, clock, DENTIST)
    assert [one.resolution for one in conflicts(programme, booked.id)] == [Resolution.OPEN]


def test_conflict_of_an_occurrence_that_begins_lapses_and_its_override_goes(programme: Programme, clock: Clock) -> None:
    programme.connect(programme.mentor)
    booked = programme.book_tuesdays()
    declare_exams(programme)
    revision = programme.delivery(booked.id).wanted_revision
    clock.now = datetime(2026, 10, 13, 7, 59, 59, tzinfo=UTC)
    mark_begun_due(programme.context)
    check_all(programme)
    assert "exams" in to_be_moved(programme, booked.id)
    clock.advance(seconds=1)
    mark_begun_due(programme.context)
    check_all(programme)
    assert [one.resolution for one in conflicts(programme, booked.id)] == [Resolution.LAPSED]
    assert to_be_moved(programme, booked.id) == [None] * 6
    assert programme.meeting(booked.id).meeting.sequence == 0
    assert programme.delivery(booked.id).wanted_revision == revision + 1


@pytest.mark.parametrize("erased", ["mentor", "mentee"])
def test_erasure_of_either_person_ends_the_conflicts_of_begun_occurrences_too(
    programme: Programme, clock: Clock, erased: str
) -> None:
    booked = programme.book_tuesdays()
    declare_exams(programme)
    clock.now = datetime(2026, 10, 13, 8, 5, tzinfo=UTC)
    delete_person(programme.context, programme.id, getattr(programme, erased).id)
    assert [one.resolution for one in conflicts(programme, booked.id)] == [Resolution.LAPSED]
    assert to_be_moved(programme, booked.id) == [None] * 6


def test_conflict_of_a_begun_occurrence_lapses_without_its_mentor(programme: Programme, clock: Clock) -> None:
    booked = programme.book_tuesdays()
    declare_exams(programme)
    with programme.context.store.write() as tx:
        tx.people.erase(programme.id, programme.mentor.id, clock.now)
    clock.now = datetime(2026, 10, 13, 8, 5, tzinfo=UTC)
    mark_begun_due(programme.context)
    check_all(programme)
    begun, *_ = conflicts(programme, booked.id)
    assert begun.resolution is Resolution.LAPSED
    assert to_be_moved(programme, booked.id)[1] is None


def test_meeting_that_makes_room_lets_another_ones_occurrence_go_back(programme: Programme) -> None:
    """The mentee's exams move their Tuesday; meanwhile the mentor meets somebody else then, and later moves that."""
    context, mentor = programme.context, programme.mentor
    update_mentorship(context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    booked = programme.book_tuesdays()
    exams = declare_exams(programme)
    moved = programme.meeting(booked.id).meeting.occurrences[1].period
    assert moved != booked.meeting.occurrences[1].period
    other = create_person(context, programme.id, Person(new_id(), "Bea", "bea@example.org", "Europe/Berlin"))
    dates = date(2026, 10, 5), date(2026, 11, 13)
    agreed = create_mentorship(context, programme.id, Mentorship(new_id(), mentor.id, other.id, (), "", *dates))
    there = book_slot(context, programme.id, agreed.id, datetime(2026, 10, 13, 8, tzinfo=UTC), 45, Details())
    delete_blackout(context, programme.id, programme.mentee.id, exams)
    check_all(programme)
    assert programme.meeting(booked.id).meeting.occurrences[1].period == moved
    wall = there.meeting.occurrences[0].recurrence_id.wall
    move_occurrence(context, programme.id, there.id, wall, datetime(2026, 10, 14, 8, tzinfo=UTC))
    check_all(programme)
    assert programme.meeting(booked.id).meeting.busy == booked.meeting.busy
    assert [one.resolution for one in conflicts(programme, booked.id)] == [Resolution.RESTORED]


def test_nobody_due_is_found_without_writing(programme: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    check_all(programme)

    def refuse(_: Store) -> None:
        raise AssertionError("a write transaction was opened")

    monkeypatch.setattr(Store, "write", refuse)
    assert check_due_people(programme.context) is False


@pytest.mark.usefixtures("counts")
def test_one_who_cannot_be_checked_stops_nobody_and_is_tried_again_later(
    programme: Programme, counts: Counts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = programme.mentor.id

    def check(context: Context, tx: Transaction, programme_id: str, person_id: str) -> Consequences:
        if person_id == broken:
            raise LookupError("a row that nobody foresaw")
        return real(context, tx, programme_id, person_id)

    real = checking.check_person
    monkeypatch.setattr(checking, "check_person", check)
    mark_due(programme, programme.mentor, programme.mentee)
    check_all(programme)
    assert sorted(counts.checks) == ["checked", "failed"]
    check_all(programme)
    assert len(counts.checks) == 2
    clock.now += RETRY_AFTER
    check_all(programme)
    assert counts.checks[2:] == ["failed"]
    broken = ""
    mark_due(programme, programme.mentor)
    check_all(programme)
    assert counts.checks[3:] == ["checked"]


def test_check_that_the_database_ends_for_another_change_leaves_the_others_theirs(
    programme: Programme, counts: Counts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(context: Context, tx: Transaction, programme_id: str, person_id: str) -> Consequences:
        if person_id == programme.mentor.id:
            raise Deadlocked("deadlock detected")
        return real(context, tx, programme_id, person_id)

    real = checking.check_person
    mark_due(programme, programme.mentor, programme.mentee)
    with monkeypatch.context() as patched:
        patched.setattr(checking, "check_person", check)
        check_all(programme)
    assert sorted(counts.checks) == ["checked", "failed"]
    clock.now += RETRY_AFTER
    check_all(programme)
    assert counts.checks[2:] == ["checked"]


def test_two_workers_check_a_person_once(programme: Programme, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    both_have_found = threading.Barrier(2)
    find_due = Conflicts.find_due

    def find(self: Conflicts, *arguments: Any) -> Collection[tuple[str, str]]:
        found = find_due(self, *arguments)
        assert found == [(programme.id, programme.mentor.id)]
        both_have_found.wait(10)
        return found

    monkeypatch.setattr(Conflicts, "find_due", find)
    mark_due(programme, programme.mentor)
    workers = [threading.Thread(target=check_due_people, args=[programme.context]) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counts.checks == ["checked"]


def test_check_that_ends_with_its_worker_is_made_by_another(
    programme: Programme, counts: Counts, calendars: RecordingCalendars, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Ends the worker."""

    def die(*_: object) -> None:
        raise Killed

    programme.connect(programme.mentor)
    booked = programme.book_tuesdays()
    calendars.objects = [DENTIST]
    assert read_next(programme.context)
    with monkeypatch.context() as patched:
        patched.setattr(Conflicts, "put", die)
        with pytest.raises(Killed):
            check_due_people(programme.context)
    assert (counts.checks, conflicts(programme, booked.id)) == ([], [])
    check_all(programme)
    assert counts.checks == ["checked"]
    assert [one.resolution for one in conflicts(programme, booked.id)] == [Resolution.OPEN]


def test_programmes_take_turns(programme: Programme, counts: Counts, clock: Clock) -> None:
    crowd = [
        create_person(programme.context, programme.id, Person(new_id(), f"P{n}", f"p{n}@example.org", "UTC"))
        for n in range(2 * AT_ONCE)
    ]
    other = Programme(programme.context)
    check_all(programme)
    counts.checks.clear()
    mark_due(programme, *crowd)
    clock.advance(seconds=1)
    mark_due(other, other.mentor)
    with programme.context.store.read() as tx:
        found = tx.conflicts.find_due(clock.now, RETRY_AFTER, AT_ONCE)
    assert [programme_id for programme_id, _ in found] == [programme.id, other.id, *[programme.id] * (AT_ONCE - 2)]
    assert [check_due_people(programme.context) for _ in range(3)] == [True, True, False]
    assert counts.checks == ["checked"] * (2 * AT_ONCE + 1)


def test_time_written_by_a_wrong_clock_delays_no_check(programme: Programme, counts: Counts, clock: Clock) -> None:
    clock.now += timedelta(days=3)
    mark_due(programme, programme.mentor)
    clock.now -= timedelta(days=3)
    check_all(programme)
    assert counts.checks == ["checked"]
