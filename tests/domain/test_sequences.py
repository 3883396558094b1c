"""Sessions that follow each other: every plan is feasible, and none better was missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle import Diary
from support.strategies import attendees_near, with_meetings

from scheduler.domain.availability import Attendee, Buffer, Unknown, WorkingHours
from scheduler.domain.explanation import Cause
from scheduler.domain.periods import Period, Periods, minute_of
from scheduler.domain.rules import Within
from scheduler.domain.sequences import Obstacle, SequenceQuery, Session, find_sequences
from scheduler.domain.slots import Order, find_slots

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


def test_an_interview_with_one_and_a_debrief_with_another_at_most_two_days_later() -> None:
    query = SequenceQuery(
        TWO_DAYS, 60, (INTERVIEWER, COACH, MENTEE), (INTERVIEW, DEBRIEF), order=Order.EARLIEST, limit=2
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
def test_the_time_between_two_sessions_is_kept(debrief: Session, expected: list[list[str]]) -> None:
    query = SequenceQuery(TWO_DAYS, 60, (INTERVIEWER, COACH, MENTEE), (INTERVIEW, debrief), order=Order.EARLIEST)
    assert starts(query) == expected


def test_it_says_which_session_cannot_be_held_and_why() -> None:
    away = daily(9, 17, ("2026-06-01 00:00", "2026-06-03 00:00"))
    answer = find_sequences(SequenceQuery(TWO_DAYS, 60, (INTERVIEWER, away, MENTEE), (INTERVIEW, DEBRIEF)))
    assert (answer.obstacle, answer.failing) == (Obstacle.SESSION, 1)
    assert answer.explanation is not None
    assert answer.explanation.reason == "busy"
    # The debrief is of the question's second and third attendees.
    assert [(row.index, row.cause) for row in answer.explanation.blocking] == [
        (1, Cause.BUSY),
        (1, Cause.OUTSIDE_HOURS),
        (2, Cause.OUTSIDE_HOURS),
    ]
    # The mentee is the interviewer's guest and the interview goes on without them; nobody else is left in the debrief.
    assert [(one.index, one.said) for one in answer.explanation.relaxations if "required" in one.fields] == [
        (1, "make this attendee optional")
    ]


def test_nobody_is_made_optional_whom_another_session_cannot_do_without() -> None:
    away = daily(9, 17, ("2026-06-01 00:00", "2026-06-03 00:00"))
    alone = Session(30, (0,))
    answer = find_sequences(SequenceQuery(TWO_DAYS, 60, (away, MENTEE), (Session(30, (0, 1)), alone)))
    assert answer.failing == 0
    assert answer.explanation is not None
    assert not [one for one in answer.explanation.relaxations if "required" in one.fields]


def test_it_says_which_session_cannot_follow_those_before_it() -> None:
    at_once = replace(DEBRIEF, at_most=10)
    after = Session(30, (2,))
    people = (INTERVIEWER, COACH, MENTEE)
    answer = find_sequences(SequenceQuery(TWO_DAYS, 60, people, (INTERVIEW, after, at_once, after)))
    assert (answer.obstacle, answer.failing, answer.explanation) == (Obstacle.ORDER, 2, None)


@pytest.mark.parametrize("buffer", [Buffer(before=30), Buffer(after=30)])
def test_whoever_is_in_two_sessions_in_a_row_keeps_their_buffer_between_them(buffer: Buffer) -> None:
    people = (replace(MENTEE, buffer=buffer), INTERVIEWER)
    sessions = Session(45, (0, 1)), Session(30, (1, 0), at_most=30)
    query = SequenceQuery(TWO_DAYS, 15, people, sessions, Order.EARLIEST, 1)
    assert starts(query) == [["01 09:00", "01 10:15"]]
    sooner = sessions[0], replace(sessions[1], at_most=29)
    assert starts(replace(query, sessions=sooner)) == []
    # Nobody is held up by who may stay away, or by who is not there.
    optional = replace(query, sessions=sooner, attendees=(replace(people[0], required=False), INTERVIEWER))
    assert starts(optional) == [["01 09:00", "01 10:00"]]
    others = replace(query, sessions=(sessions[0], Session(30, (1,), at_most=0)))
    assert starts(others) == [["01 09:00", "01 09:45"]]


def test_nobody_is_in_two_sessions_at_once() -> None:
    query = SequenceQuery(TWO_DAYS, 15, (MENTEE,), (Session(60, (0,)), Session(60, (0,)), Session(60, (0,))), limit=500)
    for plan in find_sequences(query).plans:
        assert all(before.end <= after.start for before, after in pairwise(plan.periods))


def test_a_day_takes_no_more_sessions_than_it_may_have_with_the_meetings_that_are_booked() -> None:
    held = Period(utc("2026-06-01 09:00"), utc("2026-06-01 09:30"))
    busy = Periods.of([held])
    twice = replace(MENTEE, at_most_per_day=2, meetings=(held,), busy=busy)
    query = SequenceQuery(TWO_DAYS, 60, (twice,), (Session(30, (0,)), Session(30, (0,), at_most=30)), Order.EARLIEST, 1)
    assert starts(query) == [["02 09:00", "02 10:00"]]  # on the first day there is room for one more
    assert starts(replace(query, sessions=(Session(30, (0,)), Session(30, (0,))))) == [["01 10:00", "02 13:00"]]
    assert starts(replace(query, attendees=(replace(twice, at_most_per_day=1),))) == []
    assert starts(replace(query, attendees=(replace(twice, at_most_per_day=3),))) == [["01 10:00", "01 11:00"]]


def test_no_session_begins_before_the_notice_is_over_or_outside_of_the_hours_asked_for() -> None:
    query = SequenceQuery(TWO_DAYS, 60, (INTERVIEWER, COACH, MENTEE), (INTERVIEW,), Order.EARLIEST)
    assert starts(query)[0] == ["01 09:00"]
    assert starts(replace(query, not_before=utc("2026-06-01 09:01")))[0] == ["01 10:00"]
    within = Within((WorkingHours(("TU",), 10 * 60, 12 * 60),), "UTC")
    assert starts(replace(query, within=within)) == [["02 10:00"]]


def test_a_plan_says_who_can_come_to_each_session() -> None:
    maybe = replace(COACH, required=False)
    unread = replace(INTERVIEWER, required=False, unknown=Unknown("no connection"))
    query = SequenceQuery(
        TWO_DAYS,
        60,
        (MENTEE, maybe, unread),
        (Session(60, (0, 1)), Session(60, (1, 0, 2), at_most=0)),
        Order.EARLIEST,
        500,
    )
    plans = {tuple(f"{period.start:%d %H:%M}" for period in plan.periods): plan for plan in find_sequences(query).plans}
    assert plans["02 10:00", "02 11:00"].available == ((True, True), (True, True, None))
    assert plans["02 09:00", "02 10:00"].available == ((True, False), (True, True, None))


def test_unknown_is_not_free() -> None:
    unread = replace(COACH, unknown=Unknown("no connection"))
    people = (INTERVIEWER, unread, MENTEE)
    answer = find_sequences(SequenceQuery(TWO_DAYS, 60, people, (INTERVIEW, DEBRIEF), allow_unknown=False))
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
    return SequenceQuery(Period(begin, begin + span), draw(st.sampled_from([60, 90])), people, sessions, order, 500)


@settings(deadline=None, max_examples=150)
@given(sequence_queries())
def test_the_plans_are_the_best_of_all_that_exist(query: SequenceQuery) -> None:
    found = [
        [
            (minute_of(slot.period.start), round(slot.score * 1000))
            for slot in find_slots(replace(query.session(place), limit=5000)).slots
        ]
        for place in range(len(query.sessions))
    ]
    best: dict[int, int] = {}
    diaries = [Diary(one) for one in query.attendees]
    for chosen in product(*found):
        if _follows(query, diaries, [start for start, _ in chosen]):
            total = sum(score for _, score in chosen)
            best[chosen[0][0]] = max(best.get(chosen[0][0], 0), total)

    answer = find_sequences(query)
    assert answer.total == len(best)
    expected = sorted(best.items())
    if query.order is Order.BEST:
        expected.sort(key=lambda row: (-row[1], row[0]))
    begun = [minute_of(plan.periods[0].start) for plan in answer.plans]
    assert begun == [start for start, _ in expected]
    for plan, (_, total) in zip(answer.plans, expected, strict=True):
        assert _follows(query, diaries, [minute_of(period.start) for period in plan.periods])
        assert plan.score == round(total / len(query.sessions)) / 1000


def _follows(query: SequenceQuery, diaries: list[Diary], begun: list[int]) -> bool:
    for session, before, start, following in zip(query.sessions, begun, begun[1:], query.sessions[1:], strict=False):
        wait = start - (before + session.duration)
        both = [query.attendees[index] for index in {*session.attendees} & {*following.attendees}]
        if any(one.required and wait < max(one.buffer.before, one.buffer.after) for one in both):
            return False
        if wait < following.at_least or (following.at_most is not None and wait > following.at_most):
            return False
    return not any(
        one.attendee.required
        and _is_overfull(one, [start for s, start in zip(query.sessions, begun, strict=True) if index in s.attendees])
        for index, one in enumerate(diaries)
    )


def _is_overfull(diary: Diary, begun: list[int]) -> bool:
    """Whether the day or the week of a session was full when it came to it, counted meeting by meeting."""
    return any(diary.is_full(start, begun[:place]) for place, start in enumerate(begun))
