"""Lengths in minutes, and wall minutes: minutes since 1970-01-01 00:00 on a wall clock."""

from __future__ import annotations

from datetime import date

from scheduler.domain.time.periods import EPOCH

DAY = 1440

WEEK = 7 * DAY

MONDAY = -3 * DAY
"""The wall minute of the Monday before the epoch (a Thursday); weeks are counted from it."""


def wall_midnight(day: date) -> int:
    """Return the wall minute at which a date begins."""
    return (day.toordinal() - EPOCH.toordinal()) * DAY
