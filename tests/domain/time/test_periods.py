"""Sets of periods against the plainest thing that could be one: a set of minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import minutes_of

from scheduler.domain.time.periods import EPOCH, EmptyPeriod, Period, Periods, instant_of, minute_after, minute_of

Spans = list[tuple[int, int]]
spans = st.lists(st.tuples(st.integers(-60, 60), st.integers(-10, 25)).map(lambda span: (span[0], span[0] + span[1])))
windows = st.tuples(st.integers(-80, 80), st.integers(1, 60)).map(lambda span: (span[0], span[0] + span[1]))


def merged(pairs: Spans) -> Periods:
    bounds = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Periods.merged(bounds[:, 0], bounds[:, 1])


def minutes(pairs: Spans) -> set[int]:
    return {minute for start, end in pairs for minute in range(start, end)}


def pairs_of(periods: Periods) -> Spans:
    return list(zip(periods.starts.tolist(), periods.ends.tolist(), strict=True))


def assert_sorted_and_disjoint(periods: Periods) -> None:
    flat = [bound for pair in pairs_of(periods) for bound in pair]
    assert flat == sorted(flat)
    assert all(start < end for start, end in pairs_of(periods))


@given(spans)
def test_merged_keeps_every_minute_and_the_gaps(pairs: Spans) -> None:
    periods = merged(pairs)
    bounds = [bound for pair in pairs_of(periods) for bound in pair]
    assert minutes(pairs_of(periods)) == minutes(pairs)
    assert bounds == sorted(set(bounds))


@given(st.lists(spans, max_size=4))
def test_union_has_the_minutes_of_all_sets(several: list[Spans]) -> None:
    union = Periods.union(*[merged(pairs) for pairs in several])
    assert minutes(pairs_of(union)) == set().union(*[minutes(pairs) for pairs in several])
    assert union == merged([pair for pairs in several for pair in pairs])


@given(spans, windows)
def test_within_cuts_to_the_window(pairs: Spans, window: tuple[int, int]) -> None:
    inside = merged(pairs).within(*window)
    assert minutes(pairs_of(inside)) == minutes(pairs) & set(range(*window))
    assert_sorted_and_disjoint(inside)


@given(spans, windows)
def test_gaps_are_the_remaining_minutes(pairs: Spans, window: tuple[int, int]) -> None:
    gaps = merged(pairs).gaps(*window)
    assert minutes(pairs_of(gaps)) == set(range(*window)) - minutes(pairs)
    assert_sorted_and_disjoint(gaps)


@given(spans, windows)
def test_touches_means_sharing_a_minute(pairs: Spans, window: tuple[int, int]) -> None:
    periods = merged(pairs)
    sharing = [pair for pair in pairs_of(periods) if minutes([pair]) & set(range(*window))]
    assert periods.touches(*window) == bool(sharing)
    assert pairs_of(periods.near(*window)) == sharing


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 2)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(st.lists(st.tuples(moments, st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)))))
def test_seconds_are_rounded_outwards(drawn: list[tuple[datetime, timedelta]]) -> None:
    periods = [Period(start, start + length) for start, length in drawn]
    found = Periods.of(periods)
    assert minutes(pairs_of(found)) == {minute for period in periods for minute in minutes_of(period)}


@given(moments)
def test_minute_of_and_minute_after_enclose_the_instant(moment: datetime) -> None:
    assert instant_of(minute_of(moment)) <= moment <= instant_of(minute_after(moment))
    assert minute_after(moment) - minute_of(moment) == (0 if moment == instant_of(minute_of(moment)) else 1)


def test_minutes_before_the_epoch_are_negative() -> None:
    moment = EPOCH - timedelta(seconds=30)
    assert (minute_of(moment), minute_after(moment)) == (-1, 0)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(3, 3), (5, 4)], []),
        ([(0, 5), (5, 9)], [(0, 9)]),
        ([(0, 5), (6, 9)], [(0, 5), (6, 9)]),
        ([(0, 9), (2, 3)], [(0, 9)]),
        ([(6, 9), (0, 7), (20, 21)], [(0, 9), (20, 21)]),
    ],
)
def test_merged_sorts_and_joins_touching_periods(pairs: Spans, expected: Spans) -> None:
    assert pairs_of(merged(pairs)) == expected


def test_periods_are_iterated_as_instants_and_compared_by_value() -> None:
    period = Period(datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 1, 1, 10, tzinfo=UTC))
    assert list(Periods.of([period])) == [period]
    assert len(Periods.of([period])) == 1
    assert Periods.of([period]) == Periods.of([period, period])
    assert Periods.of([period]) != Periods.none()
    assert Periods.none() != ()
    with pytest.raises(TypeError, match="unhashable"):
        hash(Periods.none())


def test_period_is_converted_to_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    period = Period(datetime(2026, 1, 1, 9, tzinfo=east), datetime(2026, 1, 1, 10, tzinfo=east))
    assert period.start.isoformat() == "2026-01-01T03:30:00+00:00"
    assert period.end.tzinfo is UTC


@pytest.mark.parametrize("minutes_long", [0, -1])
def test_empty_period_is_refused(minutes_long: int) -> None:
    with pytest.raises(EmptyPeriod, match="not after its start"):
        Period(EPOCH, EPOCH + timedelta(minutes=minutes_long))


def test_naive_instant_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a UTC offset"):
        Period(datetime(2026, 1, 1), EPOCH)
    with pytest.raises(TypeError, match="needs a UTC offset"):
        minute_of(datetime(2026, 1, 1))


@pytest.mark.parametrize(("start", "end", "overlap"), [(0, 5, True), (9, 20, True), (10, 11, False), (-3, 0, False)])
def test_touching_periods_do_not_overlap(start: int, end: int, overlap: bool) -> None:
    one = Period(instant_of(0), instant_of(10))
    other = Period(instant_of(start), instant_of(end))
    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap
