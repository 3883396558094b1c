"""How much is tried where chance decides: little in ``make test``, much in ``make prove``, SHORT=1 in between.

``pytest --prove short`` or ``--prove full`` runs only the tests that try more then: those of Hypothesis, and those that
are marked with ``prove``. Every other test run draws the same examples each time; these draw new ones, from a seed that
is printed and can be given again with ``--hypothesis-seed``.
"""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test, settings

TEST, SHORT, FULL = "test", "short", "full"
_level = TEST

COUNTS = {
    # what is tried: (make test, make prove SHORT=1, make prove)
    "requests of one fuzzer": (640, 1_280, 2_560),
    "fuzzers": (1, 8, 8),
    "schemathesis examples of an operation": (3, 30, 60),
    "edges of schemas": (0, 1, 1),
    "meetings that workers deliver": (5, 22, 22),
    "percent of the kills of workers": (10, 60, 100),
    "bookings of one time": (12, 100, 100),
    "races for one time": (1, 1, 10),
    "races of a blackout": (1, 2, 10),
    "races of repeated requests": (2, 5, 40),
    "kills of declared blackouts": (2, 6, 60),
    "kills of bookings": (2, 3, 50),
    "changes of everything by a thread": (15, 15, 150),
    "crossing changes of two people by a client": (15, 40, 200),
    "changes between polls of two processes": (10, 40, 400),
    "meetings of each programme beside hostile servers": (4, 10, 40),
    "events of a large calendar": (2_000, 10_000, 10_000),
    "demo dates": (15, 60, 240),
}
"""How often each thing is tried."""


def tries(name: str) -> int:
    """How often that is tried in this run."""
    return COUNTS[name][(TEST, SHORT, FULL).index(_level)]


def examples(number: int) -> int:
    """How many examples Hypothesis draws in this run where ``number`` is written."""
    return {TEST: max(number // 4, 8), SHORT: number, FULL: number * 4}[_level]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--prove``."""
    parser.addoption("--prove", choices=(SHORT, FULL), help="run only what is statistical, and try more")


def pytest_configure(config: pytest.Config) -> None:
    """Sets the level before any test is imported."""
    global _level  # one for the process; tests ask for it while they are imported
    _level = config.getoption("--prove") or TEST
    config.addinivalue_line("markers", "prove: statistical; --prove tries more of it")
    config.addinivalue_line("markers", "long: runs with --prove alone")
    # A busy machine is no failure, so there is no deadline.
    settings.register_profile(TEST, derandomize=True, deadline=None, max_examples=examples(100))
    settings.register_profile("prove", derandomize=False, database=None, deadline=None, max_examples=examples(100))
    settings.load_profile(TEST if _level == TEST else "prove")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects tests that try no more with ``--prove``, and without it those that take too long."""
    if _level == TEST:
        others = [item for item in items if item.get_closest_marker("long")]
    else:
        others = [item for item in items if not _proves(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]


def _proves(item: pytest.Item) -> bool:
    is_of_hypothesis = isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
    return is_of_hypothesis or any(item.get_closest_marker(name) for name in ("prove", "long"))
