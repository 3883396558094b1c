"""Sequences of sessions: every plan is feasible, and no better one exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples
from support.oracle import Diary
from support.strategies import attendees_near, with_meetings

from scheduler.domain.availability.attendees import Attendee, Buffer, Unknown, WorkingHours
from scheduler.domain.availability.obstacles import Cause
from scheduler.domain.search.rules import Within
from scheduler.domain.search.scoring import Thousandths
from scheduler.domain.search.sequence_paths import range_maxima
from scheduler.domain.search.sequences import Obstacle, SequenceQuery, Session, find_sequences
from scheduler.domain.search.slot_search import Order, SlotQuery, scored_starts
from scheduler.domain.search.slots import find_slots
from scheduler.domain.time.periods import Minutes, Period, Periods, minute_of

EVERY_DAY = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def daily(start: int, end: int, *busy: tuple[str, str]) -> Attendee:
    taken = Periods.of([Period(utc(begin), utc(stop)) for begin, stop in busy])
    return Attendee("UTC", (WorkingHours(EVERY_DAY, start * 60, end * 60),), busy=taken)


INTERVIEWER = daily(9, 11)
COACH = daily(10, 12, ("2026-06-01 10:00", "2026-06-01 12:00"))
MENTEE = daily(9, 17)
TWO_DAYS = Period(utc("2026-06-01 00:00"), utc("2026-06-03 00:00"))
INTERVIEW, DEBRIEF = Session(45, (0, 2)), Session(30, (1, 2), at_most=2 * 1440)


def starts(query: SequenceQuery) -> list[list[str]]:
    return [[f"{period.start:%d %H:%M}" for period in plan.periods] for plan in find_sequences(query).plans]


def test_debrief_with_another_mentor_follows_interview_in_two_days() -> None:
    query = SequenceQuery(
        window=TWO_DAYS,
        step=60,
        attendees=(INTERVIEWER, COACH, MENTEE),
        sessions=(INTERVIEW, DEBRIEF),
        order=Order.EARLIEST,
        limit=2,
    )
    assert starts(query) == [["01 09:00", "02 10:00"], ["01 10:00", "02 10:00"]]
    assert find_sequences(query).total == 4


@pytest.mark.parametrize(
    ("debrief", "expected"),
    [
        pytest.param(
            Session(30, (1, 2), at_most=60), [["02 09:00", "02 10:00"], ["02 10:00", "02 11:00"]], id="within the hour"
        ),
        pytest.param(
            Session(30, (1, 2), at_least=60, at_most=90), [["02 09:00", "02 11:00"]], id="after an hour's rest"
        ),
        pytest.param(Session(30, (1, 2), at_most=10), [], id="at once, which can't be"),
    ],
)
def test_gap_between_sessions_is_kept(debrief: Session, expected: list[list[str]]) -> None:
    query = SequenceQuery(
        window=TWO_DAYS,
        step=60,
        attendees=(INTERVIEWER, COACH, MENTEE),
        sessions=(INTERVIEW, debrief),
        order=Order.EARLIEST,
    )
    assert starts(query) == expected


def test_session_without_start_is_named_and_explained() -> None:
    away = daily(9, 17, ("2026-06-01 00:00", "2026-06-03 00:00"))
    answer = find_sequences(
        SequenceQuery(window=TWO_DAYS, step=60, attendees=(INTERVIEWER, away, MENTEE), sessions=(INTERVIEW, DEBRIEF))
    )
    assert (answer.obstacle, answer.failing) == (Obstacle.SESSION, 1)
    assert answer.explanation is not None
    assert answer.explanation.reason == "busy"
    # The debrief has the query's second and third attendees.
    assert [(row.index, row.cause) for row in answer.explanation.blocking] == [
        (1, Cause.BUSY),
        (1, Cause.OUTSIDE_HOURS),
        (2, Cause.OUTSIDE_HOURS),
    ]
    # Only the coach is busy; both sessions keep another required attendee.
    assert [
        (one.change.index, one.change.description)
        for one in answer.explanation.relaxations
        if "required" in one.change.fields
    ] == [(1, "make this attendee optional")]


def test_only_required_attendee_of_another_session_is_not_made_optional() -> None:
    away = daily(9, 17, ("2026-06-01 00:00", "2026-06-03 00:00"))
    alone = Session(30, (0,))
    answer = find_sequences(
        SequenceQuery(window=TWO_DAYS, step=60, attendees=(away, MENTEE), sessions=(Session(30, (0, 1)), alone))
    )
    assert answer.failing == 0
    assert answer.explanation is not None
    assert not [one for one in answer.explanation.relaxations if "required" in one.change.fields]


def test_session_that_cannot_follow_is_named() -> None:
    at_once = replace(DEBRIEF, at_most=10)
    after = Session(30, (2,))
    people = (INTERVIEWER, COACH, MENTEE)
    answer = find_sequences(
        SequenceQuery(window=TWO_DAYS, step=60, attendees=people, sessions=(INTERVIEW, after, at_once, after))
    )
    assert (answer.obstacle, answer.failing, answer.explanation) == (Obstacle.ORDER, 2, None)


@pytest.mark.parametrize("buffer", [Buffer(before=30), Buffer(after=30)])
def test_attendee_of_two_sessions_keeps_buffer_between_them(buffer: Buffer) -> None:
    people = (replace(MENTEE, buffer=buffer), INTERVIEWER)
    sessions = Session(45, (0, 1)), Session(30, (1, 0), at_most=30)
    query = SequenceQuery(window=TWO_DAYS, step=15, attendees=people, sessions=sessions, order=Order.EARLIEST, limit=1)
    assert starts(query) == [["01 09:00", "01 10:15"]]
    sooner = sessions[0], replace(sessions[1], at_most=29)
    assert starts(replace(query, sessions=sooner)) == []
    # Buffers of optional attendees, and of attendees of one session only, do not count.
    optional = replace(query, sessions=sooner, attendees=(replace(people[0], required=False), INTERVIEWER))
    assert starts(optional) == [["01 09:00", "01 10:00"]]
    others = replace(query, sessions=(sessions[0], Session(30, (1,), at_most=0)))
    assert starts(others) == [["01 09:00", "01 09:45"]]


def test_buffer_is_kept_over_session_of_others_in_between() -> None:
    people = (replace(MENTEE, buffer=Buffer(after=45)), INTERVIEWER)
    sessions = Session(15, (0,)), Session(1, (1,), at_most=30), Session(15, (0,), at_most=29)
    query = SequenceQuery(window=TWO_DAYS, step=15, attendees=people, sessions=sessions, order=Order.EARLIEST, limit=2)
    # 45 minutes from the end of the first session, of which the one in between takes only one.
    assert starts(query) == [["01 09:00", "01 09:30", "01 10:00"], ["01 09:15", "01 09:45", "01 10:15"]]
    assert starts(replace(query, sessions=(*sessions[:2], replace(sessions[2], at_most=14)))) == [
        ["01 09:00", "01 09:45", "01 10:00"],
        ["01 09:15", "01 10:00", "01 10:15"],
    ]
    at_once = replace(query, sessions=(sessions[0], replace(sessions[1], at_most=0), replace(sessions[2], at_most=28)))
    assert find_sequences(at_once).failing == 2


def test_ten_sessions_in_three_months_keep_limits() -> None:
    berlin, nairobi = (
        Attendee(zone, at_most_per_day=2, at_most_per_week=3) for zone in ("Europe/Berlin", "Africa/Nairobi")
    )
    window = Period(utc("2026-06-01 00:00"), utc("2026-08-30 00:00"))
    query = SequenceQuery(window=window, step=15, attendees=(berlin, nairobi), sessions=(Session(60, (0, 1)),) * 10)
    answer = find_sequences(query)
    assert answer.total > 1000
    for plan in answer.plans:
        begun = [minute_of(period.start) for period in plan.periods]
        assert all(
            _goes_on(query, [Diary(one) for one in query.attendees], tuple(begun[:number]), start)
            for number, start in enumerate(begun)
        )


def test_plans_of_equal_scores_are_in_order_of_starts() -> None:
    people = (Attendee("UTC"), Attendee("Asia/Kolkata"))
    window = Period(utc("2027-01-11 00:00"), utc("2027-01-16 00:00"))
    sessions = (Session(45, (0, 1)), Session(30, (0, 1)), Session(60, (1, 0)))
    plans = find_sequences(SequenceQuery(window=window, step=15, attendees=people, sessions=sessions, limit=5000)).plans
    shown = [(-plan.score, plan.periods[0].start) for plan in plans]
    assert shown == sorted(shown)


def test_equal_sessions_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    def counted(query: SlotQuery) -> tuple[Minutes, Thousandths]:
        searched.append(query)
        return scored_starts(query)

    monkeypatch.setattr("scheduler.domain.search.sequences.scored_starts", counted)
    find_sequences(
        SequenceQuery(
            window=TWO_DAYS, step=60, attendees=(MENTEE,), sessions=(Session(30, (0,)), Session(30, (0,), at_least=60))
        )
    )
    assert len(searched) == 1


def test_sessions_of_one_attendee_do_not_overlap() -> None:
    query = SequenceQuery(
        window=TWO_DAYS,
        step=15,
        attendees=(MENTEE,),
        sessions=(Session(60, (0,)), Session(60, (0,)), Session(60, (0,))),
        limit=500,
    )
    for plan in find_sequences(query).plans:
        assert all(before.end <= after.start for before, after in pairwise(plan.periods))


def test_limits_count_sessions_and_existing_meetings() -> None:
    held = Period(utc("2026-06-01 09:00"), utc("2026-06-01 09:30"))
    busy = Periods.of([held])
    twice = replace(MENTEE, at_most_per_day=2, meetings=(held,), busy=busy)
    query = SequenceQuery(
        window=TWO_DAYS,
        step=60,
        attendees=(twice,),
        sessions=(Session(30, (0,)), Session(30, (0,), at_most=30)),
        order=Order.EARLIEST,
        limit=1,
    )
    assert starts(query) == [["02 09:00", "02 10:00"]]  # the first day takes one more
    assert starts(replace(query, sessions=(Session(30, (0,)), Session(30, (0,))))) == [["01 10:00", "02 13:00"]]
    assert starts(replace(query, attendees=(replace(twice, at_most_per_day=1),))) == []
    assert starts(replace(query, attendees=(replace(twice, at_most_per_day=3),))) == [["01 10:00", "01 11:00"]]


def test_sessions_keep_minimum_notice_and_requested_hours() -> None:
    query = SequenceQuery(
        window=TWO_DAYS, step=60, attendees=(INTERVIEWER, COACH, MENTEE), sessions=(INTERVIEW,), order=Order.EARLIEST
    )
    assert starts(query)[0] == ["01 09:00"]
    assert starts(replace(query, not_before=utc("2026-06-01 09:01")))[0] == ["01 10:00"]
    within = Within((WorkingHours(("TU",), 10 * 60, 12 * 60),), "UTC")
    assert starts(replace(query, within=within)) == [["02 10:00"]]


def test_plan_has_availability_for_each_session() -> None:
    maybe = replace(COACH, required=False)
    unread = replace(INTERVIEWER, required=False, unknown=Unknown("no connection"))
    query = SequenceQuery(
        window=TWO_DAYS,
        step=60,
        attendees=(MENTEE, maybe, unread),
        sessions=(Session(60, (0, 1)), Session(60, (1, 0, 2), at_most=0)),
        order=Order.EARLIEST,
        limit=500,
    )
    plans = {tuple(f"{period.start:%d %H:%M}" for period in plan.periods): plan for plan in find_sequences(query).plans}
    assert plans["02 10:00", "02 11:00"].available == ((True, True), (True, True, None))
    assert plans["02 09:00", "02 10:00"].available == ((True, False), (True, True, None))


def test_unknown_calendar_is_not_free() -> None:
    unread = replace(COACH, unknown=Unknown("no connection"))
    people = (INTERVIEWER, unread, MENTEE)
    answer = find_sequences(
        SequenceQuery(window=TWO_DAYS, step=60, attendees=people, sessions=(INTERVIEW, DEBRIEF), allow_unknown=False)
    )
    assert answer.failing == 1
    assert answer.explanation is not None
    assert answer.explanation.reason == "stale_calendar"


@st.composite
def sequence_queries(draw: st.DrawFn) -> SequenceQuery:
    begin = datetime.fromisoformat(draw(st.sampled_from(["2026-10-23T00:00Z", "2026-06-01T06:00Z"])))
    span = timedelta(hours=draw(st.integers(20, 60)))
    zones = st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "UTC"])
    people = tuple(
        replace(draw(attendees_near(draw(zones), begin, span)), required=True) for _ in range(draw(st.integers(1, 3)))
    )
    people = draw(st.just(people) | with_meetings(people, begin, span))
    # A day that comes twice, because somebody flies over the date line, is counted more strictly than by its date.
    people = tuple(replace(one, travel=()) for one in people)
    sessions = tuple(
        Session(
            draw(st.integers(10, 200)),
            tuple(draw(st.lists(st.sampled_from(range(len(people))), min_size=1, unique=True))),
            at_least=(rest := draw(st.sampled_from([0, 0, 30, 300]))),
            at_most=draw(st.none() | st.integers(rest, rest + 1500)),
        )
        for _ in range(draw(st.integers(1, 3)))
    )
    order = draw(st.sampled_from(list(Order)))
    return SequenceQuery(
        window=Period(begin, begin + span),
        step=draw(st.sampled_from([60, 90])),
        attendees=people,
        sessions=sessions,
        order=order,
        limit=500,
    )


@st.composite
def crowded_queries(draw: st.DrawFn) -> SequenceQuery:
    """Many short sessions around a midnight from Sunday to Monday, of attendees with limits and buffers."""
    begin = utc("2026-05-31 22:00")
    cap = st.sampled_from([None, None, 1, 2, 3])
    people = tuple(
        Attendee(
            draw(st.sampled_from(["UTC", "Europe/Berlin"])),
            None,
            buffer=Buffer(draw(st.sampled_from([30, 45, 70, 0]))),
            at_most_per_day=draw(cap),
            at_most_per_week=draw(cap),
            preferred_hours=(WorkingHours(EVERY_DAY, hour := draw(st.sampled_from([0, 1, 23])) * 60, hour + 60),),
        )
        for _ in range(3)
    )
    sessions = tuple(
        Session(
            draw(st.integers(1, 25)),
            draw(st.sampled_from([(0,), (1,), (2,), (0, 1), (2, 1)])),
            at_least=(rest := draw(st.sampled_from([0, 0, 10]))),
            at_most=draw(st.integers(rest, 120) | st.none()),
        )
        for _ in range(draw(st.integers(3, 5)))
    )
    order = draw(st.sampled_from(list(Order)))
    return SequenceQuery(
        window=Period(begin, begin + timedelta(hours=4)),
        step=20,
        attendees=people,
        sessions=sessions,
        order=order,
        limit=500,
    )


@settings(deadline=None, max_examples=examples(150))
@given(sequence_queries())
def test_plans_are_the_best_of_all(query: SequenceQuery) -> None:
    check_against_all_plans(query)


@settings(deadline=None, max_examples=examples(150))
@given(crowded_queries())
def test_plans_are_the_best_with_buffers_and_limits_over_several_sessions(query: SequenceQuery) -> None:
    check_against_all_plans(query)


def check_against_all_plans(query: SequenceQuery) -> None:
    """Compare the answer with all plans, which are built session by session."""
    found = [
        {
            minute_of(slot.period.start): slot.score
            for slot in find_slots(replace(query.session_query(number), limit=5000)).slots
        }
        for number in range(len(query.sessions))
    ]
    diaries = [Diary(one) for one in query.attendees]
    kept: list[tuple[int, ...]] = [()]
    reached = 0
    for number, starts_of_it in enumerate(found):
        kept = [(*begun, start) for begun in kept for start in starts_of_it if _goes_on(query, diaries, begun, start)]
        reached = number
        if not kept:
            break
    best: dict[int, int] = {}
    for begun in kept:
        total = sum(round(scores[start] * 1000) for scores, start in zip(found, begun, strict=True))
        best[begun[0]] = max(best.get(begun[0], 0), total)

    answer = find_sequences(query)
    assert answer.total == len(best)
    if all(found) and not best:
        assert (answer.obstacle, answer.failing) == (Obstacle.ORDER, reached)
    expected = sorted((start, round(total / len(query.sessions)) / 1000) for start, total in best.items())
    if query.order is Order.BEST:
        expected.sort(key=lambda row: (-row[1], row[0]))
    assert [(minute_of(plan.periods[0].start), plan.score) for plan in answer.plans] == expected
    kept_plans = {*kept}
    for plan in answer.plans:
        begun = tuple(minute_of(period.start) for period in plan.periods)
        assert begun in kept_plans
        assert sum(round(scores[start] * 1000) for scores, start in zip(found, begun, strict=True)) == best[begun[0]]


def _goes_on(query: SequenceQuery, diaries: list[Diary], begun: tuple[int, ...], start: int) -> bool:
    """Return whether the next session may start then, after those that started so far."""
    session = query.sessions[len(begun)]
    before = list(zip(begun, query.sessions, strict=False))
    if before:
        wait = start - (before[-1][0] + before[-1][1].duration)
        if wait < session.at_least or (session.at_most is not None and wait > session.at_most):
            return False
    return all(
        _takes(diaries[index], [(s, one.duration) for s, one in before if index in one.attendees], start)
        for index in session.attendees
        if query.attendees[index].required
    )


def _takes(diary: Diary, theirs: list[tuple[int, int]], start: int) -> bool:
    """Return whether an attendee takes one more session: with their buffer, and within their limits."""
    rest = max(diary.attendee.buffer.before, diary.attendee.buffer.after)
    rested = all(start - (begun + duration) >= rest for begun, duration in theirs)
    return rested and not diary.is_full(start, [begun for begun, _ in theirs])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.data())
def test_range_maxima_are_the_maxima_of_the_ranges(values: list[int], data: st.DataObject) -> None:
    bound = st.integers(0, len(values))
    ranges = data.draw(st.lists(st.tuples(bound, bound), min_size=1, max_size=20))
    found = range_maxima(np.array(values), *(np.array(column) for column in zip(*map(sorted, ranges), strict=True)))
    assert found.tolist() == [max(values[low:high], default=-1) for low, high in map(sorted, ranges)]
