"""A programme on a database of its own."""

from __future__ import annotations

import pytest
from support.programme import Programme

from scheduler.services.ports import Context


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of its own for the test, which runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def programme(context: Context) -> Programme:
    return Programme(context)
