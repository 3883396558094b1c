"""Blackouts, hours and travel that change in any order: what stands, what asks, and that undoing undoes.

Two mentorships share their mentor. After each change an oracle, which goes minute by minute with zoneinfo alone, says
where the occurrences may be.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.api import Clock, context_of
from support.budget import examples
from support.calendars import RecordingCalendars
from support.oracle import Diary, minutes_of

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Buffer, WorkingHours
from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.programme.mentorships import Mentorship, WhenBlocked
from scheduler.domain.programme.people import Person
from scheduler.domain.search.planning import PlanStatus
from scheduler.domain.search.replanning import PlanTerms
from scheduler.domain.search.rules import Rules
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime
from scheduler.services.blackouts import BlackoutFields, create_blackout, delete_blackout, update_blackout
from scheduler.services.booking import CadenceBooking, Details, ExpectedOccurrence, book_cadence
from scheduler.services.checking import RETRY_AFTER, check_due_people
from scheduler.services.conflicts import Decision, resolve_conflict
from scheduler.services.mentorships import create_mentorship, update_mentorship
from scheduler.services.people import create_person, update_person
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme, find_key
from scheduler.store import Store, new_id

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
DATES = date(2026, 10, 5), date(2026, 11, 13)
MOST_BLACKOUTS = 20
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR")
PEOPLE = {
    "greta": Person(new_id(), "Greta", "greta@example.org", "Europe/Berlin", buffer=Buffer(5, 20), at_most_per_day=2),
    "asha": Person(new_id(), "Asha", "asha@example.org", "Asia/Kolkata", None, Buffer(0, 10), at_most_per_day=1),
    "bo": Person(new_id(), "Bo", "bo@example.org", "America/New_York", None),
}
OTHER_HOURS = {
    "greta": (WorkingHours(WEEKDAYS, 11 * 60, 17 * 60),),
    "asha": (WorkingHours(WEEKDAYS, 14 * 60, 21 * 60),),
    "bo": (),
}
TRAVEL = {
    "greta": (PlannedMove(date(2026, 10, 10), date(2026, 10, 18), "America/New_York"),),
    "asha": (PlannedMove(date(2026, 10, 17), date(2026, 11, 1), "Asia/Singapore"),),
    "bo": (PlannedMove(date(2026, 10, 31), date(2026, 11, 8), "America/Chicago"),),
}
SERIES = [("asha", "TU", 6, 10, 45), ("asha", "FR", 9, 14, 0), ("bo", "TU", 6, 14, 30), ("bo", "WE", 7, 15, 60)]
"""Mentee, weekday, the first day of October, hour in Berlin, and the minimum gap."""
LENGTH = 45
NAMES = {person.id: name for name, person in PEOPLE.items()}


@dataclass
class Booked:
    """A programme with six weeks of everything in ``SERIES``, in a file that tests copy."""

    file: Path
    programme: str
    mentorships: dict[str, str]
    gaps: dict[str, int]
    """The minimum gap of each meeting, by its id."""


class Standing(NamedTuple):
    """An occurrence of a meeting: who is in it, when it takes place, and its conflict."""

    meeting: str
    wall: datetime
    people: frozenset[str]
    period: Period | None
    to_be_moved: str | None
    conflict: Conflict | None

    @property
    def is_displaced(self) -> bool:
        """Whether the service has put it there by itself."""
        return self.conflict is not None and self.conflict.returns


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("undoing")


@pytest.fixture
def shop(folder: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{folder / 'scheduler.db'}")
    yield opened
    opened.close()


@pytest.fixture
def booked(folder: Path, migrated_file: Path, shop: Store) -> Booked:
    shutil.copy(migrated_file, folder / "scheduler.db")
    context = context_of(shop, Clock(NOW), RecordingCalendars())
    key = find_key(context, create_programme(context, "Women in Science"))
    assert key
    for person in PEOPLE.values():
        create_person(context, key.programme_id, person)
    mentorships = {
        name: create_mentorship(
            context, key.programme_id, Mentorship(new_id(), PEOPLE["greta"].id, PEOPLE[name].id, ("x",), "", *DATES)
        ).id
        for name in ("asha", "bo")
    }
    meetings = {}
    for name, weekday, day, hour, gap in SERIES:
        booking = _booking(weekday, datetime(2026, 10, day, hour), gap)
        meetings[book_cadence(context, key.programme_id, mentorships[name], booking).id] = gap
    shop.close()
    return Booked(
        Path(shutil.copy(folder / "scheduler.db", folder / "booked.db")), key.programme_id, mentorships, meetings
    )


def _booking(weekday: str, first: datetime, gap: int) -> CadenceBooking:
    starts = [LocalTime(first + timedelta(weeks=week), "Europe/Berlin").instant for week in range(5)]
    expected = tuple(
        ExpectedOccurrence(Period(start, start + timedelta(minutes=LENGTH)), PlanStatus.CLEAR) for start in starts
    )
    series = Series(LocalTime(first, "Europe/Berlin"), WeeklyRule(1, (weekday,), starts[-1]), LENGTH)
    return CadenceBooking(series, expected, Details(), PlanTerms(rules=Rules(minimum_gap=gap)))


days = st.dates(date(2026, 10, 3), date(2026, 11, 8))
people = st.sampled_from(sorted(PEOPLE))
lengths = st.sampled_from([1, 1, 1, 2, 3, 5, 12])


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    """Some whole days, or some hours, in one of which a meeting is likely."""
    first, length = draw(days), draw(lengths)
    if draw(st.booleans()):
        return {"first_day": first, "last_day": first + timedelta(days=length - 1)}
    start = datetime(
        first.year, first.month, first.day, draw(st.integers(6, 16)), draw(st.sampled_from([0, 20])), tzinfo=UTC
    )
    return {"start": start, "end": start + timedelta(hours=draw(st.integers(1, 9)))}


rules = st.sampled_from(
    [None, None, None, "FREQ=WEEKLY;COUNT=3", "FREQ=WEEKLY;INTERVAL=2;COUNT=2", "FREQ=YEARLY;COUNT=2"]
)


class Undoing(RuleBasedStateMachine):
    """Everybody's blackouts, hours and travel, changed in any order well before the first meeting."""

    booked: Booked
    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.context: Context = context_of(self.store, Clock(NOW), RecordingCalendars())
        self.blackouts: dict[str, tuple[str, Blackout]] = {}
        self.hours = {name: person.working_hours for name, person in PEOPLE.items()}
        self.travel = {name: person.travel for name, person in PEOPLE.items()}

    @initialize(asha=st.sampled_from(WhenBlocked), bo=st.sampled_from(WhenBlocked))
    def begin(self, asha: WhenBlocked, bo: WhenBlocked) -> None:
        self.store.close()
        shutil.copy(self.booked.file, self.booked.file.with_name("scheduler.db"))
        self.decide("asha", asha)
        self.decide("bo", bo)
        self.read()
        self.first = self.times

    @rule(mentee=st.sampled_from(["asha", "bo"]), when_blocked=st.sampled_from(WhenBlocked))
    def decide(self, mentee: str, when_blocked: WhenBlocked) -> None:
        changes = {"when_blocked": when_blocked}
        update_mentorship(self.context, self.booked.programme, self.booked.mentorships[mentee], changes)

    @precondition(lambda self: len(self.blackouts) < MOST_BLACKOUTS)
    @rule(name=people, span=spans(), rrule=rules, firm=st.sampled_from([True, True, True, False]))
    def declare(self, name: str, span: dict[str, Any], rrule: str | None, firm: bool) -> None:
        fields = BlackoutFields(BlackoutKind.EXAM, "Finals", firm, rrule=rrule, **span)
        stored, _ = create_blackout(self.context, self.booked.programme, PEOPLE[name].id, fields)
        self.blackouts[stored.id] = name, stored.blackout

    @precondition(lambda self: self.blackouts)
    @rule(number=st.integers(0, MOST_BLACKOUTS), changes=spans() | st.fixed_dictionaries({"firm": st.booleans()}))
    def change(self, number: int, changes: dict[str, Any]) -> None:
        blackout_id = self.chosen(number)
        name, _ = self.blackouts[blackout_id]
        stored, _ = update_blackout(self.context, self.booked.programme, PEOPLE[name].id, blackout_id, changes)
        self.blackouts[blackout_id] = name, stored.blackout

    @precondition(lambda self: self.blackouts)
    @rule(number=st.integers(0, MOST_BLACKOUTS))
    def delete(self, number: int) -> None:
        blackout_id = self.chosen(number)
        name, _ = self.blackouts.pop(blackout_id)
        delete_blackout(self.context, self.booked.programme, PEOPLE[name].id, blackout_id)

    @precondition(lambda self: len(self.blackouts) > 4)
    @rule(from_the_last=st.booleans())
    def delete_all(self, from_the_last: bool) -> None:
        while self.blackouts:
            self.delete(len(self.blackouts) - 1 if from_the_last else 0)

    @rule(name=people, other=st.booleans())
    def change_hours(self, name: str, other: bool) -> None:
        self.hours[name] = OTHER_HOURS[name] if other else PEOPLE[name].working_hours
        self.update(name, working_hours=self.hours[name])

    @rule(name=people, away=st.booleans())
    def change_travel(self, name: str, away: bool) -> None:
        self.travel[name] = TRAVEL[name] if away else ()
        self.update(name, travel=self.travel[name])

    @precondition(lambda self: self.to_keep())
    @rule(number=st.integers(0, 100))
    def keep(self, number: int) -> None:
        choices = self.to_keep()
        one = choices[number % len(choices)]
        resolve_conflict(self.context, self.booked.programme, one.meeting, one.wall, Decision.KEEP, may_overrule=True)

    @rule()
    def have_a_worker_check(self) -> None:
        while check_due_people(self.context):
            pass
        with self.context.store.read() as tx:
            # Nobody is left, not even one who could not be checked and is tried again later.
            assert tx.conflicts.find_due(NOW + RETRY_AFTER, RETRY_AFTER, 1) == []

    @invariant()
    def everything_holds(self) -> None:
        """All that holds after a change."""
        times, sequences = self.times, self.sequences
        self.read()
        diaries = self.diaries()
        self.check_that_occurrences_stand_or_ask(diaries)
        self.check_that_nothing_overlaps_and_wishes_hold(diaries)
        for meeting_id, sequence in self.sequences.items():
            is_changed = self.times[meeting_id] != times[meeting_id]
            assert (sequence > sequences[meeting_id]) == is_changed, "SEQUENCE rises only with times"
        self.check_that_undoing_undoes()

    def check_that_occurrences_stand_or_ask(self, diaries: dict[str, Diary]) -> None:
        """An open conflict exists exactly where something is in the way and nobody decided to meet all the same."""
        for one in self.standing:
            conflict = one.conflict
            is_open = conflict is not None and conflict.is_open
            assert is_open == (one.to_be_moved is not None), one
            if one.period is None:
                assert conflict is not None, one
                assert conflict.resolution is Resolution.SKIPPED, one
                continue
            in_the_way = [name for name in one.people if not _can_come(diaries[name], one.period)]
            is_kept = conflict is not None and conflict.resolution is Resolution.KEPT
            assert is_open or is_kept if in_the_way else not (is_open or is_kept), (one, in_the_way)

    def check_that_nothing_overlaps_and_wishes_hold(self, diaries: dict[str, Diary]) -> None:
        """Gaps and buffers hold around what the service moved, limits everywhere."""
        taking_place = sorted(
            ((one.period, one) for one in self.standing if one.period), key=lambda pair: pair[0].start
        )
        for (period, one), (later, other) in combinations(taking_place, 2):
            shared = one.people & other.people
            assert not (shared and period.overlaps(later)), (one, other)
            if shared and (one.is_displaced or other.is_displaced or one.meeting == other.meeting):
                apart = (later.start - period.end) // timedelta(minutes=1)
                assert apart >= self.least_apart(one, other, shared), (one, other)
        for name, diary in diaries.items():
            mine = [period for period, one in taking_place if name in one.people]
            counts = Counter(diary.day_of(int(period.start.timestamp()) // 60) for period in mine)
            assert max(counts.values(), default=0) <= (PEOPLE[name].at_most_per_day or 9), name

    def check_that_undoing_undoes(self) -> None:
        """With no blackouts left, and hours and travel as they were, all is as it was booked."""
        firm = any(blackout.firm for _, blackout in self.blackouts.values())
        is_as_before = all(
            (self.hours[name], self.travel[name]) == (person.working_hours, person.travel)
            for name, person in PEOPLE.items()
        )
        if is_as_before and not firm:
            self.have_a_worker_check()
            self.read()
            assert self.times == self.first
            assert not any(one.is_displaced or one.to_be_moved for one in self.standing)

    def teardown(self) -> None:
        """Undo everything, whatever has been done."""
        if hasattr(self, "first"):
            for name in PEOPLE:
                self.change_travel(name, away=False)
            self.delete_all(from_the_last=False)
            for name in PEOPLE:
                self.change_hours(name, other=False)
            self.read()
            self.check_that_undoing_undoes()

    def update(self, name: str, **changes: Any) -> None:
        update_person(self.context, self.booked.programme, PEOPLE[name].id, changes)

    def chosen(self, number: int) -> str:
        """One of the blackouts."""
        return list(self.blackouts)[number % len(self.blackouts)]

    def to_keep(self) -> list[Standing]:
        """Open conflicts of occurrences that were not displaced."""
        return [one for one in self.standing if one.to_be_moved and not one.is_displaced]

    def read(self) -> None:
        """Read all meetings and conflicts."""
        self.standing: list[Standing] = []
        self.times: dict[str, dict[datetime, Period | None]] = {}
        self.sequences: dict[str, int] = {}
        with self.context.store.read() as tx:
            meetings = tx.meetings.list_for_person(self.booked.programme, PEOPLE["greta"].id)
            conflicts = tx.conflicts.list_for_meetings(self.booked.programme, list(self.booked.gaps))
        for stored in meetings:
            its = {one.recurrence_id.wall: one for one in conflicts[stored.id]}
            people = frozenset({NAMES[stored.mentor_id], NAMES[stored.mentee_id]})
            for one in stored.meeting.occurrences:
                wall, period = one.recurrence_id.wall, one.period if one.takes_place else None
                standing = Standing(stored.id, wall, people, period, one.to_be_moved, its.get(wall))
                self.standing.append(standing)
                self.times.setdefault(stored.id, {})[wall] = period
            self.sequences[stored.id] = stored.meeting.sequence

    def diaries(self) -> dict[str, Diary]:
        return {
            name: Diary(
                Attendee(
                    zone=person.time_zone,
                    hours=self.hours[name],
                    travel=self.travel[name],
                    blackouts=tuple(blackout for owner, blackout in self.blackouts.values() if owner == name),
                )
            )
            for name, person in PEOPLE.items()
        }

    def least_apart(self, one: Standing, other: Standing, shared: frozenset[str]) -> int:
        """The least minutes between an earlier and a later occurrence, whichever of the two was there first."""
        buffers = (PEOPLE[name].buffer for name in shared)
        gap = min(self.booked.gaps[one.meeting], self.booked.gaps[other.meeting]) if len(shared) == 2 else 0
        return max(gap, *(min(buffer.before, buffer.after) for buffer in buffers))


def _can_come(diary: Diary, period: Period) -> bool:
    return all(map(diary.is_open, minutes_of(period)))


@pytest.mark.prove
def test_changes_in_any_order_leave_what_can_stand_and_undoing_them_undoes(booked: Booked, shop: Store) -> None:
    machine = type("Undoing", (Undoing,), {"booked": booked, "store": shop})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples(40), stateful_step_count=25))
