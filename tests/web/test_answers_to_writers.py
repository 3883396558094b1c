"""A key that may change things and not read them is answered with ids, states and times, whatever it changes.

Canaries stand in every field that a person typed. What the key sends itself has none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from support.api import EVENING, Api, booking_of, problem_of
from support.calendars import RecordingCalendars
from support.figures import Figures
from support.leaks import leaks
from support.working import deliver_next, read_next
from werkzeug.test import TestResponse

from scheduler.services.calendar_server import CalendarUnreachable
from scheduler.services.ports import Context
from scheduler.web.http.operations import routes_of

CANARIES = {
    "mentor": "Canary-Greta-4711",
    "mentee": "Canary-Asha-4712",
    "blackout": "Canary-Chemotherapy-4713",
    "goal": "Canary-Goal-4714",
    "expectation": "Canary-Expectation-4715",
    "meeting": "Canary-Title-4716",
    "guest": "Canary-Guest-4717",
    "conference": "Canary-Room-4718",
    "calendar": "Canary-Collection-4719",
    "login": "Canary-Login-4720",
    "failure": "Canary-Reason-4721",
}
AWAY = {"kind": "leave", "title": CANARIES["blackout"], "first_day": "2026-10-13", "last_day": "2026-10-13"}
DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
PEOPLE, MEETINGS = "people:write", "meetings:write"
NEEDING_MEETINGS_READ = {"conflicts", "total", "hit_hard"}


@dataclass(frozen=True)
class Planted:
    """Paths of what is stored, all of it full of canaries, and a cadence that can be booked."""

    mentor: str
    mentee: str
    blackout: str
    calendar: str
    feed: str
    mentorship: str
    meeting: str
    delivery: str
    series: str
    cadence: Mapping[str, Any]


@pytest.fixture
def planted(api: Api, context: Context, calendars: RecordingCalendars) -> Planted:
    mentor = api.person(CANARIES["mentor"])
    mentee = api.person(CANARIES["mentee"], "Asia/Kolkata", working_hours=EVENING)
    blackout = api.post(f"/people/{mentee}/blackouts", AWAY)["id"]
    url = f"https://dav.example.org/{CANARIES['calendar']}/"
    calendar = api.connect(mentor, url=url, username=CANARIES["login"])["id"]
    calendars.refusal = CalendarUnreachable(f"{CANARIES['failure']} did not answer")
    assert read_next(context)
    calendars.refusal = None
    feed = api.post(f"/people/{mentor}/feeds", {})["id"]
    agreed = {"goals": [CANARIES["goal"]], "expectations": CANARIES["expectation"]}
    mentorship = api.mentorship(mentor, mentee, **agreed)
    slot = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M", "title": CANARIES["meeting"]}
    guests = [{"name": CANARIES["guest"], "email": "guest@example.org", "time_zone": "UTC"}]
    room = f"https://meet.example.org/{CANARIES['conference']}"
    meetings = f"/mentorships/{mentorship}/meetings"
    meeting = api.post(meetings, slot | {"guests": guests, "conference_url": room})["id"]
    api.patch(f"/meetings/{meeting}/occurrences/20261008T100000", {"start": "2026-10-08T08:15:00Z"})
    deliver_next(context)
    (delivery,) = api.get(f"/meetings/{meeting}/deliveries")["items"]
    question = DATES | {"duration": "PT45M", "step": "PT30M", "min_coverage": 0, "limit": 100}
    question |= {"attendees": [{"person": mentor}, {"person": mentee}]}
    fridays, cadence = (
        next(row for row in api.post("/cadences", question)["cadences"] if row["dtstart"] == start)
        for start in ("2026-10-09T12:00:00", "2026-10-06T10:00:00")
    )
    series = api.post(meetings, booking_of(fridays))["id"]
    return Planted(
        f"/people/{mentor}",
        f"/people/{mentee}",
        f"/people/{mentee}/blackouts/{blackout}",
        f"/people/{mentor}/calendars/{calendar}",
        f"/people/{mentor}/feeds/{feed}",
        f"/mentorships/{mentorship}",
        f"/meetings/{meeting}",
        f"/meetings/{meeting}/deliveries/{delivery['id']}",
        f"/meetings/{series}",
        cadence,
    )


Ask = Callable[[Planted], tuple[str, str, Any]]


def booked(there: Planted) -> dict[str, Any]:
    """What books the cadence, as a key without people:read is answered it."""
    cadence = dict(there.cadence)
    cadence["occurrences"] = [
        {name: row[name] for name in ("start", "end", "status", "moved_to") if name in row}
        for row in cadence["occurrences"]
    ]
    return booking_of(cadence)


OTHER = {"url": "https://dav.example.org/other/", "username": "other", "password": "hunter2hunter2"}
SLOT = {"start": "2026-10-09T08:00:00Z", "duration": "PT45M"}
ON_BLACKOUT = {"start": "2026-10-13T08:00:00Z", "duration": "PT45M"}
RESTORED = {"do": "restore"}
SUCCESSES: dict[str, list[tuple[str, Ask]]] = {
    PEOPLE: [
        ("create_person", lambda _: ("POST", "/people", {"name": "Mia", "email": "m@example.org", "time_zone": "UTC"})),
        ("update_person", lambda there: ("PATCH", there.mentor, {})),
        ("update_person", lambda there: ("PATCH", there.mentor, {"buffer": {"before": "PT5M"}})),
        ("delete_person", lambda there: ("DELETE", there.mentee, None)),
        (
            "create_blackout",
            lambda there: ("POST", f"{there.mentor}/blackouts", AWAY | {"title": "Mine"}),
        ),
        ("update_blackout", lambda there: ("PATCH", there.blackout, {"firm": False})),
        ("delete_blackout", lambda there: ("DELETE", there.blackout, None)),
        ("create_calendar", lambda there: ("POST", f"{there.mentor}/calendars", OTHER)),
        ("delete_calendar", lambda there: ("DELETE", there.calendar, None)),
        ("create_feed", lambda there: ("POST", f"{there.mentor}/feeds", {})),
        ("rotate_feed", lambda there: ("POST", f"{there.feed}/rotate", {})),
        ("delete_feed", lambda there: ("DELETE", there.feed, None)),
    ],
    MEETINGS: [
        (
            "create_mentorship",
            lambda there: (
                "POST",
                "/mentorships",
                DATES | {"mentor": there.mentor[8:], "mentee": there.mentee[8:], "goals": ["x"]},
            ),
        ),
        ("update_mentorship", lambda there: ("PATCH", there.mentorship, {})),
        ("update_mentorship", lambda there: ("PATCH", there.mentorship, {"status": "cancelled"})),
        ("create_meeting", lambda there: ("POST", f"{there.mentorship}/meetings", SLOT)),
        ("create_meeting", lambda there: ("POST", f"{there.mentorship}/meetings", booked(there))),
        ("update_meeting", lambda there: ("PATCH", there.meeting, {})),
        ("update_meeting", lambda there: ("PATCH", there.meeting, {"status": "cancelled"})),
        ("delete_meeting", lambda there: ("DELETE", there.meeting, None)),
        (
            "update_occurrence",
            lambda there: ("PATCH", f"{there.meeting}/occurrences/20261008T100000", {"start": SLOT["start"]}),
        ),
        (
            "update_occurrence",
            lambda there: ("PATCH", f"{there.meeting}/occurrences/20261008T100000", {"status": "cancelled"}),
        ),
        (
            "resolve_occurrence",
            lambda there: ("POST", f"{there.meeting}/occurrences/20261008T100000/resolve", RESTORED),
        ),
        ("reschedule_meeting", lambda there: ("POST", f"{there.series}/reschedule", booked(there))),
        ("retry_delivery", lambda there: ("POST", f"{there.delivery}/retry", None)),
    ],
}
REFUSALS: dict[str, list[tuple[int, Ask]]] = {
    PEOPLE: [
        (422, lambda there: ("PATCH", there.mentor, {"name": 1})),
        (422, lambda there: ("PATCH", there.blackout, {"kind": "none"})),
        (409, lambda there: ("POST", f"{there.mentor}/calendars", OTHER | {"url": "https://dav.example.org/again/"})),
        (404, lambda there: ("PATCH", f"{there.mentor}/blackouts/{there.blackout[-36:]}", {"firm": False})),
    ],
    MEETINGS: [
        (409, lambda there: ("POST", f"{there.mentorship}/meetings", ON_BLACKOUT)),
        (409, lambda there: ("POST", f"{there.mentorship}/meetings", SLOT | {"start": "2026-10-08T08:00:00Z"})),
        (
            409,
            lambda there: (
                "POST",
                f"{there.mentorship}/meetings",
                booked(there) | {"expected": booked(there)["expected"][:1]},
            ),
        ),
        (
            409,
            lambda there: (
                "PATCH",
                f"{there.meeting}/occurrences/20261008T100000",
                {"start": "2026-10-13T08:00:00Z"},
            ),
        ),
        (422, lambda there: ("PATCH", there.mentorship, {"ends_on": "2026-10-06"})),
        (422, lambda there: ("PATCH", there.meeting, {"status": "confirmed"})),
    ],
}
WRITING = [(scope, name, ask) for scope, rows in SUCCESSES.items() for name, ask in rows]
REFUSED = [(scope, status, ask) for scope, rows in REFUSALS.items() for status, ask in rows]


def key_with(api: Api, app: Flask, *scopes: str) -> Api:
    return Api(app, api.post("/keys", {"name": "x", "scopes": scopes})["key"])


def send(client: Api, asked: tuple[str, str, Any], **headers: str) -> TestResponse:
    method, path, body = asked
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.send(method, path, body, headers={"If-Match": "*"} | named)


def told(response: TestResponse) -> list[str]:
    """The canaries in an answer, in its header fields too; a feed's address is what its creator asked for."""
    found = leaks(response.text + str(response.headers), CANARIES.values())
    return [word for word in found if word != "a feed's address"]


def test_table_has_every_operation_of_the_two_scopes(app: Flask) -> None:
    for scope, rows in SUCCESSES.items():
        described = {route.view.__name__ for route in routes_of(app).values() if route.operation.scope == scope}
        assert {name for name, _ in rows} == described


@pytest.mark.parametrize(("scope", "name", "ask"), WRITING)
def test_answer_to_a_key_that_only_writes_has_ids_states_and_times(
    api: Api, app: Flask, planted: Planted, scope: str, name: str, ask: Ask, figures: Figures
) -> None:
    writer = key_with(api, app, scope)
    response = send(writer, ask(planted))
    assert response.status_code < 300, response.text
    assert told(response) == []
    (operation,) = (route.operation for route in routes_of(app).values() if route.view.__name__ == name)
    if operation.shown_to_writers is not None:
        assert response.json is not None
        shown = [one for one in operation.shown_to_writers if one not in NEEDING_MEETINGS_READ or scope == MEETINGS]
        assert list(response.json) == shown
    elif name == "delete_blackout":
        assert response.json == {}
    elif response.data:
        assert name in {"create_feed", "rotate_feed"}
    figures("answers to keys that only write", answers=1, canaries=0)


@pytest.mark.parametrize("name", ["update_person", "update_blackout", "update_mentorship", "update_meeting"])
def test_answer_to_a_key_that_reads_too_is_the_whole_resource(
    api: Api, app: Flask, planted: Planted, name: str
) -> None:
    scope, ask = next((scope, ask) for scope, other, ask in WRITING if other == name)
    reader = key_with(api, app, scope, scope.replace("write", "read"))
    whole = send(reader, ask(planted))
    assert told(whole) != []
    assert whole.json == api.get(ask(planted)[1])
    assert whole.headers["ETag"] == api.send("GET", ask(planted)[1]).headers["ETag"]


def test_cut_answer_has_the_etag_and_location_of_the_whole_resource(api: Api, app: Flask, planted: Planted) -> None:
    writer = key_with(api, app, MEETINGS)
    booking = send(writer, ("POST", f"{planted.mentorship}/meetings", SLOT))
    path = booking.headers["Location"].removeprefix("/v1")
    assert booking.headers["ETag"] == api.send("GET", path).headers["ETag"]
    renamed = writer.send("PATCH", path, {"title": "Ours"}, headers={"If-Match": booking.headers["ETag"]})
    assert renamed.status_code == 200
    assert renamed.headers["ETag"] == api.send("GET", path).headers["ETag"]
    stale = writer.send("PATCH", path, {"title": "Mine"}, headers={"If-Match": booking.headers["ETag"]})
    problem_of(stale, 412)
    assert told(stale) == []


@pytest.mark.parametrize(("scope", "status", "ask"), REFUSED)
def test_refusal_of_a_key_that_only_writes_has_no_canary(
    api: Api, app: Flask, planted: Planted, scope: str, status: int, ask: Ask, calendars: RecordingCalendars
) -> None:
    if status == 409 and scope == PEOPLE:
        for number in range(9):
            api.connect(planted.mentor[8:], url=f"https://dav.example.org/{CANARIES['calendar']}-{number}/")
    response = send(key_with(api, app, scope), ask(planted))
    assert response.status_code == status, response.text
    assert told(response) == []


@pytest.mark.parametrize(
    ("scope", "name", "ask"), [row for row in WRITING if row[1].startswith("create_") and row[1] != "create_calendar"]
)
def test_repeated_post_is_answered_the_same_and_to_its_key_alone(
    api: Api, app: Flask, planted: Planted, scope: str, name: str, ask: Ask
) -> None:
    reader = key_with(api, app, scope, scope.replace("write", "read"))
    writer = key_with(api, app, scope)
    asked = ask(planted)
    first, again = (send(writer, asked, Idempotency_Key=name) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert told(again) == []
    for other in (reader, key_with(api, app, scope)):
        problem_of(send(other, asked, Idempotency_Key=name), 422, "/Idempotency-Key")


def test_key_that_only_writes_can_not_be_shown_more_by_any_scope_of_the_other_kind(
    api: Api, app: Flask, planted: Planted
) -> None:
    for scope, others in ((PEOPLE, ("meetings:read", "slots:read")), (MEETINGS, ("people:read", "slots:read"))):
        crossed = key_with(api, app, scope, *others)
        path = planted.mentor if scope == PEOPLE else planted.mentorship
        assert told(send(crossed, ("PATCH", path, {}))) == []
    assert json.dumps(api.get(planted.mentorship)).count("Canary") == 2
