"""What becomes of a booked meeting when its people's time changes, as a table of examples.

The meetings are at noon UTC. A meeting is written as the days of its occurrences: ``13>14`` was moved from the 13th to
the 14th, ``13-`` is skipped, ``?`` has an open conflict, and ``!`` is kept in spite of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.availability.attendees import BlackoutKind
from scheduler.domain.availability.obstacles import Cause, Obstacle
from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.programme.meetings import (
    Meeting,
    OccurrenceStatus,
    Party,
    cancel_occurrence,
    place_occurrences,
    plan_occurrences,
)
from scheduler.domain.programme.mentorships import WhenBlocked
from scheduler.domain.programme.settling import TimeChange, settle
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime

ASK, MOVE, SKIP = WhenBlocked.ASK, WhenBlocked.MOVE, WhenBlocked.SKIP
LENGTH = timedelta(hours=1)
GRETA = Party("Greta", "greta@example.org", "UTC")


def october(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC)


def series(days: str, count: int) -> Meeting:
    """Weekly from 6 October on those days of the week, or a single meeting on that day."""
    first = LocalTime(datetime(2026, 10, 6, 12), "UTC")
    by_day = tuple(days.split())
    until = october(6) + timedelta(weeks=(count - 1) // len(by_day), days=(count - 1) % len(by_day)) if by_day else None
    rule = WeeklyRule(1, by_day, until) if until else None
    found = Series(first, rule, 60)
    occurrences = plan_occurrences(found, {})
    assert len(occurrences) == count
    booked = october(1)
    return Meeting("m1", "", found, occurrences, GRETA, GRETA, (), (), None, booked, booked)


@dataclass
class Scene:
    """A meeting whose people are away on some days. A move goes to the next day, else the one before, and so on."""

    meeting: Meeting = field(default_factory=lambda: series("TU", 4))
    when_blocked: WhenBlocked = MOVE
    now: datetime = field(default_factory=lambda: october(1))
    away: dict[str, list[int]] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    conflicts: dict[datetime, Conflict] = field(default_factory=dict)
    is_hit_hard: bool = False

    def obstacles(self, starts: Sequence[datetime]) -> list[tuple[Obstacle, ...]]:
        return [tuple(self._obstacles(start)) for start in starts]

    def has_room(self, start: datetime, others: Sequence[Period]) -> bool:
        return not any(one.overlaps(Period(start, start + LENGTH)) for one in others)

    def nearest(self, nominal: LocalTime, others: Sequence[Period], after: datetime) -> Iterator[datetime]:
        for days in (1, -1, 2, -2, 3, -3):
            start = nominal.instant + timedelta(days=days)
            if start > after and not self.obstacles([start])[0] and self.has_room(start, others):
                yield start

    def declare(self, name: str, *days: int) -> str:
        """Declare, or change, a blackout of those days of October; return what the meeting is then."""
        self.away[name] = list(days)
        return self.settle({name})

    def delete(self, name: str) -> str:
        """Delete a blackout; return what the meeting is then."""
        del self.away[name]
        return self.settle()

    def close(self, *days: int) -> str:
        """Have no working hours on those days; return what the meeting is then."""
        self.closed = list(days)
        return self.settle()

    def settle(self, blackouts: Iterable[str] = ()) -> str:
        change = TimeChange(at=self.now, blackouts=frozenset(blackouts), when_blocked=self.when_blocked)
        settled = settle(self.meeting, list(self.conflicts.values()), self, change)
        self.meeting = place_occurrences(self.meeting, settled.starts, self.now)
        self.conflicts |= {one.recurrence_id.wall: one for one in settled.conflicts}
        self.is_hit_hard = settled.is_hit_hard
        return str(self)

    def keep(self, day: int) -> None:
        """Decide to meet all the same."""
        self._put(day, resolution=Resolution.KEPT, returns=False)

    def move_by_hand(self, day: int, to: int) -> None:
        """Move an occurrence as a PATCH does."""
        self.meeting = place_occurrences(self.meeting, {datetime(2026, 10, day, 12): october(to)}, self.now)
        if (wall := datetime(2026, 10, day, 12)) in self.conflicts:
            self.conflicts[wall] = self.conflicts[wall].ended_by_change(self.now)

    def resolution(self, day: int) -> Resolution:
        return self.conflicts[datetime(2026, 10, day, 12)].resolution

    def _put(self, day: int, **changes: object) -> None:
        wall = datetime(2026, 10, day, 12)
        self.conflicts[wall] = replace(self.conflicts[wall], **changes)  # type: ignore[arg-type]

    def _obstacles(self, start: datetime) -> Iterator[Obstacle]:
        for name, days in self.away.items():
            if start.day in days:
                yield Obstacle("asha", Cause.BLACKOUT, name, BlackoutKind.EXAM)
        if start.day in self.closed:
            yield Obstacle("greta", Cause.OUTSIDE_HOURS)

    def __str__(self) -> str:
        marks = {Resolution.OPEN: "?", Resolution.KEPT: "!"}
        found = []
        for one in self.meeting.occurrences:
            text = f"{one.recurrence_id.wall.day:02}"
            if one.status in {OccurrenceStatus.SKIPPED, OccurrenceStatus.CANCELLED}:
                text += "-"
            elif one.period.start != one.recurrence_id.instant:
                text += f">{one.period.start.day:02}"
            conflict = self.conflicts.get(one.recurrence_id.wall)
            found.append(text + (marks.get(conflict.resolution, "") if conflict else ""))
        return " ".join(found)


def agree(scene: Scene, day: int, to: int) -> None:
    """Have an occurrence moved at booking, because of a blackout."""
    scene.move_by_hand(day, to)
    wall = datetime(2026, 10, day, 12)
    one = scene.meeting.occurrence(wall)
    causes = (Obstacle("asha", Cause.BLACKOUT, "at booking", BlackoutKind.EXAM),)
    former = Period(october(day), october(day) + LENGTH)
    scene.conflicts[wall] = Conflict(
        one.recurrence_id, former, causes, Resolution.MOVED, scene.now, one.period, former.start
    )


@pytest.mark.parametrize(
    ("when_blocked", "expected"), [(ASK, "06 13? 20 27"), (MOVE, "06 13>14 20 27"), (SKIP, "06 13- 20 27")]
)
def test_blackout_acts_as_the_mentorship_says_and_its_deletion_undoes_it(
    when_blocked: WhenBlocked, expected: str
) -> None:
    scene = Scene(when_blocked=when_blocked)
    assert scene.declare("exams", 13) == expected
    assert scene.delete("exams") == "06 13 20 27"
    assert not any(one.is_open or one.returns for one in scene.conflicts.values())


@pytest.mark.parametrize("when_blocked", [MOVE, SKIP])
def test_closed_day_only_asks(when_blocked: WhenBlocked) -> None:
    scene = Scene(when_blocked=when_blocked)
    assert scene.close(13) == "06 13? 20 27"
    assert scene.close() == "06 13 20 27"
    assert scene.resolution(13) is Resolution.LAPSED


def test_blackout_with_no_free_place_near_asks() -> None:
    scene = Scene(closed=[10, 11, 12, 14, 15, 16])
    assert scene.declare("exams", 13) == "06 13? 20 27"


@pytest.mark.parametrize(
    ("exams", "closed", "now", "expected"),
    [
        ([13], [], october(12, 11, 59), "06 13>14 20 27"),
        ([13], [], october(12, 12), "06 13? 20 27"),
        # The new time is further away than a day as well.
        ([13], [14], october(11, 11, 59), "06 13>12 20 27"),
        ([13], [14], october(11, 12), "06 13>15 20 27"),
        ([13], [14, 15, 16], october(11, 12), "06 13? 20 27"),
        # What has begun is left alone.
        ([13], [], october(13, 12), "06 13 20 27"),
        ([6, 13], [], october(8), "06 13>14 20 27"),
    ],
)
def test_occurrence_moves_by_itself_only_a_day_ahead(
    exams: list[int], closed: list[int], now: datetime, expected: str
) -> None:
    assert Scene(now=now, closed=closed).declare("exams", *exams) == expected


@pytest.mark.parametrize(
    ("now", "expected"), [(october(12, 11), "06 13>17 20 27"), (october(12, 13), "06 13>16? 20 27")]
)
def test_occurrence_whose_nominal_time_is_near_asks(now: datetime, expected: str) -> None:
    scene = Scene(now=now, closed=[14, 15])
    scene.move_by_hand(13, to=16)
    scene.nearest = lambda *_: iter([october(17)])  # type: ignore[method-assign]
    assert scene.declare("exams", 16) == expected


@pytest.mark.parametrize(
    ("exams", "closed", "later", "expected"),
    [
        # It goes back from the 15th to the 13th while that is more than a day ahead.
        ([13], [12, 14], october(12, 11), "06 13 20 27"),
        ([13], [12, 14], october(12, 12), "06 13>15 20 27"),
        # From the 12th while the 12th is.
        ([13], [14], october(11, 11), "06 13 20 27"),
        ([13], [14], october(11, 12), "06 13>12 20 27"),
    ],
)
def test_occurrence_goes_back_by_itself_only_a_day_ahead(
    exams: list[int], closed: list[int], later: datetime, expected: str
) -> None:
    scene = Scene(closed=closed)
    scene.declare("exams", *exams)
    scene.now = later
    assert scene.delete("exams") == expected


@pytest.mark.parametrize(
    ("later", "expected"), [(october(12, 11), "06 13>16 20 27"), (october(12, 13), "06 13>17 20 27")]
)
def test_occurrence_whose_nominal_time_is_near_does_not_go_back(later: datetime, expected: str) -> None:
    scene = Scene()
    scene.move_by_hand(13, to=16)
    scene.nearest = lambda *_: iter([october(17)])  # type: ignore[method-assign]
    assert scene.declare("exams", 16) == "06 13>17 20 27"
    scene.now = later
    assert scene.delete("exams") == expected


@pytest.mark.parametrize(
    ("exams", "expected"),
    [((13,), "06 13>14 20 27 03 10"), ((13, 20), "06 13>14 20>21 27 03 10"), ((13, 20, 27), "06 13? 20? 27? 03 10")],
)
def test_change_that_hits_over_a_third_of_a_series_asks(exams: tuple[int, ...], expected: str) -> None:
    scene = Scene(series("TU", 6))
    assert scene.declare("exams", *exams) == expected
    assert scene.is_hit_hard == ("?" in expected)


def test_third_is_counted_among_what_is_to_come() -> None:
    scene = Scene(series("TU", 6), now=october(21))
    assert scene.declare("exams", 27) == "06 13 20 27>28 03 10"
    scene = Scene(now=october(14))
    assert scene.declare("exams", 27) == "06 13 20 27?"


def test_several_small_changes_move_one_occurrence_each() -> None:
    scene = Scene()
    for name, day in (("a", 6), ("b", 13), ("c", 20)):
        scene.declare(name, day)
    assert str(scene) == "06>07 13>14 20>21 27"
    assert scene.delete("b") == "06>07 13 20>21 27"


@pytest.mark.parametrize(("when_blocked", "expected"), [(ASK, "06?"), (MOVE, "06>07"), (SKIP, "06?")])
def test_single_meeting_moves_and_is_never_skipped(when_blocked: WhenBlocked, expected: str) -> None:
    scene = Scene(series("", 1), when_blocked)
    assert scene.declare("exams", 6) == expected
    assert scene.delete("exams") == "06"


def test_last_occurrence_that_takes_place_is_never_skipped() -> None:
    scene = Scene(when_blocked=SKIP)
    for day in (6, 13, 20):
        scene.declare(f"{day}", day)
    # Of two that are left, one is over a third.
    assert str(scene) == "06- 13- 20? 27"
    assert scene.declare("27", 27) == "06- 13- 20? 27?"


def test_kept_occurrence_stays_until_another_firm_blackout_is_in_the_way() -> None:
    scene = Scene()
    scene.when_blocked = ASK
    scene.declare("exams", 13)
    scene.keep(13)
    scene.when_blocked = MOVE
    assert scene.settle() == "06 13! 20 27"
    assert scene.declare("exams", 13, 14) == "06 13! 20 27"
    assert scene.close(13) == "06 13! 20 27"
    assert scene.declare("a break", 13) == "06 13? 20 27"


def test_kept_occurrence_that_nothing_blocks_any_more_is_free_to_move_again() -> None:
    scene = Scene(when_blocked=ASK)
    scene.declare("exams", 13)
    scene.keep(13)
    assert scene.delete("exams") == "06 13 20 27"
    assert scene.resolution(13) is Resolution.LAPSED
    scene.when_blocked = MOVE
    assert scene.declare("exams", 13) == "06 13>14 20 27"


def test_occurrence_that_waits_for_a_decision_is_not_moved_by_the_same_blackout() -> None:
    scene = Scene(when_blocked=ASK)
    scene.declare("exams", 13)
    scene.when_blocked = MOVE
    assert scene.declare("exams", 13, 14) == "06 13? 20 27"
    assert scene.declare("a break", 13) == "06 13>12 20 27"


def test_conflict_lapses_when_the_occurrence_begins_or_is_cancelled() -> None:
    scene = Scene(when_blocked=ASK)
    scene.declare("exams", 6, 13)
    scene.meeting = cancel_occurrence(scene.meeting, datetime(2026, 10, 13, 12), scene.now)
    scene.now = october(6, 12)
    scene.settle()
    assert [scene.resolution(day) for day in (6, 13)] == [Resolution.LAPSED] * 2


def test_occurrence_that_somebody_moved_stays_there() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    scene.move_by_hand(13, to=16)
    assert scene.delete("exams") == "06 13>16 20 27"


def test_occurrence_that_was_kept_and_moved_is_asked_about_again() -> None:
    scene = Scene(when_blocked=ASK)
    scene.declare("exams", 13)
    scene.keep(13)
    scene.move_by_hand(13, to=15)
    assert scene.resolution(13) is Resolution.LAPSED
    assert scene.declare("exams", 13, 14, 15) == "06 13>15? 20 27"


def test_conflict_of_a_displaced_occurrence_that_somebody_moved_or_cancelled_lapses() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    scene.move_by_hand(13, to=16)
    moved = scene.conflicts[datetime(2026, 10, 13, 12)]
    assert (moved.resolution, moved.moved_to, moved.former) == (Resolution.LAPSED, None, None)
    scene = Scene()
    scene.declare("exams", 13)
    scene.meeting = cancel_occurrence(scene.meeting, datetime(2026, 10, 13, 12), scene.now)
    scene.settle()
    assert scene.resolution(13) is Resolution.LAPSED


def test_moved_occurrence_is_still_moved_when_its_former_time_is_over() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    scene.now = october(13, 13)
    assert scene.settle() == "06 13>14 20 27"
    assert scene.resolution(13) is Resolution.MOVED
    assert scene.conflicts[datetime(2026, 10, 13, 12)].returns is False


def test_occurrence_that_was_displaced_twice_goes_back_to_its_first_time() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    assert scene.declare("a break", 14) == "06 13>12 20 27"
    assert scene.delete("a break") == "06 13>12 20 27"
    assert scene.delete("exams") == "06 13 20 27"


def test_displaced_occurrence_that_is_blocked_and_asks_goes_back_all_the_same() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    assert scene.close(14) == "06 13>14? 20 27"
    assert scene.delete("exams") == "06 13 20 27"
    assert scene.resolution(13) is Resolution.RESTORED


def test_displaced_occurrence_that_asks_stays_displaced_when_only_that_cause_is_gone() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    scene.close(14)
    assert scene.close() == "06 13>14 20 27"
    assert scene.resolution(13) is Resolution.MOVED


def test_moves_that_were_agreed_are_remembered_when_a_later_conflict_comes_and_goes() -> None:
    scene = Scene()
    agree(scene, 13, to=12)
    agreed = scene.conflicts[datetime(2026, 10, 13, 12)]
    for when_blocked, meanwhile in ((ASK, "06 13>12? 20 27"), (MOVE, "06 13>14 20 27")):
        scene.when_blocked = when_blocked
        scene.away["at booking"] = [13]
        assert scene.declare("exams", 12) == meanwhile
        assert scene.delete("exams") == "06 13>12 20 27"
        assert scene.conflicts[datetime(2026, 10, 13, 12)] == agreed
        assert scene.delete("at booking") == "06 13>12 20 27"


def test_kept_move_that_was_agreed_is_remembered_when_what_was_in_its_way_is_gone() -> None:
    scene = Scene(when_blocked=ASK, away={"at booking": [13]})
    agree(scene, 13, to=12)
    agreed = scene.conflicts[datetime(2026, 10, 13, 12)]
    scene.declare("exams", 12)
    scene.keep(13)
    assert scene.settle() == "06 13>12! 20 27"
    assert scene.declare("a break", 12) == "06 13>12? 20 27"
    scene.delete("a break")
    scene.delete("exams")
    assert scene.conflicts[datetime(2026, 10, 13, 12)] == agreed


def test_displaced_occurrence_names_what_displaced_it_when_a_later_conflict_comes_and_goes() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    first = scene.conflicts[datetime(2026, 10, 13, 12)]
    scene.when_blocked = ASK
    assert scene.declare("a break", 14) == "06 13>14? 20 27"
    scene.delete("a break")
    assert scene.conflicts[datetime(2026, 10, 13, 12)] == first


def test_occurrence_displaced_twice_names_both_causes_and_its_first_time() -> None:
    scene = Scene()
    scene.declare("exams", 13)
    scene.declare("a break", 14)
    conflict = scene.conflicts[datetime(2026, 10, 13, 12)]
    assert (sorted(conflict.blackouts), conflict.period.start) == (["a break", "exams"], october(13))


def test_what_lies_under_a_conflict_does_not_grow() -> None:
    scene = Scene()
    agree(scene, 13, to=12)
    for name in ("a", "b", "c", "d"):
        scene.when_blocked = MOVE
        scene.declare(name, 12, 14)
        scene.when_blocked = ASK
        scene.declare(f"{name} again", *range(10, 17))
        scene.keep(13)
    found: Conflict | None = scene.conflicts[datetime(2026, 10, 13, 12)]
    depth = 0
    while found is not None:
        depth, found = depth + 1, found.before
    assert depth <= 3


def test_neighbours_that_are_displaced_together_find_different_places_and_both_go_back() -> None:
    scene = Scene(series("TU WE", 8))
    assert scene.declare("exams", 13, 14) == "06 07 13>12 14>15 20 21 27 28"
    assert scene.delete("exams") == "06 07 13 14 20 21 27 28"


def test_place_that_an_occurrence_goes_back_to_is_not_taken_by_another() -> None:
    """The 13th is free again, but its occurrence can't leave the 12th as that is near: the two would swap places."""
    scene = Scene(series("TU WE", 8), closed=[15])
    scene.declare("exams", 13)
    scene.now = october(11, 13)
    assert scene.delete("exams") == "06 07 13>12 14 20 21 27 28"
    assert scene.declare("a break", 14) == "06 07 13>12 14>16 20 21 27 28"


def test_two_that_are_in_each_others_way_go_back_in_turn() -> None:
    scene = Scene(series("TU WE", 8), closed=[12])
    assert scene.declare("exams", 13) == "06 07 13>15 14 20 21 27 28"
    assert scene.declare("a break", 14) == "06 07 13>15 14>16 20 21 27 28"
    assert scene.delete("exams") == "06 07 13 14>16 20 21 27 28"
    assert scene.delete("a break") == "06 07 13 14 20 21 27 28"


def test_undoing_in_any_order_leaves_nothing_displaced() -> None:
    names = {"a": (13, 14), "b": (14, 15), "c": (12, 13)}
    for order in (("a", "b", "c"), ("c", "b", "a"), ("b", "a", "c"), ("b", "c", "a")):
        scene = Scene(series("TU WE", 8))
        for name, days in names.items():
            scene.declare(name, *days)
        assert "13>" in str(scene)
        for name in order:
            scene.delete(name)
        assert str(scene) == "06 07 13 14 20 21 27 28"


@pytest.mark.parametrize("when_blocked", list(WhenBlocked))
def test_nothing_changes_when_nothing_is_in_the_way(when_blocked: WhenBlocked) -> None:
    scene = Scene(when_blocked=when_blocked)
    before = scene.meeting
    assert scene.declare("exams", 14) == "06 13 20 27"
    assert scene.meeting is before
    assert scene.conflicts == {}
