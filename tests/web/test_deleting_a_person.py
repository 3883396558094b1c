"""Deleting a person: what is to come is cancelled, and nothing that says who it was stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from support.api import Api, Clock, Pair, problem_of, statuses
from support.calendars import RecordingCalendars
from support.working import deliver_next

from scheduler.services.ports import Context


@pytest.fixture
def halfway(api: Api, pair: Pair, clock: Clock) -> dict[str, str]:
    """A booked cadence of which three occurrences have taken place, and a single meeting that has."""
    ids = {"series": api.book_cadence(pair)["id"], "past": api.book_slot(pair)["id"]}
    clock.set("2026-10-21T12:00:00+00:00")
    return ids


def test_future_meetings_are_cancelled_and_past_ones_stay(api: Api, pair: Pair, halfway: dict[str, str]) -> None:
    api.delete(f"/people/{pair.mentee}")
    series, past = api.get(f"/meetings/{halfway['series']}"), api.get(f"/meetings/{halfway['past']}")
    assert statuses(series) == ["scheduled"] * 3 + ["cancelled"] * 3
    assert (series["status"], series["sequence"]) == ("confirmed", 1)
    assert (past["status"], statuses(past), past["sequence"]) == ("confirmed", ["scheduled"], 0)


def test_meeting_wholly_in_the_future_is_cancelled_as_a_whole(api: Api, pair: Pair) -> None:
    meeting = api.book_cadence(pair)
    api.delete(f"/people/{pair.mentor}")
    assert api.get(f"/meetings/{meeting['id']}")["status"] == "cancelled"


def test_past_meetings_are_shown_without_name(api: Api, pair: Pair, halfway: dict[str, str]) -> None:
    api.delete(f"/people/{pair.mentee}")
    past = api.get(f"/meetings/{halfway['past']}")
    assert past["title"] == "Mentoring: Greta & deleted person"
    assert [row["name"] for row in past["occurrences"][0]["local_starts"]] == ["Greta", "deleted person"]


def test_feeds_are_revoked_and_the_partners_feed_shows_the_rest(api: Api, pair: Pair, halfway: dict[str, str]) -> None:
    gone, kept = api.feed(pair.mentee), api.feed(pair.mentor)
    assert api.read(gone).status_code == api.read(kept).status_code == 200
    api.delete(f"/people/{pair.mentee}")
    problem_of(api.read(gone), 404)
    response = api.read(kept)
    assert response.status_code == 200
    assert "Asha" not in response.text
    assert "asha@" not in response.text
    shown = recurring_ical_events.of(icalendar.Calendar.from_ical(response.data)).between((2026, 1, 1), (2028, 1, 1))
    assert sorted(f"{event.start:%d %b}" for event in shown) == ["06 Oct", "08 Oct", "13 Oct", "20 Oct"]


def test_blackouts_calendars_and_deliveries_are_deleted(
    api: Api, pair: Pair, context: Context, calendars: RecordingCalendars
) -> None:
    blackouts = f"/people/{pair.mentee}/blackouts"
    api.post(blackouts, {"kind": "exam", "first_day": "2026-12-01", "last_day": "2026-12-02"})
    api.connect(pair.mentee)
    api.connect(pair.mentor, username="mentor")
    meeting = api.book_slot(pair)
    api.delete(f"/people/{pair.mentee}")
    problem_of(api.send("GET", blackouts), 404)
    problem_of(api.send("GET", f"/people/{pair.mentee}/calendars"), 404)
    rows = api.get(f"/meetings/{meeting['id']}/deliveries")["items"]
    assert [row["person"] for row in rows] == [pair.mentor]
    while deliver_next(context):
        pass
    assert {put.account.username for put in calendars.puts} == {"mentor"}
    assert b"STATUS:CANCELLED" in calendars.puts[-1].data


def test_guest_entries_of_the_email_are_erased(api: Api, pair: Pair) -> None:
    guest = api.person("Olga", "Europe/Kyiv")
    invited = [
        {"name": "Olga", "email": "OLGA@example.org", "time_zone": "Europe/Kyiv"},
        {"name": "Ines", "email": "ines@example.org", "time_zone": "Europe/Lisbon"},
    ]
    meeting = api.book_slot(pair, guests=invited)
    api.delete(f"/people/{guest}")
    after = api.get(f"/meetings/{meeting['id']}")
    assert [row["name"] for row in after["guests"]] == ["Ines"]
    assert (after["status"], after["sequence"]) == ("confirmed", 0)


def test_guest_of_own_meeting_is_erased_and_it_stays_cancelled(api: Api, pair: Pair) -> None:
    herself = [{"name": "Asha", "email": "asha@example.org", "time_zone": "Asia/Kolkata"}]
    meeting = api.book_slot(pair, guests=herself)
    api.delete(f"/people/{pair.mentee}")
    after = api.get(f"/meetings/{meeting['id']}")
    assert after["guests"] == []
    assert (after["status"], after["sequence"]) == ("cancelled", 1)


def test_mentorship_is_cancelled_readable_and_takes_no_bookings(api: Api, pair: Pair) -> None:
    api.delete(f"/people/{pair.mentee}")
    mentorship = api.get(f"/mentorships/{pair.mentorship}")
    assert (mentorship["goals"], mentorship["status"]) == (["First paper"], "cancelled")
    problem_of(api.send("POST", pair.meetings, {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}), 409)


def test_past_occurrence_cannot_be_moved(api: Api, pair: Pair, halfway: dict[str, str]) -> None:
    api.delete(f"/people/{pair.mentee}")
    path = f"/meetings/{halfway['series']}/occurrences/20261006T100000"
    response = api.change("PATCH", path, {"start": "2026-10-23T08:00:00Z"})
    assert response.status_code in {404, 409}
    problem_of(response, response.status_code)


def test_database_holds_no_personal_data_afterwards(api: Api, pair: Pair, clock: Clock, database: Path) -> None:
    person = api.person("Wilhelmina", "Asia/Kolkata", email="mina@erased.example", working_hours="any")
    theirs = Pair(pair.mentor, person, api.mentorship(pair.mentor, person))
    api.post(
        f"/people/{person}/blackouts",
        {"kind": "leave", "title": "Erasmus", "first_day": "2026-12-01", "last_day": "2026-12-02"},
    )
    api.connect(person, url="https://dav.erased.example/", username="mina-login")
    api.book_slot(theirs)
    api.book_slot(
        pair,
        "2026-10-09T08:00:00Z",
        guests=[{"name": "Wilhelmina", "email": "mina@erased.example", "time_zone": "UTC"}],
    )
    feed = api.feed(pair.mentor)
    assert "Wilhelmina" in api.read(feed).text
    clock.set("2026-10-21T12:00:00+00:00")
    api.delete(f"/people/{person}")
    kept = everything_in(database)
    assert [word for word in ("Wilhelmina", "erased.example", "Erasmus", "mina-login") if word in kept] == []


def everything_in(database: Path) -> str:
    """Every value of every row."""
    connection = sqlite3.connect(database)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return repr([connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables])
    finally:
        connection.close()


def test_guest_with_shared_address_stays_when_the_other_is_deleted(api: Api, pair: Pair) -> None:
    one, other = (api.person(name, "UTC", email="shared@example.org") for name in ("One", "Other"))
    feeds = [api.feed(one), api.feed(other)]
    meeting = api.book_slot(pair, guests=[{"name": "Desk", "email": "shared@example.org", "time_zone": "UTC"}])
    assert all("STATUS:CONFIRMED" in api.read(feed).text for feed in feeds)
    api.delete(f"/people/{one}")
    assert api.get(f"/meetings/{meeting['id']}")["guests"]
    api.delete(f"/meetings/{meeting['id']}")
    assert "STATUS:CONFIRMED" not in api.read(feeds[1]).text
