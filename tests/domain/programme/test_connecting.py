"""When a server that gave no usable answer is asked again to connect a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.programme.connecting import next_attempt
from scheduler.domain.programme.outbox import GIVE_UP_AFTER

ADDED = datetime(2026, 10, 1, 9, tzinfo=UTC)
LONGEST = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("tried_for", "jitter", "wait"),
    [
        (timedelta(0), 0.0, timedelta(seconds=1)),
        (timedelta(seconds=10), 0.0, timedelta(seconds=5)),
        (timedelta(seconds=10), 0.5, timedelta(seconds=7.5)),
        (timedelta(minutes=8), 0.0, timedelta(minutes=4)),
        (timedelta(days=1), 0.0, LONGEST / 2),
        (timedelta(seconds=-50), 0.0, timedelta(seconds=1)),
    ],
)
def test_wait_grows_with_the_time_tried_so_far(tried_for: timedelta, jitter: float, wait: timedelta) -> None:
    now = ADDED + tried_for
    assert next_attempt(ADDED, now, LONGEST, jitter) == now + wait


def test_connecting_is_given_up_after_three_days() -> None:
    assert next_attempt(ADDED, ADDED + GIVE_UP_AFTER - LONGEST, LONGEST, 0.99) is not None
    assert next_attempt(ADDED, ADDED + GIVE_UP_AFTER - timedelta(minutes=7), LONGEST, 0.0) is None
