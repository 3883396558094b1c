"""Exams that are declared after the booking: what the service asks, what it moves by itself, and how that is undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from examples.demo.client import Client
from examples.demo.readback import Meeting
from examples.demo.show import TABLE_STYLE, console, heading, print_comparison, step
from examples.demo.stage import wait_for_delivery

EXAMS = Path(__file__).parent.parent / "late-exams.json"


@dataclass(frozen=True)
class Booked:
    """A booked series, its mentorship, and its mentor and mentee, who has exams.

    ``find_meetings`` reads it back: what each calendar holds, by who has it and what read it.
    """

    client: Client
    mentorship: str
    people: tuple[str, str]
    meeting: dict[str, Any]
    zones: tuple[str, str]
    find_meetings: Callable[[], dict[str, list[Meeting]]]

    def occurrences(self) -> list[dict[str, Any]]:
        """The occurrences as the service has them now."""
        found: list[dict[str, Any]] = self.client.get(f"/meetings/{self.meeting['id']}")["occurrences"]
        return found

    def agrees(self) -> bool:
        """Whether the calendars hold what the service says, once they have it."""
        kept = [row for row in self.occurrences() if row["status"] in {"scheduled", "moved"}]
        promised = sorted((datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in kept)
        if not wait_for_delivery(self.client, self.meeting):
            return False
        found = self.find_meetings()
        if all(meetings == promised for meetings in found.values()):
            console.print(f"[green]✓[/] feed and calendars, read back, hold exactly the {len(promised)} occurrences\n")
            return True
        return print_comparison(promised, found, self.zones, ("Berlin", "Kolkata"))


def declare_late_exams(booked: Booked) -> bool:
    """Declare exams over two booked meetings, one after the other; whether calendars always held what they should."""
    before = booked.occurrences()
    first, second = _quiet_weeks(booked, before)
    if not _ask(booked, first):
        return False
    if not _move(booked, second):
        return False
    if booked.occurrences() != before:
        console.print("[red]the exams are withdrawn, and the meetings are not as they were[/]")
        return False
    console.print("[green]✓[/] the exams are withdrawn, and every meeting is back where it was booked\n")
    return True


def _ask(booked: Booked, row: dict[str, Any]) -> bool:
    """Exams while the mentorship says ``ask``: choose an alternative, withdraw the exams, and restore the meeting."""
    exams, conflicts = _declare(booked, row)
    (conflict,) = conflicts
    _print_conflict(conflict, booked.zones)
    chosen = conflict["alternatives"][0]
    with step("choosing the first of the other times"):
        _resolve(booked, conflict, {"do": "move", "start": chosen["start"]})
    if not booked.agrees():
        return False
    with step("withdrawing the exams; as somebody chose the time, going back is offered and not done"):
        answer = booked.client.delete(f"/people/{booked.people[1]}/blackouts/{exams}")
    (offered,) = answer["conflicts"]
    with step(f"taking the offer: back to {_local(offered['alternatives'][0]['start'], booked.zones[0])}"):
        _resolve(booked, conflict, {"do": "restore"})
    return booked.agrees()


def _move(booked: Booked, row: dict[str, Any]) -> bool:
    """Exams while the mentorship says ``move``: the meeting moves by itself, and goes back by itself."""
    with step("from now on, exams move meetings by themselves (when_blocked: move)"):
        booked.client.patch(f"/mentorships/{booked.mentorship}", {"when_blocked": "move"})
    exams, conflicts = _declare(booked, row)
    (conflict,) = conflicts
    times = (_local(conflict[name], booked.zones[0]) for name in ("start", "moved_to"))
    console.print(f"   moved by itself from {' to '.join(times)}\n")
    if not booked.agrees():
        return False
    with step("withdrawing the exams"):
        booked.client.delete(f"/people/{booked.people[1]}/blackouts/{exams}")
    return booked.agrees()


def _declare(booked: Booked, row: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Declare the exams in the week of an occurrence; the blackout's id and the conflicts that it makes."""
    exams = json.loads(EXAMS.read_text())
    day = _day(row, booked.zones[1])
    monday = day - timedelta(days=day.weekday())
    last = monday + timedelta(days=exams["workdays"] - 1)
    with step(f"Asha's university announces {exams['title'].lower()} from {monday} to {last}"):
        body = {"kind": exams["kind"], "title": exams["title"], "first_day": str(monday), "last_day": str(last)}
        answer = booked.client.post(f"/people/{booked.people[1]}/blackouts", body)
    return answer["id"], answer["conflicts"]


def _resolve(booked: Booked, conflict: dict[str, Any], decision: dict[str, str]) -> None:
    occurrence = f"/meetings/{conflict['meeting']}/occurrences/{conflict['recurrence_id']}"
    booked.client.post(f"{occurrence}/resolve", decision, if_match="*")


def _quiet_weeks(booked: Booked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two occurrences where the rule puts them, with nobody away in the weeks around, so that they can be moved."""
    away = [
        (date.fromisoformat(one["first_day"]) - timedelta(days=10), date.fromisoformat(one["last_day"]))
        for person in booked.people
        for one in booked.client.get(f"/people/{person}/blackouts")["items"]
    ]
    days = [_day(row, booked.zones[1]) for row in rows]
    found = [
        row
        for row, day in zip(rows, days, strict=True)
        if row["status"] == "scheduled"
        and days[0] < day < days[-1]
        and not any(first <= day <= last + timedelta(days=10) for first, last in away)
    ]
    return [found[0], found[-1]]


def _print_conflict(conflict: dict[str, Any], zones: tuple[str, str]) -> None:
    table = Table(
        "score", *zones, title=heading("The meeting can't stand; other times, the nearest first"), **TABLE_STYLE
    )
    for one in conflict["alternatives"]:
        table.add_row(f"{one['score']:.3f}", *(_local(one["start"], zone) for zone in zones))
    console.print(table)
    kinds = ", ".join(cause.get("kind") or cause["cause"] for cause in conflict["blocked_by"])
    console.print(f"   {_local(conflict['start'], zones[0])} is blocked by: {kinds}; calendars show it as tentative\n")


def _day(row: dict[str, Any], zone: str) -> date:
    return datetime.fromisoformat(row["start"]).astimezone(ZoneInfo(zone)).date()


def _local(instant: str, zone: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC).astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M}"
