"""What the first release stored is all there after an upgrade, and again after going back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from support import first_release as old
from support.working import claim_next

from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Buffer, Days, WorkingHours
from scheduler.domain.programme.api_keys import ApiKey, Scope
from scheduler.domain.programme.meetings import MeetingStatus, OccurrenceStatus, Party
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.outbox import DeliveryState, Stored, Verdict
from scheduler.domain.programme.people import Person
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.recurrence import BlackoutRule
from scheduler.errors import NotFound
from scheduler.store import Store, new_id, schema
from scheduler.store.engine import open_engine, transaction


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """A database of the first release with data in it."""
    opened = open_engine(store_url)
    with transaction(opened, write=True) as connection:
        schema.downgrade(connection)
        schema.upgrade(connection, "0001")
        old.fill(connection)
    yield opened
    opened.dispose()


@pytest.fixture
def upgraded(engine: Engine, store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    assert not store.is_migrated()
    store.migrate()
    assert store.is_migrated()
    yield store
    store.close()


def test_downgrade_leaves_every_row_unchanged(engine: Engine) -> None:
    with transaction(engine, write=True) as connection:
        before = old.dump(connection)
        schema.upgrade(connection)
        schema.downgrade(connection, "0001")
        assert old.dump(connection) == before
    assert sum(map(len, before.values())) == 21


def test_downgrade_deletes_keys_with_limited_scopes(upgraded: Store) -> None:
    with upgraded.write() as tx:
        limited = ApiKey(new_id(), old.PROGRAMME, "sk_1", "", frozenset({Scope.MEETINGS_READ}), old.NOON)
        tx.programmes.add_key(limited, "d" * 64)
    with transaction(upgraded._engine, write=True) as connection:  # noqa: SLF001  # nothing else goes back
        schema.downgrade(connection, "0001")
        assert [row["digest"] for row in old.dump(connection)["api_keys"]] == [old.KEY_DIGEST]


def test_first_release_key_still_opens_everything(upgraded: Store) -> None:
    with upgraded.read() as tx:
        assert tx.programmes.get(old.PROGRAMME).name == "Women in Science"
    key = upgraded.lookups.key(old.KEY_DIGEST, old.NOON)
    assert key is not None
    assert (key.programme_id, key.scopes) == (old.PROGRAMME, frozenset({Scope.ADMIN}))


def test_first_release_people_are_unchanged(upgraded: Store) -> None:
    hours = (WorkingHours(("MO", "TU"), 540, 1020),)
    buffer = Buffer(5, 10)
    with upgraded.read() as tx:
        assert tx.people.get_many(old.PROGRAMME, [old.MENTOR, old.MENTEE]) == [
            Person(old.MENTOR, "Greta", "Greta@example.org", "Europe/Berlin", hours, buffer),
            Person(old.MENTEE, "Asha 🎓", "asha@example.org", "Asia/Kolkata", None, buffer),
        ]
        assert tx.people.find_ids_by_email(old.PROGRAMME, {"GRETA@example.org"}) == [old.MENTOR]
        with pytest.raises(NotFound):
            tx.people.get(old.PROGRAMME, old.GONE)
        exam, dentist = tx.blackouts.list_for_person(old.PROGRAMME, old.MENTEE)
        (calendar,) = tx.calendars.list_for_person(old.PROGRAMME, old.MENTOR)
        (feed,) = tx.feeds.list_for_person(old.PROGRAMME, old.MENTOR)
    finals = Days(date(2026, 10, 26), date(2026, 10, 30))
    yearly = BlackoutRule("FREQ=YEARLY")
    assert exam.blackout == Blackout(
        BlackoutKind.EXAM, "Finals", finals, firm=True, rule=yearly, time_zone="Asia/Kolkata"
    )
    visit = Period(datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 2, 11, tzinfo=UTC))
    assert dentist.blackout == Blackout(BlackoutKind.OTHER, "Dentist", visit, firm=False)
    assert (calendar.url, calendar.read_at, calendar.failure) == (
        "https://dav.example.org/greta/",
        old.NOON,
        "the server answered 503",
    )
    assert calendar.busy == Periods.of(
        [Period(at, at + timedelta(minutes=30)) for at in map(minute, (29_000_000, 29_000_090))]
    )
    assert feed.id == old.FEED


def minute(count: int) -> datetime:
    return datetime.fromtimestamp(count * 60, UTC)


def test_first_release_feeds_answer_the_same_bytes(upgraded: Store) -> None:
    with upgraded.read() as tx:
        page = tx.feeds.find(old.FEED_DIGEST, old.NOON)
        assert tx.feeds.find("c" * 64, old.NOON) is None
    assert page is not None
    assert (page.body, page.etag, page.last_modified) == (b"BEGIN:VCALENDAR\r\n", '"7"', old.NOON)
    assert (page.calendar_revision, page.rendered_key) == (7, "7")


def test_first_release_meetings_are_unchanged(upgraded: Store) -> None:
    with upgraded.read() as tx:
        mentorship = tx.mentorships.get(old.PROGRAMME, old.MENTORSHIP)
        series, single = (tx.meetings.get(old.PROGRAMME, name).meeting for name in (old.SERIES, old.SINGLE))
    assert mentorship == Mentorship(
        old.MENTORSHIP,
        old.MENTOR,
        old.MENTEE,
        ("First paper", "A talk"),
        "meet often",
        date(2026, 10, 5),
        date(2026, 11, 13),
    )
    assert (series.uid, series.title, series.sequence, series.revision) == (
        "series@scheduler",
        "Mentoring: Greta & Asha 🎓",
        1,
        3,
    )
    assert [one.status for one in series.occurrences] == [
        OccurrenceStatus.SCHEDULED,
        OccurrenceStatus.MOVED,
        OccurrenceStatus.SKIPPED,
    ]
    assert [one.start.wall for one in series.taking_place] == [datetime(2026, 10, 20, 10), datetime(2026, 10, 28, 10)]
    assert series.guests == (Party("Gil", "gil@example.org", "UTC"),)
    assert (single.title, single.status) == ("A talk", MeetingStatus.CANCELLED)


def test_first_release_deliveries_are_delivered(upgraded: Store) -> None:
    with upgraded.write() as tx:
        due = claim_next(tx, old.NOON)
        assert claim_next(tx, old.NOON) is None
        lost = claim_next(tx, old.NOON.replace(minute=1))
    assert due is not None
    assert (due.delivery_id, due.delivered_revision, due.revision) == (old.DUE, 2, 3)
    with upgraded.read() as tx:
        login = tx.calendars.find_login(due.target.id)
    assert login is not None
    assert (login.url, login.password_token) == ("https://dav.example.org/greta/", "gAAAA-sealed")
    assert lost is not None
    assert lost.delivery_id == old.LEASED
    with upgraded.write() as tx:
        assert tx.outbox.record(due, Stored('"3"'), Verdict(DeliveryState.DELIVERED, None, None), old.NOON)
        states = {
            row.id: row.state
            for name in (old.SERIES, old.SINGLE)
            for row in tx.outbox.list_for_meeting(old.PROGRAMME, name)
        }
    assert states == {
        old.DUE: DeliveryState.DELIVERED,
        old.LEASED: DeliveryState.DELIVERING,
        old.DELIVERED: DeliveryState.DELIVERED,
    }
