"""An HTTP client of the API, as another service would write one: it imports nothing of the scheduler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from examples.demo.dates import move_ahead

CALENDARS = Path(__file__).parent.parent / "calendars"


class Refused(Exception):
    """The service answered with a problem document, which is ``problem``."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(json.dumps(problem, indent=2))
        self.problem = problem


class Client:
    """The scheduler's API with one programme's key."""

    def __init__(self, base: str, key: str) -> None:
        self.base = base
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def post(self, path: str, body: Any, *, idempotency_key: str | None = None, if_match: str | None = None) -> Any:
        """Send a JSON body and return the JSON of the answer. Raises Refused.

        Every request has an Idempotency-Key, a new one by default: sent again, by a proxy too, it is carried out once.
        ``if_match`` is the version of the resource that it changes.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())} | ({"If-Match": if_match} if if_match else {})
        return self._json(self._session.post(f"{self.base}/v1{path}", json=body, headers=headers, timeout=30))

    def patch(self, path: str, body: Any) -> Any:
        """Change a resource, whatever its version, and return the JSON of the answer. Raises Refused."""
        headers = {"If-Match": "*"}
        return self._json(self._session.patch(f"{self.base}/v1{path}", json=body, headers=headers, timeout=30))

    def delete(self, path: str) -> Any:
        """Delete a resource and return the JSON of the answer. Raises Refused."""
        return self._json(self._session.delete(f"{self.base}/v1{path}", timeout=30))

    def get(self, path: str) -> Any:
        """Return the JSON of the answer. Raises Refused."""
        return self._json(self._session.get(f"{self.base}/v1{path}", timeout=30))

    @staticmethod
    def _json(response: requests.Response) -> Any:
        if not response.ok:
            raise Refused(response.json())
        return response.json()


def published_calendar(name: str) -> dict[str, Any]:
    """A university's exams and breaks, as published."""
    published: dict[str, Any] = json.loads((CALENDARS / f"{name}.json").read_text())
    return published


def declare_blackouts(client: Client, person: str, calendar: str, first: date) -> tuple[dict[str, Any], int]:
    """Declare a person's exams and breaks from a university's published calendar.

    Those that have passed on ``first`` are moved ahead by whole years. Returns the calendar and the most years moved.
    """
    published = published_calendar(calendar)
    most = 0
    for blackout in published["blackouts"]:
        moved, years = move_ahead(blackout, first)
        client.post(f"/people/{person}/blackouts", moved)
        most = max(most, years)
    return published, most


def booking_of(cadence: dict[str, Any], **details: Any) -> dict[str, Any]:
    """The body that books a cadence exactly as the service answered it."""
    return {
        "dtstart": cadence["dtstart"],
        "time_zone": cadence["time_zone"],
        "rrule": cadence["rrule"],
        "expected": cadence["occurrences"],
        **details,
    }


def promised_meetings(occurrences: Sequence[dict[str, Any]]) -> list[tuple[datetime, datetime]]:
    """When the planned occurrences take place, in UTC."""
    kept = [row.get("moved_to", row) for row in occurrences if row["status"] != "skipped"]
    return sorted((datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in kept)
