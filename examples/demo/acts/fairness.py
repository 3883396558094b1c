"""A weekly meeting across three continents: one time for all of it, beside two that take turns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from examples.demo.dates import next_monday, today
from examples.demo.show import TABLE_STYLE, console, heading, print_checks, step
from examples.demo.stage import Stage

PEOPLE = {"Ana": "America/Los_Angeles", "Greta": "Europe/Berlin", "Sam": "Australia/Sydney"}
HOURS = [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "06:00", "end": "23:00"}]
MINUTES = 60
WEIGHTS = ((60, 1), (120, 2), (240, 3), (24 * 60, 4))
"""How often a minute counts that lies up to so many minutes outside 08:00 to 18:00 (docs/scoring.md)."""


def play(stage: Stage) -> bool:
    """Ask for single times and for rotations, and compare what they cost everybody."""
    client = stage.client
    query = weekly_query(next_monday(today()))
    with step("asking for one weekly time in Los Angeles, Berlin and Sydney"):
        singles = client.post("/cadences", query)["cadences"]
    with step("asking for two times that take turns"):
        rotations = client.post("/cadences", query | {"rotation": 2})["rotations"]
    single, rotation = fairest(singles), rotations[0]
    turns = sorted((row for turn in rotation["turns"] for row in turn["occurrences"]), key=lambda row: row["start"])
    _print_plan("The fairest single time", single["occurrences"], single)
    _print_plan("The fairest two times in turn", turns, rotation)
    console.print(f"Whoever bears most, bears {most_burden(rotation)} instead of {most_burden(single)}.\n")
    return print_checks(
        {
            "burdens worked out from the local times alone are the same": all(
                _burdens(rows) == [one["burden"] for one in plan["burdens"]]
                for rows, plan in ((single["occurrences"], single), (turns, rotation))
            ),
            "taking turns costs nobody more than a single time costs somebody": most_burden(rotation)
            <= most_burden(single),
            "no meeting is missed": rotation["coverage"] == single["coverage"] == 1.0,
        }
    )


def weekly_query(monday: date) -> dict[str, Any]:
    """The question for one weekly time in the four weeks from a Monday on."""
    return {
        "starts_on": monday.isoformat(),
        "ends_on": (monday + timedelta(weeks=4, days=-1)).isoformat(),
        "duration": f"PT{MINUTES}M",
        "step": "PT1H",
        "attendees": [{"name": name, "time_zone": zone, "working_hours": HOURS} for name, zone in PEOPLE.items()],
        "limit": 100,
    }


def fairest(singles: list[dict[str, Any]]) -> dict[str, Any]:
    """The single time that misses least, and of those the one whose largest burden is smallest.

    Where a clock changes, a time that is in everybody's hours at first may not be so at last.
    """
    return min(singles, key=lambda plan: (-plan["coverage"], most_burden(plan)))


def most_burden(plan: dict[str, Any]) -> int:
    """The largest burden of anybody."""
    return max(int(row["burden"]) for row in plan["burdens"])


def _burdens(occurrences: Iterable[dict[str, Any]]) -> list[int]:
    starts = [datetime.fromisoformat(row["start"]) for row in occurrences]
    return [sum(_burden(start.astimezone(ZoneInfo(zone))) for start in starts) for zone in PEOPLE.values()]


def _burden(start: datetime) -> int:
    """What one meeting within a weekday costs somebody who prefers 08:00 to 18:00."""
    first = start.hour * 60 + start.minute
    total = 0
    for minute in range(first, first + MINUTES):
        outside = max(8 * 60 - minute, minute - 18 * 60 + 1, 0)
        total += next((weight for most, weight in WEIGHTS if outside <= most), 0) if outside else 0
    return total


def _print_plan(text: str, occurrences: Iterable[dict[str, Any]], plan: dict[str, Any]) -> None:
    table = Table("UTC", *(f"{name} in {zone}" for name, zone in PEOPLE.items()), title=heading(text), **TABLE_STYLE)
    for row in occurrences:
        start = datetime.fromisoformat(row["start"])
        local = [start.astimezone(ZoneInfo(zone)) for zone in PEOPLE.values()]
        table.add_row(f"{start:%a %d %b %Y  %H:%M}", *(_colored(moment) for moment in local))
    table.add_section()
    table.add_row("burden", *(f"[bold]{row['burden']}[/]" for row in plan["burdens"]))
    console.print(table)


def _colored(local: datetime) -> str:
    text = f"{local:%a %H:%M}"
    return f"[yellow]{text}[/]" if _burden(local) else text
