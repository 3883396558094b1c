"""What another service would do: it knows the API over HTTP and nothing else."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

CALENDARS = Path(__file__).parent.parent / "calendars"


class Refused(Exception):
    """The service answered with a problem document."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(json.dumps(problem, indent=2))


class Client:
    """The scheduler's API with one programme's key."""

    def __init__(self, base: str, key: str) -> None:
        self.base = base
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def post(self, path: str, body: Any) -> Any:
        """Sends a JSON body and answers with JSON. Raises Refused.

        The request names itself, so that whoever sends it again, a proxy too, has it carried out once.
        """
        name = {"Idempotency-Key": str(uuid4())}
        return self._answer(self._session.post(f"{self.base}/v1{path}", json=body, headers=name, timeout=30))

    def get(self, path: str) -> Any:
        """Answers with JSON. Raises Refused."""
        return self._answer(self._session.get(f"{self.base}/v1{path}", timeout=30))

    @staticmethod
    def _answer(response: requests.Response) -> Any:
        if not response.ok:
            raise Refused(response.json())
        return response.json()


def declare_blackouts(client: Client, person: str, calendar: str) -> dict[str, Any]:
    """Declares every exam and break of a university's published calendar; answers with that calendar."""
    published: dict[str, Any] = json.loads((CALENDARS / f"{calendar}.json").read_text())
    for blackout in published["blackouts"]:
        client.post(f"/people/{person}/blackouts", blackout)
    return published


def booking_of(cadence: dict[str, Any], **details: Any) -> dict[str, Any]:
    """The booking of a cadence, taken from its answer."""
    return {
        "dtstart": cadence["dtstart"],
        "time_zone": cadence["time_zone"],
        "rrule": cadence["rrule"],
        "expected": cadence["occurrences"],
        **details,
    }


def promised_meetings(cadence: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    """When the cadence promises to take place, in UTC."""
    kept = [row.get("moved_to", row) for row in cadence["occurrences"] if row["status"] != "skipped"]
    return sorted((datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in kept)
