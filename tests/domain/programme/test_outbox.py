"""judge: when to try again after an attempt to deliver, and when to stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.programme.outbox import (
    COSTLY,
    FIRST_RETRY,
    GIVE_UP_AFTER,
    LONGEST_RETRY,
    DeliveryState,
    Outcome,
    Rejected,
    Stored,
    TooCostly,
    TryAgain,
    Verdict,
    judge,
)

NOW = datetime(2026, 10, 19, 12, tzinfo=UTC)


def judged(
    outcome: Outcome,
    *,
    attempts: int = 1,
    age: timedelta = timedelta(0),
    jitter: float = 0.0,
    not_after: datetime | None = None,
    last_reason: str | None = None,
) -> Verdict:
    since = NOW - age
    return judge(
        outcome, attempts=attempts, since=since, now=NOW, jitter=jitter, not_after=not_after, last_reason=last_reason
    )


def test_judge_stored_is_delivered() -> None:
    assert judged(Stored('"1"')) == Verdict(DeliveryState.DELIVERED)
    assert judged(Stored(None, note="the server gives no ETag")).reason == "the server gives no ETag"


def test_judge_rejected_is_failed_with_reason() -> None:
    assert judged(Rejected("403 Forbidden")) == Verdict(DeliveryState.FAILED, reason="403 Forbidden")


def test_judge_too_costly_twice_in_a_row_is_failed() -> None:
    for earlier in (None, "503"):
        once = judged(TooCostly("10 seconds"), attempts=7, last_reason=earlier)
        assert (once.state, once.reason) == (DeliveryState.WAITING, f"{COSTLY}10 seconds")
    twice = judged(TooCostly("1024 MiB"), attempts=2, last_reason=once.reason)
    assert (twice.state, twice.due_at) == (DeliveryState.FAILED, None)
    assert (twice.reason or "").startswith(f"{COSTLY}1024 MiB; that was so twice in a row")
    assert judged(TryAgain("503"), last_reason=once.reason).state is DeliveryState.WAITING


@pytest.mark.parametrize(
    ("attempts", "shortest", "longest"),
    [(1, 1, 2), (2, 2, 4), (3, 4, 8), (6, 32, 64), (11, 1024, 2048), (12, 1800, 3600), (100, 1800, 3600)],
)
def test_judge_waits_double_to_an_hour_less_jitter(attempts: int, shortest: int, longest: int) -> None:
    least, most = (judged(TryAgain("503"), attempts=attempts, jitter=jitter) for jitter in (0.0, 1.0))
    assert least == Verdict(DeliveryState.WAITING, NOW + timedelta(seconds=shortest), "503")
    assert most.due_at == NOW + timedelta(seconds=longest)


@given(
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.timedeltas(timedelta(0), GIVE_UP_AFTER - 2 * LONGEST_RETRY),
)
def test_judge_wait_is_bounded(attempts: int, jitter: float, age: timedelta) -> None:
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
def test_judge_respects_retry_after_up_to_an_hour(retry_after: timedelta, wait: timedelta) -> None:
    verdict = judged(TryAgain("429", retry_after), attempts=2)
    assert verdict.due_at == NOW + wait


def test_judge_gives_up_when_next_attempt_is_too_late() -> None:
    just_in_time = GIVE_UP_AFTER - timedelta(minutes=30)
    assert judged(TryAgain("503"), attempts=40, age=just_in_time).state is DeliveryState.WAITING
    verdict = judged(TryAgain("503"), attempts=40, age=just_in_time + timedelta(seconds=1))
    assert verdict == Verdict(DeliveryState.FAILED, reason="gave up after 40 attempts in 3 days; the last: 503")


@pytest.mark.parametrize("outcome", [TryAgain("503"), TryAgain("429", timedelta(minutes=5))])
def test_judge_fails_when_next_attempt_is_after_deadline(outcome: TryAgain) -> None:
    assert judged(outcome, not_after=NOW + timedelta(minutes=5)).state is DeliveryState.WAITING
    verdict = judged(outcome, not_after=NOW + timedelta(milliseconds=500))
    reason = f"expired: it was to be sent by 2026-10-19T12:00Z; the last attempt: {outcome.reason}"
    assert verdict == Verdict(DeliveryState.FAILED, reason=reason)


def test_judge_attempts_come_to_an_end() -> None:
    now, attempts = NOW, 0
    verdict = Verdict(DeliveryState.WAITING, NOW)
    while verdict.due_at is not None:
        now, attempts = verdict.due_at, attempts + 1
        verdict = judge(TryAgain("503"), attempts=attempts, since=NOW, now=now, jitter=0.5)
    assert verdict.state is DeliveryState.FAILED
    assert now - NOW <= GIVE_UP_AFTER
    assert 90 < attempts < 160
