"""Imports point one way only.

errors <- domain <- ical <- {store, adapters} <- services <- {web, worker} <- app <- cli
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import scheduler

PACKAGE = Path(scheduler.__file__).parent

RANKS = {
    "errors": 0,
    "domain": 1,
    "ical": 2,
    "pictures": 2,
    "store": 3,
    "adapters": 3,
    "services": 4,
    "web": 5,
    "worker": 5,
    "config": 5,
    "logs": 5,
    "tables": 5,
    "app": 6,
    "serving": 6,
    "wsgi": 7,
    "cli": 7,
}
"""How high each part stands. A part imports lower ones only; parts of the same rank never import each other."""

ONLY_IMPORTERS = {
    "flask": {"web", "app", "serving", "wsgi"},
    "flask_swagger_ui": {"web"},
    "limits": {"web"},
    "redis": {"web"},
    "prometheus_client": {"web"},
    "spectree": {"web"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "icalendar": {"ical"},
    "recurring_ical_events": {"ical"},
    "caldav": {"adapters"},
    "requests": {"adapters"},
    "urllib3": {"adapters"},
    "waitress": {"serving"},
    "click": {"cli"},
    "rich": {"tables"},
    "pydantic_settings": {"config"},
    "cryptography": {"services"},
    "pytz": {"domain"},
    "zoneinfo": {"domain"},
}
"""Which parts may import a library; the others don't know it."""

SETTINGS_READERS = {"app", "wsgi", "cli", "worker"}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            yield node.module or ""


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_lower_parts_and_its_own_libraries(path: Path) -> None:
    part = part_of(path)
    for module in imports_of(path):
        top, _, rest = module.partition(".")
        if top == "scheduler" and rest:
            other = rest.split(".")[0]
            assert other == part or RANKS[other] < RANKS[part], f"{part} imports {module}"
            assert other != "config" or part in SETTINGS_READERS, f"{part} reads settings"
        elif top != "scheduler":
            assert part in ONLY_IMPORTERS.get(top, {part}), f"{part} imports {module}"


def test_every_part_has_a_rank() -> None:
    assert {part_of(path) for path in FILES} == set(RANKS)


def test_the_domain_reads_no_clock() -> None:
    clocks = {"now", "utcnow", "today", "time_ns", "monotonic", "perf_counter"}
    for path in sorted((PACKAGE / "domain").rglob("*.py")):
        called = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not called & clocks, f"{path.name} reads a clock: {called & clocks}"
