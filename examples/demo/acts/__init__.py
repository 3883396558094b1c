"""The acts of the demo: modules with a function ``play``. To add one, add its file here and a line to ACTS."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from examples.demo.stage import Stage

ACTS = {
    "main": "two people, their exams, a cadence, booked and read back",
    "panel": "any two of three interviewers, then an interview and its debrief",
    "fairness": "three continents take turns at the odd hour",
    "clocks": "the weeks in which America and Europe change their clocks apart",
    "kill": "the service is killed twice; nothing is lost, nothing is booked twice",
    "cluster": "PostgreSQL, two web processes, two workers and a proxy, some of them killed",
}
"""What each act shows, in the order of ``make demo ACT=all``; the first is played by default."""


class Act(Protocol):
    """What a module of this package offers."""

    def play(self, stage: Stage) -> bool:
        """Show something; whether everything that was checked agreed."""


def load(name: str) -> Act:
    """Import an act when it is played: the cluster needs packages that the others do without."""
    return cast("Act", importlib.import_module(f"{__name__}.{name}"))
