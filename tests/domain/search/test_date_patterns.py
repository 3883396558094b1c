"""Cadences several times a week or once a month, on dates that a reader can check with a calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from support.strategies import WEEKDAYS

from scheduler.domain.availability.attendees import Attendee, WorkingHours
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import Cadence, find_cadences
from scheduler.domain.search.date_patterns import Pattern, date_sets
from scheduler.domain.search.rules import Rules
from scheduler.domain.time.periods import Period, Periods

MORNINGS = (WorkingHours(WEEKDAYS, 9 * 60, 10 * 60),)
BERLIN = Attendee("Europe/Berlin", MORNINGS)
QUERY = CadenceQuery(
    starts_on=date(2026, 10, 14),
    ends_on=date(2027, 1, 31),
    every_weeks=1,
    duration=60,
    step=60,
    time_zone="Europe/Berlin",
    attendees=(BERLIN,),
    limit=1000,
)
MONTHLY = replace(QUERY, pattern=Pattern.MONTHLY_WEEKDAY)
TWICE = replace(QUERY, per_week=2)


def dates(cadence: Cadence) -> list[str]:
    return [f"{one.wall:%m-%d}" for one in cadence.rule.starts(cadence.dtstart.wall, cadence.dtstart.zone)]


def by_rule(query: CadenceQuery) -> dict[str, Cadence]:
    """The cadences by their rule up to UNTIL."""
    return {str(one.rule).rpartition(";UNTIL")[0]: one for one in find_cadences(query).cadences}


@pytest.mark.parametrize(
    ("byday", "expected"),
    [
        ("1TU", ["11-03", "12-01", "01-05"]),
        ("2MO", ["11-09", "12-14", "01-11"]),
        ("3WE", ["10-21", "11-18", "12-16", "01-20"]),
        ("4SU", ["10-25", "11-22", "12-27", "01-24"]),
        ("-1SA", ["10-31", "11-28", "12-26", "01-30"]),
    ],
)
def test_monthly_cadence_comes_on_one_weekday_of_every_month(byday: str, expected: list[str]) -> None:
    found = by_rule(MONTHLY)
    assert len(found) == 35
    assert dates(found[f"FREQ=MONTHLY;BYDAY={byday}"]) == expected


def test_monthly_cadence_keeps_its_local_time_over_a_clock_change() -> None:
    cadence = by_rule(MONTHLY)["FREQ=MONTHLY;BYDAY=3WE"]
    assert [one.period.start.hour for one in cadence.occurrences] == [7, 8, 8, 8]
    assert str(cadence.rule).endswith(";UNTIL=20270120T080000Z")


def test_fourth_weekday_that_is_also_the_last_is_offered_once() -> None:
    found = by_rule(replace(MONTHLY, starts_on=date(2026, 11, 1), ends_on=date(2026, 11, 30)))
    # In November 2026 there are five Sundays and Mondays.
    assert [rule[-4:] for rule in found if "-1" in rule] == ["-1SU", "-1MO"]
    assert dates(found["FREQ=MONTHLY;BYDAY=4TU"]) == ["11-24"]


def test_cadence_twice_a_week_scores_best_on_distant_weekdays() -> None:
    workdays = replace(BERLIN, hours=(WorkingHours(WEEKDAYS[:5], 9 * 60, 10 * 60),))
    best, *others = find_cadences(replace(TWICE, attendees=(workdays,))).cadences
    assert dates(best)[:4] == ["10-15", "10-19", "10-22", "10-26"]
    assert str(best.rule).startswith("FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TH;")
    (adjacent,) = (one for one in others if "BYDAY=MO,TU;" in str(one.rule))
    assert adjacent.coverage == best.coverage
    assert adjacent.score < best.score


def test_every_pair_of_weekdays_is_a_candidate() -> None:
    found = by_rule(TWICE)
    assert len(found) == 21
    assert found["FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,WE"].dtstart.wall == datetime(2026, 10, 14, 9)
    assert len(found["FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,WE"].occurrences) == 31


def test_week_without_room_for_both_meetings_takes_none() -> None:
    held = Period(datetime(2026, 11, 5, 15, tzinfo=UTC), datetime(2026, 11, 5, 16, tzinfo=UTC))
    full = replace(BERLIN, at_most_per_week=2, meetings=(held,))
    cadence = by_rule(replace(TWICE, attendees=(full,)))["FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,WE"]
    missed = [one for one in cadence.occurrences if one.status != "clear"]
    assert [f"{one.period.start:%m-%d}" for one in missed] == ["11-02", "11-04"]
    assert {row.cause.value for one in missed for row in one.blocked_by} == {"limit"}


def test_cadence_twice_a_week_conflicts_with_a_limit_of_one() -> None:
    answer = find_cadences(replace(TWICE, attendees=(replace(BERLIN, at_most_per_week=1),)))
    assert answer.explanation is not None
    assert (answer.total, answer.explanation.reason) == (0, "limit")


def test_move_keeps_the_weekly_limit() -> None:
    sunday = Period(datetime(2026, 11, 1, 0, tzinfo=UTC), datetime(2026, 11, 2, 0, tzinfo=UTC))
    days = tuple(day for day in WEEKDAYS if day in {"SU", "MO", "TU"})
    attendee = Attendee("UTC", (WorkingHours(days, 540, 600),), busy=Periods.of([sunday]))
    query = replace(QUERY, attendees=(attendee,), time_zone="UTC", move_within_days=2)
    sundays = "FREQ=WEEKLY;INTERVAL=1;BYDAY=SU"
    (free,) = (one for one in by_rule(query)[sundays].occurrences if one.status != "clear")
    assert free.moved_to is not None
    assert f"{free.moved_to.start:%m-%d}" == "11-02"  # the week of the Sunday that follows it
    (kept,) = (
        one
        for one in by_rule(replace(query, attendees=(replace(attendee, at_most_per_week=1),)))[sundays].occurrences
        if one.status != "clear"
    )
    assert kept.status == "skipped"


def test_minimum_gap_holds_between_the_cadences_own_occurrences() -> None:
    gap = Rules(minimum_gap=2 * 1440)
    found = by_rule(replace(TWICE, rules=gap))
    assert {rule[-5:] for rule in found} == {
        *("MO,TH", "TU,FR", "WE,SA", "TH,SU"),
        *("MO,FR", "TU,SA", "WE,SU"),
    }
    weekly = find_cadences(replace(QUERY, rules=Rules(minimum_gap=7 * 1440)))
    assert weekly.explanation is not None
    assert (weekly.total, weekly.explanation.reason) == (0, "minimum_gap")


def test_date_set_of_several_weekdays_has_each_of_them() -> None:
    """From Monday to Friday, on Tuesday to Friday nobody has time: Monday alone is no cadence of two a week."""
    found = date_sets(Pattern.WEEKLY, 1, 2, date(2027, 1, 4), date(2027, 1, 8))
    assert len(found) == 10
    assert all(len(one.dates) == 2 for one in found)
