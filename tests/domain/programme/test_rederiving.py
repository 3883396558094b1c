"""Conflicts of a series that another tz release derived an hour earlier from November on: their wall times stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.programme.meetings import Meeting, Party, move_occurrence, plan_occurrences, rederive
from scheduler.domain.programme.rederiving import rederive_conflicts
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime

NOW = datetime(2026, 9, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FOURTH = datetime(2026, 11, 3, 12)
"""By its wall start, of six Tuesdays at noon."""


def november(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def as_derived_before(period: Period) -> Period:
    return Period(period.start - HOUR, period.end - HOUR) if period.start >= NOVEMBER else period


@pytest.fixture
def old() -> Meeting:
    """Its fourth occurrence was moved from Tuesday to Wednesday, 4 November."""
    until = datetime(2026, 11, 17, 12, tzinfo=UTC)
    series = Series(LocalTime(datetime(2026, 10, 13, 12), "UTC"), WeeklyRule(1, ("TU",), until), 60)
    greta = Party("Greta", "greta@example.org", "UTC")
    booked = Meeting("m1", "", series, plan_occurrences(series, {}), greta, greta, (), (), None, NOW, NOW)
    moved = move_occurrence(booked, FOURTH, november(4, 9), NOW)
    occurrences = tuple(replace(one, period=as_derived_before(one.period)) for one in moved.occurrences)
    return replace(moved, occurrences=occurrences, tz_database="2020a")


def follow(old: Meeting, conflict: Conflict) -> Conflict:
    """The conflict after the meeting is derived again; itself if it stays."""
    changed = rederive_conflicts([conflict], old, rederive(old, NOW)[0])
    return changed[0] if changed else conflict


def moved(former: datetime, before: Conflict | None = None) -> Conflict:
    """The conflict of the fourth occurrence that moved it to where it is, as it was stored before."""
    place = Period(november(4, 8), november(4, 9))
    was = Period(former, former + HOUR)
    return Conflict(LocalTime(FOURTH, "UTC"), was, (), Resolution.MOVED, NOW, place, former, before=before)


def test_nominal_time_and_present_time_follow(old: Meeting) -> None:
    after = follow(old, moved(november(3, 11)))
    assert (after.period.start, after.former) == (november(3, 12), november(3, 12))
    assert after.moved_to == Period(november(4, 9), november(4, 10))


def test_time_that_somebody_chose_follows_the_occurrence_that_is_nearest(old: Meeting) -> None:
    assert follow(old, moved(november(5, 14))).former == november(5, 15)
    october = datetime(2026, 10, 28, 14, tzinfo=UTC)
    assert follow(old, moved(october)).former == october


def test_conflict_that_lies_beneath_follows(old: Meeting) -> None:
    after = follow(old, moved(november(5, 14), before=moved(november(3, 11))))
    assert after.before is not None
    assert (after.former, after.before.former) == (november(5, 15), november(3, 12))


def test_conflict_of_an_occurrence_that_stays_is_not_changed(old: Meeting) -> None:
    first = old.occurrences[0]
    conflict = Conflict(first.recurrence_id, first.period, (), Resolution.OPEN, NOW)
    assert rederive_conflicts([conflict], old, rederive(old, NOW)[0]) == []
