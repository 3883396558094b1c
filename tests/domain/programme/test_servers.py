"""Server: its lane and its pauses after each attempt; origin_of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.programme.outbox import FIRST_RETRY, LONGEST_RETRY
from scheduler.domain.programme.servers import SLOW, SLOW_FOR, Exchange, Lane, Server, origin_of

NOW = datetime(2026, 10, 19, 12, tzinfo=UTC)
ORIGIN = "https://dav.example.org:443"
UNKNOWN = Server(ORIGIN)
SECOND = timedelta(seconds=1)


def exchange(
    seconds: float, *, failed: bool, started: datetime = NOW, retry_after: timedelta | None = None
) -> Exchange:
    return Exchange(ORIGIN, started, started + timedelta(seconds=seconds), failed, retry_after)


QUICK_ANSWER = exchange(0.2, failed=False)
SLOW_ANSWER = exchange(SLOW.total_seconds() + 1, failed=False)
FAILURE = exchange(5, failed=True)


@pytest.mark.parametrize(
    ("exchanges", "lane"),
    [
        ([], Lane.NEW),
        ([QUICK_ANSWER], Lane.QUICK),
        ([SLOW_ANSWER], Lane.SLOW),
        ([FAILURE], Lane.SLOW),
        ([QUICK_ANSWER, FAILURE], Lane.SLOW),
        ([SLOW_ANSWER, QUICK_ANSWER], Lane.SLOW),
    ],
)
def test_lane_follows_from_attempts(exchanges: list[Exchange], lane: Lane) -> None:
    server = UNKNOWN
    for each in exchanges:
        server = server.after(each, 0.5)
    assert server.lane(NOW + SECOND) is lane


@pytest.mark.parametrize(
    ("exchanges", "lane"), [([SLOW_ANSWER, QUICK_ANSWER], Lane.QUICK), ([QUICK_ANSWER, FAILURE], Lane.QUICK)]
)
def test_slow_server_is_quick_again_after_a_while(exchanges: list[Exchange], lane: Lane) -> None:
    server = UNKNOWN
    for each in exchanges:
        server = server.after(each, 0.5)
    assert server.lane(NOW + SLOW_FOR + timedelta(minutes=1)) is lane


def test_slow_at_of_a_clock_far_ahead_does_not_slow_for_days() -> None:
    ahead = exchange(10, failed=False, started=NOW + timedelta(days=30))
    assert UNKNOWN.after(ahead, 0.5).lane(NOW) is Lane.QUICK


@pytest.mark.parametrize(("failures", "shortest", "longest"), [(1, 1, 2), (2, 2, 4), (6, 32, 64), (13, 1800, 3600)])
def test_failures_pause_a_server_for_double_the_time(failures: int, shortest: int, longest: int) -> None:
    for jitter, pause in ((0.0, shortest), (1.0, longest)):
        server, started = UNKNOWN, NOW
        for _ in range(failures):
            server = server.after(exchange(1, failed=True, started=started), jitter)
            assert server.paused_until is not None
            started, ended = server.paused_until, started + SECOND
        assert server.paused_until == ended + timedelta(seconds=pause)
        assert server.failures == failures


def test_retry_after_is_respected_up_to_an_hour() -> None:
    wished = UNKNOWN.after(exchange(0, failed=True, retry_after=timedelta(minutes=7)), 0.5)
    assert wished.paused_until == NOW + timedelta(minutes=7)
    endless = UNKNOWN.after(exchange(0, failed=True, retry_after=timedelta(days=7)), 0.5)
    assert endless.paused_until == NOW + LONGEST_RETRY


def test_failures_that_were_under_way_together_count_once() -> None:
    server = UNKNOWN.after(exchange(5, failed=True), 0.5)
    assert server.after(exchange(6, failed=True, started=NOW + SECOND), 0.5) == server


def test_an_answer_ends_pause_and_failures() -> None:
    server = UNKNOWN.after(FAILURE, 0.5).after(exchange(0.1, failed=False, started=NOW + 10 * SECOND), 0.5)
    assert (server.failures, server.paused_until) == (0, None)
    again = server.after(exchange(1, failed=True, started=NOW + 20 * SECOND), 0.0)
    assert again.paused_until == NOW + 21 * SECOND + FIRST_RETRY / 2


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://dav.example.org/cal/?a=b", "https://dav.example.org:443"),
        ("https://DAV.example.org.:443/", "https://dav.example.org:443"),
        ("http://dav.example.org", "http://dav.example.org:80"),
        ("http://127.0.0.1:5232/greta/", "http://127.0.0.1:5232"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]:443"),
    ],
)
def test_origin_has_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
