"""A panel of which any two come, then an interview and its debrief in one plan, booked and read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from examples.demo import readback
from examples.demo.client import Client
from examples.demo.dates import next_monday, today
from examples.demo.show import TABLE_STYLE, console, heading, print_checks, step
from examples.demo.stage import Stage

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR"]
PEOPLE = {
    "Asha": ("Asia/Kolkata", "13:00", "20:00"),
    "Greta": ("Europe/Berlin", "09:00", "17:00"),
    "Wanjiru": ("Africa/Nairobi", "09:00", "12:30"),
    "Tomás": ("Europe/Lisbon", "09:30", "18:00"),
}
"""The candidate and three interviewers: zone, and when each begins and ends to work from Monday to Friday."""
CANDIDATE, INTERVIEWER, COACH = 0, 1, 2
LEAST_WAIT, MOST_WAIT = timedelta(hours=1), timedelta(days=2)
SESSIONS = [
    {"title": "Interview", "duration": "PT45M", "attendees": [INTERVIEWER, CANDIDATE]},
    {"title": "Debrief", "duration": "PT30M", "attendees": [COACH, CANDIDATE], "at_least": "PT1H", "at_most": "P2D"},
]


def play(stage: Stage) -> bool:
    """Find a time for a panel, plan and book two sessions, and read them back from the candidate's feed."""
    client = stage.client
    with step("adding a candidate in Kolkata and interviewers in Berlin, Nairobi and Lisbon"):
        people = [_add(client, name) for name in PEOPLE]
    monday = next_monday(today())
    window = {"start": f"{monday}T00:00:00Z", "end": f"{monday + timedelta(days=5)}T00:00:00Z"}
    attendees = [{"person": person} for person in people]
    panel = {"groups": [{"members": [1, 2, 3], "required": 2}], "step": "PT30M", "limit": 5}
    slots = client.post("/slots", {"window": window, "duration": "PT1H", "attendees": attendees, **panel})
    _print_panel(slots)
    query = {"window": window, "attendees": attendees, "sessions": SESSIONS, "limit": 3}
    plans = client.post("/sequences", query)
    _print_plans(plans)
    with step("booking both sessions of the best plan"):
        sessions = plans["plans"][0]["sessions"]
        for session, organizer in zip(sessions, (INTERVIEWER, COACH), strict=True):
            _book(client, people, organizer, session)
        feed = client.post(f"/people/{people[CANDIDATE]}/feeds", {})["url"]
    booked = [_times(session) for session in sessions]
    checks = {
        "two interviewers can come to every panel": _panel_is_there(slots),
        "everybody is at work by their own clock, and the debrief follows in time": _is_in_order(sessions),
        "the candidate's feed has both sessions": readback.meetings_in_feed(feed, monday, monday + timedelta(days=7))
        == booked,
        "no plan asked for now takes what is booked": _is_free(client.post("/sequences", query), booked),
    }
    return print_checks(checks)


def _add(client: Client, name: str) -> str:
    """Add a person and return the id."""
    zone, start, end = PEOPLE[name]
    hours = [{"days": WEEKDAYS, "start": start, "end": end}]
    person = {"name": name, "email": "someone@example.org", "time_zone": zone, "working_hours": hours}
    return str(client.post("/people", person)["id"])


def _book(client: Client, people: Sequence[str], organizer: int, session: dict[str, Any]) -> None:
    """Book a session of a plan in a mentorship of its own."""
    day = datetime.fromisoformat(session["start"]).date()
    mentorship = {
        "mentor": people[organizer],
        "mentee": people[CANDIDATE],
        "goals": ["A mock interview"],
        "starts_on": day.isoformat(),
        "ends_on": (day + timedelta(days=1)).isoformat(),
    }
    agreed = client.post("/mentorships", mentorship)
    start, end = _times(session)
    minutes = (end - start) // timedelta(minutes=1)
    slot = {"start": session["start"], "duration": f"PT{minutes}M", "title": session["title"]}
    client.post(f"/mentorships/{agreed['id']}/meetings", slot)


def _times(row: dict[str, Any]) -> readback.Meeting:
    return datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])


def _panel_is_there(slots: dict[str, Any]) -> bool:
    return bool(slots["slots"]) and all(
        sum(row["available"] for row in slot["attendees"][1:]) >= 2 for slot in slots["slots"]
    )


def _is_in_order(sessions: Sequence[dict[str, Any]]) -> bool:
    """Whether the sessions keep everybody's working hours and the waits, worked out from zoneinfo alone."""
    (interview, debrief) = (_times(session) for session in sessions)
    at_work = all(
        _works(name, *_times(session))
        for session, names in zip(sessions, (("Asha", "Greta"), ("Asha", "Wanjiru")), strict=True)
        for name in names
    )
    return at_work and LEAST_WAIT <= debrief[0] - interview[1] <= MOST_WAIT


def _works(name: str, start: datetime, end: datetime) -> bool:
    zone, opens, closes = PEOPLE[name]
    first, last = (moment.astimezone(ZoneInfo(zone)) for moment in (start, end))
    hours = time.fromisoformat(opens) <= first.time() and last.time() <= time.fromisoformat(closes)
    return hours and first.date() == last.date() and first.weekday() < 5


def _is_free(plans: dict[str, Any], booked: Iterable[readback.Meeting]) -> bool:
    """Whether there are other plans, none of which overlaps what is booked."""
    planned = [_times(session) for plan in plans["plans"] for session in plan["sessions"]]
    return bool(planned) and all(
        end <= taken_start or taken_end <= start for start, end in planned for taken_start, taken_end in booked
    )


def _print_panel(slots: dict[str, Any]) -> None:
    text = f"An hour with the candidate and any two of three interviewers: the best of {slots['total']}"
    table = Table(*PEOPLE, "score", title=heading(text), **TABLE_STYLE)
    for slot in slots["slots"]:
        cells = [_local(row["start"]) if row["available"] else "[dim]can't come[/]" for row in slot["attendees"]]
        table.add_row(*cells, f"{slot['score']:.3f}")
    console.print(table)


def _print_plans(plans: dict[str, Any]) -> None:
    text = "An interview with Greta, then a debrief with Wanjiru one hour to two days later"
    table = Table("", *list(PEOPLE)[:3], "score", title=heading(text), **TABLE_STYLE)
    for plan in plans["plans"]:
        for session in plan["sessions"]:
            starts = {row["index"]: _local(row["start"]) for row in session["attendees"]}
            cells = [starts.get(index, "") for index in range(3)]
            table.add_row(session["title"], *cells, f"{plan['score']:.3f}" if session is plan["sessions"][0] else "")
        table.add_section()
    console.print(table)


def _local(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %d %b %Y  %H:%M}"
