"""Another cadence for what is left of a series: found, and booked in its place or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from support.api import Api, Clock, Pair, booking_of, problem_of, replacement_of, statuses
from werkzeug.test import TestResponse

FROM = "2026-10-19"
EXAMS = {"kind": "exam", "title": "Finals", "first_day": "2026-10-19", "last_day": "2026-11-30"}


def cadences_path(pair: Pair, start: str = FROM, **query: object) -> str:
    return f"/mentorships/{pair.mentorship}/cadences?from={start}" + "".join(f"&{k}={v}" for k, v in query.items())


def reschedule(api: Api, meeting: dict[str, Any], body: dict[str, Any], **headers: str) -> TestResponse:
    etag = api.send("GET", f"/meetings/{meeting['id']}").headers["ETag"]
    return api.send("POST", f"/meetings/{meeting['id']}/reschedule", body, headers={"If-Match": etag} | headers)


def attendee(api: Api, person: str, **more: Any) -> dict[str, Any]:
    """A stored person as an inline attendee, without any meeting."""
    shown = api.get(f"/people/{person}")
    return {name: shown[name] for name in ("name", "time_zone", "working_hours")} | more


def times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cadences without what names stored people."""
    left_out = ("attendees", "blocked_by")
    return [
        row | {"occurrences": [{k: v for k, v in one.items() if k not in left_out} for one in row["occurrences"]]}
        for row in rows
    ]


def test_replacements_are_the_cadences_of_the_two_without_the_series(api: Api, pair: Pair) -> None:
    api.book_cadence(pair)
    api.post(f"/people/{pair.mentee}/blackouts", EXAMS | {"last_day": "2026-10-23"})
    api.book_slot(pair, "2026-10-29T09:00:00Z")
    found = api.get(cadences_path(pair, limit=20))
    before = [{"start": f"2026-10-{day}T08:00:00Z", "end": f"2026-10-{day}T08:45:00Z"} for day in ("06", "13")]
    taken = {"meetings": [*before, {"start": "2026-10-29T09:00:00Z", "end": "2026-10-29T09:45:00Z"}]}
    blackouts = [EXAMS | {"last_day": "2026-10-23"}]
    inline = [attendee(api, pair.mentor, **taken), attendee(api, pair.mentee, **taken, blackouts=blackouts)]
    asked = {"starts_on": FROM, "ends_on": "2026-11-13", "duration": "PT45M", "step": "PT30M", "limit": 20}
    expected = api.post("/cadences", asked | {"attendees": inline})
    assert found["total"] == expected["total"] > 20
    assert times(found["cadences"]) == times(expected["cadences"])


def test_answer_says_what_the_booking_needs(api: Api, pair: Pair) -> None:
    booked = api.book_cadence(pair)
    found = api.get(f"/mentorships/{pair.mentorship}/cadences?limit=1")
    assert {name: found[name] for name in ("meeting", "starts_on", "ends_on", "duration")} == {
        "meeting": booked["id"],
        "starts_on": "2026-10-05",
        "ends_on": "2026-11-13",
        "duration": "PT45M",
    }
    assert len(found["cadences"]) == 1


def test_search_without_result_explains_why(api: Api, pair: Pair) -> None:
    api.book_cadence(pair)
    api.post(f"/people/{pair.mentee}/blackouts", EXAMS)
    found = api.get(cadences_path(pair))
    assert (found["total"], found["explanation"]["reason"]) == (0, "blackout")


def test_rule_and_terms_of_the_series_are_those_of_the_search(api: Api, pair: Pair) -> None:
    terms = {"min_coverage": 0.9, "minimum_gap": "P2D"}
    question: dict[str, Any] = {"every_weeks": 2, "step": "PT1H", **terms}
    cadence = api.cadence(pair, **question)
    api.post(pair.meetings, booking_of(cadence) | terms | {"step": "PT1H"})
    found = api.get(cadences_path(pair, limit=100))
    assert found["cadences"]
    assert {row["rrule"].split(";")[1] for row in found["cadences"]} == {"INTERVAL=2"}
    assert {row["dtstart"][14:16] for row in found["cadences"]} == {"00"}
    assert min(row["coverage"] for row in found["cadences"]) >= 0.9


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        ({"per_week": 2}, "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,"),
        ({"pattern": "monthly_weekday", "min_coverage": 0.1}, "FREQ=MONTHLY;BYDAY="),
    ],
    ids=["twice a week", "monthly"],
)
def test_pattern_of_the_series_is_that_of_the_search(api: Api, pair: Pair, question: dict[str, Any], rule: str) -> None:
    asked = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "duration": "PT45M", "attendees": pair.attendees}
    rows = api.post("/cadences", asked | question | {"limit": 100})["cadences"]
    cadence = next(row for row in rows if row["occurrences"][-1]["start"] > "2026-11-02")
    coverage = {"min_coverage": question.get("min_coverage", 0.5)}
    api.post(pair.meetings, booking_of(cadence) | {"step": "PT15M"} | coverage)
    found = api.get(cadences_path(pair, limit=100))
    assert any(row["rrule"].startswith(rule) for row in found["cadences"])
    assert len({row["rrule"].split(";BYDAY")[0] for row in found["cadences"]}) == 1


def test_every_answered_cadence_can_be_booked_in_place_of_the_series(api: Api, pair: Pair) -> None:
    """One after the other: each takes the place of the one before."""
    meeting = api.book_cadence(pair)
    for index in range(5):
        api.post(f"/people/{pair.mentee}/blackouts", EXAMS | {"last_day": FROM, "title": f"Exam {index}"})
        found = api.get(cadences_path(pair, limit=5))
        response = reschedule(api, meeting, replacement_of(found, index))
        assert response.status_code == 201, response.text
        assert (response.json or {})["replaces"] == meeting["id"]
        meeting = response.json or {}


def test_rescheduling_ends_the_series_and_begins_the_new_one(api: Api, pair: Pair) -> None:
    guests = [{"name": "Wanjiru", "email": "wanjiru@example.org", "time_zone": "Africa/Nairobi"}]
    own: dict[str, Any] = {"title": "Paper club", "conference_url": "https://meet.example.org/papers", "guests": guests}
    old = api.book_cadence(pair, **own)
    found = api.get(cadences_path(pair))
    response = reschedule(api, old, replacement_of(found))
    new = response.json or {}
    assert response.status_code == 201
    assert response.headers["Location"] == f"/v1/meetings/{new['id']}"
    assert response.headers["ETag"] == api.send("GET", f"/meetings/{new['id']}").headers["ETag"]
    assert {name: new[name] for name in own} == own
    assert (new["replaces"], new["sequence"]) == (old["id"], 0)
    assert new["uid"] != old["uid"]
    ended = api.get(f"/meetings/{old['id']}")
    assert statuses(ended) == ["scheduled"] * 2 + ["cancelled"] * 4
    assert (ended["status"], ended["sequence"]) == ("confirmed", 1)
    assert "replaces" not in ended


def test_rescheduling_shows_in_feeds(api: Api, pair: Pair) -> None:
    feed = api.feed(pair.mentee)
    old = api.book_cadence(pair)
    found = api.get(cadences_path(pair))
    new = reschedule(api, old, replacement_of(found)).json or {}
    text = api.read(feed).text
    assert f"UID:{new['uid']}" in text
    assert text.count("EXDATE;TZID=Europe/Berlin:") == 4


def test_details_that_are_given_replace_the_old_ones(api: Api, pair: Pair) -> None:
    old = api.book_cadence(pair, title="Paper club", conference_url="https://meet.example.org/papers")
    found = api.get(cadences_path(pair))
    given = {"title": None, "conference_url": "https://meet.example.org/other"}
    new = reschedule(api, old, replacement_of(found) | given).json or {}
    assert (new["title"], new["conference_url"]) == ("Mentoring: Greta & Asha", given["conference_url"])


def test_series_ends_on_the_date_of_dtstart_unless_an_earlier_day_is_given(api: Api, pair: Pair) -> None:
    old = api.book_cadence(pair)
    cadence = api.cadence(pair, "2026-10-28T11:00:00", starts_on="2026-10-28")
    new = reschedule(api, old, booking_of(cadence)).json or {}
    assert new["dtstart"] == "2026-10-28T11:00:00"
    assert statuses(api.get(f"/meetings/{old['id']}")) == ["scheduled"] * 4 + ["cancelled"] * 2


def test_series_that_has_not_begun_is_cancelled_as_a_whole(api: Api, pair: Pair) -> None:
    old = api.book_cadence(pair)
    found = api.get(cadences_path(pair, "2026-10-05"))
    reschedule(api, old, replacement_of(found))
    assert api.get(f"/meetings/{old['id']}")["status"] == "cancelled"


def test_changed_plan_is_409_and_changes_nothing(api: Api, pair: Pair) -> None:
    old = api.book_cadence(pair)
    found = api.get(cadences_path(pair))
    api.post(f"/people/{pair.mentee}/blackouts", EXAMS | {"last_day": "2026-10-30"})
    before = api.get(f"/meetings/{old['id']}")
    body = replacement_of(found)
    problem = problem_of(reschedule(api, old, body), 409)
    assert problem["type"] == "/problems#plan-changed"
    assert api.get(f"/meetings/{old['id']}") == before
    assert len(api.get(pair.meetings)["items"]) == 1
    again = api.get(cadences_path(pair))
    assert reschedule(api, old, replacement_of(again)).status_code == 201


def test_rescheduling_needs_the_present_version(api: Api, pair: Pair) -> None:
    old = api.book_cadence(pair)
    etag = api.send("GET", f"/meetings/{old['id']}").headers["ETag"]
    found = api.get(cadences_path(pair))
    body = replacement_of(found)
    path = f"/meetings/{old['id']}/reschedule"
    problem_of(api.send("POST", path, body), 428)
    api.patch(f"/meetings/{old['id']}", {"title": "Paper club"})
    problem_of(api.send("POST", path, body, headers={"If-Match": etag}), 412)
    assert len(api.get(pair.meetings)["items"]) == 1


def test_repeated_rescheduling_under_one_key_is_made_once(api: Api, pair: Pair) -> None:
    old = api.book_cadence(pair)
    found = api.get(cadences_path(pair))
    body = replacement_of(found)
    path, etag = f"/meetings/{old['id']}/reschedule", api.send("GET", f"/meetings/{old['id']}").headers["ETag"]
    headers = {"If-Match": etag, "Idempotency-Key": "once"}
    answers = [api.send("POST", path, body, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert len(api.get(pair.meetings)["items"]) == 2


def test_time_that_has_passed_today_is_not_offered(api: Api, pair: Pair, clock: Clock) -> None:
    api.book_cadence(pair)
    clock.set("2026-10-20T09:10:00+00:00")
    found = api.get(f"/mentorships/{pair.mentorship}/cadences?limit=100")
    assert found["starts_on"] == "2026-10-20"
    today = [row for row in found["cadences"] if row["dtstart"] < "2026-10-20T11:10:00"]
    assert today
    assert all(row["occurrences"][0]["status"] != "clear" for row in today)


def test_what_has_begun_stays(api: Api, pair: Pair, clock: Clock) -> None:
    old = api.book_cadence(pair)
    clock.set("2026-10-20T08:10:00+00:00")
    found = api.get(cadences_path(pair, "2026-10-20"))
    new = reschedule(api, old, replacement_of(found))
    assert new.status_code == 201, new.text
    assert statuses(api.get(f"/meetings/{old['id']}")) == ["scheduled"] * 3 + ["cancelled"] * 3


@pytest.mark.parametrize(
    ("start", "words"),
    [("2026-09-30", "is over"), ("2026-10-02", "before the mentorship"), ("2026-11-14", "is after 2026-11-13")],
)
def test_day_outside_what_is_left_is_422(api: Api, pair: Pair, start: str, words: str) -> None:
    booked = api.book_cadence(pair)["id"]
    problem = problem_of(api.send("GET", cadences_path(pair, start, meeting=booked)), 422, "/from")
    assert words in problem["detail"]


def test_mentorship_with_several_series_needs_the_name_of_one(api: Api, pair: Pair) -> None:
    booked = [api.book_cadence(pair)["id"], api.book_cadence(pair, "2026-10-08T11:00:00")["id"]]
    problem = problem_of(api.send("GET", cadences_path(pair)), 422, "/meeting")
    assert sorted(problem["errors"][0]["choices"]) == sorted(booked)
    assert [api.get(cadences_path(pair, meeting=one))["meeting"] for one in booked] == booked


def test_mentorship_without_series_is_409(api: Api, pair: Pair) -> None:
    single = api.book_slot(pair)["id"]
    problem_of(api.send("GET", cadences_path(pair)), 409)
    problem_of(api.send("GET", cadences_path(pair, meeting=single)), 409)
    cadence = api.cadence(pair, "2026-10-28T11:00:00", starts_on="2026-10-28")
    problem_of(reschedule(api, {"id": single}, booking_of(cadence)), 409)


def test_series_without_anything_left_is_409(api: Api, pair: Pair, clock: Clock) -> None:
    old = api.book_cadence(pair)
    found = api.get(cadences_path(pair))
    body = replacement_of(found)
    assert reschedule(api, old, body).status_code == 201
    problem_of(reschedule(api, old, body), 409)
    problem_of(api.send("GET", cadences_path(pair, meeting=old["id"])), 409)


def test_meeting_of_another_mentorship_is_404(api: Api, pair: Pair) -> None:
    another = Pair(pair.mentor, mentee := api.person("Bo", "Europe/Oslo"), api.mentorship(pair.mentor, mentee))
    booked = api.book_cadence(pair)
    problem_of(api.send("GET", cadences_path(another, meeting=booked["id"])), 404, "/meeting")


def test_search_needs_both_scopes(api: Api, pair: Pair, app: Flask) -> None:
    api.book_cadence(pair)
    for scopes, status in ((["meetings:read"], 403), (["slots:read"], 403), (["meetings:read", "slots:read"], 200)):
        client = Api(app, api.post("/keys", {"name": "x", "scopes": scopes})["key"])
        assert client.send("GET", cadences_path(pair)).status_code == status


def test_key_that_does_not_read_people_is_shown_no_titles(api: Api, pair: Pair, app: Flask) -> None:
    api.book_cadence(pair)
    api.post(f"/people/{pair.mentee}/blackouts", EXAMS | {"last_day": "2026-10-23"})
    client = Api(app, api.post("/keys", {"name": "x", "scopes": ["meetings:read", "slots:read"]})["key"])
    text = client.send("GET", cadences_path(pair)).text
    assert "blackout" in text
    assert "Finals" not in text
    assert pair.mentee not in text
