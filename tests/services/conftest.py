"""A programme on a database of its own."""

from __future__ import annotations

import pytest
from support.programme import Programme

from scheduler.services.ports import Context


@pytest.fixture
def programme(context: Context) -> Programme:
    return Programme(context)
