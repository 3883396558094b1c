"""A programme with mentorships and past meetings, made by the services, for the load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_network

import numpy as np

from benchmarks.inputs import ZONES
from scheduler.app import create_context
from scheduler.config.settings import Settings
from scheduler.domain.availability.attendees import Attendee, BlackoutKind, WorkingHours
from scheduler.domain.programme.api_keys import RESTRICTED
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.people import ConnectedCalendar, Person, Show
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import CadenceAnswer
from scheduler.domain.search.replanning import PlanTerms
from scheduler.domain.time.periods import Periods, minute_of
from scheduler.domain.time.series import Series
from scheduler.services.attendees import AttendeeSpec
from scheduler.services.blackouts import BlackoutFields, create_blackout
from scheduler.services.booking import CadenceBooking, Details, ExpectedOccurrence, book_cadence, book_slot
from scheduler.services.feed_tokens import create_feed
from scheduler.services.mentorships import create_mentorship
from scheduler.services.people import create_person
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme, find_key
from scheduler.services.proposing import SearchRequest, suggest_cadences
from scheduler.store import new_id

SEED = 1800
WEEKS = 26
"""How long each mentorship lasts."""
BUSY_A_WEEK = 15
"""Busy periods in a person's own calendar."""
BATCH = 25
"""Mentorships stored in one transaction."""
WORKDAYS = ("MO", "TU", "WE", "TH", "FR")


@dataclass(frozen=True)
class SeededMentorship:
    """Ids, and the tokens of both people's feeds, two each."""

    id: str
    people: tuple[str, str]
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Seeded:
    """A programme: its key, its mentorships, and the first and the last day of all of these."""

    key: str
    mentorships: tuple[SeededMentorship, ...]
    first: date
    last: date


@dataclass(frozen=True)
class SeededCalendar:
    """A person's ids, and the token of their feed."""

    programme_id: str
    person_id: str
    token: str


def open_database(url: str) -> Context:
    """Return a context on a new database, migrated, with quotas that the load does not reach."""
    settings = Settings(
        database_url=url,
        most_meetings_per_mentorship=10_000,
        most_people=1_000_000,
        allowed_networks=(ip_network("127.0.0.0/8"),),
    )
    context = create_context(settings)
    context.store.migrate()
    return context


def seed_programme(context: Context, size: int, progress: Callable[[int], None]) -> Seeded:
    """Make a programme of that many mentorships, each with a fortnightly series; ``progress`` gets the number made."""
    key, programme_id = _programme(context)
    random = np.random.default_rng([SEED, size])
    today = context.clock().date()
    first = today - timedelta(days=today.weekday())
    made: list[SeededMentorship] = []
    while len(made) < size:
        with context.store.write():
            for _ in range(min(BATCH, size - len(made))):
                made.append(_mentorship(context, programme_id, len(made), first, random))
        progress(len(made))
    return Seeded(key, tuple(made), first, first + timedelta(weeks=WEEKS, days=-1))


def seed_calendar(context: Context, events: int) -> SeededCalendar:
    """Make a person with that many single meetings."""
    _, programme_id = _programme(context)
    first = context.clock().date() + timedelta(days=1)
    with context.store.write():
        people = [Person(new_id(), name, f"{name}@example.org", "Europe/Berlin", None) for name in ("Greta", "Asha")]
        for person in people:
            create_person(context, programme_id, person)
        last = first + timedelta(days=events)
        agreed = Mentorship(new_id(), people[0].id, people[1].id, ("First paper", "A talk"), "", first, last)
        create_mentorship(context, programme_id, agreed)
        for day in range(events):
            start = datetime.combine(first + timedelta(days=day), time(9 + day % 8), UTC)
            book_slot(context, programme_id, agreed.id, start, 45, Details(f"Session {day + 1}"))
        _, token = create_feed(context, programme_id, people[0].id, Show.DETAILS)
    return SeededCalendar(programme_id, people[0].id, token)


def _programme(context: Context) -> tuple[str, str]:
    key = create_programme(context, "Load")
    found = find_key(context, key)
    assert found is not None
    return key, found.programme_id


def _mentorship(
    context: Context, programme_id: str, number: int, first: date, random: np.random.Generator
) -> SeededMentorship:
    people = [_person(context, programme_id, f"{role}{number}", first, random) for role in ("mentor", "mentee")]
    last = first + timedelta(weeks=WEEKS, days=-1)
    agreed = Mentorship(new_id(), people[0], people[1], ("First paper", "A talk"), "", first, last)
    create_mentorship(context, programme_id, agreed)
    _book_fortnightly(context, programme_id, agreed)
    tokens = [create_feed(context, programme_id, person, show)[1] for person in people for show in Show]
    return SeededMentorship(agreed.id, (people[0], people[1]), tuple(tokens))


def _person(context: Context, programme_id: str, name: str, first: date, random: np.random.Generator) -> str:
    """Make a person with hours, two absences, and a calendar that was read just now; return their id."""
    zone = ZONES[int(random.integers(len(ZONES)))]
    hours = (WorkingHours(WORKDAYS, 8 * 60, 19 * 60),)
    person = create_person(context, programme_id, Person(new_id(), name, f"{name}@example.org", zone, hours))
    for length in (1, 5):
        day = first + timedelta(days=int(random.integers(0, 7 * WEEKS)))
        create_blackout(
            context,
            programme_id,
            person.id,
            BlackoutFields(BlackoutKind.EXAM, "exams", first_day=day, last_day=day + timedelta(days=length - 1)),
        )
    now = context.clock()
    with context.store.write() as tx:
        calendar = ConnectedCalendar(new_id(), person.id, "https://dav.example.org/", name, publish=False)
        tx.calendars.add(programme_id, calendar, "none", now, auto_schedule=False)  # nobody reads this calendar
        tx.calendars.record_read(calendar.id, _busy(first, random), now, now + timedelta(days=1))
    return person.id


def _busy(first: date, random: np.random.Generator) -> Periods:
    count = BUSY_A_WEEK * WEEKS
    begin = minute_of(datetime.combine(first, time(), UTC))
    weeks = np.repeat(np.arange(WEEKS, dtype=np.int64), BUSY_A_WEEK) * 7 * 1440
    starts = begin + weeks + random.integers(0, 5, count) * 1440 + random.integers(6 * 4, 18 * 4, count) * 15
    return Periods.merged(starts, starts + random.integers(2, 6, count) * 15)


def _book_fortnightly(context: Context, programme_id: str, agreed: Mentorship) -> None:
    """Book the best cadence."""
    specs = [AttendeeSpec(agreed.mentor_id, {}), AttendeeSpec(agreed.mentee_id, {})]

    def to_query(attendees: tuple[Attendee, ...]) -> CadenceQuery:
        return CadenceQuery(
            starts_on=agreed.starts_on,
            ends_on=agreed.ends_on,
            every_weeks=2,
            duration=45,
            step=15,
            time_zone=attendees[0].zone,
            attendees=attendees,
            min_coverage=0,
            limit=1,
        )

    answer = suggest_cadences(context, programme_id, RESTRICTED, SearchRequest(specs, to_query)).answer
    assert isinstance(answer, CadenceAnswer)  # no rotation was asked for
    cadence = answer.cadences[0]
    expected = tuple(ExpectedOccurrence(one.period, one.status, one.moved_to) for one in cadence.occurrences)
    series = Series(cadence.dtstart, cadence.rule, 45)
    book_cadence(
        context,
        programme_id,
        agreed.id,
        CadenceBooking(series, expected, Details(), PlanTerms(min_coverage=0)),
    )
