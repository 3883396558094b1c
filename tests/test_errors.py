"""The tree of errors that the docstring of ``scheduler.errors`` draws is that of the classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import scheduler
from scheduler import errors
from scheduler.errors import SchedulerError

PACKAGE = Path(scheduler.__file__).parent


def import_all() -> Iterator[ModuleType]:
    for path in PACKAGE.rglob("*.py"):
        if "migrations" not in path.parts and path.name != "__init__.py":
            yield import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))


def subclasses(of: type[SchedulerError]) -> Iterator[type[SchedulerError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from subclasses(kind)


def drawn_parents() -> dict[str, str]:
    """The parent of each error as the docstring draws it."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(    [│ ├└─]*)((?:[A-Z]\w+(?:, )?)+)", line)
        if match:
            depth = len(match[1]) // 4 - 1
            for name in match[2].split(", "):
                parents[name] = above.get(depth - 1, "")
            above[depth] = match[2]
    return parents


def test_drawn_errors_exist_under_their_parents() -> None:
    assert list(import_all())
    kinds = {kind.__name__: kind for kind in subclasses(SchedulerError) if not kind.__name__.startswith("_")}
    real = {name: kind.__mro__[1].__name__ for name, kind in kinds.items() if kind.__module__.startswith("scheduler.")}
    drawn = drawn_parents()
    assert drawn == {name: parent for name, parent in {"SchedulerError": "", **real}.items() if name in drawn}
    assert len(drawn) > 40
