"""Dates that lie ahead, whenever the demo is run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo


def today() -> date:
    """Today in UTC."""
    return datetime.now(UTC).date()


def next_monday(after: date) -> date:
    """The Monday of the week after a date."""
    return after + timedelta(days=7 - after.weekday())


def next_clock_change(zone: str, after: date) -> date:
    """The first day after a date on which the zone's offset from UTC is another at noon than on the day before."""

    def offset(day: date) -> timedelta | None:
        return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).utcoffset()

    day = after + timedelta(days=1)
    while offset(day) == offset(day - timedelta(days=1)):
        day += timedelta(days=1)
    return day


def move_ahead(blackout: dict[str, Any], first: date) -> tuple[dict[str, Any], int]:
    """An all-day blackout moved by the fewest whole years after which it ends on or after a date, and those years.

    Schools publish one year at a time; the year after has its exams and breaks at about the same time.
    """
    days = {name: date.fromisoformat(blackout[name]) for name in ("first_day", "last_day")}
    years = 0
    while days["last_day"].replace(year=days["last_day"].year + years) < first:
        years += 1
    moved = {name: day.replace(year=day.year + years).isoformat() for name, day in days.items()}
    return blackout | moved, years
