"""What people connect: blackouts, calendars and whose turn it is to be read, feeds and their bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from support.working import claim_reading

from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Days
from scheduler.domain.programme.api_keys import ApiKey
from scheduler.domain.programme.outbox import CalDAVCalendar
from scheduler.domain.programme.people import CalendarState, ConnectedCalendar, Person, Show
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.errors import NotFound
from scheduler.store import Store, new_id, schema
from scheduler.store.engine import open_engine, transaction

LEASE = timedelta(minutes=5)
EXAMS = Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 10, 26), date(2026, 10, 30)))
DENTIST = Blackout(
    BlackoutKind.OTHER,
    "Dentist",
    Period(datetime(2026, 10, 2, 9, 0, 30, tzinfo=UTC), datetime(2026, 10, 2, 11, tzinfo=UTC)),
    firm=False,
)
CHOIR = Blackout(
    BlackoutKind.OTHER,
    "Choir",
    Period(datetime(2026, 11, 3, 18, tzinfo=UTC), datetime(2026, 11, 3, 20, tzinfo=UTC)),
    rule=BlackoutRule("FREQ=WEEKLY;BYDAY=TU"),
    time_zone="Europe/Berlin",
)
BUSY = Periods(np.array([100, 300], dtype=np.int64), np.array([200, 301], dtype=np.int64))


@pytest.mark.parametrize("blackout", [EXAMS, DENTIST, CHOIR, replace(EXAMS, rule=BlackoutRule("FREQ=YEARLY"))])
def test_blackout_is_loaded_as_stored(store: Store, programme_id: str, mentor: Person, blackout: Blackout) -> None:
    with store.write() as tx:
        stored = tx.blackouts.add(programme_id, mentor.id, blackout)
    with store.read() as tx:
        assert tx.blackouts.get(programme_id, mentor.id, stored.id) == stored
    assert stored.blackout == blackout


def test_day_blackout_can_become_a_timed_one(store: Store, programme_id: str, mentor: Person) -> None:
    with store.write() as tx:
        changed = replace(tx.blackouts.add(programme_id, mentor.id, EXAMS), blackout=DENTIST)
        tx.blackouts.update(programme_id, changed)
        assert tx.blackouts.list_for_person(programme_id, mentor.id) == [changed]


def test_blackouts_of_several_people_are_listed_earliest_first(
    store: Store, programme_id: str, mentor: Person, mentee: Person
) -> None:
    with store.write() as tx:
        for blackout in (CHOIR, EXAMS, DENTIST):
            tx.blackouts.add(programme_id, mentor.id, blackout)
        found = tx.blackouts.list_for_people(programme_id, [mentor.id, mentee.id])
    assert [stored.blackout for stored in found[mentor.id]] == [DENTIST, EXAMS, CHOIR]
    assert found[mentee.id] == []


def test_deleted_blackout_is_not_found(store: Store, programme_id: str, mentor: Person) -> None:
    with store.write() as tx:
        stored = tx.blackouts.add(programme_id, mentor.id, EXAMS)
        tx.blackouts.delete(programme_id, mentor.id, stored.id)
        with pytest.raises(NotFound, match="no blackout has the id"):
            tx.blackouts.get(programme_id, mentor.id, stored.id)


def test_item_of_one_person_is_not_found_under_another(
    store: Store, programme_id: str, mentor: Person, mentee: Person, calendar: ConnectedCalendar, now: datetime
) -> None:
    with store.write() as tx:
        blackout = tx.blackouts.add(programme_id, mentor.id, EXAMS)
        feed = tx.feeds.add(programme_id, mentor.id, Show.DETAILS, "a" * 64, now)
        with pytest.raises(NotFound):
            tx.blackouts.get(programme_id, mentee.id, blackout.id)
        with pytest.raises(NotFound):
            tx.calendars.get(programme_id, mentee.id, calendar.id)
        with pytest.raises(NotFound):
            tx.feeds.revoke(programme_id, mentee.id, feed.id, now)


def test_new_calendar_is_due_at_once_with_its_login(
    store: Store, programme_id: str, calendar: ConnectedCalendar, now: datetime
) -> None:
    with store.write() as tx:
        reading = claim_reading(tx, now, LEASE)
    assert reading is not None
    assert (reading.calendar, reading.programme_id) == (calendar, programme_id)
    assert (reading.password_token, reading.time_zone) == ("gAAAA-token", "Europe/Berlin")


def test_claimed_calendar_is_leased(store: Store, calendar: ConnectedCalendar, now: datetime) -> None:
    with store.write() as tx:
        assert claim_reading(tx, now, LEASE) is not None
        assert claim_reading(tx, now + LEASE - timedelta(seconds=1)) is None
        assert claim_reading(tx, now + LEASE) is not None


def test_reading_replaces_busy_time_and_a_failure_keeps_it(
    store: Store, programme_id: str, mentor: Person, calendar: ConnectedCalendar, now: datetime
) -> None:
    later = now + timedelta(hours=1)
    with store.write() as tx:
        assert tx.calendars.record_read(calendar.id, BUSY, now, later)
        read = replace(calendar, busy=BUSY, read_at=now)
        assert tx.calendars.list_for_person(programme_id, mentor.id) == [read]
        assert claim_reading(tx, now) is None
        assert tx.calendars.record_read_failure(calendar.id, "the server answered 503", later)
        assert tx.calendars.get(programme_id, mentor.id, calendar.id) == replace(
            read, failure="the server answered 503"
        )
        assert tx.calendars.record_read(calendar.id, Periods.none(), later, later)
        assert tx.calendars.get(programme_id, mentor.id, calendar.id) == replace(calendar, read_at=later)


def test_calendar_that_waits_longest_is_claimed_first(
    store: Store, programme_id: str, mentor: Person, calendar: ConnectedCalendar, now: datetime
) -> None:
    with store.write() as tx:
        other = ConnectedCalendar(new_id(), mentor.id, "https://b.example.org", "b", publish=False)
        tx.calendars.add(programme_id, other, "t", now - timedelta(seconds=1), auto_schedule=False)
        claimed = [claim_reading(tx, now, LEASE) for _ in range(3)]
    assert [reading and reading.calendar.id for reading in claimed] == [other.id, calendar.id, None]


def test_deleted_calendar_loses_its_login_and_deliveries(
    store: Store, programme_id: str, mentor: Person, calendar: ConnectedCalendar, meeting_id: str, now: datetime
) -> None:
    with store.write() as tx:
        tx.outbox.enqueue_latest(programme_id, meeting_id, [CalDAVCalendar(calendar.id)], ["series@scheduler"], 1, now)
        tx.calendars.delete(programme_id, mentor.id, calendar.id)
        assert tx.outbox.list_for_meeting(programme_id, meeting_id) == []
        assert tx.calendars.list_for_person(programme_id, mentor.id) == []
        assert not tx.calendars.record_read(calendar.id, BUSY, now, now)
        assert not tx.calendars.record_read_failure(calendar.id, "too late", now)


def test_feed_is_found_by_digest_with_bytes_and_revision(
    store: Store, programme_id: str, mentor: Person, now: datetime
) -> None:
    with store.write() as tx:
        feed = tx.feeds.add(programme_id, mentor.id, Show.FREE_BUSY, "a" * 64, now)
        empty = tx.feeds.find("a" * 64, now)
        assert empty is not None
        rendered = replace(empty, rendered_key="1", body=b"BEGIN\r\n\x00", etag='"x"', last_modified=now)
        tx.feeds.store_rendering(rendered)
        full = tx.feeds.find("a" * 64, now)
        assert tx.feeds.list_for_person(programme_id, mentor.id) == [feed]
        assert tx.feeds.get(programme_id, mentor.id, feed.id) == feed
    assert (empty.feed_id, empty.programme_id, empty.person_id) == (feed.id, programme_id, mentor.id)
    assert (empty.show, empty.body, empty.rendered_key) == (Show.FREE_BUSY, None, None)
    assert (empty.calendar_revision, empty.calendar_changed_at) == (1, now)
    assert full == rendered


def test_rotated_feed_is_found_by_the_new_token_only(
    store: Store, programme_id: str, mentor: Person, now: datetime
) -> None:
    with store.write() as tx:
        feed = tx.feeds.add(programme_id, mentor.id, Show.DETAILS, "a" * 64, now)
        tx.feeds.rotate(programme_id, mentor.id, feed.id, "b" * 64)
        assert tx.feeds.find("a" * 64, now) is None
        found = tx.feeds.find("b" * 64, now)
    assert found is not None
    assert found.feed_id == feed.id


def test_revoked_feed_is_not_found(store: Store, programme_id: str, mentor: Person, now: datetime) -> None:
    with store.write() as tx:
        feed = tx.feeds.add(programme_id, mentor.id, Show.DETAILS, "a" * 64, now)
        page = tx.feeds.find("a" * 64, now)
        assert page is not None
        tx.feeds.revoke(programme_id, mentor.id, feed.id, now)
        tx.feeds.store_rendering(replace(page, rendered_key="1", body=b"late", etag='"x"', last_modified=now))
        assert tx.feeds.find("a" * 64, now) is None
        assert tx.feeds.list_for_person(programme_id, mentor.id) == []
        with pytest.raises(NotFound, match="no feed has the id"):
            tx.feeds.rotate(programme_id, mentor.id, feed.id, "b" * 64)


def test_key_has_its_programme(store: Store, programme_id: str, key: ApiKey, now: datetime) -> None:
    with store.write() as tx:
        tx.programmes.add_key(key, "k" * 64)
        assert tx.programmes.get(programme_id).name == "Women in Science"
    assert store.lookups.key("k" * 64, now) == key
    assert store.lookups.key("x" * 64, now) is None


def test_calendar_that_never_connected_is_gone_after_a_downgrade(
    store: Store, store_url: str, programme_id: str, mentor: Person, calendar: ConnectedCalendar, now: datetime
) -> None:
    """The version before would count its person as unknown."""
    with store.write() as tx:
        for state in (CalendarState.CONNECTING, CalendarState.FAILED):
            other = ConnectedCalendar(new_id(), mentor.id, f"https://u/{state}/", "n", publish=True, state=state)
            tx.calendars.add(programme_id, other, "t", now, auto_schedule=False)
        assert [one.id for one in tx.calendars.list_published(programme_id, [mentor.id])] == [calendar.id]
    engine = open_engine(store_url)
    with transaction(engine, write=True) as connection:
        schema.downgrade(connection, "0004")
        assert list(connection.scalars(text("SELECT id FROM calendars"))) == [calendar.id]
        schema.upgrade(connection)
    engine.dispose()
    with store.read() as tx:
        assert tx.calendars.list_for_person(programme_id, mentor.id) == [calendar]
