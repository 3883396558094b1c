"""Blackouts declared after the booking: what becomes of the occurrences that they hit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from support.programme import Programme

from scheduler.domain.availability.attendees import BlackoutKind, Days
from scheduler.domain.programme.conflicts import Resolution
from scheduler.domain.programme.meetings import OccurrenceStatus
from scheduler.domain.programme.mentorships import Mentorship, WhenBlocked
from scheduler.domain.programme.people import Person
from scheduler.domain.search.replanning import PlanTerms
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout, update_blackout
from scheduler.services.booking import Details, book_slot
from scheduler.services.checking import check_due_people
from scheduler.services.conflicts import Decision, list_conflicts, resolve_conflict
from scheduler.services.meetings import move_occurrence
from scheduler.services.mentorships import create_mentorship, update_mentorship
from scheduler.services.offering import Consequences
from scheduler.services.people import create_person, delete_person, update_person
from scheduler.store import ConflictsOf, new_id

WALL = datetime(2026, 10, 13, 10)
NEAREST = ["10-12 14:15", "10-14 07:00", "10-15 07:00"]
"""The nearest free times of three days to Tuesday, 13 October, 08:00 UTC: Greta works from 09:00 to 17:00 in Berlin."""


@pytest.fixture
def programme(programme: Programme) -> Programme:
    """The programme with a clock that is before all meetings."""
    programme.context = replace(programme.context, clock=lambda: datetime(2026, 9, 1, 12, tzinfo=UTC))
    return programme


def declare(programme: Programme, first: date, last: date, **fields: Any) -> tuple[str, Consequences]:
    exam = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=first, last_day=last, **fields)
    stored, found = create_blackout(programme.context, programme.id, programme.mentee.id, exam)
    return stored.id, found


def starts(programme: Programme, meeting_id: str) -> list[str]:
    return [f"{one.period.start:%m-%d %H:%M} {one.status}" for one in programme.meeting(meeting_id).meeting.occurrences]


def test_blackout_over_an_occurrence_opens_a_conflict_with_alternatives(programme: Programme) -> None:
    booked = programme.book_tuesdays()
    _, found = declare(programme, date(2026, 10, 13), date(2026, 10, 13))
    assert found.total == 1
    (offered,) = found.conflicts
    assert offered.stored.conflict.resolution is Resolution.OPEN
    assert [f"{one.period.start:%m-%d %H:%M}" for one in offered.alternatives] == NEAREST
    after = programme.meeting(booked.id).meeting
    assert [one.to_be_moved for one in after.occurrences] == [None, "exams", None, None, None, None]
    assert (after.sequence, after.revision) == (0, 2)


def test_blackout_moves_an_occurrence_and_its_deletion_puts_it_back(programme: Programme) -> None:
    booked = programme.book_tuesdays()
    before = starts(programme, booked.id)
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    exams, found = declare(programme, date(2026, 10, 13), date(2026, 10, 14))
    assert [one.stored.conflict.resolution for one in found.conflicts] == [Resolution.MOVED]
    assert starts(programme, booked.id)[1] == f"{NEAREST[0]} moved"
    back = delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert [one.stored.conflict.resolution for one in back.conflicts] == [Resolution.RESTORED]
    assert starts(programme, booked.id) == before


def test_series_that_goes_back_after_it_was_hit_hard_is_not_answered_as_such(programme: Programme) -> None:
    """What another meeting left on the way makes room for it."""
    move = {"when_blocked": WhenBlocked.MOVE}
    update_person(programme.context, programme.id, programme.mentor.id, {"at_most_per_day": 1})
    booked = programme.book_tuesdays()
    update_mentorship(programme.context, programme.id, programme.mentorship.id, move)
    exams, _ = declare(programme, date(2026, 11, 10), date(2026, 11, 10))
    assert starts(programme, booked.id)[-1] == "11-09 15:15 moved"
    bo = create_person(
        programme.context, programme.id, Person(new_id(), "Bo", "bo@example.org", "Europe/Berlin", working_hours=None)
    )
    days = date(2026, 10, 5), date(2026, 11, 13)
    with_bo = Mentorship(new_id(), programme.mentor.id, bo.id, ("x",), "", *days, when_blocked=WhenBlocked.MOVE)
    create_mentorship(programme.context, programme.id, with_bo)
    programme.context = replace(programme.context, clock=lambda: datetime(2026, 11, 5, 9, tzinfo=UTC))
    start = datetime(2026, 11, 10, 8, tzinfo=UTC)
    other = book_slot(programme.context, programme.id, with_bo.id, start, 45, Details(None))
    delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    night = datetime(2026, 11, 9, 14, tzinfo=UTC), datetime(2026, 11, 10, 8, 30, tzinfo=UTC)
    exam = BlackoutFields(BlackoutKind.EXAM, "Night", start=night[0], end=night[1])
    _, found = create_blackout(programme.context, programme.id, programme.mentor.id, exam)
    assert starts(programme, other.id) != ["11-10 08:00 scheduled"]
    assert starts(programme, booked.id)[-1] == "11-10 09:00 scheduled"
    assert found.hit_hard == ()


def test_nothing_is_moved_or_offered_outside_the_dates_of_the_mentorship(programme: Programme) -> None:
    booked = programme.book_tuesdays(PlanTerms(dates=Days(date(2026, 10, 5), date(2026, 11, 13))))
    ends = {"ends_on": date(2026, 11, 10)}
    update_mentorship(programme.context, programme.id, programme.mentorship.id, ends)
    exams, found = declare(programme, date(2026, 11, 10), date(2026, 11, 10))
    offered = [f"{one.period.start:%m-%d}" for one in found.conflicts[0].alternatives]
    assert offered != []
    assert max(offered) <= "11-10"
    delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    declare(programme, date(2026, 11, 7), date(2026, 11, 10))
    assert starts(programme, booked.id)[-1] == "11-10 09:00 scheduled"


def test_nothing_goes_back_outside_the_dates_of_the_mentorship(programme: Programme) -> None:
    booked = programme.book_tuesdays()
    before = starts(programme, booked.id)
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    exams, _ = declare(programme, date(2026, 11, 10), date(2026, 11, 10))
    displaced = starts(programme, booked.id)
    assert displaced[-1] == "11-09 15:15 moved"
    ends = {"ends_on": date(2026, 11, 9)}
    update_mentorship(programme.context, programme.id, programme.mentorship.id, ends)
    found = delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert not any(one.alternatives for one in found.conflicts)
    assert starts(programme, booked.id) == displaced
    longer = {"ends_on": date(2026, 11, 13)}
    update_mentorship(programme.context, programme.id, programme.mentorship.id, longer)
    while check_due_people(programme.context):
        pass
    assert starts(programme, booked.id) == before


def test_occurrence_does_not_go_back_into_exams_after_the_dates_of_its_series(programme: Programme) -> None:
    booked = programme.book_tuesdays(PlanTerms(dates=Days(date(2026, 10, 5), date(2026, 11, 10))))
    later = {"ends_on": date(2026, 12, 13), "when_blocked": WhenBlocked.MOVE}
    update_mentorship(programme.context, programme.id, programme.mentorship.id, later)
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    move_occurrence(programme.context, programme.id, booked.id, datetime(2026, 11, 10, 10), start)
    exams, _ = declare(programme, date(2026, 11, 24), date(2026, 11, 24))
    displaced = starts(programme, booked.id)
    assert displaced[-1].startswith("11-10")
    assert update_person(programme.context, programme.id, programme.mentee.id, {})[1].total == 0
    assert starts(programme, booked.id) == displaced
    found = delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert [one.stored.conflict.resolution for one in found.conflicts] == [Resolution.RESTORED]
    assert starts(programme, booked.id)[-1] == "11-24 09:00 moved"


def test_return_that_comes_too_late_to_happen_by_itself_is_offered(programme: Programme) -> None:
    booked = programme.book_tuesdays()
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    exams, _ = declare(programme, date(2026, 10, 13), date(2026, 10, 13))
    programme.context = replace(programme.context, clock=lambda: datetime(2026, 10, 11, 20, tzinfo=UTC))
    found = delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert starts(programme, booked.id)[1] == f"{NEAREST[0]} moved"
    (offered,) = found.conflicts
    assert offered.stored.conflict.resolution is Resolution.MOVED
    assert [f"{one.period.start:%m-%d %H:%M}" for one in offered.alternatives] == ["10-13 08:00"]
    resolve_conflict(programme.context, programme.id, booked.id, WALL, Decision.RESTORE)
    assert starts(programme, booked.id)[1] == "10-13 08:00 scheduled"


def test_change_that_leaves_a_blackout_where_it_is_offers_nothing_back(programme: Programme) -> None:
    agreed, _ = declare(programme, date(2026, 10, 13), date(2026, 10, 13))
    programme.book_tuesdays()
    update_mentorship(programme.context, programme.id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    later, _ = declare(programme, date(2026, 10, 20), date(2026, 10, 20))
    for blackout in (agreed, later):
        _, found = update_blackout(programme.context, programme.id, programme.mentee.id, blackout, {"title": "Exams"})
        assert found.total == 0


def test_agreed_move_is_offered_back_although_another_blackout_came_and_went(programme: Programme) -> None:
    exams, _ = declare(programme, date(2026, 10, 13), date(2026, 10, 13))
    booked = programme.book_tuesdays()
    assert starts(programme, booked.id)[1] == f"{NEAREST[0]} moved"
    later, found = declare(programme, date(2026, 10, 12), date(2026, 10, 12))
    assert [one.stored.conflict.resolution for one in found.conflicts] == [Resolution.OPEN]
    gone = delete_blackout(programme.context, programme.id, programme.mentee.id, later)
    assert [one.stored.conflict.resolution for one in gone.conflicts] == [Resolution.MOVED]
    back = delete_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert [f"{one.period.start:%m-%d %H:%M}" for one in back.conflicts[0].alternatives] == ["10-13 08:00"]
    restored = resolve_conflict(programme.context, programme.id, booked.id, WALL, Decision.RESTORE)
    assert restored.meeting.occurrences[1].status is OccurrenceStatus.SCHEDULED


def test_restore_undoes_one_decision_after_the_other(programme: Programme) -> None:
    """What somebody moved by hand, and then twice because of exams, is put back step by step."""
    booked = programme.book_tuesdays()
    move_occurrence(programme.context, programme.id, booked.id, WALL, datetime(2026, 10, 15, 8, tzinfo=UTC))
    days = {}
    for day, to in ((15, 14), (14, 16)):
        days[day], _ = declare(programme, date(2026, 10, day), date(2026, 10, day))
        start = datetime(2026, 10, to, 8, tzinfo=UTC)
        resolve_conflict(programme.context, programme.id, booked.id, WALL, Decision.MOVE, start)
    passing, _ = declare(programme, date(2026, 10, 16), date(2026, 10, 16))
    for blackout in (passing, *days.values()):
        delete_blackout(programme.context, programme.id, programme.mentee.id, blackout)
    found = []
    for _ in days:
        resolve_conflict(programme.context, programme.id, booked.id, WALL, Decision.RESTORE)
        found.append(starts(programme, booked.id)[1])
    assert found == ["10-14 08:00 moved", "10-15 08:00 moved"]


def test_first_alternatives_of_all_meetings_can_be_taken_together(programme: Programme) -> None:
    """The mentor's exam is in the way of two mentees' meetings, which are both nearest to the same free time."""
    context, mentor = programme.context, programme.mentor
    booked = {programme.book_tuesdays().id}
    for name in ("Bo", "Cleo"):
        mentee = create_person(context, programme.id, Person(new_id(), name, f"{name}@example.org", "UTC", None))
        days = date(2026, 10, 5), date(2026, 11, 13)
        agreed = Mentorship(new_id(), mentor.id, mentee.id, ("Talk",), "", *days)
        mentorship = create_mentorship(context, programme.id, agreed)
        start = datetime(2026, 10, 13, 9 if name == "Bo" else 10, tzinfo=UTC)
        booked.add(book_slot(context, programme.id, mentorship.id, start, 45, Details()).id)
    day = date(2026, 10, 13)
    exam = BlackoutFields(BlackoutKind.EXAM, "Viva", first_day=day, last_day=day)
    _, declared = create_blackout(context, programme.id, mentor.id, exam)
    listed = [one for _, one in list_conflicts(context, programme.id, ConflictsOf("person", mentor.id))]
    assert listed == list(declared.conflicts)
    assert {one.stored.meeting_id for one in listed} == booked
    for one in listed:
        wall, first = one.stored.conflict.recurrence_id.wall, one.alternatives[0].period
        moved = resolve_conflict(
            context, programme.id, one.stored.meeting_id, wall, Decision.MOVE, first.start, may_overrule=True
        )
        assert moved.meeting.occurrence(wall).period == first


def test_erased_person_leaves_no_word_of_their_exams(programme: Programme) -> None:
    programme.book_tuesdays()
    declare(programme, date(2026, 10, 13), date(2026, 10, 13))
    delete_person(programme.context, programme.id, programme.mentee.id)
    ((_, left),) = list_conflicts(programme.context, programme.id, ConflictsOf("mentorship", programme.mentorship.id))
    assert left.stored.conflict.resolution is Resolution.LAPSED
    assert left.stored.conflict.obstacles == ()


def test_erased_person_leaves_no_word_of_exams_before_the_last_ones(programme: Programme) -> None:
    declare(programme, date(2026, 10, 13), date(2026, 10, 13))
    booked = programme.book_tuesdays()
    declare(programme, date(2026, 10, 12), date(2026, 10, 12))
    start = datetime(2026, 10, 14, 8, tzinfo=UTC)
    resolve_conflict(programme.context, programme.id, booked.id, WALL, Decision.MOVE, start)
    with programme.context.store.read() as tx:
        (decided,) = tx.conflicts.list_for_meetings(programme.id, [booked.id])[booked.id]
    assert decided.before is not None
    assert decided.before.obstacles != ()
    delete_person(programme.context, programme.id, programme.mentee.id)
    with programme.context.store.read() as tx:
        (left,) = tx.conflicts.list_for_meetings(programme.id, [booked.id])[booked.id]
    assert (left.obstacles, left.before and left.before.obstacles) == ((), ())


def test_pages_of_conflicts_add_up_to_the_list(programme: Programme) -> None:
    booked = programme.book_tuesdays()
    declare(programme, date(2026, 10, 13), date(2026, 10, 27))
    programme.context = replace(programme.context, clock=lambda: datetime(2026, 10, 13, 8, tzinfo=UTC))
    for where in (ConflictsOf("meeting", booked.id), ConflictsOf("person", programme.mentor.id)):
        whole = list_conflicts(programme.context, programme.id, where)
        assert [(f"{one.stored.conflict.period.start:%m-%d}", one.stored.conflict.resolution) for _, one in whole] == [
            ("10-20", Resolution.OPEN),
            ("10-27", Resolution.OPEN),
            ("10-13", Resolution.LAPSED),
        ]
        paged, after = [], None
        while page := list_conflicts(programme.context, programme.id, where, after=after, limit=1):
            paged += page
            after = page[-1][0]
        assert [one.stored for _, one in paged] == [one.stored for _, one in whole]
