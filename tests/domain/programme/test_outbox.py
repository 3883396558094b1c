"""What follows from an attempt to deliver: when to try again, and when to stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.programme.outbox import (
    FIRST_RETRY,
    GIVE_UP_AFTER,
    LONGEST_RETRY,
    DeliveryState,
    Outcome,
    Rejected,
    Stored,
    TryAgain,
    Verdict,
    judge,
)

NOW = datetime(2026, 10, 19, 12, tzinfo=UTC)


def judged(outcome: Outcome, *, attempts: int = 1, age: timedelta = timedelta(0), jitter: float = 0.0) -> Verdict:
    return judge(outcome, attempts=attempts, since=NOW - age, now=NOW, jitter=jitter)


def test_what_is_stored_is_delivered_and_not_due_again() -> None:
    assert judged(Stored('"1"')) == Verdict(DeliveryState.DELIVERED)
    assert judged(Stored(None, note="the server gives no ETag")).reason == "the server gives no ETag"


def test_what_the_server_rejects_has_failed_with_its_reason() -> None:
    assert judged(Rejected("403 Forbidden")) == Verdict(DeliveryState.FAILED, reason="403 Forbidden")


@pytest.mark.parametrize(
    ("attempts", "shortest", "longest"),
    [(1, 1, 2), (2, 2, 4), (3, 4, 8), (6, 32, 64), (11, 1024, 2048), (12, 1800, 3600), (100, 1800, 3600)],
)
def test_waits_double_up_to_an_hour_and_jitter_takes_at_most_half(attempts: int, shortest: int, longest: int) -> None:
    least, most = (judged(TryAgain("503"), attempts=attempts, jitter=jitter) for jitter in (0.0, 1.0))
    assert least == Verdict(DeliveryState.WAITING, NOW + timedelta(seconds=shortest), "503")
    assert most.due_at == NOW + timedelta(seconds=longest)


@given(
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.timedeltas(timedelta(0), GIVE_UP_AFTER - 2 * LONGEST_RETRY),
)
def test_every_wait_is_bounded(attempts: int, jitter: float, age: timedelta) -> None:
    verdict = judged(TryAgain("timeout"), attempts=attempts, jitter=jitter, age=age)
    assert verdict.state is DeliveryState.WAITING
    assert verdict.due_at is not None
    assert FIRST_RETRY / 2 <= verdict.due_at - NOW <= LONGEST_RETRY


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        (timedelta(seconds=90), timedelta(seconds=90)),
        (timedelta(seconds=1), timedelta(seconds=2)),  # our own wait is longer
        (timedelta(0), timedelta(seconds=2)),
        (timedelta(days=1), LONGEST_RETRY),  # no server puts us off for a day
    ],
)
def test_a_servers_retry_after_is_waited_out_within_reason(retry_after: timedelta, wait: timedelta) -> None:
    verdict = judged(TryAgain("429", retry_after), attempts=2)
    assert verdict.due_at == NOW + wait


def test_a_delivery_is_given_up_when_its_next_attempt_would_come_too_late() -> None:
    just_in_time = GIVE_UP_AFTER - timedelta(minutes=30)
    assert judged(TryAgain("503"), attempts=40, age=just_in_time).state is DeliveryState.WAITING
    verdict = judged(TryAgain("503"), attempts=40, age=just_in_time + timedelta(seconds=1))
    assert verdict == Verdict(DeliveryState.FAILED, reason="gave up after 40 attempts in 3 days; the last: 503")


def test_from_the_first_failure_on_attempts_come_to_an_end() -> None:
    now, attempts = NOW, 0
    verdict = Verdict(DeliveryState.WAITING, NOW)
    while verdict.due_at is not None:
        now, attempts = verdict.due_at, attempts + 1
        verdict = judge(TryAgain("503"), attempts=attempts, since=NOW, now=now, jitter=0.5)
    assert verdict.state is DeliveryState.FAILED
    assert now - NOW <= GIVE_UP_AFTER
    assert 90 < attempts < 160
