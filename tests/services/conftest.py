"""A programme on a database of its own."""

from __future__ import annotations

import pytest
from support.api import Api, Pair
from support.programme import Programme

from scheduler.app import create_app
from scheduler.services.ports import Context


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of its own for the test, which runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def programme(context: Context) -> Programme:
    return Programme(context)


@pytest.fixture
def api(context: Context) -> Api:
    return Api.of_new_programme(create_app(context), context, "Women in Science")


@pytest.fixture
def pair(api: Api) -> Pair:
    """Two people, each with a calendar that is owed what is booked."""
    pair = api.pair()
    for person in (pair.mentor, pair.mentee):
        api.connect(person)
    return pair
