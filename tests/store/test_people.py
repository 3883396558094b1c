"""People come back as they were stored, can be locked, and can be erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from support.budget import examples
from support.working import claim_next, claim_reading

from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Buffer, Days, WorkingHours
from scheduler.domain.programme.meetings import Meeting, Party
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.outbox import CalDAVCalendar
from scheduler.domain.programme.people import ConnectedCalendar, Person, Show
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.errors import NotFound
from scheduler.store import Store, new_id
from scheduler.store.engine import open_engine, transaction
from scheduler.store.tables import metadata, people

minutes = st.integers(0, 1439)
hours = st.builds(WorkingHours, st.lists(st.sampled_from(WEEKDAYS), min_size=1).map(tuple), minutes, minutes)
days = st.dates(date(1973, 1, 1), date(2037, 12, 31))
stays = st.builds(
    lambda first, last, zone: PlannedMove(min(first, last), max(first, last), zone),
    days,
    days,
    st.sampled_from(["Asia/Tokyo", "America/Indiana/Indianapolis"]),
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)
persons = st.builds(
    Person,
    id=st.builds(new_id),
    name=texts,
    email=texts,
    time_zone=st.sampled_from(["Asia/Kathmandu", "America/Argentina/ComodRivadavia"]),
    working_hours=st.none() | st.lists(hours).map(tuple),
    buffer=st.builds(Buffer, minutes, minutes),
    preferred_hours=st.none() | st.lists(hours, min_size=1).map(tuple),
    travel=st.lists(stays, max_size=3).map(tuple),
    at_most_per_day=st.none() | st.integers(1, 50),
    at_most_per_week=st.none() | st.integers(1, 50),
)


@given(person=persons, changed=persons)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(30))
def test_person_is_loaded_as_stored_and_updated(
    store: Store, programme_id: str, now: datetime, person: Person, changed: Person
) -> None:
    changed = replace(changed, id=person.id)
    with store.write() as tx:
        tx.people.add(programme_id, person, now)
        assert tx.people.get(programme_id, person.id) == person
        tx.people.update(programme_id, changed, now)
        assert tx.people.get(programme_id, person.id) == changed


def test_people_are_listed_in_order_of_addition(store: Store, programme_id: str, now: datetime) -> None:
    added = [Person(new_id(), f"P{number}", f"{number}@example.org", "UTC") for number in range(5)]
    with store.write() as tx:
        for number, person in enumerate(added):
            tx.people.add(programme_id, person, now + timedelta(microseconds=number))
        assert tx.people.list_all(programme_id) == added


def test_lock_returns_people_in_the_given_order(
    store: Store, programme_id: str, mentor: Person, mentee: Person
) -> None:
    for asked in ([mentor, mentee], [mentee, mentor], [mentor, mentee, mentor]):
        with store.write() as tx:
            assert tx.people.lock(programme_id, [person.id for person in asked]) == asked


def test_lock_of_unknown_person_names_the_first(store: Store, programme_id: str, mentor: Person) -> None:
    with store.write() as tx, pytest.raises(NotFound) as refusal:
        tx.people.lock(programme_id, [mentor.id, "nobody", "no one either"])
    assert (refusal.value.kind, refusal.value.identifier) == ("person", "nobody")


def test_find_many_leaves_unknown_ids_out(
    store: Store, programme_id: str, mentor: Person, mentee: Person, now: datetime
) -> None:
    with store.write() as tx:
        tx.people.erase(programme_id, mentee.id, now)
        assert tx.people.find_many(programme_id, [mentee.id, mentor.id, "nobody"]) == {mentor.id: mentor}


def test_people_are_found_by_email_in_any_case(
    store: Store, programme_id: str, another_programme_id: str, mentor: Person, mentee: Person, now: datetime
) -> None:
    twin = Person(new_id(), "Ada again", "ADA@EXAMPLE.ORG", "UTC")
    with store.write() as tx:
        tx.people.add(programme_id, twin, now + timedelta(days=1))
        asked = {"ada@example.org", "bina@example.org", "stranger@example.org"}
        found = tx.people.find_ids_by_email(programme_id, asked)
        assert sorted(found) == sorted([mentor.id, mentee.id, twin.id])
        assert tx.people.find_ids_by_email(another_programme_id, asked) == []


def test_mark_feeds_changed_raises_revision_and_time_never_goes_back(
    store: Store, programme_id: str, mentor: Person, now: datetime
) -> None:
    with store.write() as tx:
        tx.feeds.add(programme_id, mentor.id, Show.DETAILS, "a" * 64, now)
        seen = []
        for moment in (now + timedelta(hours=2), now + timedelta(hours=1)):
            tx.people.mark_feeds_changed(programme_id, [mentor.id, mentor.id], moment)
            page = tx.feeds.find("a" * 64, now)
            assert page is not None
            seen.append((page.calendar_revision, page.calendar_changed_at - now))
    assert seen == [(2, timedelta(hours=2)), (3, timedelta(hours=2))]


def test_erase_deletes_what_belongs_to_the_person(
    store: Store,
    programme_id: str,
    mentor: Person,
    mentee: Person,
    calendar: ConnectedCalendar,
    meeting_id: str,
    now: datetime,
) -> None:
    exams = Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 10, 26), date(2026, 10, 30)))
    with store.write() as tx:
        tx.blackouts.add(programme_id, mentor.id, exams)
        tx.feeds.add(programme_id, mentor.id, Show.DETAILS, "a" * 64, now)
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar.id)], ["series@scheduler"], 1, now)
        tx.people.erase(programme_id, mentor.id, now)
    with store.write() as tx:
        assert tx.people.list_all(programme_id) == [mentee]
        assert tx.people.find_ids_by_email(programme_id, {"ada@example.org"}) == []
        assert tx.feeds.find("a" * 64, now) is None
        assert tx.outbox.list_for_meeting(programme_id, meeting_id) == []
        assert claim_next(tx, now) is None
        assert claim_reading(tx, now) is None


@pytest.mark.parametrize(
    "use",
    [
        lambda tx, programme, person, now: tx.people.get(programme, person.id),
        lambda tx, programme, person, now: tx.people.lock(programme, [person.id]),
        lambda tx, programme, person, now: tx.people.update(programme, person, now),
        lambda tx, programme, person, now: tx.people.erase(programme, person.id, now),
        lambda tx, programme, person, now: tx.blackouts.list_for_person(programme, person.id),
        lambda tx, programme, person, now: tx.feeds.add(programme, person.id, Show.DETAILS, "a" * 64, now),
    ],
)
def test_erased_person_is_not_found(
    store: Store, programme_id: str, mentor: Person, now: datetime, use: Callable[..., object]
) -> None:
    with store.write() as tx:
        tx.people.erase(programme_id, mentor.id, now)
        with pytest.raises(NotFound):
            use(tx, programme_id, mentor, now)


def test_erased_person_stays_in_past_meetings_without_name(
    store: Store, programme_id: str, mentor: Person, mentee: Person, meeting_id: str, now: datetime
) -> None:
    nobody = Party("deleted person", None, "Europe/Berlin")
    with store.write() as tx:
        tx.people.erase(programme_id, mentor.id, now)
        assert tx.people.get_party(programme_id, mentor.id) == nobody
        meeting = tx.meetings.get(programme_id, meeting_id).meeting
        assert (meeting.organizer, meeting.title) == (nobody, "Mentoring: deleted person & Bina")
        tx.people.mark_feeds_changed(programme_id, [mentor.id, mentee.id], now)


def test_erase_clears_preferences_and_travel(
    store: Store, store_url: str, programme_id: str, mentor: Person, now: datetime
) -> None:
    planned = replace(
        mentor,
        preferred_hours=(WorkingHours(("MO",), 540, 600),),
        travel=(PlannedMove(date(2027, 1, 10), date(2027, 2, 20), "Asia/Tokyo"),),
        at_most_per_day=1,
        at_most_per_week=2,
    )
    with store.write() as tx:
        tx.people.update(programme_id, planned, now)
        tx.people.erase(programme_id, mentor.id, now)
    engine = open_engine(store_url)
    with transaction(engine, write=False) as connection:
        row = connection.execute(select(people).where(people.c.id == mentor.id)).one()
    engine.dispose()
    assert (row.preferred_hours, row.travel, row.at_most_per_day, row.at_most_per_week) == (None, (), None, None)


def test_erased_name_and_email_are_in_no_table(
    store: Store,
    store_url: str,
    programme_id: str,
    mentorship: Mentorship,
    plan_meeting: Callable[..., Meeting],
    now: datetime,
) -> None:
    person = Person(mentorship.mentee_id, "Xanthippe", "xanthippe@example.org", "UTC")
    with store.write() as tx:
        tx.people.update(programme_id, person, now)
        tx.meetings.add(programme_id, mentorship.id, plan_meeting())
        tx.people.erase(programme_id, person.id, now)
    engine = open_engine(store_url)
    with transaction(engine, write=False) as connection:
        rows = [row for table in metadata.sorted_tables for row in connection.execute(select(table))]
    engine.dispose()
    assert "Ada@example.org" in repr(rows)
    assert "anthippe" not in repr(rows)
