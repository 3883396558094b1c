"""Counts of what the suite tried and found, added up over the worker processes and printed at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Figures = Callable[..., None]
"""Records what was tried, and figures by name: ``figures("killed workers", kills=120, lost=0, doubled=0)``."""

_NAME = "figures"


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Record figures of a test; those of the same name in several tests are added up."""

    def note(tried: str, **numbers: int) -> None:
        record_property(_NAME, [tried, numbers])

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each thing tried."""
    totals: dict[str, dict[str, int]] = {}
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == _NAME and report.when == "call":
                tried, numbers = value
                line = totals.setdefault(tried, {})
                for figure, number in numbers.items():
                    line[figure] = line.get(figure, 0) + number
    if totals:
        terminalreporter.section("figures")
    for tried, numbers in sorted(totals.items()):
        said = ", ".join(f"{number:,} {figure.replace('_', ' ')}" for figure, number in numbers.items())
        terminalreporter.write_line(f"{tried}: {said}")
