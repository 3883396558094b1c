from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.domain.programme.meetings import Meeting, MeetingStatus, Party, plan_occurrences
from scheduler.domain.time.recurrence import WeeklyRule, weekday_of
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime

FIRST_TUESDAY = datetime.fromisoformat("2026-10-06 14:30")
MakeMeeting = Callable[..., Meeting]


def meeting_of(
    *,
    zone: str = "Europe/Berlin",
    first: datetime = FIRST_TUESDAY,
    every_weeks: int = 2,
    count: int = 6,
    minutes: int = 45,
    outcomes: dict[int, timedelta | None] | None = None,
    **changes: Any,
) -> Meeting:
    """A meeting of ``count`` occurrences; ``outcomes`` maps places to how far they move (None: skipped)."""
    last = LocalTime(first + timedelta(weeks=every_weeks * (count - 1)), zone).instant
    rule = WeeklyRule(every_weeks, (weekday_of(first.date()),), last) if count > 1 else None
    series = Series(LocalTime(first, zone), rule, minutes)
    starts = [start.instant for start in series.nominal_starts]
    planned = {
        starts[place]: None if move is None else starts[place] + move for place, move in (outcomes or {}).items()
    }
    fields: dict[str, Any] = {
        "uid": "0b1c2d3e@scheduler.example",
        "title": "Mentoring with Ada",
        "series": series,
        "occurrences": plan_occurrences(series, planned),
        "organizer": Party("Ada Obi", "ada@example.org", "Europe/Berlin"),
        "attendee": Party("Ravi Rao", "ravi@example.org", "Asia/Kolkata"),
        "guests": (),
        "goals": ("Plan experiments", "Publish a paper"),
        "conference_url": "https://meet.example.org/ada",
        "status": MeetingStatus.CONFIRMED,
        "sequence": 0,
        "revision": 1,
        "created_at": datetime(2026, 9, 1, 8, tzinfo=UTC),
        "changed_at": datetime(2026, 9, 2, 9, tzinfo=UTC),
    }
    return Meeting(**(fields | changes))


@pytest.fixture(scope="session")
def make_meeting() -> MakeMeeting:
    return meeting_of
