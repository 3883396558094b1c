"""Another programme's things are not there, by whatever method they are asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from support.working import claim_reading

from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Days
from scheduler.domain.programme.api_keys import ApiKey
from scheduler.domain.programme.meetings import Meeting
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.outbox import CalDAVCalendar
from scheduler.domain.programme.people import ConnectedCalendar, Feed, Person, Show, StoredBlackout
from scheduler.domain.time.periods import Period, Periods
from scheduler.errors import NotFound, Refused
from scheduler.services.availability_cache import ALWAYS, CachedPerson, load_people
from scheduler.store import ConflictsOf, Store, StoredMeeting, Transaction, new_id

AWAY = Periods.of([Period(datetime(2026, 10, 8, 8, tzinfo=UTC), datetime(2026, 10, 8, 9, tzinfo=UTC))])
EXAMS = Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 10, 26), date(2026, 10, 30)))
REPEATED = "the key of a request of theirs"


@dataclass(frozen=True)
class Theirs:
    """One of everything that a programme has."""

    mentor: Person
    mentee: Person
    mentorship: Mentorship
    blackout: StoredBlackout
    calendar: ConnectedCalendar
    feed: Feed
    key: ApiKey
    stored: StoredMeeting
    meeting: Meeting
    now: datetime

    @property
    def target(self) -> CalDAVCalendar:
        return CalDAVCalendar(self.calendar.id)


@pytest.fixture
def theirs(
    store: Store,
    programme_id: str,
    mentor: Person,
    mentee: Person,
    mentorship: Mentorship,
    calendar: ConnectedCalendar,
    meeting_id: str,
    plan_meeting: Callable[..., Meeting],
    key: ApiKey,
    now: datetime,
) -> Theirs:
    with store.write() as tx:
        tx.programmes.add_key(key, "d" * 64)
        tx.answers.claim(programme_id, REPEATED, "f" * 64, now, now)
        tx.answers.store(programme_id, REPEATED, "sealed")
        return Theirs(
            mentor,
            mentee,
            mentorship,
            tx.blackouts.add(programme_id, mentor.id, EXAMS),
            calendar,
            tx.feeds.add(programme_id, mentor.id, Show.DETAILS, "a" * 64, now),
            key,
            tx.meetings.get(programme_id, meeting_id),
            plan_meeting(),
            now,
        )


Use = Callable[[Transaction, str, Theirs], object]

REFUSED: dict[str, Use] = {
    "people.get": lambda tx, us, it: tx.people.get(us, it.mentor.id),
    "people.get_many": lambda tx, us, it: tx.people.get_many(us, [it.mentor.id]),
    "people.lock": lambda tx, us, it: tx.people.lock(us, [it.mentor.id]),
    "people.update": lambda tx, us, it: tx.people.update(us, it.mentor, it.now),
    "people.mark_feeds_changed": lambda tx, us, it: tx.people.mark_feeds_changed(us, [it.mentor.id], it.now),
    "people.erase": lambda tx, us, it: tx.people.erase(us, it.mentor.id, it.now),
    "people.get_party": lambda tx, us, it: tx.people.get_party(us, it.mentor.id),
    "blackouts.add": lambda tx, us, it: tx.blackouts.add(us, it.mentor.id, EXAMS),
    "blackouts.list_for_person": lambda tx, us, it: tx.blackouts.list_for_person(us, it.mentor.id),
    "blackouts.list_for_people": lambda tx, us, it: tx.blackouts.list_for_people(us, [it.mentor.id]),
    "blackouts.get": lambda tx, us, it: tx.blackouts.get(us, it.mentor.id, it.blackout.id),
    "blackouts.update": lambda tx, us, it: tx.blackouts.update(us, it.blackout),
    "blackouts.delete": lambda tx, us, it: tx.blackouts.delete(us, it.mentor.id, it.blackout.id),
    "calendars.add": lambda tx, us, it: tx.calendars.add(
        us, ConnectedCalendar(new_id(), it.mentor.id, "https://u/", "n", publish=True), "t", it.now, auto_schedule=False
    ),
    "calendars.list_for_person": lambda tx, us, it: tx.calendars.list_for_person(us, it.mentor.id),
    "calendars.list_page": lambda tx, us, it: tx.calendars.list_page(us, it.mentor.id, None, 9),
    "calendars.list_for_people": lambda tx, us, it: tx.calendars.list_for_people(us, [it.mentor.id]),
    "calendars.get": lambda tx, us, it: tx.calendars.get(us, it.mentor.id, it.calendar.id),
    "calendars.delete": lambda tx, us, it: tx.calendars.delete(us, it.mentor.id, it.calendar.id),
    "feeds.add": lambda tx, us, it: tx.feeds.add(us, it.mentor.id, Show.DETAILS, "b" * 64, it.now),
    "feeds.list_for_person": lambda tx, us, it: tx.feeds.list_for_person(us, it.mentor.id),
    "feeds.get": lambda tx, us, it: tx.feeds.get(us, it.mentor.id, it.feed.id),
    "feeds.list_pages": lambda tx, us, it: tx.feeds.list_pages(us, it.mentor.id),
    "feeds.rotate": lambda tx, us, it: tx.feeds.rotate(us, it.mentor.id, it.feed.id, "b" * 64),
    "feeds.revoke": lambda tx, us, it: tx.feeds.revoke(us, it.mentor.id, it.feed.id, it.now),
    "mentorships.add": lambda tx, us, it: tx.mentorships.add(us, replace(it.mentorship, id=new_id()), it.now),
    "mentorships.get": lambda tx, us, it: tx.mentorships.get(us, it.mentorship.id),
    "mentorships.list_for_person": lambda tx, us, it: tx.mentorships.list_for_person(us, it.mentor.id),
    "mentorships.update": lambda tx, us, it: tx.mentorships.update(us, it.mentorship),
    "meetings.add": lambda tx, us, it: tx.meetings.add(us, it.mentorship.id, it.meeting),
    "meetings.get": lambda tx, us, it: tx.meetings.get(us, it.stored.id),
    "meetings.lock": lambda tx, us, it: tx.meetings.lock(us, [it.stored.id]),
    "meetings.lock_rows": lambda tx, us, it: tx.meetings.lock_rows(us, [it.stored.id]),
    "meetings.update": lambda tx, us, it: tx.meetings.update(us, it.stored),
    "meetings.list_for_mentorship": lambda tx, us, it: tx.meetings.list_for_mentorship(us, it.mentorship.id),
    "meetings.list_page": lambda tx, us, it: tx.meetings.list_page(us, it.mentorship.id, None, 9),
    "meetings.list_for_person": lambda tx, us, it: tx.meetings.list_for_person(us, it.mentor.id),
    "outbox.enqueue_latest": lambda tx, us, it: tx.outbox.enqueue_latest(
        us, it.stored.id, [it.target], ["u"], 1, it.now
    ),
    "outbox.enqueue_ordered": lambda tx, us, it: tx.outbox.enqueue_ordered(us, it.target, "u", {}, it.now),
    "outbox.enqueue_once": lambda tx, us, it: tx.outbox.enqueue_once(us, it.target, "u", {}, it.now),
    "outbox.retry": lambda tx, us, it: tx.outbox.retry(us, it.stored.id, "d", it.now),
    "outbox.list_for_meeting": lambda tx, us, it: tx.outbox.list_for_meeting(us, it.stored.id),
    "conflicts.put": lambda tx, us, it: tx.conflicts.put(us, it.stored.id, []),
    "conflicts.list_page": lambda tx, us, it: tx.conflicts.list_page(us, ConflictsOf("meeting", it.stored.id), it.now),
    "changes.list_for_meeting": lambda tx, us, it: tx.changes.list_for_meeting(us, it.stored.id, None, 9),
    "answers.store": lambda tx, us, it: tx.answers.store(us, REPEATED, "sealed"),
    "programmes.get": lambda tx, us, it: tx.programmes.get("no such programme"),
    "programmes.add_key": lambda tx, us, it: tx.programmes.add_key(
        replace(it.key, id=new_id(), programme_id="no such programme"), "c" * 64
    ),
    "programmes.lock": lambda tx, us, it: tx.programmes.lock("no such programme"),
    "programmes.get_key": lambda tx, us, it: tx.programmes.get_key(us, it.key.id, it.now),
    "programmes.expire_key": lambda tx, us, it: tx.programmes.expire_key(us, it.key.id, it.now),
    "programmes.delete_key": lambda tx, us, it: tx.programmes.delete_key(us, it.key.id),
}
"""Asked with our programme for their things: NotFound."""

EMPTY: dict[str, Use] = {
    "people.list_all": lambda tx, us, it: tx.people.list_all(us),
    "people.list_page": lambda tx, us, it: tx.people.list_page(us, None, 9),
    "people.find_many": lambda tx, us, it: tx.people.find_many(us, [it.mentor.id]),
    "people.availability_versions": lambda tx, us, it: tx.people.availability_versions(us, [it.mentor.id]),
    "people.find_ids_by_email": lambda tx, us, it: tx.people.find_ids_by_email(us, {"ada@example.org"}),
    "mentorships.find_many": lambda tx, us, it: tx.mentorships.find_many(us, [it.mentorship.id]),
    "meetings.find_many": lambda tx, us, it: tx.meetings.find_many(us, [it.stored.id]),
    "mentorships.list_all": lambda tx, us, it: tx.mentorships.list_all(us),
    "mentorships.list_page": lambda tx, us, it: tx.mentorships.list_page(us, None, 9),
    "answers.claim": lambda tx, us, it: tx.answers.claim(us, REPEATED, "e" * 64, it.now, it.now),
    "programmes.list_keys": lambda tx, us, it: tx.programmes.list_keys(us, it.now),
    "calendars.list_published": lambda tx, us, it: tx.calendars.list_published(us, [it.mentor.id]),
    "calendars.list_logins": lambda tx, us, it: tx.calendars.list_logins(us),
    "people.count": lambda tx, us, it: tx.people.count(us),
    "mentorships.count": lambda tx, us, it: tx.mentorships.count(us),
    "meetings.count": lambda tx, us, it: tx.meetings.count(us, it.mentorship.id),
    "changes.add": lambda tx, us, it: tx.changes.add(us, [], "service", it.now),
    "conflicts.list_for_meetings": lambda tx, us, it: tx.conflicts.list_for_meetings(us, [it.stored.id]),
    "conflicts.list_reservations": lambda tx, us, it: tx.conflicts.list_reservations(us, [it.mentor.id]),
    "conflicts.mark_due": lambda tx, us, it: tx.conflicts.mark_due(us, [it.mentor.id], it.now),
    "conflicts.mark_returning_due": lambda tx, us, it: tx.conflicts.mark_returning_due(us, [it.mentor.id], it.now),
    "conflicts.forget_person": lambda tx, us, it: tx.conflicts.forget_person(us, it.mentor.id),
    "conflicts.is_due": lambda tx, us, it: tx.conflicts.is_due(us, it.mentor.id, it.now, timedelta(days=1)),
    "conflicts.postpone": lambda tx, us, it: tx.conflicts.postpone(us, it.mentor.id, it.now),
    "conflicts.mark_checked": lambda tx, us, it: tx.conflicts.mark_checked(us, it.mentor.id),
    "meetings.list_participants": lambda tx, us, it: tx.meetings.list_participants(
        us, it.stored.mentor_id, "gil@example.org"
    ),
    "meetings.list_for_guest": lambda tx, us, it: tx.meetings.list_for_guest(us, "gil@example.org"),
    "meetings.list_occurrences": lambda tx, us, it: tx.meetings.list_occurrences(us, [it.mentor.id]),
    "meetings.list_periods": lambda tx, us, it: [
        period
        for periods in tx.meetings.list_periods(us, [it.mentor.id], it.now, it.now.replace(year=2028)).values()
        for period in periods
    ],
}
"""Questions that our programme may ask, and whose answer holds nothing of theirs."""

UNSCOPED = {
    "people.add",
    "people.lock_including_erased",
    "programmes.add",
    "programmes.list_all",
    "programmes.record_key_use",
    "sealed.list_after",
    "sealed.update",
    "feeds.find",
    "feeds.store_rendering",
    "calendars.find_due",
    "calendars.claim_readings",
    "calendars.record_read",
    "calendars.record_read_failure",
    "calendars.record_connected",
    "calendars.record_connection_failure",
    "calendars.oldest_due",
    "outbox.oldest_due",
    "servers.oldest_due",
    "meetings.list_with_other_tz_database",
    "outbox.find_known_uids",
    "answers.delete_expired",
    "outbox.claim",
    "outbox.record",
    "outbox.find_due",
    "conflicts.find_due",
    "conflicts.mark_begun_due",
    "servers.find",
    "servers.find_due",
    "servers.forget_unused",
    "servers.record",
    "servers.resume",
    "calendars.find_login",
    "outbox.next_due",
}
"""A new thing of one's own, who holds a secret, the operator, and the worker, who serves every programme."""

WORKERS: dict[str, Use] = {
    "calendars.claim_readings": lambda tx, _, it: claim_reading(tx, it.now),
    "calendars.record_read": lambda tx, _, it: tx.calendars.record_read(it.calendar.id, AWAY, it.now, it.now),
    "calendars.record_read_failure": lambda tx, _, it: tx.calendars.record_read_failure(it.calendar.id, "no", it.now),
    "calendars.record_connected": lambda tx, _, it: tx.calendars.record_connected(
        it.calendar.id, it.now, auto_schedule=False
    ),
    "calendars.record_connection_failure": lambda tx, _, it: tx.calendars.record_connection_failure(
        it.calendar.id, "no", None
    ),
}
"""What the worker does to somebody's calendar."""

RENEWING = {
    "people.update",
    "people.erase",
    "blackouts.add",
    "blackouts.update",
    "blackouts.delete",
    "calendars.add",
    "calendars.delete",
    "calendars.record_read",
    "calendars.record_read_failure",
    "calendars.record_connected",
    "calendars.record_connection_failure",
    "meetings.add",
    "meetings.update",
}
"""What changes what is known of somebody's time."""


def test_availability_version_changes_with_every_change_of_availability(
    store: Store, programme_id: str, theirs: Theirs
) -> None:
    for name, use in (REFUSED | EMPTY | WORKERS).items():
        with suppress(_Undone), store.write() as tx:
            before = known(tx, programme_id, theirs)
            try:
                use(tx, programme_id, theirs)
            except (NotFound, Refused, IntegrityError):
                assert name not in RENEWING, name
            else:
                after = known(tx, programme_id, theirs)
                if name in RENEWING:
                    assert after[1].get(theirs.mentor.id) != before[1][theirs.mentor.id], name
                else:
                    assert after == before, name
            raise _Undone


class _Undone(Exception):
    """Leaves everything as it was for what is tried next."""


def known(tx: Transaction, programme_id: str, theirs: Theirs) -> tuple[dict[str, CachedPerson], dict[str, str]]:
    """All that is known of the time of the mentor and the mentee, and its versions."""
    ids = [theirs.mentor.id, theirs.mentee.id]
    return load_people(tx, programme_id, ids, ALWAYS), tx.people.availability_versions(programme_id, ids)


@pytest.mark.parametrize("name", REFUSED)
def test_another_programmes_item_is_not_found(
    store: Store, another_programme_id: str, theirs: Theirs, name: str
) -> None:
    with store.write() as tx, pytest.raises(NotFound):
        REFUSED[name](tx, another_programme_id, theirs)


@pytest.mark.parametrize("name", EMPTY)
def test_another_programmes_items_are_in_no_list(
    store: Store, another_programme_id: str, theirs: Theirs, name: str
) -> None:
    with store.write() as tx:
        assert not EMPTY[name](tx, another_programme_id, theirs)


def test_enqueue_for_another_programmes_calendar_is_refused(
    store: Store, another_programme_id: str, theirs: Theirs, now: datetime
) -> None:
    with store.write() as tx:
        pair = [Person(new_id(), name, f"{name}@example.org", "UTC") for name in ("x", "y")]
        for person in pair:
            tx.people.add(another_programme_id, person, now)
        ours = replace(theirs.mentorship, id=new_id(), mentor_id=pair[0].id, mentee_id=pair[1].id)
        tx.mentorships.add(another_programme_id, ours, now)
        meeting_id = tx.meetings.add(another_programme_id, ours.id, theirs.meeting)
        with pytest.raises(NotFound, match="no calendar has the id"):
            tx.outbox.enqueue_latest(another_programme_id, meeting_id, [theirs.target], ["u"], 1, now)


def test_every_repository_method_is_in_a_table(store: Store) -> None:
    with store.read() as tx:
        methods = {
            f"{kind}.{name}"
            for kind, repository in vars(tx).items()
            for name, _ in inspect.getmembers(repository, inspect.ismethod)
            if not name.startswith("_")
        }
    assert methods == REFUSED.keys() | EMPTY.keys() | UNSCOPED
