"""A client of the API in the same process, and the clock of the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from support.reading import ReaderHere
from werkzeug.test import TestResponse

from scheduler.ical.reader import CalendarReader
from scheduler.services.calendar_server import CalendarServer
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme
from scheduler.services.secrets import Vault
from scheduler.store import Store

SECRET = "a secret key for tests, long enough to be one"
THURSDAY = datetime(2026, 10, 1, 9, tzinfo=UTC)
"""Where the clock starts: before every mentorship in the tests."""
EVENING = [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "13:00", "end": "21:00"}]
"""Hours in Kolkata within Berlin's working day."""


@dataclass
class Clock:
    """A clock that stands at the time that a test sets."""

    now: datetime = THURSDAY

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    def set(self, text: str) -> None:
        self.now = datetime.fromisoformat(text)


def context_of(store: Store, clock: Clock, calendars: CalendarServer, reader: CalendarReader | None = None) -> Context:
    """A context like that of the composition root, but with the given clock, CalDAV servers and reader."""
    return Context(
        store, Vault(SECRET), calendars, reader or ReaderHere(), clock, timedelta(minutes=15), timedelta(hours=3)
    )


@dataclass(frozen=True)
class Pair:
    """Two people's ids, and their mentorship's."""

    mentor: str
    mentee: str
    mentorship: str

    @property
    def attendees(self) -> list[dict[str, str]]:
        return [{"person": self.mentor}, {"person": self.mentee}]

    @property
    def meetings(self) -> str:
        """The path of the mentorship's meetings."""
        return f"/mentorships/{self.mentorship}/meetings"


class Api:
    """A client with a programme's key. All methods but ``send`` and ``change`` expect success and return JSON."""

    def __init__(self, app: Flask, key: str) -> None:
        self.app = app
        self.key = key

    @classmethod
    def of_new_programme(cls, app: Flask, context: Context, name: str) -> Api:
        return cls(app, create_programme(context, name))

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Send a request and return the response; ``body`` is sent as JSON unless it is bytes."""
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body)
        if body is not None:
            options.setdefault("content_type", "application/json")
        return self.app.test_client().open(f"/v1{path}", method=method, data=body, headers=headers, **options)

    def change(self, method: str, path: str, body: Any = None) -> TestResponse:
        """Send a change with the current version in If-Match, and return the response."""
        etag = self.send("GET", path).headers.get("ETag", "*")
        return self.send(method, path, body, headers={"If-Match": etag})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that has to succeed, and return the JSON of the answer."""
        return json_of(self.send(method, path, body))

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return json_of(self.change("PATCH", path, body))

    def delete(self, path: str) -> Any:
        return json_of(self.change("DELETE", path))

    def person(self, name: str = "Greta", time_zone: str = "Europe/Berlin", **more: Any) -> str:
        """A new person's id."""
        body = {"name": name, "email": f"{name.lower()}@example.org", "time_zone": time_zone} | more
        return str(self.post("/people", body)["id"])

    def mentorship(self, mentor: str, mentee: str, **more: Any) -> str:
        """A new mentorship's id: six weeks, over the end of Berlin's summer time."""
        body = {"mentor": mentor, "mentee": mentee, "goals": ["First paper"]}
        dates = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
        return str(self.post("/mentorships", body | dates | more)["id"])

    def pair(self) -> Pair:
        """Greta in Berlin mentors Asha in Kolkata."""
        mentor = self.person()
        mentee = self.person("Asha", "Asia/Kolkata", working_hours=EVENING)
        return Pair(mentor, mentee, self.mentorship(mentor, mentee))

    def cadence(self, pair: Pair, dtstart: str = "2026-10-06T10:00:00", **question: Any) -> dict[str, Any]:
        """The weekly cadence of the mentorship's dates that begins then."""
        asked = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "duration": "PT45M", "step": "PT30M"}
        found = self.post(
            "/cadences", asked | {"attendees": pair.attendees, "min_coverage": 0, "limit": 100} | question
        )
        return next(row for row in found["cadences"] if row["dtstart"] == dtstart)

    def book_cadence(
        self, pair: Pair, dtstart: str = "2026-10-06T10:00:00", question: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Tuesdays at 10:00 in Berlin, six of them, booked as answered, or what another question finds."""
        cadence = self.cadence(pair, dtstart, within=self._same_hour(pair, dtstart), **question or {})
        booked: dict[str, Any] = self.post(pair.meetings, booking_of(cadence) | more)
        return booked

    def _same_hour(self, pair: Pair, dtstart: str) -> dict[str, Any]:
        """Room for a meeting at that time of any day: a search within it takes a tenth of the time."""
        begin = datetime.fromisoformat(dtstart)
        hours = {
            "days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"],
            "start": f"{begin:%H:%M}",
            "end": f"{begin + timedelta(minutes=45):%H:%M}",
        }
        return {"time_zone": self.get(f"/people/{pair.mentor}")["time_zone"], "hours": [hours]}

    def book_slot(self, pair: Pair, start: str = "2026-10-08T08:00:00Z", **more: Any) -> dict[str, Any]:
        """A single meeting of 45 minutes."""
        booked: dict[str, Any] = self.post(pair.meetings, {"start": start, "duration": "PT45M"} | more)
        return booked

    def connect(self, person: str, **more: Any) -> dict[str, Any]:
        """The person's calendar, connected."""
        body = {"url": "https://dav.example.org/cal/", "username": "greta", "password": "hunter2hunter2"}
        connected: dict[str, Any] = self.post(f"/people/{person}/calendars", body | more)
        return connected

    def feed(self, person: str, show: str = "details") -> str:
        """The path of a new feed of the person's."""
        return "/feeds/" + str(self.post(f"/people/{person}/feeds", {"show": show})["token"]) + ".ics"

    def read(self, path: str, **headers: str) -> TestResponse:
        """What a calendar app gets, which has no key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app.test_client().get(path, headers=named)

    def starts(self, *attendees: dict[str, Any], window: tuple[str, str], **more: Any) -> list[str]:
        """Every start at which the attendees can meet, in order; by default for half an hour."""
        asked = {"window": {"start": window[0], "end": window[1]}, "duration": "PT30M", "attendees": attendees}
        found = self.post("/slots", asked | {"limit": 10_000 // max(len(attendees), 2), "order": "earliest"} | more)
        return [slot["start"] for slot in found["slots"]]


def json_of(response: TestResponse) -> Any:
    """What a success says."""
    assert response.status_code < 300, response.text
    return response.json if response.data else None


def booking_of(cadence: dict[str, Any], duration: str = "PT45M") -> dict[str, Any]:
    """What books a cadence as it was answered, with the question's duration and step."""
    named = {name: cadence[name] for name in ("dtstart", "time_zone", "rrule")}
    return named | {"expected": cadence["occurrences"], "duration": duration, "step": "PT30M"}


def replacement_of(found: dict[str, Any], place: int = 0) -> dict[str, Any]:
    """What books a cadence of an answer of find_replacements in the place of the series."""
    cadence = found["cadences"][place]
    named = {name: cadence[name] for name in ("dtstart", "time_zone", "rrule")}
    dates = {name: found[name] for name in ("starts_on", "ends_on", "duration")}
    return named | dates | {"expected": cadence["occurrences"]}


def statuses(meeting: dict[str, Any]) -> list[str]:
    """What each occurrence of a booked meeting has come to."""
    return [row["status"] for row in meeting["occurrences"]]


def problem_of(response: TestResponse, status: int, *pointers: str) -> dict[str, Any]:
    """The problem document (RFC 9457) of an answer, which has that status and points to exactly those fields."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = response.json or {}
    assert body["status"] == status
    assert body["type"].startswith("/problems#")
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert "Traceback" not in response.text
    assert [row["pointer"] for row in body.get("errors", [])] == list(pointers), response.text
    assert all(row["detail"] for row in body.get("errors", []))
    return body
