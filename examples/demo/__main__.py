"""``make demo``: runs the service and a CalDAV server, and uses them as a programme would."""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from contextlib import ExitStack
from datetime import date
from typing import Any

from examples.demo import processes, readback
from examples.demo.client import Client, booking_of, declare_blackouts, promised_meetings
from examples.demo.show import console, print_cadence, print_comparison, print_slots, step

STARTS_ON, ENDS_ON = date(2026, 11, 30), date(2027, 5, 28)
DURATION = "PT45M"
ZONES = ("Europe/Berlin", "Asia/Kolkata")
NAMES = ("Greta in Berlin", "Asha in Kolkata")
RULES = {"min_coverage": 0.6, "on_conflict": "move", "move_within_days": 6}
"""What both the question and the booking say about occurrences that are blocked."""
DELIVERY_SECONDS = 30.0
MENTOR_UNIVERSITY = "ph-freiburg-2026-27"
MENTEE_UNIVERSITY = "mahindra-university-2026-27"


def main() -> int:
    """The whole trip; 0 if everything that was promised was found."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="exit when the result was read back")
    once = parser.parse_args().once
    processes.FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            return _run(stack, once=once)
        except KeyboardInterrupt:
            console.print("\nstopping")
            return 0


def _run(stack: ExitStack, *, once: bool) -> int:
    client, radicale = _start(stack)
    trip = take_trip(client, radicale)
    if trip is None:
        return 1
    if not once:
        _stay(client, *trip)
    return 0


def take_trip(client: Client, radicale: str) -> tuple[dict[str, Any], str] | None:
    """The mentor's feed and the meeting's id, if everything that was promised was found; None if not.

    The service and the CalDAV server at that address run already, and the client's programme may have been used before.
    """
    people, calendars = _people(client, radicale)
    mentorship = _mentorship(client, people)
    cadence = _best_cadence(client, people)
    with step("booking the first of them"):
        details = {"duration": DURATION, "conference_url": "https://meet.example.org/greta-asha", **RULES}
        meeting = client.post(f"/mentorships/{mentorship}/meetings", booking_of(cadence, **details))
        feed = client.post(f"/people/{people[0]}/feeds", {"show": "details"})
    with step("waiting until both calendars have it"):
        delivered = readback.wait_until(lambda: _delivered(client, meeting["id"]), DELIVERY_SECONDS)
    if delivered is None:
        rows = client.get(f"/meetings/{meeting['id']}/deliveries")["items"]
        console.print(f"[red]not delivered within {DELIVERY_SECONDS:.0f} seconds:[/] {[row['reason'] for row in rows]}")
        return None
    if not _read_back(cadence, calendars, feed["url"]):
        console.print("[red]what was read back is not what was promised[/]")
        return None
    console.print("[green]✓[/] both hold exactly the occurrences promised\n")
    return feed, meeting["id"]


def _start(stack: ExitStack) -> tuple[Client, str]:
    """The service behind a client with a programme's key, and the CalDAV server's address."""
    environment = processes.service_environment()
    with step("making the database (var/demo/scheduler.db)"):
        processes.migrate(environment)
    with step("starting a CalDAV server (Radicale) and the service"):
        radicale = processes.start_radicale()
        stack.callback(radicale.stop)
        service = processes.start_service(environment)
        stack.callback(service.stop)
        radicale.wait()
        service.wait()
    with step("creating a programme and its API key"):
        key = processes.create_programme(environment, "Open Source Mentors")
        key_file = processes.FOLDER / "api-key"
        key_file.touch(mode=0o600)
        key_file.write_text(key)
    return Client(service.url.removesuffix("/healthz"), key), radicale.url


def _people(client: Client, radicale: str) -> tuple[list[str], list[str]]:
    """The two people with their calendars connected and their exams and breaks declared."""
    with step("adding a mentor in Berlin and a mentee in Kolkata, each with a CalDAV calendar"):
        weekdays = ["MO", "TU", "WE", "TH", "FR"]
        mentor = {
            "name": "Greta Lindqvist",
            "email": "greta@mentors.example.org",
            "time_zone": ZONES[0],
            "working_hours": [{"days": weekdays, "start": "09:00", "end": "17:30"}],
            "buffer": {"before": "PT5M", "after": "PT10M"},
        }
        mentee = {
            "name": "Asha Iyer",
            "email": "asha@students.example.org",
            "time_zone": ZONES[1],
            "working_hours": [{"days": weekdays, "start": "16:00", "end": "21:00"}],
        }
        people = [client.post("/people", person)["id"] for person in (mentor, mentee)]
        calendars = []
        for person, user in zip(people, processes.CALDAV_LOGINS, strict=True):
            password = processes.CALDAV_LOGINS[user]
            url = readback.make_calendar(radicale, user, password, f"demo-{uuid.uuid4().hex[:8]}")
            account = {"url": url, "username": user, "password": password, "publish": True}
            client.post(f"/people/{person}/calendars", account)
            calendars.append(url)
    with step("declaring exams and breaks from two universities' published calendars"):
        published = [
            declare_blackouts(client, people[0], MENTOR_UNIVERSITY),
            declare_blackouts(client, people[1], MENTEE_UNIVERSITY),
        ]
    for name, calendar in zip(NAMES, published, strict=True):
        source = calendar["source"]
        console.print(f"   {name}: {source['title']}, {len(calendar['blackouts'])} times away", soft_wrap=True)
        console.print(f"   [dim]{source['url']}[/]", soft_wrap=True)
    return people, calendars


def _mentorship(client: Client, people: list[str]) -> str:
    with step("agreeing on a mentorship: goals, expectations and an end date"):
        mentorship = client.post(
            "/mentorships",
            {
                "mentor": people[0],
                "mentee": people[1],
                "goals": ["Three merged pull requests", "Give a talk at the community day"],
                "expectations": "Asha brings the agenda; whoever can't come says so a day before.",
                "starts_on": STARTS_ON.isoformat(),
                "ends_on": ENDS_ON.isoformat(),
            },
        )
    return str(mentorship["id"])


def _best_cadence(client: Client, people: list[str]) -> dict[str, Any]:
    """Asks for slots and for cadences, prints the best of each, and answers with the best cadence."""
    attendees = [{"person": person} for person in people]
    window = {"start": f"{STARTS_ON}T00:00:00Z", "end": "2026-12-14T00:00:00Z"}
    slots = client.post("/slots", {"window": window, "duration": DURATION, "attendees": attendees, "limit": 3})
    print_slots(slots, NAMES)
    asked = {
        "starts_on": STARTS_ON.isoformat(),
        "ends_on": ENDS_ON.isoformat(),
        "every_weeks": 2,
        "duration": DURATION,
        "attendees": attendees,
        "limit": 3,
        **RULES,
    }
    found = client.post("/cadences", asked)
    console.print(f"[bold]The best three of {found['total']} fortnightly cadences until {ENDS_ON}[/]\n")
    for place, cadence in enumerate(found["cadences"], 1):
        print_cadence(place, cadence, NAMES, ZONES)
        console.print()
    best: dict[str, Any] = found["cadences"][0]
    return best


def _delivered(client: Client, meeting: str) -> bool | None:
    rows = client.get(f"/meetings/{meeting}/deliveries")["items"]
    return True if all(row["state"] == "delivered" for row in rows) else None


def _read_back(cadence: dict[str, Any], calendars: list[str], feed: str) -> bool:
    """Whether the CalDAV server and the feed hold exactly what was promised; both are printed beside it."""
    promised = promised_meetings(cadence)
    found = {}
    for user, url in zip(processes.CALDAV_LOGINS, calendars, strict=True):
        password = processes.CALDAV_LOGINS[user]
        found[f"{user}'s Radicale, by caldav"] = readback.meetings_on_server(url, user, password, STARTS_ON, ENDS_ON)
    found["mentor's feed, by requests"] = readback.meetings_in_feed(feed, STARTS_ON, ENDS_ON)
    return print_comparison(promised, found, ZONES, ("Berlin", "Kolkata"))


def _stay(client: Client, feed: dict[str, Any], meeting: str) -> None:
    """Says how to go on, and stays up until Ctrl-C."""
    console.print(f"Greta's feed, for her calendar app:\n   {feed['url']}\n   {feed['webcal_url']}")
    console.print(f"The API, to read and try:\n   {client.base}/docs/")
    console.print("Go on with curl:")
    commands = (
        "KEY=$(cat var/demo/api-key)",
        f'curl -s -H "Authorization: Bearer $KEY" {client.base}/v1/meetings/{meeting}/occurrences',
        f'curl -s -H "Authorization: Bearer $KEY" {client.base}/v1/meetings/{meeting}/deliveries',
        f"curl -si {feed['url']} | head -40",
    )
    for command in commands:
        console.print(f"   {command}", soft_wrap=True)
    console.print("\nCtrl-C stops it.")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
