"""Lanes of large searches, entered by real threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from support.service import wait_for

from scheduler.domain.search.work import QUICK
from scheduler.services.lanes import LaneSizes, SearchLanes, TooManySearches

LARGE = QUICK + 1
ONE, OTHER, THIRD = "a programme", "another one", "a third one"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


class Search:
    """A large search in a thread of its own, which runs until it is told to end."""

    def __init__(self, threads: ThreadPoolExecutor, lanes: SearchLanes, programme: str) -> None:
        self.has_begun = threading.Event()
        self._end = threading.Event()
        self._lanes = lanes
        self._programme = programme
        self.future: Future[None] = threads.submit(self._run)

    def end(self) -> None:
        self._end.set()
        self.future.result(10)

    def _run(self) -> None:
        with self._lanes.place(self._programme, LARGE):
            self.has_begun.set()
            assert self._end.wait(10)


def refused(lanes: SearchLanes, programme: str) -> TooManySearches:
    with pytest.raises(TooManySearches) as refusal, lanes.place(programme, LARGE):
        pass
    return refusal.value


def waiting(lanes: SearchLanes, count: int) -> None:
    """Return once so many searches wait."""
    wait_for(lambda: lanes.waiting == count)


def test_search_of_a_programme_waits_for_its_other_one_and_then_runs(threads: ThreadPoolExecutor) -> None:
    lanes = SearchLanes(LaneSizes(2, 1, 6))
    first, second = Search(threads, lanes, ONE), Search(threads, lanes, ONE)
    running, behind = (first, second) if first.has_begun.wait(1) else (second, first)
    waiting(lanes, 1)
    assert not behind.has_begun.is_set()
    running.end()
    assert behind.has_begun.wait(5)
    behind.end()


def test_other_programme_runs_past_a_full_one(threads: ThreadPoolExecutor) -> None:
    lanes = SearchLanes(LaneSizes(2, 1, 6))
    searches = [Search(threads, lanes, ONE) for _ in range(3)]
    waiting(lanes, 2)
    other = Search(threads, lanes, OTHER)
    assert other.has_begun.wait(5)
    other.end()
    _end_in_turn(searches)


def test_programme_with_all_its_places_taken_is_refused_at_once(threads: ThreadPoolExecutor) -> None:
    lanes = SearchLanes(LaneSizes(2, 1, 6), patience=60)
    searches = [Search(threads, lanes, ONE) for _ in range(3)]
    waiting(lanes, 2)
    began = time.monotonic()
    refusal = refused(lanes, ONE)
    assert time.monotonic() - began < 5
    assert (refusal.of_programme, refusal.wait) == (True, 5)
    with lanes.place(OTHER, LARGE):
        pass
    _end_in_turn(searches)


def test_process_with_all_places_taken_refuses_every_programme(threads: ThreadPoolExecutor) -> None:
    lanes = SearchLanes(LaneSizes(2, 1, 4), patience=60)
    searches = [Search(threads, lanes, programme) for programme in (ONE, ONE, OTHER, OTHER)]
    waiting(lanes, 2)
    assert not refused(lanes, THIRD).of_programme
    with lanes.place(THIRD, QUICK):
        pass
    _end_in_turn(searches)
    with lanes.place(THIRD, LARGE):
        pass


@pytest.mark.parametrize(("asking", "of_programme"), [(ONE, True), (THIRD, False)])
def test_search_without_a_turn_is_refused_after_a_while(
    threads: ThreadPoolExecutor, asking: str, *, of_programme: bool
) -> None:
    lanes = SearchLanes(LaneSizes(2, 1, 6), patience=0.1)
    searches = [Search(threads, lanes, programme) for programme in (ONE, OTHER)]
    assert all(search.has_begun.wait(5) for search in searches)
    assert refused(lanes, asking).of_programme is of_programme
    waiting(lanes, 0)
    _end_in_turn(searches)


def test_place_is_free_after_a_failed_search() -> None:
    lanes = SearchLanes(LaneSizes(1, 1, 1), patience=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), lanes.place(ONE, LARGE):
            raise ZeroDivisionError
    with ExitStack() as inside:
        inside.enter_context(lanes.place(ONE, LARGE))
        assert refused(lanes, OTHER)


def test_many_threads_never_exceed_the_sizes(threads: ThreadPoolExecutor) -> None:
    lanes = SearchLanes(LaneSizes(3, 2, 100), patience=60)
    lock = threading.Lock()
    running: list[str] = []
    most, most_of_one = 0, 0

    def search(number: int) -> None:
        nonlocal most, most_of_one
        programme = (ONE, OTHER, THIRD)[number % 3]
        with lanes.place(programme, LARGE):
            with lock:
                running.append(programme)
                most, most_of_one = max(most, len(running)), max(most_of_one, running.count(programme))
            time.sleep(0.001)
            with lock:
                running.remove(programme)

    for done in [threads.submit(search, number) for number in range(200)]:
        done.result(30)
    assert (most, most_of_one) == (3, 2)


@pytest.mark.parametrize(
    ("threads_of_server", "sizes", "of_programme"),
    [(8, LaneSizes(2, 1, 3), 2), (4, LaneSizes(1, 1, 1), 1), (1, LaneSizes(1, 1, 1), 1), (64, LaneSizes(2, 1, 24), 12)],
)
def test_searches_leave_most_threads_to_others(threads_of_server: int, sizes: LaneSizes, of_programme: int) -> None:
    assert LaneSizes.among(threads_of_server, 2, 1) == sizes
    assert sizes.places_of_programme == of_programme


def _end_in_turn(searches: list[Search]) -> None:
    """End each search once it runs."""
    left = list(searches)
    while left:
        begun = wait_for(lambda: next((one for one in left if one.has_begun.is_set()), None))
        begun.end()
        left.remove(begun)
