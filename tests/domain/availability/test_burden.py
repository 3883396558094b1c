"""The burden of odd hours: every minute of a meeting counts, on the attendee's clock."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.oracle import WEEKDAYS, wall_clock, zone_in
from support.strategies import attendees_near, starting_dates

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.availability.burden import SOCIAL_HOURS, WEIGHTS, burden_of_each, burdens
from scheduler.domain.time.periods import Period, minute_of

BERLINER = Attendee("Europe/Berlin")


def burden(attendee: Attendee, start: str, duration: int) -> int:
    minute = minute_of(datetime.fromisoformat(start))
    return int(burdens(attendee, np.array([minute]), duration)[0])


@pytest.mark.parametrize(
    ("local", "duration", "expected"),
    [
        ("2026-06-02T09:00+02:00", 60, 0),
        ("2026-06-02T17:30+02:00", 60, 30),  # the second half is up to an hour late
        ("2026-06-02T18:00+02:00", 60, 60),
        ("2026-06-02T18:30+02:00", 60, 90),
        ("2026-06-02T19:00+02:00", 60, 60 * 2),
        ("2026-06-02T20:00+02:00", 120, 120 * 3),
        ("2026-06-02T23:00+02:00", 60, 60 * 4),
        ("2026-06-02T07:00+02:00", 60, 60),
        ("2026-06-02T06:00+02:00", 60, 60 * 2),
        ("2026-06-06T12:00+02:00", 60, 60 * 4),  # a Saturday
    ],
)
def test_minute_weighs_more_the_further_outside_it_is(local: str, duration: int, expected: int) -> None:
    assert burden(BERLINER, local, duration) == expected


def test_preferred_hours_replace_social_hours() -> None:
    night_owl = Attendee("Europe/Berlin", preferred_hours=(WorkingHours(("TU",), 22 * 60, 2 * 60),))
    assert burden(night_owl, "2026-06-02T23:30+02:00", 120) == 0
    assert burden(night_owl, "2026-06-02T21:00+02:00", 60) == 60


def distance(wall: datetime, hours: tuple[WorkingHours, ...]) -> int:
    """Return the distance on the wall clock to the nearest minute inside the hours."""
    minute = wall.weekday() * 1440 + wall.hour * 60 + wall.minute
    inside = minutes_inside(hours)
    following = bisect_left(inside, minute)
    return min(inside[following] - minute, minute - inside[following - 1])


@cache
def minutes_inside(hours: tuple[WorkingHours, ...]) -> list[int]:
    """Return the minutes of a week, and of the weeks before and after it, inside the hours."""
    walls = {minute: datetime(2026, 6, 1) + timedelta(minutes=minute) for minute in range(-10080, 20160)}
    return [minute for minute, wall in walls.items() if any(_reads_inside(wall, entry) for entry in hours)]


def _reads_inside(wall: datetime, entry: WorkingHours) -> bool:
    minute = wall.hour * 60 + wall.minute
    today, yesterday = WEEKDAYS[wall.weekday()], WEEKDAYS[wall.weekday() - 1]
    since_start, since_yesterday = minute - entry.start, minute + 1440 - entry.start
    return (today in entry.days and 0 <= since_start < entry.length) or (
        yesterday in entry.days and 0 <= since_yesterday < entry.length
    )


@settings(max_examples=examples(25), deadline=None)
@given(starting_dates(), st.data(), st.integers(0, 4000), st.integers(1, 60))
def test_burden_is_the_sum_of_its_minutes(
    where: tuple[str, object], data: st.DataObject, late: int, length: int
) -> None:
    zone, day = where
    begin = datetime.fromisoformat(f"{day}T00:00+00:00")
    hours = (WorkingHours(("MO", "WE", "TH", "SU"), data.draw(st.integers(0, 1439)), data.draw(st.integers(0, 1439))),)
    attendee = data.draw(attendees_near(zone, begin, timedelta(days=3)))
    attendee = Attendee(attendee.zone, travel=attendee.travel, preferred_hours=data.draw(st.none() | st.just(hours)))
    start = minute_of(begin) + late
    expected = 0
    for minute in range(start, start + length):
        away = distance(wall_clock(minute, zone_in(minute, attendee)), attendee.preferred_hours or SOCIAL_HOURS)
        expected += next(weight for limit, weight in WEIGHTS if away <= limit)
    assert burdens(attendee, np.array([start]), length).tolist() == [expected]


def test_meeting_of_several_weeks_counts_each_week() -> None:
    begin = datetime.fromisoformat("2026-11-02T00:00+00:00")  # a Monday
    (week,) = burden_of_each(Attendee("UTC"), [Period(begin, begin + timedelta(weeks=1))])
    (more,) = burden_of_each(Attendee("UTC"), [Period(begin, begin + timedelta(weeks=3, hours=12))])
    (half,) = burden_of_each(Attendee("UTC"), [Period(begin, begin + timedelta(hours=12))])
    assert more == 3 * week + half
