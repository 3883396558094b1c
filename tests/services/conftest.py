"""A programme on a database of its own; everybody's calendars are a stand-in, and the clock stands still."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.api import Clock, context_of
from support.calendars import RecordingCalendars
from support.programme import Programme

from scheduler.services.ports import Context
from scheduler.store import Store


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "scheduler.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "scheduler.db"
    shutil.copy(migrated_file, path)
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calendars() -> RecordingCalendars:
    return RecordingCalendars()


@pytest.fixture
def context(database: Path, clock: Clock, calendars: RecordingCalendars) -> Iterator[Context]:
    made = context_of(f"sqlite:///{database}", clock, calendars)
    yield made
    made.store.close()


@pytest.fixture
def programme(context: Context) -> Programme:
    return Programme(context)
