"""What each change does to a booked meeting: SEQUENCE, revision, what may not be changed, what is detached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.programme.meetings import (
    Meeting,
    MeetingCancelled,
    MeetingStatus,
    Occurrence,
    OccurrenceNotChangeable,
    OccurrenceStatus,
    OverlapsOwnOccurrence,
    Party,
    cancel,
    cancel_occurrence,
    cancel_occurrences_from,
    move_occurrence,
    plan_occurrences,
    rederive,
    revise,
)
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.domain.time.zones import LocalTime
from scheduler.errors import NotFound

BOOKED = datetime(2026, 9, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 9, 2, 8, 0, 30, 999, tzinfo=UTC)
WALLS = [datetime(2026, 10, day, 14, 30) for day in (6, 13, 20, 27)]
"""Four Tuesdays in Berlin; the clock goes back before the last."""
FIRST, SECOND, THIRD, LAST = WALLS
STARTS = [datetime(2026, 10, 6, 12, 30, tzinfo=UTC) + timedelta(weeks=n) for n in range(3)]
STARTS.append(datetime(2026, 10, 27, 13, 30, tzinfo=UTC))

SERIES = Series(LocalTime(FIRST, "Europe/Berlin"), WeeklyRule(1, ("TU",), STARTS[-1]), 45)


def series_of(outcomes: dict[datetime, datetime | None] | None = None) -> Meeting:
    return _meeting(SERIES, plan_occurrences(SERIES, outcomes or {}))


def single() -> Meeting:
    series = Series(LocalTime(FIRST, "Europe/Berlin"), None, 45)
    return _meeting(series, plan_occurrences(series, {}))


def _meeting(series: Series, occurrences: tuple[Occurrence, ...]) -> Meeting:
    return Meeting(
        uid="m1@scheduler",
        title="Mentoring",
        series=series,
        occurrences=occurrences,
        organizer=Party("Mara", "mara@example.org", "Europe/Berlin"),
        attendee=Party("Ishaan", "ishaan@example.org", "Asia/Kolkata"),
        guests=(Party("Gil", "gil@example.org", "UTC"),),
        goals=("finish the thesis",),
        conference_url=None,
        status=MeetingStatus.CONFIRMED,
        sequence=0,
        revision=1,
        created_at=BOOKED,
        changed_at=BOOKED,
    )


def statuses(meeting: Meeting) -> list[str]:
    return [str(one.status) for one in meeting.occurrences]


def test_a_series_keeps_its_wall_time_and_its_occurrences_are_utc() -> None:
    meeting = series_of()
    assert [one.recurrence_id.wall for one in meeting.occurrences] == WALLS
    assert [one.period.start for one in meeting.occurrences] == STARTS
    assert all(one.period.end - one.period.start == timedelta(minutes=45) for one in meeting.occurrences)
    assert meeting.busy == tuple(one.period for one in meeting.occurrences)
    assert [party.name for party in meeting.parties] == ["Mara", "Ishaan", "Gil"]


def test_a_single_meeting_is_one_occurrence() -> None:
    assert [one.period.start for one in single().occurrences] == STARTS[:1]


def test_a_plan_moves_and_skips_occurrences() -> None:
    later = STARTS[1] + timedelta(days=2)
    meeting = series_of({STARTS[1]: later, STARTS[2]: None})
    assert statuses(meeting) == ["scheduled", "moved", "skipped", "scheduled"]
    moved, skipped = meeting.occurrences[1:3]
    assert moved.moved_to == LocalTime(SECOND + timedelta(days=2), "Europe/Berlin")
    assert moved.period == Period(later, later + timedelta(minutes=45))
    assert skipped.period.start == STARTS[2]
    assert len(meeting.busy) == 3
    assert not any(one.detached for one in meeting.occurrences)


Change = Callable[[Meeting], Meeting]
RESCHEDULING: dict[str, Change] = {
    "move": lambda meeting: move_occurrence(meeting, SECOND, STARTS[1] + timedelta(days=1), NOW),
    "cancel one": lambda meeting: cancel_occurrence(meeting, SECOND, NOW),
    "cancel from": lambda meeting: cancel_occurrences_from(meeting, STARTS[2], NOW),
    "cancel": lambda meeting: cancel(meeting, NOW),
}


@pytest.mark.parametrize("change", RESCHEDULING.values(), ids=RESCHEDULING)
def test_whatever_changes_times_raises_sequence_and_revision_by_one(change: Change) -> None:
    changed = change(series_of())
    assert (changed.sequence, changed.revision) == (1, 2)
    assert changed.changed_at == NOW.replace(microsecond=0)
    assert changed.created_at == BOOKED
    assert (changed.uid, changed.series) == ("m1@scheduler", SERIES)


@pytest.mark.parametrize("change", RESCHEDULING.values(), ids=RESCHEDULING)
def test_time_never_runs_backwards_for_a_change(change: Change) -> None:
    changed_later = replace(series_of(), changed_at=NOW + timedelta(hours=1))
    assert change(changed_later).changed_at == NOW + timedelta(hours=1)


def test_another_title_is_a_revision_with_the_same_sequence() -> None:
    changed = revise(series_of(), NOW, title="Thesis")
    assert (changed.title, changed.sequence, changed.revision) == ("Thesis", 0, 2)
    assert changed.changed_at == NOW.replace(microsecond=0)


@pytest.mark.parametrize(
    ("days", "detached"),
    [(1, False), (6, False), (7, True), (8, True), (-6, False), (-7, True), (-8, True)],
)
def test_a_move_that_passes_a_neighbour_or_shares_its_day_is_detached(days: int, detached: bool) -> None:
    moved = move_occurrence(series_of(), SECOND, STARTS[1] + timedelta(days=days, hours=2), NOW)
    assert moved.occurrences[1].detached is detached
    assert moved.uids == (("m1@scheduler", "20261013T143000-m1@scheduler") if detached else ("m1@scheduler",))


def test_what_once_was_detached_stays_so_because_its_uid_is_out() -> None:
    away = move_occurrence(series_of(), SECOND, STARTS[1] + timedelta(days=8), NOW)
    back = move_occurrence(away, SECOND, STARTS[1] + timedelta(days=1), NOW)
    assert back.occurrences[1].detached
    assert len(cancel_occurrence(back, SECOND, NOW).uids) == 2


def test_the_day_of_a_skipped_neighbour_is_free_to_move_to() -> None:
    meeting = series_of({STARTS[2]: None})
    moved = move_occurrence(meeting, SECOND, STARTS[2], NOW)
    assert moved.occurrences[1].status is OccurrenceStatus.MOVED
    assert not moved.occurrences[1].detached


def test_a_move_back_to_where_the_rule_has_it_is_no_exception_any_more() -> None:
    away = move_occurrence(series_of(), SECOND, STARTS[1] + timedelta(days=1), NOW)
    back = move_occurrence(away, SECOND, STARTS[1], NOW)
    assert back.occurrences == series_of().occurrences
    assert back.sequence == 2


def test_a_skipped_occurrence_takes_place_again_when_it_is_moved() -> None:
    moved = move_occurrence(series_of({STARTS[1]: None}), SECOND, STARTS[1] + timedelta(days=1), NOW)
    assert statuses(moved) == ["scheduled", "moved", "scheduled", "scheduled"]


@pytest.mark.parametrize("minutes", [-44, 0, 44])
def test_a_move_onto_another_occurrence_is_refused(minutes: int) -> None:
    with pytest.raises(OverlapsOwnOccurrence, match="would overlap") as refused:
        move_occurrence(series_of(), SECOND, STARTS[2] + timedelta(minutes=minutes), NOW)
    assert refused.value.other == STARTS[2]


@pytest.mark.parametrize("minutes", [-45, 45])
def test_a_move_next_to_another_occurrence_is_allowed(minutes: int) -> None:
    moved = move_occurrence(series_of(), SECOND, STARTS[2] + timedelta(minutes=minutes), NOW)
    assert moved.occurrences[1].period.start == STARTS[2] + timedelta(minutes=minutes)


def test_a_move_into_a_repeated_hour_keeps_its_instant() -> None:
    second_pass = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    moved = move_occurrence(series_of(), LAST, second_pass, NOW).occurrences[3]
    assert moved.moved_to == LocalTime(datetime(2026, 10, 25, 2, 30), "Europe/Berlin", fold=1)
    assert moved.period.start == second_pass


def test_cancelling_the_last_occurrence_left_cancels_the_meeting() -> None:
    assert cancel_occurrence(single(), FIRST, NOW).status is MeetingStatus.CANCELLED
    meeting = series_of({STARTS[0]: None, STARTS[1]: None})
    meeting = cancel_occurrence(meeting, THIRD, NOW)
    assert meeting.status is MeetingStatus.CONFIRMED
    meeting = cancel_occurrence(meeting, LAST, NOW)
    assert meeting.status is MeetingStatus.CANCELLED
    assert statuses(meeting) == ["skipped", "skipped", "cancelled", "cancelled"]


def test_cancelling_from_an_instant_leaves_what_was_before_it() -> None:
    assert statuses(cancel_occurrences_from(series_of(), STARTS[2], NOW)) == [
        "scheduled",
        "scheduled",
        "cancelled",
        "cancelled",
    ]
    everything = cancel_occurrences_from(series_of(), STARTS[0], NOW)
    assert everything.status is MeetingStatus.CANCELLED
    assert everything.busy == ()


def test_cancelling_from_an_instant_cancels_skipped_occurrences_too() -> None:
    meeting = series_of({STARTS[0]: None, STARTS[3]: None})
    cancelled = cancel_occurrences_from(meeting, STARTS[2], NOW)
    assert statuses(cancelled) == ["skipped", "scheduled", "cancelled", "cancelled"]


def test_cancelling_from_after_the_last_occurrence_changes_nothing() -> None:
    meeting = series_of()
    assert cancel_occurrences_from(meeting, STARTS[-1] + timedelta(minutes=1), NOW) is meeting
    cancelled = cancel(meeting, NOW)
    assert cancel_occurrences_from(cancelled, STARTS[0], NOW) is cancelled


@pytest.mark.parametrize("change", [RESCHEDULING[name] for name in ("move", "cancel one", "cancel")])
def test_a_cancelled_meeting_never_comes_back(change: Change) -> None:
    with pytest.raises(MeetingCancelled, match="book a new one"):
        change(cancel(series_of(), NOW))


def test_a_cancelled_meeting_keeps_nobody_busy() -> None:
    assert cancel(series_of(), NOW).busy == ()


def test_an_occurrence_that_is_gone_can_not_be_changed() -> None:
    cancelled = cancel_occurrence(series_of(), SECOND, NOW)
    with pytest.raises(OccurrenceNotChangeable, match="2026-10-13 14:30 is cancelled"):
        move_occurrence(cancelled, SECOND, STARTS[1] + timedelta(days=1), NOW)
    with pytest.raises(OccurrenceNotChangeable, match="is skipped"):
        cancel_occurrence(series_of({STARTS[1]: None}), SECOND, NOW)


def test_change_of_unknown_occurrence_is_not_found() -> None:
    with pytest.raises(NotFound, match="no occurrence has the id '20261006T143100'"):
        cancel_occurrence(series_of(), FIRST + timedelta(minutes=1), NOW)


def test_deriving_again_by_the_same_rules_moves_nothing() -> None:
    old = replace(series_of({STARTS[1]: STARTS[1] + timedelta(days=1)}), tz_database="2020a")
    again, shifted = rederive(old, NOW)
    assert shifted == ()
    assert again == replace(old, tz_database=TZ_DATABASE_VERSION)


def test_deriving_again_by_other_rules_keeps_wall_times_and_raises_the_sequence() -> None:
    meeting = series_of()
    hour = timedelta(hours=1)
    last = meeting.occurrences[-1]
    by_old_rules = replace(last, period=Period(last.period.start - hour, last.period.end - hour))
    rule = WeeklyRule(1, ("TU",), by_old_rules.period.start)
    old = replace(
        meeting,
        series=replace(SERIES, rule=rule),
        occurrences=(*meeting.occurrences[:-1], by_old_rules),
        tz_database="2020a",
    )
    again, shifted = rederive(old, NOW)
    assert shifted == (last,)
    assert again.series == SERIES  # UNTIL follows the last occurrence
    assert again.occurrences == meeting.occurrences
    assert (again.sequence, again.revision, again.tz_database) == (1, 2, TZ_DATABASE_VERSION)
