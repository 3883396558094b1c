"""Blackouts that are declared while something else changes, from processes of their own: either one sees the other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import Engine, event
from support.api import Api, Pair
from support.budget import tries
from support.figures import Figures
from support.programme import Programme
from support.racers import Answer, Post, race

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.programme.conflicts import Resolution
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout, list_blackouts
from scheduler.services.checking import check_due_people
from scheduler.services.mentorships import update_mentorship
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.store import StoredMeeting

pytestmark = pytest.mark.prove

repeated = pytest.mark.parametrize("race_number", range(tries("races of a blackout")))
DAYS = (6, 7, 8, 9, 13, 14)
"""Working days of October."""


@pytest.fixture
def programme_id(api: Api, context: Context) -> str:
    key = find_key(context, api.key)
    assert key
    return key.programme_id


def on_sunday(pair: Pair) -> Post:
    """A booking that is refused."""
    return Post(pair.meetings, {"start": "2026-10-11T08:00:00Z", "duration": "PT45M"})


def slot(pair: Pair, day: int) -> Post:
    """A booking at 10:00 in Berlin."""
    return Post(pair.meetings, {"start": f"2026-10-{day:02}T08:00:00Z", "duration": "PT45M"})


def away(person: str, day: int) -> Post:
    """A blackout of that day of October."""
    body = {"kind": "exam", "title": "Finals", "first_day": f"2026-10-{day:02}", "last_day": f"2026-10-{day:02}"}
    return Post(f"/people/{person}/blackouts", body)


def stored_meetings(context: Context, programme_id: str, pair: Pair) -> list[StoredMeeting]:
    with context.store.read() as tx:
        return tx.meetings.list_for_mentorship(programme_id, pair.mentorship)


def unseen(context: Context, programme_id: str, pair: Pair) -> Iterator[str]:
    """Occurrences that stand in a blackout, or in each other's way, without a conflict. All are by day everywhere."""
    held = [
        (stored, one) for stored in stored_meetings(context, programme_id, pair) for one in stored.meeting.taking_place
    ]
    for person in (pair.mentor, pair.mentee):
        for blackout in list_blackouts(context, programme_id, person):
            days = BlackoutFields.of(blackout.blackout)
            assert days.first_day
            assert days.last_day
            for stored, one in held:
                if days.first_day <= one.period.start.date() <= days.last_day and one.to_be_moved is None:
                    yield f"{stored.id} at {one.period.start} in a blackout"
    for (_, one), (_, other) in combinations(held, 2):
        if one.period.overlaps(other.period):
            yield f"{one.period.start} and {other.period.start}"


def statuses(answers: list[Answer]) -> set[int]:
    return {answer.status for answer in answers}


@repeated
@pytest.mark.parametrize("when_blocked", [WhenBlocked.ASK, WhenBlocked.MOVE])
def test_blackout_and_booking_of_its_hour_never_miss_each_other(
    race_number: int,
    when_blocked: WhenBlocked,
    api: Api,
    pair: Pair,
    context: Context,
    programme_id: str,
    store_url: str,
    figures: Figures,
) -> None:
    update_mentorship(context, programme_id, pair.mentorship, {"when_blocked": when_blocked})
    people = (pair.mentor, pair.mentee)
    posts = [post for day in DAYS for post in (slot(pair, day), away(people[day % 2], day))]
    answers = race(store_url, api.key, on_sunday(pair), posts)
    bookings, blackouts = answers[::2], answers[1::2]
    found = list(unseen(context, programme_id, pair))
    figures(
        "blackouts declared while their hours are booked",
        races=len(DAYS),
        booked_first=sum(answer.status == 201 for answer in bookings),
        refused=sum(answer.status == 409 for answer in bookings),
        missed=len(found),
    )
    assert statuses(blackouts) == {201}
    assert statuses(bookings) <= {201, 409}
    assert found == []


@repeated
def test_blackouts_of_both_people_at_once_move_and_their_deletion_restores(
    race_number: int, api: Api, pair: Pair, context: Context, programme_id: str, store_url: str
) -> None:
    api.book_cadence(pair)
    before = times(context, programme_id, pair)
    update_mentorship(context, programme_id, pair.mentorship, {"when_blocked": WhenBlocked.MOVE})
    posts = [away(pair.mentor, 13), away(pair.mentee, 14), away(pair.mentee, 12), away(pair.mentor, 20)]
    posts += [away(pair.mentee, 20), away(pair.mentor, 21), away(pair.mentee, 19)]
    assert statuses(race(store_url, api.key, on_sunday(pair), posts)) == {201}
    assert list(unseen(context, programme_id, pair)) == []
    assert times(context, programme_id, pair) != before
    for person in (pair.mentee, pair.mentor):
        for blackout in list_blackouts(context, programme_id, person):
            delete_blackout(context, programme_id, person, blackout.id)
    assert times(context, programme_id, pair) == before


@repeated
def test_blackout_and_move_onto_its_day_never_miss_each_other(
    race_number: int, api: Api, pair: Pair, context: Context, programme_id: str, store_url: str
) -> None:
    meeting = api.book_cadence(pair)
    posts = [away(pair.mentor, 13), away(pair.mentee, 15), away(pair.mentor, 16)]
    for turn, row in enumerate(meeting["occurrences"][:3]):
        path = f"/meetings/{meeting['id']}/occurrences/{row['recurrence_id']}"
        posts.append(Post(path, {"start": f"2026-10-{(13, 15, 16)[turn]}T13:00:00Z"}, "PATCH"))
    answers = race(store_url, api.key, on_sunday(pair), posts)
    assert statuses(answers[:3]) == {201}
    assert statuses(answers[3:]) <= {200, 409}
    assert list(unseen(context, programme_id, pair)) == []


def times(context: Context, programme_id: str, pair: Pair) -> list[datetime]:
    return [
        one.period.start
        for stored in stored_meetings(context, programme_id, pair)
        for one in stored.meeting.taking_place
    ]


def test_blackouts_declared_while_workers_check_the_same_people_are_all_settled(programme: Programme) -> None:
    booked = programme.book_tuesdays()
    before = programme.meeting(booked.id).meeting.busy
    context, programme_id = programme.context, programme.id
    update_mentorship(context, programme_id, programme.mentorship.id, {"when_blocked": WhenBlocked.MOVE})
    days = [date(2026, 10, 13), date(2026, 10, 14), date(2026, 10, 20), date(2026, 10, 19)]

    def declare(turn: int) -> tuple[str, str]:
        person = (programme.mentor, programme.mentee)[turn % 2].id
        day = days[turn % len(days)]
        fields: dict[str, Any] = {"first_day": day, "last_day": day}
        stored, _ = create_blackout(context, programme_id, person, BlackoutFields(BlackoutKind.EXAM, "x", **fields))
        return person, stored.id

    def check(_: int) -> None:
        with context.store.write() as tx:
            tx.conflicts.mark_due(programme_id, [programme.mentor.id, programme.mentee.id], context.clock())
        check_due_people(context)

    with ThreadPoolExecutor(4) as pool:
        checks = pool.map(check, range(8))
        declared = list(pool.map(declare, range(8)))
        list(checks)
    with context.store.read() as tx:
        conflicts = tx.conflicts.list_for_meetings(programme_id, [booked.id])[booked.id]
    assert {one.resolution for one in conflicts} == {Resolution.MOVED}
    after = programme.meeting(booked.id).meeting.busy
    assert not {period.start.date() for period in after} & set(days)
    for person, blackout_id in declared:
        delete_blackout(context, programme_id, person, blackout_id)
    assert programme.meeting(booked.id).meeting.busy == before


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("method", "body"), [("PATCH", {"title": "Oral"}), ("DELETE", None)])
def test_change_of_one_version_of_a_blackout_locks_mentorships_before_people(
    method: str, body: dict[str, str] | None, api: Api, pair: Pair
) -> None:
    created = api.send("POST", f"/people/{pair.mentee}/blackouts", away(pair.mentee, 13).body)
    blackout = created.headers["Location"].removeprefix("/v1")
    locked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if " FOR NO KEY UPDATE" in statement or " FOR UPDATE" in statement:
            locked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        changed = api.send(method, blackout, body, headers={"If-Match": created.headers["ETag"]})
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert changed.status_code == 200
    assert "FROM mentorships" in locked[0]
