"""The main job: two people, their exams, the best fortnightly cadence, booked, delivered and read back; late exams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from examples.demo import processes, readback
from examples.demo.client import Client, booking_of, declare_blackouts, promised_meetings
from examples.demo.dates import next_monday, today
from examples.demo.late_exams import Booked, declare_late_exams
from examples.demo.show import console, print_cadence, print_comparison, print_slots, step
from examples.demo.stage import Stage, connect_calendars, wait_for_delivery

DURATION = "PT45M"
ZONES = ("Europe/Berlin", "Asia/Kolkata")
NAMES = ("Greta in Berlin", "Asha in Kolkata")
UNIVERSITIES = ("ph-freiburg-2026-27", "mahindra-university-2026-27")
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR"]
MENTOR: dict[str, Any] = {
    "name": "Greta Lindqvist",
    "email": "greta@mentors.example.org",
    "time_zone": ZONES[0],
    "working_hours": [{"days": WEEKDAYS, "start": "09:00", "end": "17:30"}],
    "buffer": {"before": "PT5M", "after": "PT10M"},
}
MENTEE: dict[str, Any] = {
    "name": "Asha Iyer",
    "email": "asha@students.example.org",
    "time_zone": ZONES[1],
    "working_hours": [{"days": WEEKDAYS, "start": "16:00", "end": "21:00"}],
}
RULES = {"min_coverage": 0.6, "on_conflict": "move", "move_within_days": 6}
"""How occurrences that are blocked are treated; the question and the booking have the same."""


@dataclass(frozen=True)
class Dates:
    """The first and the last day of the mentorship: from next Monday for half a year."""

    starts_on: date
    ends_on: date

    @classmethod
    def after(cls, day: date) -> Dates:
        """The dates of a mentorship that is agreed on that day."""
        monday = next_monday(day)
        return cls(monday, monday + timedelta(weeks=25, days=4))


@dataclass(frozen=True)
class Trip:
    """What a trip leaves behind: the mentor's feed, and the booked series."""

    feed: dict[str, Any]
    booked: Booked


def play(stage: Stage) -> bool:
    """Take the trip, and note what there is to look at afterwards."""
    client = stage.client
    trip = take_trip(client, stage.radicale.url)
    if trip is None or not declare_late_exams(trip.booked):
        return False
    meeting = trip.booked.meeting["id"]
    stage.hints += [
        f"Greta's feed, for her calendar app:\n   {trip.feed['url']}\n   {trip.feed['webcal_url']}",
        f"The API, to read and try:\n   {client.base}/docs/",
        "Go on with curl:",
        "   KEY=$(cat var/demo/api-key)",
        f'   curl -s -H "Authorization: Bearer $KEY" {client.base}/v1/meetings/{meeting}/occurrences',
        f'   curl -s -H "Authorization: Bearer $KEY" {client.base}/v1/meetings/{meeting}/deliveries',
        f"   curl -si {trip.feed['url']} | head -40",
    ]
    return True


def take_trip(client: Client, radicale: str) -> Trip | None:
    """Book and read back a cadence; None if anything that was read is not what was promised.

    The service and the CalDAV server at that address run already, and the programme may have been used before.
    """
    dates = Dates.after(today())
    people, calendars = _people(client, radicale, dates)
    mentorship = _mentorship(client, people, dates)
    cadence = _best_cadence(client, people, dates)
    with step("booking the first of them"):
        details = {"duration": DURATION, "conference_url": "https://meet.example.org/greta-asha", **RULES}
        meeting = client.post(f"/mentorships/{mentorship}/meetings", booking_of(cadence, **details))
        feed = client.post(f"/people/{people[0]}/feeds", {"show": "details"})
    if not wait_for_delivery(client, meeting):
        return None

    def find_meetings() -> dict[str, list[readback.Meeting]]:
        return _find_meetings(calendars, feed["url"], dates)

    if not print_comparison(promised_meetings(cadence["occurrences"]), find_meetings(), ZONES, ("Berlin", "Kolkata")):
        console.print("[red]what was read back is not what was promised[/]")
        return None
    console.print("[green]✓[/] both hold exactly the occurrences promised\n")
    return Trip(feed, Booked(client, mentorship, (people[0], people[1]), meeting, ZONES, find_meetings))


def _people(client: Client, radicale: str, dates: Dates) -> tuple[list[str], list[str]]:
    """The two people's ids and their calendars' URLs; their exams and breaks are declared."""
    with step("adding a mentor in Berlin and a mentee in Kolkata, each with a CalDAV calendar"):
        people = [client.post("/people", person)["id"] for person in (MENTOR, MENTEE)]
        calendars = connect_calendars(client, radicale, people)
    with step("declaring exams and breaks from two universities' published calendars"):
        published = [
            declare_blackouts(client, person, university, dates.starts_on)
            for person, university in zip(people, UNIVERSITIES, strict=True)
        ]
    for name, (calendar, years) in zip(NAMES, published, strict=True):
        source = calendar["source"]
        moved = f"; dates that have passed are moved ahead by {_years(years)}" if years else ""
        console.print(f"   {name}: {source['title']}, {len(calendar['blackouts'])} times away{moved}", soft_wrap=True)
        console.print(f"   [dim]{source['url']}[/]", soft_wrap=True)
    return people, calendars


def _years(number: int) -> str:
    return "1 year" if number == 1 else f"up to {number} years"


def _mentorship(client: Client, people: list[str], dates: Dates) -> str:
    """The id of a new mentorship."""
    with step("agreeing on a mentorship: goals, expectations and an end date"):
        mentorship = client.post(
            "/mentorships",
            {
                "mentor": people[0],
                "mentee": people[1],
                "goals": ["Three merged pull requests", "Give a talk at the community day"],
                "expectations": "Asha brings the agenda; whoever can't come says so a day before.",
                "starts_on": dates.starts_on.isoformat(),
                "ends_on": dates.ends_on.isoformat(),
            },
        )
    return str(mentorship["id"])


def _best_cadence(client: Client, people: list[str], dates: Dates) -> dict[str, Any]:
    """Find slots and cadences, print the best of each, and return the best cadence."""
    attendees = [{"person": person} for person in people]
    window = {"start": f"{dates.starts_on}T00:00:00Z", "end": f"{dates.starts_on + timedelta(weeks=2)}T00:00:00Z"}
    slots = client.post("/slots", {"window": window, "duration": DURATION, "attendees": attendees, "limit": 3})
    print_slots(slots, NAMES)
    found = client.post("/cadences", cadence_query(attendees, dates))
    console.print(f"[bold]The best three of {found['total']} fortnightly cadences until {dates.ends_on}[/]\n")
    for rank, cadence in enumerate(found["cadences"], 1):
        print_cadence(rank, cadence, NAMES, ZONES)
        console.print()
    best: dict[str, Any] = found["cadences"][0]
    return best


def cadence_query(attendees: list[dict[str, Any]], dates: Dates) -> dict[str, Any]:
    """The body that asks for the best three fortnightly cadences of these attendees."""
    return {
        "starts_on": dates.starts_on.isoformat(),
        "ends_on": dates.ends_on.isoformat(),
        "every_weeks": 2,
        "duration": DURATION,
        "attendees": attendees,
        "limit": 3,
        **RULES,
    }


def _find_meetings(calendars: list[str], feed: str, dates: Dates) -> dict[str, list[readback.Meeting]]:
    """What the CalDAV server and the feed hold, by who has it and what read it."""
    found = {}
    for (user, password), url in zip(processes.CALDAV_LOGINS.items(), calendars, strict=True):
        found[f"{user}'s Radicale, by caldav"] = readback.meetings_on_server(
            url, user, password, dates.starts_on, dates.ends_on
        )
    found["mentor's feed, by requests"] = readback.meetings_in_feed(feed, dates.starts_on, dates.ends_on)
    return found
