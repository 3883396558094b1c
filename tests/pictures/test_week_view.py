"""The content of pictures: each minute's cause as the oracle finds it, and every minute of the window once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from support import oracle
from support.budget import examples
from support.contract import MENTEE, MENTOR, SLOTS, between, utc
from support.strategies import WEEKDAYS, slot_queries

from scheduler.domain.availability.attendees import Attendee, Blackout, BlackoutKind, Days, WorkingHours
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.rules import Group, Rules
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.clocks import PlannedMove
from scheduler.domain.time.periods import minute_of
from scheduler.domain.time.units import DAY
from scheduler.pictures.shading import Shade, Shading
from scheduler.pictures.wall_days import skipped_stretches, wall_stretches
from scheduler.pictures.week_slots import MAX_LANES, MAX_SLOTS, MAX_WEEKS
from scheduler.pictures.week_view import MAX_PEOPLE, week_view

generated = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
ANYTIME = Attendee("Europe/Berlin", hours=None)


@generated
@given(slot_queries())
def test_minute_shade_is_first_cause_of_oracle(query: SlotQuery) -> None:
    diaries = [oracle.Diary(one) for one in query.attendees if one.required]
    shading = Shading(query)
    minute = shading.start
    for (start, end), shade in shading.spans:
        assert start == minute < end
        # Both ends and the middle of a span; the next one begins where another cause holds.
        for minute in {start, (start + end) // 2, end - 1}:
            assert (shade.cause if shade else None) == expected_cause(diaries, query, minute)
        minute = end
    assert minute == shading.end


def expected_cause(diaries: list[oracle.Diary], query: SlotQuery, minute: int) -> Cause | None:
    if not all(diary.in_hours(minute) for diary in diaries):
        return Cause.OUTSIDE_HOURS
    if any(diary.in_blackout(minute) for diary in diaries):
        return Cause.BLACKOUT
    if oracle.is_under_notice(minute, query):
        return Cause.MINIMUM_NOTICE
    if any(minute in diary.busy for diary in diaries):
        return Cause.BUSY
    return None if all(diary.buffers_hold(minute, 1) for diary in diaries) else Cause.BUFFER


@generated
@given(slot_queries())
def test_start_is_feasible_exactly_if_whole_meeting_is_open(query: SlotQuery) -> None:
    shading = Shading(query)
    opened = {minute for (start, end), shade in shading.spans if shade is None for minute in range(start, end)}
    found = [start for start in oracle.grid(query) if opened.issuperset(range(start, start + query.duration))]
    assert found == oracle.feasible(query)


@generated
@given(slot_queries())
def test_wall_stretches_cover_every_minute_once_with_its_pass(query: SlotQuery) -> None:
    organizer = query.attendees[0]
    start, end = minute_of(query.window.start), minute_of(query.window.end)
    stretches = wall_stretches(organizer.clock, start, end)
    assert [one.start for one in stretches] == [start, *(one.end for one in stretches[:-1])]
    assert stretches[-1].end == end
    positions = [(one.day, one.since, one.until, one.index, one.passes) for one in stretches]
    for (day, since, until, index, passes), other in pairwise(positions):
        assert 0 <= index < passes
        assert (day, index) != (other[0], other[3]) or until <= other[1] or other[2] <= since
    for one in stretches:
        for minute in (one.start, one.end - 1):
            wall = oracle.wall_clock(minute, oracle.zone_in(minute, organizer))
            assert (wall.date(), wall.hour * 60 + wall.minute) == (one.day, one.since + minute - one.start)


def test_repeated_hour_has_two_passes_and_skipped_hour_is_reported() -> None:
    night = between("2026-10-24 22:00", "2026-10-25 23:00")
    stretches = wall_stretches("Europe/Berlin", minute_of(night.start), minute_of(night.end))
    assert [(one.since, one.until, one.index, one.passes) for one in stretches] == [
        (0, 120, 0, 1),
        (120, 180, 0, 2),
        (120, 180, 1, 2),
        (180, 1440, 0, 1),
    ]
    assert list(skipped_stretches(stretches)) == []


@pytest.mark.parametrize(
    ("zone", "day", "skipped"),
    [
        ("Europe/Berlin", date(2026, 3, 29), (120, 180)),
        ("Pacific/Apia", date(2011, 12, 30), (0, 1440)),
        ("America/Santiago", date(2026, 9, 6), (0, 60)),
    ],
)
def test_skipped_minutes_are_reported(zone: str, day: date, skipped: tuple[int, int]) -> None:
    noon = minute_of(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    (stretch,) = skipped_stretches(wall_stretches(zone, noon - 2 * DAY, noon + 2 * DAY))
    assert (stretch.day, stretch.since, stretch.until) == (day, *skipped)


def test_window_starting_in_repeated_hour_keeps_the_second_pass() -> None:
    window = between("2026-10-25 01:30", "2026-10-25 03:00")
    first, *_ = wall_stretches("Europe/Berlin", minute_of(window.start), minute_of(window.end))
    assert (first.since, first.until, first.index, first.passes) == (150, 180, 1, 2)


def test_blackouts_have_kinds_except_for_redacted_attendees() -> None:
    exam, dentist = Shade(Cause.BLACKOUT, BlackoutKind.EXAM), Shade(Cause.BLACKOUT, BlackoutKind.OTHER)
    assert {exam, dentist} <= {shade for _, shade in Shading(SLOTS).spans}
    redacted = {shade for _, shade in Shading(SLOTS, frozenset({1})).spans}
    assert Shade(Cause.BLACKOUT) in redacted
    assert not {exam, dentist} & redacted


def test_group_with_too_few_free_members_has_its_own_shade() -> None:
    members = [
        Attendee("UTC", hours=(WorkingHours(WEEKDAYS, start, start + 120),), required=False) for start in (540, 600)
    ]
    rules = Rules(groups=(Group((1, 2), 2),))
    window = between("2026-06-01 09:00", "2026-06-01 13:00")
    spans = Shading(
        SlotQuery(window=window, duration=15, step=15, attendees=(replace(ANYTIME, zone="UTC"), *members), rules=rules)
    ).spans
    assert [(end - start, shade) for (start, end), shade in spans] == [
        (60, Shade(Cause.GROUP)),
        (60, None),
        (120, Shade(Cause.GROUP)),
    ]


def test_hours_and_weeks_without_work_are_omitted() -> None:
    view = week_view(SLOTS, find_slots(SLOTS))
    # Kolkata's 09:00 is 04:30 in Berlin before the clock goes back; Berlin's mentor works until 18:00.
    assert view.hours == (4, 18)
    # The window ends at 01:00 on Monday in Berlin.
    assert (len(view.weeks), view.weeks_total) == (4, 5)


def test_all_hours_of_window_are_drawn_if_nobody_works() -> None:
    never = replace(MENTOR, hours=())
    query = SlotQuery(window=between("2026-10-20 04:00", "2026-10-20 09:30"), duration=30, step=15, attendees=(never,))
    assert week_view(query, find_slots(query)).hours == (6, 12)


def test_year_shows_weeks_of_best_slots() -> None:
    away = Blackout(BlackoutKind.BREAK, "away", Days(date(2026, 1, 1), date(2026, 8, 31)))
    year = between("2026-01-01 00:00", "2027-01-02 00:00")
    query = SlotQuery(window=year, duration=60, step=60, attendees=(replace(MENTOR, blackouts=(away,)),), limit=3)
    found = find_slots(query)
    view = week_view(query, found)
    assert len(view.weeks) == MAX_WEEKS
    assert view.weeks_total == 53
    days = [slot.period.start.date() for slot in found.slots]
    assert {day - timedelta(days=day.weekday()) for day in days} <= {week.monday for week in view.weeks}
    assert view.weeks[0].monday == date(2025, 12, 29)


def test_selected_slots_fit_and_include_the_best() -> None:
    query = SlotQuery(
        window=between("2026-10-20 00:00", "2026-10-24 00:00"), duration=60, step=1, attendees=(ANYTIME,), limit=5000
    )
    view = week_view(query, find_slots(query))
    assert len(view.slots) == MAX_SLOTS
    assert max(slot.lanes for slot in view.slots) == MAX_LANES
    assert min(slot.rank for slot in view.slots) == 1
    by_day = {(slot.lane, slot.stretches[0].day) for slot in view.slots}
    assert len(by_day) >= MAX_LANES


@generated
@given(slot_queries())
def test_overlapping_slots_have_different_lanes(query: SlotQuery) -> None:
    slots = week_view(query, find_slots(query)).slots
    for index, one in enumerate(slots):
        assert 0 <= one.lane < one.lanes <= MAX_LANES
        for other in slots[index + 1 :]:
            if one.slot.period.overlaps(other.slot.period):
                assert (one.lane, one.lanes) != (other.lane, other.lanes)
                assert one.lanes == other.lanes


def test_local_clock_has_difference_and_its_changes() -> None:
    view = week_view(SLOTS, find_slots(SLOTS))
    first, second = view.weeks[0], view.weeks[1]
    assert (first.clocks[1].ahead, second.clocks[1].ahead) == (210, 270)
    assert first.clocks[1].changes == ((date(2026, 10, 25), 120, 270),)
    assert first.clocks[1].odd_days == {date(2026, 10, 25)}
    ((before, after),) = first.clock_changes
    assert (after.day, before.until, after.since) == (date(2026, 10, 25), 180, 120)
    assert second.clocks[1].changes == ()


def test_planned_move_changes_local_clock() -> None:
    travelling = replace(MENTEE, travel=(PlannedMove(date(2026, 10, 21), date(2026, 11, 30), "Asia/Tokyo"),))
    query = replace(SLOTS, attendees=(MENTOR, travelling))
    view = week_view(query, find_slots(query))
    assert view.people[1].zones == ("Asia/Kolkata", "Asia/Tokyo")
    assert [ahead for _, _, ahead in view.weeks[0].clocks[1].changes] == [420, 480]
    assert all(clock.ahead == 480 for clock in (week.clocks[1] for week in view.weeks[1:]))


def test_fifty_attendees_organizer_and_required_are_drawn_first() -> None:
    crowd = [replace(MENTEE, required=index % 2 == 0) for index in range(49)]
    query = replace(SLOTS, attendees=(replace(MENTOR, required=False), *crowd))
    view = week_view(query, find_slots(query))
    assert [person.index for person in view.people] == [0, 1, 3, 5, 7, 9, 11, 13]
    assert (len(view.people), view.people_total) == (MAX_PEOPLE, 50)


def test_window_without_whole_minute_has_no_week() -> None:
    instant = utc("2026-10-20 10:00")
    query = SlotQuery(window=between("2026-10-20 10:00", "2026-10-20 10:01"), duration=30, step=15, attendees=(MENTOR,))
    short = replace(query, window=replace(query.window, start=instant + timedelta(seconds=1)))
    view = week_view(short, find_slots(short))
    assert (view.weeks, view.first_day) == ((), date(2026, 10, 20))
