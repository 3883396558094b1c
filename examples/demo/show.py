"""What the demo prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.table import Column, Table

from examples.demo.readback import Meeting

console = Console(highlight=False)
console.width = max(console.width, 120)

STATUS = {"clear": "clear", "moved": "[yellow]moved[/]", "skipped": "[red]skipped[/]"}


TABLE_STYLE: dict[str, Any] = {"box": box.SIMPLE_HEAD, "title_justify": "left", "pad_edge": False}


def heading(text: str) -> str:
    """The text in the style of a table's title."""
    return f"[bold not italic]{text}[/]"


@contextmanager
def step(text: str) -> Iterator[None]:
    """Name a step that takes a while at once, and how long it took when it is done."""
    began = datetime.now().astimezone()
    with console.status(text):
        yield
    seconds = (datetime.now().astimezone() - began).total_seconds()
    console.print(f"[green]✓[/] {text} [dim]({seconds:.1f} s)[/]")


def print_slots(answer: dict[str, Any], names: Sequence[str]) -> None:
    """Print the slots of an answer in everybody's local time."""
    table = Table(
        *names, "score", title=heading(f"The best of {answer['total']} slots for a first talk"), **TABLE_STYLE
    )
    for slot in answer["slots"]:
        locals_ = [datetime.fromisoformat(row["start"]) for row in slot["attendees"]]
        table.add_row(*(f"{local:%a %d %b %Y  %H:%M}" for local in locals_), f"{slot['score']:.3f}")
    console.print(table)


def print_cadence(rank: int, cadence: dict[str, Any], names: Sequence[str], zones: Sequence[str]) -> None:
    """Print a cadence: a row for each occurrence, with its status and the reason, and the clock changes in between."""
    clear, count = cadence["clear_count"], cadence["occurrence_count"]
    first = datetime.fromisoformat(cadence["dtstart"])
    title = (
        f"{rank}. {first:%A} {first:%H:%M} in {cadence['time_zone']}: {clear} of {count} clear, "
        f"score {cadence['score']:.3f}"
    )
    table = Table(*names, Column("", no_wrap=True), "why", title=heading(title), **TABLE_STYLE)
    shifts = cadence["local_time_shifts"]
    for row in cadence["occurrences"]:
        locals_ = [datetime.fromisoformat(attendee["start"]) for attendee in row["attendees"]]
        cells = [f"{local:%a %d %b %Y  %H:%M}{_shifted(index, local, shifts)}" for index, local in enumerate(locals_)]
        table.add_row(*cells, _outcome(row, zones), _why(row, names))
    console.print(table)
    for shift in shifts:
        console.print(
            f"   ◆ from {shift['on']} it is {shift['to']} instead of {shift['from']} for {names[shift['index']]} "
            "(a clock change)"
        )


def print_checks(checks: Mapping[str, bool]) -> bool:
    """Print what was checked, a line each; whether all of it agreed."""
    for check, agreed in checks.items():
        console.print(f"{'[green]✓[/]' if agreed else '[red]✗[/]'} {check}")
    console.print()
    return all(checks.values())


def print_comparison(
    promised: Sequence[Meeting], found: Mapping[str, Sequence[Meeting]], zones: Sequence[str], names: Sequence[str]
) -> bool:
    """Print the promised meetings beside those found by each tool; whether they are exactly the same."""
    table = Table(
        Column("promised (UTC)", no_wrap=True),
        *names,
        *(name.replace(", ", "\n") for name in found),
        title=heading("Read back with tools that are not ours"),
        **TABLE_STYLE,
    )
    everything = sorted({meeting for meetings in (promised, *found.values()) for meeting in meetings})
    for meeting in everything:
        start, end = meeting
        said = f"{start:%a %d %b %Y %H:%M}-{end:%H:%M}" if meeting in promised else "[red]not promised[/]"
        locals_ = [f"{start.astimezone(ZoneInfo(zone)):%H:%M}" for zone in zones]
        table.add_row(said, *locals_, *("[green]✓[/]" if meeting in rows else "[red]✗[/]" for rows in found.values()))
    console.print(table)
    return all(sorted(rows) == sorted(promised) for rows in found.values())


def _shifted(index: int, local: datetime, shifts: Sequence[dict[str, Any]]) -> str:
    day = local.date().isoformat()
    return " ◆" if any(shift["index"] == index and shift["on"] == day for shift in shifts) else ""


def _outcome(row: dict[str, Any], zones: Sequence[str]) -> str:
    if row["status"] != "moved":
        return STATUS[row["status"]]
    start = datetime.fromisoformat(row["moved_to"]["start"])
    times = " / ".join(f"{start.astimezone(ZoneInfo(zone)):%H:%M}" for zone in zones)
    return f"{STATUS['moved']} to {start.astimezone(ZoneInfo(zones[0])):%a %d %b}, {times}"


def _why(row: dict[str, Any], names: Sequence[str]) -> str:
    blocks = row.get("blocked_by", [])
    return ", ".join(
        f"{names[block['index']].split()[0]}: {block.get('title') or block['cause'].replace('_', ' ')}"
        for block in blocks
    )
