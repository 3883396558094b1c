"""The cache of people's availability never answers with less than the database has, whichever process wrote it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from support.api import Api, Clock, Pair, context_of
from support.calendars import RecordingCalendars, event_object
from support.working import read_next

from scheduler.domain.availability.attendees import Attendee, Buffer
from scheduler.domain.time.periods import Period, Periods
from scheduler.errors import NotFound
from scheduler.services.attendees import AttendeeSpec, cached_attendees, load_attendees
from scheduler.services.availability_cache import AvailabilityCache, CachedPerson
from scheduler.services.calendar_server import CalendarUnreachable
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.store import Store

WINDOW = Period(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 11, 14, tzinfo=UTC))
EVENT = event_object("dentist", "DTSTART:20261020T080000Z", "DTEND:20261020T093000Z")


@pytest.fixture
def neighbour(store_url: str, clock: Clock, calendars: RecordingCalendars) -> Iterator[Context]:
    """The context of another web process: the same database, its own cache."""
    made = context_of(Store(store_url), clock, calendars)
    yield made
    made.store.close()


def programme_of(context: Context, api: Api) -> str:
    found = find_key(context, api.key)
    assert found
    return found.programme_id


def agree(contexts: list[Context], api: Api, people: list[str]) -> tuple[Attendee, ...]:
    """Check that each process has what the database has, twice; return the people's availability."""
    programme_id = programme_of(contexts[0], api)
    specs = [AttendeeSpec(person, {"required": True}) for person in people]
    with contexts[0].store.read() as tx:
        fresh = load_attendees(contexts[0], tx, programme_id, specs, WINDOW)
    for context in contexts * 2:
        assert cached_attendees(context, programme_id, specs) == fresh
        assert all(person in context.availability_cache for person in people)
    return fresh


def changes(
    context: Context, api: Api, pair: Pair, calendars: RecordingCalendars, clock: Clock
) -> Iterator[tuple[str, bool]]:
    """One change after the other, each made before it is named, and whether it changes the mentor's time."""
    mentor = f"/people/{pair.mentor}"
    calendars.objects = [EVENT]
    while read_next(context):
        pass
    yield "calendars are read", True
    api.patch(mentor, {"time_zone": "Europe/Lisbon"})
    yield "the person changes zone", True
    api.patch(mentor, {"working_hours": "any", "buffer": {"before": "PT10M"}})
    yield "and hours", True
    days = {"kind": "exam", "first_day": "2026-10-26", "last_day": "2026-10-28"}
    blackout = f"{mentor}/blackouts/" + api.post(f"{mentor}/blackouts", days)["id"]
    yield "a blackout is declared", True
    api.patch(blackout, {"firm": False})
    yield "becomes soft", True
    api.delete(blackout)
    yield "and is taken back", True
    booked = api.book_slot(pair)
    meeting = f"/meetings/{booked['id']}"
    yield "a meeting is booked", True
    (occurrence,) = booked["occurrences"]
    api.patch(f"{meeting}/occurrences/{occurrence['recurrence_id']}", {"start": "2026-10-09T08:00:00Z"})
    yield "moved", True
    api.delete(meeting)
    yield "and cancelled", True
    api.feed(pair.mentor)
    yield "a feed is made", False
    calendars.refusal = CalendarUnreachable("it is gone")
    clock.advance(hours=4)
    yield "time goes by", True
    while read_next(context):
        clock.advance(seconds=1)
    yield "a calendar can't be read", True
    connected = api.get(f"{mentor}/calendars")["items"][0]
    api.delete(f"{mentor}/calendars/{connected['id']}")
    yield "and is taken away", True


def test_change_of_availability_is_seen_by_every_process(
    context: Context, neighbour: Context, api: Api, pair: Pair, calendars: RecordingCalendars, clock: Clock
) -> None:
    people = [pair.mentor, pair.mentee]
    before = agree([context, neighbour], api, people)
    for said, changes_time in changes(context, api, pair, calendars, clock):
        after = agree([context, neighbour], api, people)
        assert (after != before) == changes_time, said
        before = after


def test_erased_person_is_removed_from_every_cache(context: Context, neighbour: Context, api: Api, pair: Pair) -> None:
    agree([context, neighbour], api, [pair.mentor, pair.mentee])
    programme_id = programme_of(context, api)
    api.delete(f"/people/{pair.mentor}")
    assert pair.mentor not in context.availability_cache
    for one in (context, neighbour):
        with pytest.raises(NotFound, match=pair.mentor):
            cached_attendees(one, programme_id, [AttendeeSpec(pair.mentor, {})])
        assert pair.mentor not in one.availability_cache


def test_fields_of_a_request_do_not_change_the_cached_person(context: Context, api: Api, pair: Pair) -> None:
    agree([context], api, [pair.mentor])
    programme_id = programme_of(context, api)
    busy = Periods.of([WINDOW])
    for given in ({"busy": busy}, {"hours": None}, {"zone": "Asia/Tokyo"}, {"buffer": Buffer(30, 30)}):
        spec = AttendeeSpec(pair.mentor, given)
        (attendee,) = cached_attendees(context, programme_id, [spec])
        assert [getattr(attendee, name) for name in given] == list(given.values())
        agree([context], api, [pair.mentor])


def test_cached_person_is_not_found_by_another_programme(context: Context, api: Api, pair: Pair) -> None:
    agree([context], api, [pair.mentor])
    other = Api.of_new_programme(api.app, context, "Another one")
    with pytest.raises(NotFound, match=pair.mentor):
        cached_attendees(context, programme_of(context, other), [AttendeeSpec(pair.mentor, {})])
    agree([context], api, [pair.mentor])


def test_person_read_inside_a_write_transaction_is_not_cached(context: Context, api: Api, pair: Pair) -> None:
    programme_id = programme_of(context, api)
    with suppress(ZeroDivisionError), context.store.write() as tx:
        old = tx.people.get(programme_id, pair.mentor)
        tx.people.update(programme_id, replace(old, time_zone="Asia/Tokyo"), context.clock())
        (attendee,) = cached_attendees(context, programme_id, [AttendeeSpec(pair.mentor, {})])
        assert (attendee.zone, pair.mentor in context.availability_cache) == ("Asia/Tokyo", False)
        raise ZeroDivisionError
    assert agree([context], api, [pair.mentor])[0].zone == "Europe/Berlin"


def cached(size: int = 0) -> CachedPerson:
    """A person who takes 2048 + 16 x ``size`` bytes."""
    minutes = np.arange(size, dtype=np.int64)
    return CachedPerson(Attendee("UTC", busy=Periods(2 * minutes, 2 * minutes + 1)), ())


def test_person_under_another_version_is_not_found() -> None:
    cache = AvailabilityCache()
    cache.put("ada", "1", cached())
    assert cache.get("ada", "1") == cached()
    assert cache.get("ada", "2") is None
    cache.put("ada", "2", cached(3))
    assert cache.get("ada", "1") is None
    assert cache.get("ada", "2") == cached(3)


def test_full_cache_drops_the_least_recently_used() -> None:
    cache = AvailabilityCache(max_bytes=3 * cached(100).size)
    for number in range(50):
        cache.put(str(number), "1", cached(100))
        cache.get("0", "1")
        assert cache.bytes <= 3 * cached(100).size
    assert [person for person in map(str, range(50)) if person in cache] == ["0", "48", "49"]


def test_person_larger_than_the_cache_is_answered_uncached(context: Context, api: Api, pair: Pair) -> None:
    small = replace(context, availability_cache=AvailabilityCache(2000))
    programme_id = programme_of(context, api)
    specs = [AttendeeSpec(person, {}) for person in (pair.mentor, pair.mentee)]
    expected = cached_attendees(context, programme_id, specs)
    for _ in range(3):
        assert cached_attendees(small, programme_id, specs) == expected
        assert small.availability_cache.bytes == 0


def test_threads_share_a_cache_and_read_their_own_versions() -> None:
    cache = AvailabilityCache(max_bytes=5 * cached(10).size)
    wrong: list[str] = []

    def use(version: str) -> None:
        person = cached(int(version))
        for number in range(500):
            cache.put(str(number % 7), version, person)
            found = cache.get(str(number % 5), version)
            if found not in (None, person):
                wrong.append(version)

    threads = [threading.Thread(target=use, args=(version,)) for version in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
