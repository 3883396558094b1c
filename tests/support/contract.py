"""Two people, a slot query and a cadence query about them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Buffer, Days, WorkingHours
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.time.periods import Period, Periods


def utc(text: str) -> datetime:
    """A UTC instant from ``2026-10-20 08:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(start: str, end: str) -> Period:
    """A period between two UTC instants."""
    return Period(utc(start), utc(end))


MENTOR = Attendee(
    "Europe/Berlin",
    name="mentor",
    hours=(WorkingHours(("MO", "TU", "WE", "TH"), 10 * 60, 18 * 60),),
    busy=Periods.of([between("2026-10-20 08:00", "2026-10-20 09:30")]),
    buffer=Buffer(before=5, after=10),
)
MENTEE = Attendee(
    "Asia/Kolkata",
    name="mentee",
    blackouts=(
        Blackout(BlackoutKind.EXAM, "Finals", Days(date(2026, 10, 26), date(2026, 10, 30))),
        Blackout(BlackoutKind.OTHER, "Dentist", between("2026-11-02 09:00", "2026-11-02 11:00")),
    ),
)
SLOTS = SlotQuery(
    window=between("2026-10-19 00:00", "2026-11-16 00:00"), duration=45, step=15, attendees=(MENTOR, MENTEE)
)
CADENCES = CadenceQuery(
    starts_on=date(2026, 10, 19),
    ends_on=date(2027, 4, 16),
    every_weeks=2,
    duration=45,
    step=15,
    time_zone="Europe/Berlin",
    attendees=(MENTOR, MENTEE),
    min_coverage=0.7,
)
