"""How large a foreign calendar object may be for this service to merge it."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.ical.lines import Block
from scheduler.ical.parse import UnreadableCalendar

MOST_BYTES = 4 * 2**20
MOST_EVENTS = 1000
"""Events, most of them overrides of one series; a series of ours has at most one a day for 366 days."""
MOST_LINES = 50_000
"""Content lines, unfolded."""


class TooLarge(UnreadableCalendar):
    """A calendar object over one of the bounds; the reason names it."""


def check_size(data: bytes) -> None:
    """Raise TooLarge for a calendar object over a bound. Takes linear time, and far less than parsing."""
    _check(len(data), MOST_BYTES, "bytes")
    breaks = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    _check(breaks - data.count(b"\n ") - data.count(b"\n\t"), MOST_LINES, "lines")
    _check(data.upper().count(b"BEGIN:VEVENT"), MOST_EVENTS, "events")


def check_copies(events: Iterable[Block]) -> None:
    """Raise TooLarge if these events, each as often as it is listed, are over a bound together.

    New overrides of ours begin with what the owner added to the series, so that it is written many times.
    """
    sizes: dict[int, tuple[int, int]] = {}
    lines = characters = 0
    for event in events:
        if id(event) not in sizes:
            texts = [len(line.text) for block in event.walk() for line in block.lines]
            sizes[id(event)] = len(texts), sum(texts)
        lines, characters = lines + sizes[id(event)][0], characters + sizes[id(event)][1]
    _check(lines, MOST_LINES, "lines once it is repeated in each override")
    _check(characters, MOST_BYTES, "bytes once it is repeated in each override")


def _check(found: int, most: int, what: str) -> None:
    if found > most:
        raise TooLarge(f"it has {found:,} {what}, and at most {most:,} are merged")
