"""FairQueue: who gets the free places of a worker."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.programme.fair_queue import FIRST_LIMIT, HIGHEST_LIMIT, Due, FairQueue
from scheduler.domain.programme.servers import Lane

PLACES = 16


def due(programme: str, origin: str, number: int = 0, lane: Lane = Lane.QUICK) -> Due:
    return Due(f"{programme}/{origin}/{number}", programme, origin, lane)


def backlog(programme: str, origins: int, rows: int, lane: Lane = Lane.QUICK) -> list[Due]:
    return [due(programme, f"{programme}{origin}", row, lane) for row in range(rows) for origin in range(origins)]


def test_programmes_get_places_in_turns() -> None:
    taken = FairQueue(PLACES).take(backlog("a", 50, 1) + backlog("b", 50, 1))
    assert [work.programme_id for work in taken] == ["a", "b"] * 8


def test_one_programme_never_gets_all_places() -> None:
    assert len(FairQueue(PLACES).take(backlog("a", 50, 1))) == 12


def test_new_server_gets_few_attempts_at_a_time_and_more_with_each_brisk_answer() -> None:
    queue = FairQueue(PLACES)
    works = [due("a", "server", number) for number in range(100)]
    counts = []
    for _ in range(8):
        taken = queue.take(works)
        counts.append(len(taken))
        for work in taken:
            queue.release(work)
        queue.learn("server", 0.1, answered=True)
    assert counts == [FIRST_LIMIT, 3, 4, 5, 6, 7, HIGHEST_LIMIT, HIGHEST_LIMIT]


@pytest.mark.parametrize(("seconds", "answered"), [(1.5, True), (0.1, False)])
def test_server_that_slows_down_gets_few_attempts_again(seconds: float, *, answered: bool) -> None:
    queue = FairQueue(PLACES)
    for _ in range(10):
        queue.learn("server", 0.1, answered=True)
    queue.learn("server", seconds, answered=answered)
    assert len(queue.take([due("a", "server", number) for number in range(100)])) == FIRST_LIMIT


@pytest.mark.parametrize(("lane", "most"), [(Lane.NEW, 4), (Lane.SLOW, 2)])
def test_new_and_slow_servers_have_few_places(lane: Lane, most: int) -> None:
    queue = FairQueue(PLACES)
    works = [work for name in "abcdef" for work in backlog(name, 10, 2, lane)]
    assert len(queue.take(works)) == most
    assert lane not in queue.free_lanes()
    assert Lane.QUICK in queue.free_lanes()


def test_lane_of_one_place_goes_round_the_programmes() -> None:
    queue = FairQueue(4)
    works = backlog("a", 9, 1, Lane.SLOW) + backlog("b", 1, 1, Lane.SLOW) + backlog("c", 1, 1, Lane.SLOW)
    order = []
    for _ in range(4):
        (work,) = queue.take(works)
        order.append(work.programme_id)
        queue.release(work)
        works.remove(work)
    assert order == ["a", "b", "c", "a"]


def test_full_server_is_listed_until_a_place_is_free() -> None:
    queue = FairQueue(PLACES)
    works = [due("a", "server", number) for number in range(FIRST_LIMIT)]
    queue.take(works)
    assert queue.full_servers() == ["server"]
    queue.release(works[0])
    assert queue.full_servers() == []


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.integers(0, 3), st.sampled_from(Lane)), max_size=60
    ),
    st.integers(1, 20),
    st.randoms(use_true_random=False),
)
def test_bounds_hold_and_nobody_starves(works: list[tuple[str, int, int, Lane]], places: int, random: Random) -> None:
    queue = FairQueue(places)
    lanes: dict[str, Lane] = {}
    waiting = {}
    for programme, server, number, lane in works:
        origin = f"server {server}"
        work = due(programme, origin, number, lanes.setdefault(origin, lane))
        waiting[work.id] = work
    running: list[Due] = []
    for _ in range(len(waiting)):
        taken = queue.take(waiting.values())
        running += taken
        for work in taken:
            del waiting[work.id]
        assert len(running) <= places
        assert all(count <= FIRST_LIMIT for count in Counter(work.origin for work in running).values())
        slow = sum(work.lane is Lane.SLOW for work in running)
        assert slow <= max(1, places // 8)
        assert running or not waiting
        if running:
            queue.release(running.pop(random.randrange(len(running))))
    assert not waiting
    assert queue.running == len(running)
