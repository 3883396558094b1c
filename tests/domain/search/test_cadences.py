"""Cadences that a reader can check with a calendar: an example request, and weeks with a clock change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from support.contract import CADENCES, between
from support.strategies import WEEKDAYS

from scheduler.domain.availability.attendees import Attendee, Unknown, WorkingHours
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import Cadence, find_cadences
from scheduler.domain.search.planning import OnConflict
from scheduler.domain.time.periods import Periods

ALWAYS = (WorkingHours(WEEKDAYS, 0, 0),)


def found_at(query: CadenceQuery, dtstart: str) -> Cadence:
    wall = datetime.fromisoformat(dtstart)
    (cadence,) = (one for one in find_cadences(replace(query, limit=10_000)).cadences if one.dtstart.wall == wall)
    return cadence


def exceptions(cadence: Cadence) -> list[str]:
    """What does not take place as the rule has it, in UTC: ``11-02 09:00 moved 11-03 09:00 (Dentist)``."""
    return [
        f"{one.period.start:%m-%d %H:%M} {one.status}"
        + (f" {one.moved_to.start:%m-%d %H:%M}" if one.moved_to else "")
        + f" ({', '.join(row.title or row.cause for row in one.blocked_by)})"
        for one in cadence.occurrences
        if one.status != "clear"
    ]


def shifts(cadence: Cadence) -> list[str]:
    return [f"{one.index} on {one.on}: {clock(one.before)} to {clock(one.after)}" for one in cadence.shifts]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def test_example_request_finds_the_expected_cadences() -> None:
    answer = find_cadences(replace(CADENCES, limit=1000))
    perfect = [one for one in answer.cadences if one.coverage == 1.0]
    # Wednesdays and Thursdays from 10:00 to 11:45, and the one Tuesday time after the mentor's busy morning.
    assert len(perfect) == 8 + 8 + 1
    # All other times miss one of thirteen: the Monday with the dentist, the busy Tuesday, the week of finals.
    assert {one.coverage for one in answer.cadences} == {1.0, 0.923}
    assert answer.total == len(answer.cadences) == 17 + 8 + 7 + 4 * 8
    assert answer.explanation is None


def test_cadence_of_the_example_request_has_all_details() -> None:
    cadence = found_at(CADENCES, "2026-10-20T11:45")
    assert cadence.dtstart.zone == "Europe/Berlin"
    assert str(cadence.rule) == "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270406T094500Z"
    assert (cadence.clear_count, len(cadence.occurrences), cadence.coverage) == (13, 13, 1.0)
    assert [f"{one.period.start:%m-%d %H:%M}" for one in cadence.occurrences] == [
        *("10-20 09:45", "11-03 10:45", "11-17 10:45", "12-01 10:45", "12-15 10:45", "12-29 10:45", "01-12 10:45"),
        *("01-26 10:45", "02-09 10:45", "02-23 10:45", "03-09 10:45", "03-23 10:45", "04-06 09:45"),
    ]
    assert shifts(cadence) == ["1 on 2026-11-03: 15:15 to 16:15", "1 on 2027-04-06: 16:15 to 15:15"]


@pytest.mark.parametrize(
    ("dtstart", "expected"),
    [
        ("2026-10-19T10:00", "11-02 09:00 moved 11-03 09:00 (Dentist)"),
        ("2026-10-20T10:00", "10-20 08:00 moved 10-20 09:45 (busy)"),
        ("2026-10-27T10:00", "10-27 09:00 skipped (Finals)"),  # no day within three is free
        ("2026-10-29T10:00", "10-29 09:00 skipped (Finals)"),  # the next free day is the mentor's Friday off
    ],
)
def test_blocked_occurrence_moves_to_the_nearest_free_time_or_is_skipped(dtstart: str, expected: str) -> None:
    assert exceptions(found_at(CADENCES, dtstart)) == [expected]


def test_on_conflict_skip_moves_nothing() -> None:
    query = replace(CADENCES, on_conflict=OnConflict.SKIP)
    assert exceptions(found_at(query, "2026-10-19T10:00")) == ["11-02 09:00 skipped (Dentist)"]


def test_cadence_under_min_coverage_is_left_out() -> None:
    assert find_cadences(replace(CADENCES, min_coverage=0.95)).total == 17
    assert find_cadences(replace(CADENCES, min_coverage=0.923)).total == 64


def weekly(zone: str, starts_on: date, ends_on: date, *others: Attendee, **changes: object) -> CadenceQuery:
    people = (Attendee(zone, hours=ALWAYS), *others)
    query = CadenceQuery(
        starts_on=starts_on,
        ends_on=ends_on,
        every_weeks=1,
        duration=60,
        step=30,
        time_zone=zone,
        attendees=people,
        min_coverage=0.0,
    )
    return replace(query, **changes)  # type: ignore[arg-type]  # the callers name the fields


@pytest.mark.parametrize(
    ("zone", "first", "last", "dtstart", "expected"),
    [
        # A time in a gap takes the offset before it, one that comes twice is its first.
        ("Europe/Berlin", date(2026, 3, 22), date(2026, 4, 5), "2026-03-22T02:30", "01:30 01:30 00:30"),
        ("Europe/Berlin", date(2026, 10, 18), date(2026, 11, 1), "2026-10-18T02:30", "00:30 00:30 01:30"),
        ("America/New_York", date(2026, 3, 1), date(2026, 3, 15), "2026-03-01T02:30", "07:30 07:30 06:30"),
        ("America/New_York", date(2026, 10, 25), date(2026, 11, 8), "2026-10-25T01:30", "05:30 05:30 06:30"),
        ("Africa/Cairo", date(2026, 4, 17), date(2026, 5, 1), "2026-04-17T00:00", "22:00 22:00 21:00"),
        ("Australia/Lord_Howe", date(2026, 9, 27), date(2026, 10, 11), "2026-09-27T02:00", "15:30 15:30 15:00"),
        ("America/Santiago", date(2026, 8, 30), date(2026, 9, 13), "2026-08-30T00:30", "04:30 04:30 03:30"),
    ],
)
def test_cadence_over_a_clock_change_keeps_its_local_time(
    zone: str, first: date, last: date, dtstart: str, expected: str
) -> None:
    cadence = found_at(weekly(zone, first, last), dtstart)
    assert [f"{one.period.start:%H:%M}" for one in cadence.occurrences] == expected.split()
    assert cadence.dtstart.wall == datetime.fromisoformat(dtstart)


def test_occurrence_on_a_skipped_day_is_on_the_next_day() -> None:
    cadence = found_at(weekly("Pacific/Apia", date(2011, 12, 23), date(2012, 1, 6)), "2011-12-23T12:00")
    assert [f"{one.period.start:%d %H:%M}" for one in cadence.occurrences] == ["23 22:00", "30 22:00", "05 22:00"]


def test_local_time_shifts_in_the_weeks_between_two_clock_changes() -> None:
    # New York goes back a week after Berlin, and forward two weeks before it.
    other = Attendee("America/New_York", hours=ALWAYS)
    autumn = found_at(weekly("Europe/Berlin", date(2026, 10, 20), date(2026, 11, 10), other), "2026-10-20T15:00")
    spring = found_at(weekly("Europe/Berlin", date(2027, 3, 9), date(2027, 3, 30), other), "2027-03-09T15:00")
    assert shifts(autumn) == ["1 on 2026-10-27: 09:00 to 10:00", "1 on 2026-11-03: 10:00 to 09:00"]
    assert shifts(spring) == ["1 on 2027-03-16: 09:00 to 10:00", "1 on 2027-03-30: 10:00 to 09:00"]


def test_move_takes_the_later_of_two_equally_near_times_once() -> None:
    busy = Periods.of(
        [between("2026-06-01 12:00", "2026-06-01 13:00"), between("2026-06-08 12:00", "2026-06-08 13:00")]
    )
    one = Attendee("UTC", hours=ALWAYS, busy=busy)
    query = CadenceQuery(
        starts_on=date(2026, 6, 1),
        ends_on=date(2026, 6, 15),
        every_weeks=1,
        duration=60,
        step=60,
        time_zone="UTC",
        attendees=(one,),
        min_coverage=0.0,
    )
    assert exceptions(found_at(query, "2026-06-01T12:00")) == [
        "06-01 12:00 moved 06-01 13:00 (busy)",
        "06-08 12:00 moved 06-08 13:00 (busy)",
    ]


def test_occurrence_may_end_after_the_last_day() -> None:
    query = weekly("UTC", date(2026, 6, 1), date(2026, 6, 1), duration=1440)
    cadence = found_at(query, "2026-06-01T23:30")
    assert cadence.occurrences[0].period == between("2026-06-01 23:30", "2026-06-02 23:30")


def test_first_dates_are_not_after_the_last_day() -> None:
    assert find_cadences(weekly("UTC", date(2026, 6, 1), date(2026, 6, 3))).total == 3 * 48
    assert find_cadences(weekly("UTC", date(2026, 6, 1), date(2026, 6, 30), every_weeks=2)).total == 14 * 48


@pytest.mark.parametrize(
    ("person", "allow_unknown", "reason", "rows"),
    [
        (Attendee("UTC", hours=()), True, "no_working_hours", [(0, "no_working_hours", 16)]),
        (Attendee("UTC", hours=(WorkingHours(WEEKDAYS, 0, 30),)), True, "no_common_hours", [(0, "outside_hours", 16)]),
        (Attendee("UTC", hours=ALWAYS, unknown=Unknown("no connection")), False, "stale_calendar", []),
        (
            Attendee("UTC", hours=ALWAYS, busy=Periods.of([between("2026-06-01 00:00", "2026-06-08 13:00")])),
            True,
            "busy",
            [(0, "busy", 16)],
        ),
    ],
)
def test_empty_answer_counts_pairs_of_candidate_and_occurrence(
    person: Attendee, allow_unknown: bool, reason: str, rows: list[tuple[int, str, int]]
) -> None:
    # Fourteen candidates, noon and midnight of seven days; those on a Monday occur twice.
    query = CadenceQuery(
        starts_on=date(2026, 6, 1),
        ends_on=date(2026, 6, 8),
        every_weeks=1,
        duration=60,
        step=720,
        time_zone="UTC",
        attendees=(person,),
    )
    answer = find_cadences(replace(query, allow_unknown=allow_unknown))
    assert answer.total == 0
    assert answer.explanation is not None
    assert answer.explanation.reason == reason
    assert [(row.index, row.cause, row.starts_lost) for row in answer.explanation.blocking] == rows
