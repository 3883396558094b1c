"""People with calendars, generated from a seed: the input of every engine of a benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Days, WorkingHours
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.time.periods import Period, Periods, instant_of, minute_of

SEED = 5545
WEEK = 7 * 1440
FIRST_DAY = date(2026, 9, 7)
BUSY_A_WEEK = 20
DURATION = 45
STEP = 15
WORKDAYS = ("MO", "TU", "WE", "TH", "FR")

ZONES = (
    "Europe/Berlin",
    "Africa/Nairobi",
    "Europe/London",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Europe/Athens",
    "Asia/Dubai",
    "Europe/Lisbon",
    "Africa/Johannesburg",
    "Asia/Karachi",
)
"""Zones whose working days overlap, some of them with summer time."""


@dataclass(frozen=True)
class Case:
    """The size of a query: people, weeks, and busy periods a week of each person."""

    attendees: int
    weeks: int
    busy: int = BUSY_A_WEEK

    def __str__(self) -> str:
        return f"{self.attendees} x {self.weeks}" + (f", {self.busy} busy" if self.busy != BUSY_A_WEEK else "")


def slot_query(case: Case) -> SlotQuery:
    """The query of that size, the same in every process."""
    random = np.random.default_rng([SEED, case.attendees, case.weeks])
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    window = Period(start, start + timedelta(weeks=case.weeks))
    people = tuple(_attendee(ZONES[index % len(ZONES)], window, case, random) for index in range(case.attendees))
    return SlotQuery(window=window, duration=DURATION, step=STEP, attendees=people)


def cadence_query(case: Case) -> CadenceQuery:
    """A weekly cadence of the people of slot_query."""
    last = FIRST_DAY + timedelta(weeks=case.weeks, days=-1)
    people = slot_query(case).attendees
    return CadenceQuery(
        starts_on=FIRST_DAY,
        ends_on=last,
        every_weeks=1,
        duration=DURATION,
        step=STEP,
        time_zone=people[0].zone,
        attendees=people,
    )


def _attendee(zone: str, window: Period, case: Case, random: np.random.Generator) -> Attendee:
    first, weeks = minute_of(window.start), case.weeks
    count = case.busy * weeks
    week = np.repeat(np.arange(weeks, dtype=np.int64), case.busy) * WEEK
    day = random.integers(0, 5, count) * 1440
    starts = first + week + day + random.integers(5 * 12, 17 * 12, count) * 5
    hours = WorkingHours(WORKDAYS, 8 * 60, 19 * 60)
    return Attendee(
        zone=zone,
        hours=(hours,),
        blackouts=tuple(_blackouts(weeks, first, random)),
        busy=Periods.merged(starts, starts + random.integers(3, 10, count) * 5),
    )


def _blackouts(weeks: int, first: int, random: np.random.Generator) -> Iterator[Blackout]:
    """Three times of whole days and an afternoon."""
    for length in (1, 1, 3):
        day = FIRST_DAY + timedelta(days=int(random.integers(0, 7 * weeks)))
        yield Blackout(BlackoutKind.EXAM, "exams", Days(day, day + timedelta(days=length - 1)))
    start = instant_of(first + int(random.integers(0, 7 * weeks)) * 1440 + 13 * 60)
    yield Blackout(BlackoutKind.OTHER, "away", Period(start, start + timedelta(hours=4)))
