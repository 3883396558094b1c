"""Imports point one way only, between the parts of the package and between the sub-parts of each part."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import scheduler

PACKAGE = Path(scheduler.__file__).parent

RANKS = {
    "errors": 0,
    "domain.time": 1,
    "domain.availability": 2,
    "domain.programme": 3,
    "domain.search": 3,
    "ical": 4,
    "pictures": 4,
    "store": 5,
    "services": 6,
    "adapters": 7,
    "worker": 7,
    "config": 7,
    "logs": 7,
    "web.fields": 7,
    "web.http": 8,
    "web.documents": 9,
    "web.openapi": 9,
    "web.feeds": 10,
    "web.api": 10,
    "web.site": 10,
    "app": 11,
    "serving": 11,
    "wsgi": 12,
    "cli": 12,
}
"""How high each part stands. A part imports lower ones only; parts of the same rank never import each other.

``services`` define ports and their errors; ``adapters`` implement them; the composition root joins the two.
"""

ONLY_IMPORTERS = {
    "flask": {"web", "app", "serving", "wsgi"},
    "flask_swagger_ui": {"web.site"},
    "redis": {"web.http"},
    "prometheus_client": {"web.http"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "icalendar": {"ical"},
    "recurring_ical_events": {"ical"},
    "caldav": {"adapters"},
    "requests": {"adapters"},
    "urllib3": {"adapters"},
    "waitress": {"serving"},
    "click": {"cli"},
    "rich": {"cli"},
    "cryptography": {"services"},
    "pytz": {"domain.time"},
    "zoneinfo": {"domain.time"},
}
"""Which parts may import a library; the others don't know it."""

SETTINGS_READERS = {"config", "app", "wsgi", "cli", "worker"}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The part or sub-part that a module of the package belongs to."""
    two = ".".join(module.split(".")[:2])
    return two if two in RANKS else module.split(".")[0]


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports; of ``from package import module`` the module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            for alias in node.names:
                found = f"{node.module}.{alias.name}"
                yield found if found.removeprefix("scheduler.") in MODULES else node.module or ""


PATHS = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = set(PATHS)
FILES = {module: path for module, path in PATHS.items() if module and path.name != "__init__.py"}


@pytest.mark.parametrize("module", FILES)
def test_file_imports_only_lower_parts_and_its_own_libraries(module: str) -> None:
    part = part_of(module)
    for imported in imports_of(FILES[module]):
        top, _, rest = imported.partition(".")
        if top == "scheduler" and rest and rest in MODULES:
            other = part_of(rest)
            assert other == part or RANKS[other] < RANKS[part], f"{part} imports {imported}"
            assert other != "config" or part in SETTINGS_READERS, f"{part} reads settings"
        elif top != "scheduler":
            importers = ONLY_IMPORTERS.get(top, {part})
            assert importers & {part, part.split(".")[0]}, f"{part} imports {imported}"


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {
        module: {
            imported.removeprefix("scheduler.")
            for imported in imports_of(path)
            if imported.startswith("scheduler.") and imported.removeprefix("scheduler.") != module
        }
        for module, path in FILES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_search_engine_does_not_import_its_explanation() -> None:
    explanation = {f"scheduler.domain.search.{name}" for name in ("explanation", "relaxations", "candidate_changes")}
    importers = {
        module.rpartition(".")[2]
        for module, path in FILES.items()
        if part_of(module) == "domain.search" and explanation & set(imports_of(path))
    }
    assert importers == {"explanation", "relaxations", "slots", "cadences", "rotations", "sequences"}


def test_every_part_has_a_rank() -> None:
    assert {part_of(module) for module in FILES} == set(RANKS)


def test_domain_reads_no_clock() -> None:
    clocks = {"now", "utcnow", "today", "time_ns", "monotonic", "perf_counter"}
    for path in sorted((PACKAGE / "domain").rglob("*.py")):
        called = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not called & clocks, f"{path.name} reads a clock: {called & clocks}"
