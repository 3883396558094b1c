"""A series replaced by another cadence: what becomes of both, and of others who book meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from support.api import Api, Pair, replacement_of, statuses
from support.budget import tries
from support.programme import Programme
from support.racers import Post, race

from scheduler.domain.availability.attendees import BlackoutKind, Days
from scheduler.domain.programme.api_keys import RESTRICTED
from scheduler.domain.programme.meetings import OccurrenceStatus
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.domain.search.cadences import CadenceAnswer
from scheduler.domain.time.series import Series
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout
from scheduler.services.booking import ExpectedOccurrence
from scheduler.services.mentorships import update_mentorship
from scheduler.services.proposing import suggest_cadences
from scheduler.services.rescheduling import Replacement, find_replacements, reschedule
from scheduler.store import StoredMeeting

FROM = "2026-10-19"

repeated = pytest.mark.parametrize("race_number", range(tries("races for one time")))


@pytest.fixture
def series(api: Api, pair: Pair) -> dict[str, Any]:
    return api.book_cadence(pair)


def refused(pair: Pair) -> Post:
    """A booking on a Sunday, to rehearse with."""
    return Post(pair.meetings, {"start": "2026-10-11T08:00:00Z", "duration": "PT45M"})


def rescheduling(meeting: dict[str, Any], body: dict[str, Any]) -> Post:
    return Post(f"/meetings/{meeting['id']}/reschedule", body)


def found_for(api: Api, pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/mentorships/{pair.mentorship}/cadences?from={FROM}")
    return found


@pytest.mark.prove
@repeated
def test_concurrent_replacements_of_one_series_one_wins(
    race_number: int, api: Api, pair: Pair, series: dict[str, Any], store_url: str
) -> None:
    found = found_for(api, pair)
    posts = [rescheduling(series, replacement_of(found, place)) for place in range(4)]
    answers = race(store_url, api.key, refused(pair), posts)
    assert sorted(one.status for one in answers) == [201, 409, 409, 409]
    (new,) = [one for one in api.get(pair.meetings)["items"] if one["id"] != series["id"]]
    assert new["replaces"] == series["id"]
    assert statuses(api.get(f"/meetings/{series['id']}")) == ["scheduled"] * 2 + ["cancelled"] * 4


@pytest.mark.prove
@repeated
def test_replacement_and_booking_of_one_time_are_never_both_made(
    race_number: int, api: Api, pair: Pair, series: dict[str, Any], store_url: str
) -> None:
    body = replacement_of(found_for(api, pair))
    slot = Post(pair.meetings, {"start": body["expected"][0]["start"], "duration": "PT45M"})
    answers = race(store_url, api.key, refused(pair), [rescheduling(series, body), slot])
    assert sorted(one.status for one in answers) == [201, 409]
    meetings = api.get(pair.meetings)["items"]
    times = [row["start"] for one in meetings for row in one["occurrences"] if row["status"] != "cancelled"]
    assert len(times) == len(set(times))
    is_replaced = answers[0].status == 201
    assert ("cancelled" in statuses(next(one for one in meetings if one["id"] == series["id"]))) == is_replaced


def replace_series(programme: Programme, meeting_id: str, day: date) -> StoredMeeting:
    """The series replaced from a day on by the best cadence, as a client of the services does it."""
    wish = find_replacements(programme.context, programme.id, programme.mentorship.id, meeting_id, day, 1)
    found = suggest_cadences(programme.context, programme.id, RESTRICTED, wish.search).answer
    assert isinstance(found, CadenceAnswer)
    best = found.cadences[0]
    expected = tuple(ExpectedOccurrence(one.period, one.status, one.moved_to) for one in best.occurrences)
    series = Series(best.dtstart, best.rule, wish.duration)
    chosen = Replacement(series, expected, wish.dates.first, wish.dates.last)
    return reschedule(programme.context, programme.id, meeting_id, chosen)


def changes(programme: Programme, meeting_id: str) -> list[tuple[str, dict[str, Any]]]:
    """The log of a meeting as a whole."""
    with programme.context.store.read() as tx:
        found = tx.changes.list_for_meeting(programme.id, meeting_id, None, None)
    return [(one.change.type.value, dict(one.change.details)) for one in found if one.change.recurrence_id is None]


def test_conflicts_of_the_replaced_occurrences_lapse(programme: Programme) -> None:
    old = programme.book_tuesdays()
    exams = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=date(2026, 10, 13), last_day=date(2026, 11, 3))
    create_blackout(programme.context, programme.id, programme.mentee.id, exams)
    new = replace_series(programme, old.id, date(2026, 10, 20))
    with programme.context.store.read() as tx:
        conflicts = tx.conflicts.list_for_meetings(programme.id, [old.id, new.id])
    assert [(f"{one.recurrence_id.wall:%m-%d}", one.resolution.value) for one in conflicts[old.id]] == [
        ("10-13", "open"),
        ("10-20", "lapsed"),
        ("10-27", "lapsed"),
        ("11-03", "lapsed"),
    ]
    assert not any(one.is_open for one in conflicts[new.id])
    assert [one.to_be_moved for one in programme.meeting(old.id).meeting.occurrences] == [None, "exams", *[None] * 4]


def test_skipped_occurrences_of_a_replaced_series_do_not_come_back(programme: Programme) -> None:
    old = programme.book_tuesdays()
    skip = {"when_blocked": WhenBlocked.SKIP}
    update_mentorship(programme.context, programme.id, programme.mentorship.id, skip)
    exams = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=date(2026, 11, 3), last_day=date(2026, 11, 3))
    declared, _ = create_blackout(programme.context, programme.id, programme.mentee.id, exams)
    assert programme.meeting(old.id).meeting.occurrences[4].status is OccurrenceStatus.SKIPPED
    replace_series(programme, old.id, date(2026, 10, 20))
    delete_blackout(programme.context, programme.id, programme.mentee.id, declared.id)
    left = [one.status.value for one in programme.meeting(old.id).meeting.occurrences]
    assert left == ["scheduled"] * 2 + ["cancelled"] * 4


def test_moved_occurrence_of_a_replaced_series_does_not_go_back_to_where_the_new_one_begins(
    programme: Programme,
) -> None:
    old = programme.book_tuesdays()
    move = {"when_blocked": WhenBlocked.MOVE}
    update_mentorship(programme.context, programme.id, programme.mentorship.id, move)
    exams = BlackoutFields(BlackoutKind.EXAM, "Finals", first_day=date(2026, 10, 20), last_day=date(2026, 10, 20))
    declared, _ = create_blackout(programme.context, programme.id, programme.mentee.id, exams)
    moved = programme.meeting(old.id).meeting.occurrences[2]
    assert moved.period.start.date() == date(2026, 10, 19)
    replace_series(programme, old.id, date(2026, 10, 20))
    delete_blackout(programme.context, programme.id, programme.mentee.id, declared.id)
    assert programme.meeting(old.id).meeting.occurrences[2] == moved


def test_both_series_log_the_replacement_and_are_owed_to_calendars(programme: Programme) -> None:
    programme.connect(programme.mentor)
    old = programme.book_tuesdays()
    new = replace_series(programme, old.id, date(2026, 10, 20))
    assert changes(programme, old.id) == [
        ("meeting.booked", {}),
        ("meeting.rescheduled", {"from": "2026-10-19T22:00:00+00:00", "replaced_by": new.id}),
    ]
    assert changes(programme, new.id) == [("meeting.booked", {"replaces": old.id})]
    assert [programme.delivery(one).wanted_revision for one in (old.id, new.id)] == [2, 1]


def test_replacement_keeps_what_the_series_was_planned_with(programme: Programme) -> None:
    old = programme.book_tuesdays()
    new = replace_series(programme, old.id, date(2026, 10, 20))
    dates = Days(date(2026, 10, 20), date(2026, 11, 13))
    assert new.terms == replace(old.terms, dates=dates)
    again = replace_series(programme, new.id, date(2026, 10, 27))
    assert (again.replaces, again.terms.dates) == (new.id, Days(date(2026, 10, 27), date(2026, 11, 13)))
