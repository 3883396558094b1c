"""What is kept in memory of people's time is never older than the database, whoever changed that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.api import Api, Clock, Pair, context_of
from support.calendars import RecordingCalendars, event_object

from scheduler.adapters.caldav_server import CalendarUnreachable
from scheduler.domain.availability.attendees import Attendee, Buffer
from scheduler.domain.search.bounded import BoundedCache
from scheduler.domain.search.freemasks import FreeMasks
from scheduler.domain.search.slots import SlotQuery, find_slots
from scheduler.domain.time.periods import Period, Periods
from scheduler.errors import NotFound
from scheduler.services.calendars import read_next
from scheduler.services.known_people import Knowledge
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.services.proposing import AttendeeSpec, known_attendees, load_attendees

WINDOW = Period(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 11, 14, tzinfo=UTC))
EVENT = event_object("dentist", "DTSTART:20261020T080000Z", "DTEND:20261020T093000Z")


@pytest.fixture
def neighbour(store_url: str, clock: Clock, calendars: RecordingCalendars) -> Iterator[Context]:
    """What another web process has: the same database, and a memory of its own."""
    made = context_of(store_url, clock, calendars)
    yield made
    made.store.close()


def programme_of(context: Context, api: Api) -> str:
    found = find_key(context, api.key)
    assert found
    return found.programme_id


def agree(contexts: list[Context], api: Api, people: list[str]) -> tuple[Attendee, ...]:
    """Each process answers as one does that keeps nothing; what the people's time is now."""
    programme_id = programme_of(contexts[0], api)
    specs = [AttendeeSpec(person, {"required": True}) for person in people]
    with contexts[0].store.read() as tx:
        fresh = load_attendees(contexts[0], tx, programme_id, specs, WINDOW.start, WINDOW.end)
    query = SlotQuery(WINDOW, 30, 30, fresh, limit=50)
    for context in contexts:
        attendees, kept = known_attendees(context, programme_id, specs)
        assert attendees == fresh
        assert None not in kept.versions
        assert find_slots(query, kept) == find_slots(query)
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
    api.patch(mentor, {"working_hours": None, "buffer": {"before": "PT10M"}})
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


def test_every_change_is_seen_at_once_by_every_process(
    context: Context, neighbour: Context, api: Api, pair: Pair, calendars: RecordingCalendars, clock: Clock
) -> None:
    people = [pair.mentor, pair.mentee]
    before = agree([context, neighbour], api, people)
    for said, changes_time in changes(context, api, pair, calendars, clock):
        after = agree([context, neighbour], api, people)
        assert (after != before) == changes_time, said
        before = after


def test_whoever_is_erased_is_found_by_no_process_and_kept_by_none(
    context: Context, neighbour: Context, api: Api, pair: Pair
) -> None:
    agree([context, neighbour], api, [pair.mentor, pair.mentee])
    programme_id = programme_of(context, api)
    api.delete(f"/people/{pair.mentor}")
    assert context.knowledge.people.get(pair.mentor) is None
    for one in (context, neighbour):
        with pytest.raises(NotFound, match=pair.mentor):
            known_attendees(one, programme_id, [AttendeeSpec(pair.mentor, {})])
        assert one.knowledge.people.get(pair.mentor) is None


def test_what_a_request_says_of_somebody_is_true_of_that_request_alone(context: Context, api: Api, pair: Pair) -> None:
    agree([context], api, [pair.mentor])
    programme_id = programme_of(context, api)
    busy = Periods.of([WINDOW])
    for given in ({"busy": busy}, {"hours": None}, {"zone": "Asia/Tokyo"}, {"buffer": Buffer(30, 30)}):
        spec = AttendeeSpec(pair.mentor, given)
        attendees, kept = known_attendees(context, programme_id, [spec])
        query = SlotQuery(WINDOW, 30, 30, attendees)
        assert kept.versions == (None,)
        assert find_slots(query, kept) == find_slots(query)
        agree([context], api, [pair.mentor])


def test_another_programme_finds_nobody_in_what_is_kept(context: Context, api: Api, pair: Pair) -> None:
    agree([context], api, [pair.mentor])
    other = Api.of_new_programme(api.app, context, "Another one")
    with pytest.raises(NotFound, match=pair.mentor):
        known_attendees(context, programme_of(context, other), [AttendeeSpec(pair.mentor, {})])
    agree([context], api, [pair.mentor])


def test_what_is_read_while_something_is_written_is_not_kept(context: Context, api: Api, pair: Pair) -> None:
    programme_id = programme_of(context, api)
    with suppress(ZeroDivisionError), context.store.write() as tx:
        old = tx.people.get(programme_id, pair.mentor)
        tx.people.change(programme_id, replace(old, time_zone="Asia/Tokyo"), context.clock())
        attendees, kept = known_attendees(context, programme_id, [AttendeeSpec(pair.mentor, {})])
        assert (attendees[0].zone, kept.versions) == ("Asia/Tokyo", (None,))
        raise ZeroDivisionError
    assert agree([context], api, [pair.mentor])[0].zone == "Europe/Berlin"


def test_more_people_than_there_is_room_for_are_answered_all_the_same(context: Context, api: Api, pair: Pair) -> None:
    small = replace(context, knowledge=Knowledge(BoundedCache(3000), FreeMasks(3000)))
    for _ in range(3):
        agree([small], api, [pair.mentor, pair.mentee])
        assert max(small.knowledge.people.bytes, small.knowledge.masks.bytes) <= 3000
