"""The work of searches, estimated from the question, and the work that trials of changes may take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Days, WorkingHours
from scheduler.domain.search.cadence_search import CadenceQuery
from scheduler.domain.search.cadences import find_cadences
from scheduler.domain.search.rotations import find_rotations
from scheduler.domain.search.rules import Group, Rules
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.search.work import LEAST_FOR_TRIALS, MOST_WORK, Extent, TooMuchWork, Trials, starts_within
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WEEKDAYS

BEGIN = datetime(2026, 10, 19, tzinfo=UTC)
YEAR = Period(BEGIN, BEGIN + timedelta(days=366))
FIRST, LAST = date(2026, 10, 19), date(2027, 10, 20)
MORNING, EVENING = WorkingHours(WEEKDAYS, 0, 8 * 60), WorkingHours(WEEKDAYS, 12 * 60, 20 * 60)


def anybody(number: int) -> tuple[Attendee, ...]:
    return (Attendee(zone="Europe/Berlin", hours=None),) * number


def never_together(number: int) -> tuple[Attendee, ...]:
    """People of whom each has another half of the day than the one before."""
    halves = ((MORNING,), (EVENING,))
    return tuple(Attendee(zone="Europe/Berlin", hours=halves[index % 2]) for index in range(number))


def slots(attendees: tuple[Attendee, ...], step: int = 1, window: Period = YEAR) -> SlotQuery:
    return SlotQuery(duration=30, step=step, attendees=attendees, window=window)


def cadences(attendees: tuple[Attendee, ...], step: int = 1) -> CadenceQuery:
    return CadenceQuery(
        duration=30, step=step, attendees=attendees, starts_on=FIRST, ends_on=LAST, time_zone="Europe/Berlin"
    )


def panel(groups: int) -> Rules:
    """So many groups of everybody but the organizer, in which all have to come."""
    return Rules(groups=(Group(tuple(range(1, 50)), 49),) * groups)


def test_largest_questions_without_groups_are_allowed() -> None:
    assert slots(anybody(50)).extent.check() < MOST_WORK / 2
    assert cadences(anybody(50)).extent.check() < MOST_WORK / 2


def test_nineteen_groups_of_all_are_refused_by_name() -> None:
    query = replace(slots(anybody(50)), rules=panel(19))
    with pytest.raises(TooMuchWork, match=r"[\d,]+ steps, .* 80,000,000 is the most; .* less in groups") as refusal:
        query.extent.check()
    assert refusal.value.fields == ("groups", "step")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"per_week": 4, "attendees": (replace(anybody(1)[0], at_most_per_week=9),) * 10}, ("attendees", "per_week")),
        ({"rotation": 2}, ("rotation",)),
        ({"rotation": 4, "step": 15}, ("rotation",)),
    ],
)
def test_dear_cadences_are_refused_by_name(change: dict[str, object], fields: tuple[str, ...]) -> None:
    with pytest.raises(TooMuchWork) as refusal:
        replace(cadences(anybody(50)), **change).extent.check()  # type: ignore[arg-type]  # fields of any type
    assert refusal.value.fields == (*fields, "step")


def test_most_cadences_of_most_people_are_allowed() -> None:
    replace(cadences(anybody(50)), limit=100).extent.check()


@pytest.mark.parametrize(("step", "expected"), [(1, 1441), (15, 97), (1440, 2), (1000, 3), (7, 207)])
def test_starts_within_a_day_are_never_too_few(step: int, expected: int) -> None:
    assert starts_within(1440, step) == expected
    day = Period(BEGIN, BEGIN + timedelta(days=1))
    query = replace(slots(anybody(1), step, day), duration=1)
    assert find_slots(query).total <= expected


def test_trials_are_made_until_their_work_is_used_up() -> None:
    trials = Trials(0)
    made = [trials.take(LEAST_FOR_TRIALS // 4) for _ in range(4)]
    assert (made, trials.complete) == ([True] * 4, True)
    assert (trials.take(1), trials.complete) == (False, False)
    assert not trials.take(0)


def test_extent_of_a_trial_is_less_than_a_search() -> None:
    extent = Extent(starts=500_000, attendees=50)
    assert extent.change_work < extent.retry_work < extent.work


def test_small_search_without_result_tries_everything() -> None:
    window = Period(BEGIN, BEGIN + timedelta(weeks=4))
    found = find_slots(slots(never_together(10), 15, window)).explanation
    assert found is not None
    assert found.complete


def test_large_search_without_result_says_that_not_everything_was_tried() -> None:
    query = replace(slots(never_together(50)), rules=panel(4))
    found = find_slots(query).explanation
    assert found is not None
    assert not found.complete


def test_many_blackouts_in_cadences_say_that_not_everything_was_tried() -> None:
    away = tuple(Blackout(BlackoutKind.OTHER, "away", Days(FIRST, LAST)) for _ in range(200))
    people = (Attendee(zone="Europe/Berlin", hours=None, blackouts=away), *anybody(1))
    found = find_cadences(cadences(people, 30)).explanation
    assert found is not None
    assert not found.complete


def test_rotation_says_that_not_everything_was_tried() -> None:
    away = tuple(Blackout(BlackoutKind.OTHER, "away", Days(FIRST, LAST)) for _ in range(200))
    people = (Attendee(zone="Europe/Berlin", hours=None, blackouts=away), *anybody(1))
    found = find_rotations(replace(cadences(people, 30), rotation=2)).explanation
    assert found is not None
    assert not found.complete
