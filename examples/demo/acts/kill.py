"""The service is killed while it books and while it delivers; nothing is lost, and nothing is there twice."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import requests

from examples.demo import processes, readback
from examples.demo.client import Client, booking_of, promised_meetings
from examples.demo.dates import next_monday, today
from examples.demo.show import console, print_checks, print_comparison, step
from examples.demo.stage import Stage, connect_calendars, wait_for_delivery

DURATION = "PT30M"
ZONES = {"Ada": "Europe/London", "Chidi": "Africa/Lagos"}
WEEKS = 8
HOUR = timedelta(hours=1)


def play(stage: Stage) -> bool:
    """Kill the service twice around one booking, and read back what is left."""
    client = stage.client
    first = next_monday(today())
    last = first + timedelta(weeks=WEEKS, days=-1)
    people = [_add(client, name) for name in ZONES]
    dates = {"starts_on": first.isoformat(), "ends_on": last.isoformat()}
    mentorship = client.post("/mentorships", dates | {"mentor": people[0], "mentee": people[1], "goals": ["A thesis"]})
    attendees = [{"person": person} for person in people]
    query = dates | {"duration": DURATION, "attendees": attendees, "limit": 1}
    cadence = client.post("/cadences", query)["cadences"][0]
    meetings = f"/mentorships/{mentorship['id']}/meetings"
    meeting = _book_and_kill(stage, meetings, booking_of(cadence, duration=DURATION))
    calendars, promised = _deliver_and_kill(stage, people, meeting)
    if not wait_for_delivery(client, meeting):
        return False
    feed = client.post(f"/people/{people[0]}/feeds", {})["url"]
    found = {"Ada's feed, by requests": readback.meetings_in_feed(feed, first, last)}
    for (user, password), url in zip(processes.CALDAV_LOGINS.items(), calendars, strict=True):
        found[f"{user}'s Radicale, by caldav"] = readback.meetings_on_server(url, user, password, first, last)
    same = print_comparison(promised, found, tuple(ZONES.values()), tuple(ZONES))
    return print_checks(
        {
            "the request that was sent twice booked one meeting": len(client.get(meetings)["items"]) == 1,
            "both calendars and the feed hold each occurrence once": same,
        }
    )


def _add(client: Client, name: str) -> str:
    person = {"name": name, "email": f"{name.lower()}@example.org", "time_zone": ZONES[name]}
    return str(client.post("/people", person)["id"])


def _book_and_kill(stage: Stage, path: str, booking: dict[str, Any]) -> dict[str, Any]:
    """Kill the service a few milliseconds into a booking, start it again, and repeat the request under its key."""
    client, key = stage.client, str(uuid4())
    killing = threading.Timer(0.02, stage.service.kill)
    killing.start()
    try:
        client.post(path, booking, idempotency_key=key)
        answered = "its answer had just arrived"
    except requests.ConnectionError:
        answered = "no answer arrived"
    killing.join()
    console.print(f"[red]✗[/] the service is killed (SIGKILL) during the booking: {answered}")
    with step("starting the service again, and sending the same request under the same Idempotency-Key"):
        stage.service.start()
        stage.service.wait()
        meeting: dict[str, Any] = client.post(path, booking, idempotency_key=key)
    return meeting


def _deliver_and_kill(
    stage: Stage, people: list[str], meeting: dict[str, Any]
) -> tuple[list[str], list[readback.Meeting]]:
    """Connect calendars to a server that then stops, kill the service while it retries, and start both again.

    Returns the calendars' URLs, and when the meetings take place, one of which was moved meanwhile.
    """
    client = stage.client

    def reason() -> str | None:
        rows = client.get(f"/meetings/{meeting['id']}/deliveries")["items"]
        return next((row["reason"] for row in rows if row["state"] == "waiting" and row["reason"]), None)

    with step("connecting two calendars whose server then stops, and moving one occurrence"):
        calendars = connect_calendars(client, stage.radicale.url, people)
        stage.radicale.stop()
        moved = _move(client, meeting)
        said = readback.wait_until(reason, 20)
    console.print(f"   the delivery waits: {said}")
    stage.service.kill()
    console.print("[red]✗[/] the service is killed (SIGKILL) while it waits to try again")
    with step("starting the CalDAV server and the service again"):
        for server in (stage.radicale, stage.service):
            server.start()
        for server in (stage.radicale, stage.service):
            server.wait()
    return calendars, moved


def _move(client: Client, meeting: dict[str, Any]) -> list[readback.Meeting]:
    """Move the second occurrence by an hour; when the meetings then take place."""
    promised = promised_meetings(meeting["occurrences"])
    promised[1] = (promised[1][0] + HOUR, promised[1][1] + HOUR)
    path = f"/meetings/{meeting['id']}/occurrences/{meeting['occurrences'][1]['recurrence_id']}"
    client.patch(path, {"start": f"{promised[1][0]:%Y-%m-%dT%H:%M:%SZ}"})
    return promised
