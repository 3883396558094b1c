"""A weekly meeting across the weeks in which America has changed its clocks and Europe has not, or the reverse."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from examples.demo import readback
from examples.demo.client import Client, Refused, booking_of, promised_meetings
from examples.demo.dates import next_clock_change, next_monday, today
from examples.demo.show import TABLE_STYLE, console, heading, print_checks, step
from examples.demo.stage import Stage

ORGANIZER, OTHER = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
HOUR = "10:00"
MINUTES = 45


def play(stage: Stage) -> bool:
    """Book a meeting at 10:00 in New York across both changes, and read it back from the mentee's feed."""
    client = stage.client
    changes = _changes()
    first = next_monday(min(changes) - timedelta(days=14))
    last = next_monday(max(changes) + timedelta(days=7)) - timedelta(days=1)
    with step("adding a mentor in New York and a mentee in Berlin"):
        people = [_add(client, "Ada", ORGANIZER, HOUR, "10:45"), _add(client, "Jonas", OTHER, "09:00", "20:00")]
    with step(f"booking Tuesdays at {HOUR} in New York, from {first} to {last}"):
        cadence, feed = _book(client, people, first, last)
    promised = promised_meetings(cadence["occurrences"])
    read = readback.meetings_in_feed(feed, first, last)
    _print(read, changes)
    with step("declaring time away at an hour that does not exist"):
        refusal = _declare_missing_hour(client, people[1])
    console.print(f"   refused: {refusal}\n", soft_wrap=True)
    gaps = {_hours_apart(start) for start, _ in read}
    return print_checks(
        {
            "the feed has exactly the meetings promised": read == promised,
            f"each is at {HOUR} in New York": all(f"{start.astimezone(ORGANIZER):%H:%M}" == HOUR for start, _ in read),
            "in between, Berlin is five hours ahead instead of six": gaps == {5, 6},
            "an hour that no clock shows is refused": refusal is not None,
        }
    )


def _changes() -> tuple[date, date]:
    """The next days on which New York and Berlin change their clocks for the same season, at least a week from now."""
    after = today() + timedelta(days=21)
    while True:
        days = tuple(next_clock_change(zone.key, after) for zone in (ORGANIZER, OTHER))
        if max(days) - min(days) < timedelta(days=60):
            return days[0], days[1]
        after = min(days)


def _add(client: Client, name: str, zone: ZoneInfo, start: str, end: str) -> str:
    """Add somebody who can meet on Tuesdays only, and return the id."""
    hours = [{"days": ["TU"], "start": start, "end": end}]
    person = {"name": name, "email": "someone@example.org", "time_zone": zone.key, "working_hours": hours}
    return str(client.post("/people", person)["id"])


def _book(client: Client, people: list[str], first: date, last: date) -> tuple[dict[str, Any], str]:
    """Book the only cadence there is; returns it with the URL of the mentee's feed."""
    dates = {"starts_on": first.isoformat(), "ends_on": last.isoformat()}
    goals = {"mentor": people[0], "mentee": people[1], "goals": ["Read one paper a week"]}
    mentorship = client.post("/mentorships", goals | dates)
    attendees = [{"person": person} for person in people]
    query = dates | {"duration": f"PT{MINUTES}M", "attendees": attendees, "limit": 1}
    cadence: dict[str, Any] = client.post("/cadences", query)["cadences"][0]
    client.post(f"/mentorships/{mentorship['id']}/meetings", booking_of(cadence, duration=f"PT{MINUTES}M"))
    return cadence, str(client.post(f"/people/{people[1]}/feeds", {})["url"])


def _declare_missing_hour(client: Client, person: str) -> str | None:
    """Why the service refuses 02:30 on the next day on which Berlin has no such time; None if it does not."""
    day = next_clock_change(OTHER.key, today())
    if datetime(day.year, day.month, day.day, 12, tzinfo=OTHER).dst() == timedelta(0):
        day = next_clock_change(OTHER.key, day)
    away = {"kind": "other", "title": "Night train", "start": f"{day}T02:30:00", "end": f"{day}T04:00:00"}
    try:
        client.post(f"/people/{person}/blackouts", away)
    except Refused as refused:
        return "; ".join(str(error["detail"]) for error in refused.problem["errors"])
    return None


def _hours_apart(moment: datetime) -> int:
    """How many hours Berlin is ahead of New York."""
    walls = [moment.astimezone(zone).replace(tzinfo=UTC) for zone in (OTHER, ORGANIZER)]
    return (walls[0] - walls[1]) // timedelta(hours=1)


def _print(meetings: list[readback.Meeting], changes: tuple[date, date]) -> None:
    text = f"Read from the feed; New York changes on {changes[0]}, Berlin on {changes[1]}"
    table = Table("UTC", "New York", "Berlin", "hours apart", title=heading(text), **TABLE_STYLE)
    for start, _ in meetings:
        apart = _hours_apart(start)
        cells = [f"{start:%a %d %b %Y  %H:%M}", *(f"{start.astimezone(zone):%H:%M}" for zone in (ORGANIZER, OTHER))]
        table.add_row(*cells, f"[yellow]{apart}[/]" if apart == 5 else str(apart))
    console.print(table)
