"""Changes of every kind that meet each other: none waits for another in a ring, and none is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise, permutations

import pytest
from psycopg import sql
from sqlalchemy import make_url
from support.budget import tries
from support.calendars import RecordingCalendars
from support.figures import Figures
from support.postgres import PostgreSQL
from support.working import deliver_next, read_next

from scheduler.domain.programme.api_keys import ApiKey
from scheduler.domain.programme.meetings import Party
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import Account, Person
from scheduler.domain.time.periods import Period
from scheduler.errors import InvalidFields, NotFound, Refused
from scheduler.services.booking import Details, book_slot
from scheduler.services.calendars import connect_calendar
from scheduler.services.meetings import cancel_meeting, cancel_occurrence, move_occurrence, update_meeting
from scheduler.services.mentorships import create_mentorship, update_mentorship
from scheduler.services.people import create_person, delete_person, update_person
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme, find_key
from scheduler.store import StoredMeeting, new_id

THREADS, TURNS = 6, tries("changes of everything by a thread")

pytestmark = pytest.mark.prove


@dataclass
class Crowd:
    """Four people, who mentor each other, with calendars, who change everything all the time."""

    context: Context
    key: ApiKey
    people: list[Person]
    mentorships: list[Mentorship]

    @classmethod
    def of(cls, context: Context) -> Crowd:
        key = find_key(context, create_programme(context, "Women in Science"))
        assert key
        people = [Person(new_id(), name, f"{name}@example.org", "UTC", None) for name in ("ada", "bo", "cleo", "dot")]
        for person in people:
            create_person(context, key.programme_id, person)
        dates = date(2026, 10, 5), date(2026, 11, 13)
        pairs = [
            create_mentorship(context, key.programme_id, Mentorship(new_id(), one.id, other.id, ("Talk",), "", *dates))
            for one, other in list(permutations(people, 2))[::2]
        ]
        crowd = cls(context, key, people, pairs)
        for person in people:
            crowd.connect(person)
        return crowd

    @property
    def programme(self) -> str:
        return self.key.programme_id

    def connect(self, person: Person) -> None:
        account = Account(f"https://dav.example.org/{new_id()}/", person.name, "hunter2hunter2")
        calendar = connect_calendar(self.context, self.programme, person.id, account, publish=True)
        with self.context.store.write() as tx:
            mine = tx.calendars.list_for_person(self.programme, person.id)
            if len(mine) > 2:
                tx.calendars.delete(self.programme, person.id, next(one.id for one in mine if one.id != calendar.id))

    def change(self, chance: random.Random) -> None:
        """One change, whichever; it may be refused."""
        person, another = chance.sample(self.people, 2)
        mentorship = chance.choice(self.mentorships)
        start = datetime(2026, 10, chance.randint(6, 9), chance.randint(8, 20), tzinfo=UTC)
        guests = (Party(another.name, another.email, "UTC"),)
        word = f"{chance.random()}"
        changes: list[Callable[[], object]] = [
            lambda: book_slot(
                self.context,
                self.programme,
                mentorship.id,
                start,
                60,
                Details(word, None, guests),
            ),
            lambda: update_person(self.context, self.programme, person.id, {"name": word}),
            lambda: update_mentorship(self.context, self.programme, mentorship.id, {"goals": (word,)}),
            lambda: self.connect(person),
            lambda: deliver_next(self.context),
            lambda: read_next(self.context),
        ]
        if found := self.meetings(mentorship):
            meeting = chance.choice(found)
            occurrence = meeting.meeting.occurrences[0].recurrence_id.wall
            changes += [
                lambda: update_meeting(self.context, self.programme, meeting.id, {"title": word}),
                lambda: move_occurrence(self.context, self.programme, meeting.id, occurrence, start),
                lambda: cancel_occurrence(self.context, self.programme, meeting.id, occurrence),
                lambda: cancel_meeting(self.context, self.programme, meeting.id),
            ]
        with suppress(Refused, NotFound, InvalidFields):
            chance.choice([changes[0], *changes])()

    def meetings(self, *mentorships: Mentorship) -> list[StoredMeeting]:
        """Those of the mentorships, or of all."""
        with self.context.store.read() as tx:
            pages = [tx.meetings.list_for_mentorship(self.programme, one.id) for one in mentorships or self.mentorships]
        return [meeting for page in pages for meeting in page]

    def doubled(self) -> int:
        """How often somebody is promised to two meetings at a time."""
        taken: dict[str, list[Period]] = {person.id: [] for person in self.people}
        for stored in self.meetings():
            for person_id in (stored.mentor_id, stored.mentee_id):
                taken[person_id] += stored.meeting.busy
        ordered = (sorted(periods, key=lambda period: period.start) for periods in taken.values())
        return sum(one.end > other.start for periods in ordered for one, other in pairwise(periods))

    def lost(self) -> int:
        """How many calendars are owed an older revision of a meeting than the newest."""
        with self.context.store.read() as tx:
            return sum(
                row.wanted_revision != stored.meeting.revision
                for stored in self.meetings()
                for row in tx.outbox.list_for_meeting(self.programme, stored.id)
            )


@pytest.fixture
def deadlocks(store_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], int]]:
    """How many the database has found so far; SQLite's writers are alone."""
    if store_url.startswith("sqlite"):
        yield lambda: 0
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    query = sql.SQL("SELECT deadlocks FROM pg_stat_database WHERE datname = {}")
    yield lambda: int(server.execute(query.format(sql.Literal(make_url(store_url).database)))[0][0])


def test_concurrent_changes_of_everything_cause_no_deadlock_loss_or_double_booking(
    context: Context, deadlocks: Callable[[], int], figures: Figures
) -> None:
    crowd = Crowd.of(context)

    def change_all_the_time(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(TURNS):
            crowd.change(chance)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(change_all_the_time, range(THREADS)))
    found = {"deadlocks": deadlocks(), "lost": crowd.lost(), "doubled": crowd.doubled()}
    figures("changes of everything at once", changes=THREADS * TURNS, **found)
    assert found == {"deadlocks": 0, "lost": 0, "doubled": 0}
    assert len(crowd.meetings()) > 5


def test_concurrent_deletions_of_everybody_all_succeed(
    context: Context, deadlocks: Callable[[], int], calendars: RecordingCalendars
) -> None:
    crowd = Crowd.of(context)
    chance = random.Random(1)
    for _ in range(30):
        crowd.change(chance)
    with ThreadPoolExecutor(len(crowd.people)) as pool:
        list(pool.map(lambda person: delete_person(context, crowd.programme, person.id), crowd.people))
    assert deadlocks() == 0
    with context.store.read() as tx:
        assert tx.people.list_all(crowd.programme) == []
        assert all(one.status.has_ended for one in tx.mentorships.list_all(crowd.programme))
    assert not any(stored.meeting.busy for stored in crowd.meetings())
