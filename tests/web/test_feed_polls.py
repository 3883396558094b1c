"""GET /feeds/{token}.ics: validators and conditions of polls (RFC 9110 §8.8, §13), and what each feed holds."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import icalendar
import pytest
import recurring_ical_events
from support.api import Api, Clock, Pair, json_of, problem_of
from werkzeug.http import http_date

from scheduler.ical.render import render_feed
from scheduler.services import feeds
from scheduler.services.ports import Context


@pytest.fixture
def meeting(api: Api, pair: Pair) -> dict[str, Any]:
    return api.book_cadence(pair)


@pytest.fixture
def feed(api: Api, pair: Pair, meeting: dict[str, Any]) -> str:
    """The mentor's feed, with details."""
    return api.feed(pair.mentor)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the feeds that were rendered, one for each time."""
    names: list[str] = []

    def spy(name: str, entries: Any) -> bytes:
        names.append(name)
        return render_feed(name, entries)

    monkeypatch.setattr(feeds, "render_feed", spy)
    return names


def change(api: Api, meeting: dict[str, Any], title: str = "About the paper") -> None:
    api.patch(f"/meetings/{meeting['id']}", {"title": title})


def test_feed_is_private_icalendar_and_not_indexed(api: Api, feed: str) -> None:
    response = api.read(feed)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Cache-Control"].startswith("private")
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert response.headers["ETag"].startswith('"')
    assert response.headers["Last-Modified"] == "Thu, 01 Oct 2026 09:00:00 GMT"
    assert b"METHOD" not in response.data
    assert response.data.startswith(b"BEGIN:VCALENDAR\r\n")


def test_feed_expands_to_exactly_the_booked_occurrences(api: Api, feed: str, meeting: dict[str, Any]) -> None:
    calendar = icalendar.Calendar.from_ical(api.read(feed).data)
    events = recurring_ical_events.of(calendar).between((2026, 1, 1), (2028, 1, 1))
    promised = [
        (datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in meeting["occurrences"]
    ]
    assert sorted((event.start, event.end) for event in events) == promised


def test_head_of_a_feed_is_get_without_the_body(api: Api, feed: str) -> None:
    full = api.read(feed)
    head = api.app.test_client().head(feed)
    assert head.status_code == 200
    assert head.data == b""
    assert head.headers["ETag"] == full.headers["ETag"]


def test_unknown_and_revoked_tokens_are_the_same_404(api: Api, pair: Pair) -> None:
    made = api.post(f"/people/{pair.mentor}/feeds", {})
    api.delete(f"/people/{pair.mentor}/feeds/{made['id']}")
    revoked = problem_of(api.read(f"/feeds/{made['token']}.ics"), 404)
    unknown = problem_of(api.read("/feeds/unknown.ics"), 404)
    del revoked["request_id"], unknown["request_id"]
    assert revoked == unknown


@pytest.mark.parametrize(
    "headers",
    [
        {"If_None_Match": "{etag}"},
        {"If_None_Match": "W/{etag}"},
        {"If_None_Match": '"other", {etag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": "{date}"},
        {"If_Modified_Since": "Fri, 02 Oct 2026 09:00:00 GMT"},
        {"If_None_Match": "{etag}", "If_Modified_Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
    ],
)
def test_version_known_to_the_client_is_304_with_its_etag(
    api: Api, feed: str, clock: Clock, headers: dict[str, str]
) -> None:
    api.read(feed)
    clock.advance(seconds=1)
    full = api.read(feed)
    known = {"etag": full.headers["ETag"], "date": full.headers["Last-Modified"]}
    response = api.read(feed, **{name: value.format(**known) for name, value in headers.items()})
    assert response.status_code == 304
    assert response.data == b""
    assert response.headers["ETag"] == full.headers["ETag"]
    assert response.headers["Cache-Control"].startswith("private")


@pytest.mark.parametrize(
    "headers",
    [
        {"If_None_Match": '"other"'},
        {"If_Modified_Since": "Thu, 01 Oct 2026 08:59:59 GMT"},
        {"If_Modified_Since": "yesterday"},
        {"If_None_Match": '"other"', "If_Modified_Since": "Fri, 02 Oct 2026 09:00:00 GMT"},
    ],
)
def test_other_version_is_200_and_the_date_counts_only_without_an_etag(
    api: Api, feed: str, headers: dict[str, str]
) -> None:
    assert api.read(feed, **headers).status_code == 200


def test_date_of_a_slow_rendering_is_no_304_for_the_version_rendered_meanwhile(
    api: Api, feed: str, meeting: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render_slowly(name: str, entries: Any) -> bytes:
        monkeypatch.setattr(feeds, "render_feed", render_feed)
        stale = render_feed(name, entries)
        change(api, meeting)
        api.read(feed)
        clock.advance(seconds=1)
        return stale

    monkeypatch.setattr(feeds, "render_feed", render_slowly)
    stale = api.read(feed)
    fresh = api.read(feed, If_Modified_Since=stale.headers["Last-Modified"])
    assert fresh.status_code == 200
    assert fresh.data != stale.data


def test_polls_of_an_unchanged_feed_render_nothing(api: Api, pair: Pair, feed: str, rendered: list[str]) -> None:
    first = api.read(feed)
    assert rendered == ["Mentoring: Greta"]
    for _ in range(3):
        again = api.read(feed)
        assert again.data == first.data
        assert again.headers["ETag"] == first.headers["ETag"]
    api.read(feed, If_None_Match=first.headers["ETag"])
    api.person("Olga", "Europe/Kyiv")
    api.feed(pair.mentor)
    api.read(feed)
    assert rendered == ["Mentoring: Greta"]


def test_change_of_a_meeting_changes_etag_and_last_modified(
    api: Api, feed: str, meeting: dict[str, Any], clock: Clock, rendered: list[str]
) -> None:
    before = api.read(feed)
    clock.advance(hours=1)
    change(api, meeting)
    after = api.read(feed, If_None_Match=before.headers["ETag"], If_Modified_Since=before.headers["Last-Modified"])
    assert after.status_code == 200
    assert "About the paper" in after.text
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.headers["Last-Modified"] == "Thu, 01 Oct 2026 10:00:00 GMT"
    assert len(rendered) == 2


def test_change_of_another_persons_meeting_keeps_the_etag(api: Api, feed: str, clock: Clock) -> None:
    before = api.read(feed)
    clock.advance(hours=1)
    olga, ines = api.person("Olga", "Europe/Kyiv"), api.person("Ines", "Europe/Lisbon")
    api.book_slot(Pair(olga, ines, api.mentorship(olga, ines)), "2026-10-08T11:00:00Z")
    assert api.read(feed, If_None_Match=before.headers["ETag"]).status_code == 304


def test_change_that_the_feed_does_not_show_keeps_its_validators(api: Api, pair: Pair, feed: str, clock: Clock) -> None:
    api.read(feed)
    clock.advance(seconds=1)
    before = api.read(feed)
    clock.advance(hours=1)
    api.patch(f"/people/{pair.mentor}", {"working_hours": "any"})
    after = api.read(feed)
    assert after.headers["ETag"] == before.headers["ETag"]
    assert after.headers["Last-Modified"] == before.headers["Last-Modified"]


def test_second_change_in_a_second_is_200_though_the_first_rendering_was_not_stored(
    api: Api, context: Context, feed: str, meeting: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(hours=1)
    change(api, meeting, "One")
    with monkeypatch.context() as busy:
        busy.setattr(context.store, "write_if_free", lambda _: False)
        seen = api.read(feed).headers["Last-Modified"]
    change(api, meeting, "Two")
    clock.advance(hours=1)
    response = api.read(feed, If_Modified_Since=seen)
    assert response.status_code == 200
    assert "Two" in response.text


@pytest.mark.parametrize("seconds", [-3600, 0, 0.4, 1])
def test_last_modified_rises_with_every_change_and_is_never_in_the_future(
    api: Api, feed: str, meeting: dict[str, Any], clock: Clock, seconds: float
) -> None:
    clock.advance(seconds=0.3)
    change(api, meeting, "One")
    dates, etags = [], []
    for title in ("Two", "Three", "Four"):
        response = api.read(feed)
        if "Last-Modified" in response.headers:
            dates.append(parsedate_to_datetime(response.headers["Last-Modified"]))
            assert dates[-1] <= clock.now
        etags.append(response.headers["ETag"])
        clock.advance(seconds=seconds)
        change(api, meeting, title)
        assert api.read(feed, If_Modified_Since=http_date(dates[-1])).status_code == 200
    assert dates == sorted(set(dates))
    assert len(dates) == 3 if seconds == 1 else dates
    assert len(set(etags)) == 3
    clock.advance(hours=4)
    assert parsedate_to_datetime(api.read(feed).headers["Last-Modified"]) > dates[-1]


def test_free_busy_feed_holds_times_and_no_personal_data(api: Api, pair: Pair) -> None:
    guests = [{"name": "Olga", "email": "olga@example.org", "time_zone": "Europe/Kyiv"}]
    details: dict[str, Any] = {"title": "Canary title", "conference_url": "https://canary.example/x", "guests": guests}
    api.book_slot(pair, **details)
    text = api.read(api.feed(pair.mentor, "free_busy")).text
    secrets = ("Canary", "canary", "Greta", "Asha", "Olga", "example.org", "First paper")
    assert [word for word in secrets if word in text] == []
    assert "SUMMARY:Busy" in text
    assert "DTSTART;TZID=Europe/Berlin:20261008T100000" in text


def test_details_feed_holds_everything_for_both_people(api: Api, pair: Pair) -> None:
    api.book_slot(pair, title="Mock interview", conference_url="https://meet.example.org/x")
    for person in (pair.mentor, pair.mentee):
        text = api.read(api.feed(person)).text.replace("\r\n ", "")
        for word in ("Mock interview", "https://meet.example.org/x", "First paper", "asha@example.org"):
            assert word in text


def test_guests_own_feed_holds_the_meeting_without_goals(api: Api, pair: Pair) -> None:
    olga = api.person("Olga", "Europe/Kyiv")
    feed = api.feed(olga)
    assert "BEGIN:VEVENT" not in api.read(feed).text
    api.book_slot(pair, guests=[{"name": "Olga", "email": "Olga@Example.org", "time_zone": "Europe/Kyiv"}])
    text = api.read(feed).text.replace("\r\n ", "")
    assert "SUMMARY:Mentoring: Greta & Asha" in text
    assert "Olga (Europe/Kyiv): Thu 2026-10-08 11:00" in text
    assert "First paper" not in text
    free_busy = api.read(api.feed(olga, "free_busy")).text
    assert "SUMMARY:Busy" in free_busy
    assert "Greta" not in free_busy


def test_feed_holds_the_meetings_of_all_mentorships(api: Api, pair: Pair) -> None:
    olga = api.person("Olga", "Europe/Kyiv")
    upwards = Pair(olga, pair.mentor, api.mentorship(olga, pair.mentor))
    meetings = [api.book_slot(pair), api.book_slot(upwards, "2026-10-09T08:00:00Z")]
    calendar = icalendar.Calendar.from_ical(api.read(api.feed(pair.mentor)).data)
    assert {str(event["UID"]) for event in calendar.walk("VEVENT")} == {meeting["uid"] for meeting in meetings}


def test_guest_of_their_own_meeting_has_it_once(api: Api, pair: Pair) -> None:
    api.book_slot(pair, guests=[{"name": "Greta", "email": "greta@example.org", "time_zone": "Europe/Berlin"}])
    calendar = icalendar.Calendar.from_ical(api.read(api.feed(pair.mentor)).data)
    assert len(calendar.walk("VEVENT")) == 1


def test_cancelled_meeting_stays_in_the_feed_as_cancelled(api: Api, feed: str, meeting: dict[str, Any]) -> None:
    api.delete(f"/meetings/{meeting['id']}")
    text = api.read(feed).text
    assert "STATUS:CANCELLED" in text
    assert "STATUS:CONFIRMED" not in text


def test_meeting_that_ended_a_year_before_the_last_change_is_left_out(
    api: Api, pair: Pair, feed: str, clock: Clock
) -> None:
    clock.set("2027-12-01T00:00:00+00:00")
    assert "BEGIN:VEVENT" in api.read(feed).text
    later = {"starts_on": "2027-12-01", "ends_on": "2028-02-01"}
    api.book_slot(
        Pair(pair.mentor, pair.mentee, api.mentorship(pair.mentor, pair.mentee, **later)), "2027-12-09T09:00:00Z"
    )
    text = api.read(feed).text
    assert text.count("BEGIN:VEVENT") == 1
    assert "DTSTART;TZID=Europe/Berlin:20271209T100000" in text


def test_feeds_change_when_a_conflict_opens_and_when_it_ends(api: Api, pair: Pair, clock: Clock) -> None:
    guest = api.person("Kim", "Asia/Tokyo")
    api.book_cadence(pair, guests=[{"name": "Kim", "email": "kim@example.org", "time_zone": "Asia/Tokyo"}])
    paths = [api.feed(pair.mentor), api.feed(pair.mentee, "free_busy"), api.feed(guest)]
    versions = [[api.read(path) for path in paths]]
    clock.advance(seconds=1)
    day = {"kind": "exam", "title": "Finals", "first_day": "2026-10-13", "last_day": "2026-10-13"}
    exams = json_of(api.send("POST", f"/people/{pair.mentee}/blackouts", day))
    versions.append([api.read(path) for path in paths])
    clock.advance(seconds=1)
    api.delete(f"/people/{pair.mentee}/blackouts/{exams['id']}")
    versions.append([api.read(path) for path in paths])
    for before, during, after in zip(*versions, strict=True):
        assert len({version.headers["ETag"] for version in (before, during, after)}) == 3
        modified = [parsedate_to_datetime(version.headers["Last-Modified"]) for version in (before, during, after)]
        assert modified == sorted(set(modified))
        assert [version.data.count(b"STATUS:TENTATIVE") for version in (before, during, after)] == [0, 1, 0]
        assert [version.data.count(b"SEQUENCE:0") for version in (before, during, after)] == [1, 2, 1]
    assert [version.data.count(b"To be moved: exams") for version in versions[1]] == [1, 0, 1]
    assert b"Finals" not in b"".join(version.data for version in versions[1])
    for path, version in zip(paths, versions[1], strict=True):
        assert api.read(path, If_None_Match=version.headers["ETag"]).status_code == 200
