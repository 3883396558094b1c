"""How many things there may be: the one too many is refused with the limit's name and value, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from flask import Flask
from support.api import Api, Pair, problem_of

from scheduler.config.environment import load_settings
from scheduler.domain.programme.quotas import Quotas
from scheduler.services.ports import Context

AWAY = {"kind": "other", "first_day": "2026-10-13", "last_day": "2026-10-13"}
YEARLY = AWAY | {"rrule": "FREQ=YEARLY"}
LOGIN = {"username": "greta", "password": "hunter2hunter2"}
PERSON = {"name": "Mia", "email": "mia@example.org", "time_zone": "UTC"}


@pytest.fixture
def allow(app: Flask, context: Context, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the service have no more than so many of a kind."""

    def only(**most: int) -> None:
        quotas = replace(Quotas(), **most)
        monkeypatch.setitem(app.extensions, "scheduler", replace(context, quotas=quotas))

    return only


def add(api: Api, pair: Pair) -> dict[str, tuple[str, Iterator[Any]]]:
    """For each quota where its things are added, and bodies that add one each."""
    mentorship = {"mentor": pair.mentor, "mentee": pair.mentee, "goals": ["x"]}
    dates = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
    slots = ({"start": f"2026-10-{day:02}T08:00:00Z", "duration": "PT45M"} for day in (6, 7, 8, 9))
    logins = (LOGIN | {"url": f"https://dav.example.org/{place}/"} for place in range(4))
    return {
        "people": ("/people", iter([PERSON] * 4)),
        "blackouts_per_person": (f"/people/{pair.mentor}/blackouts", iter([AWAY] * 4)),
        "recurring_blackouts_per_person": (f"/people/{pair.mentor}/blackouts", iter([YEARLY] * 4)),
        "calendars_per_person": (f"/people/{pair.mentor}/calendars", logins),
        "feeds_per_person": (f"/people/{pair.mentor}/feeds", iter([{}] * 4)),
        "mentorships": ("/mentorships", iter([mentorship | dates] * 4)),
        "meetings_per_mentorship": (pair.meetings, slots),
        "keys": ("/keys", iter([{"name": "x", "scopes": ["slots:read"]}] * 4)),
    }


THERE_ALREADY = {"people": 2, "mentorships": 1, "keys": 1}


@pytest.mark.parametrize("quota", [field.name for field in fields(Quotas)])
def test_item_over_quota_is_409_with_quota_and_limit(
    api: Api, pair: Pair, allow: Callable[..., None], quota: str
) -> None:
    path, bodies = add(api, pair)[quota]
    present = THERE_ALREADY.get(quota, 0)
    most = present + 2
    allow(**{quota: most})
    for _ in range(2):
        api.post(path, next(bodies))
    before = api.get(path) if path != pair.meetings else None
    problem = problem_of(api.send("POST", path, next(bodies)), 409)
    assert f"the limit of {most} " in problem["detail"]
    assert f"({quota})" in problem["detail"]
    assert before is None or api.get(path) == before
    allow(**{quota: most + 1})
    api.post(path, next(bodies))


def test_quota_is_counted_per_programme_and_person(
    api: Api, other_api: Api, pair: Pair, allow: Callable[..., None]
) -> None:
    allow(people=2, blackouts_per_person=1)
    problem_of(api.send("POST", "/people", PERSON), 409)
    other_api.post("/people", PERSON)
    api.post(f"/people/{pair.mentor}/blackouts", AWAY)
    problem_of(api.send("POST", f"/people/{pair.mentor}/blackouts", AWAY), 409)
    api.post(f"/people/{pair.mentee}/blackouts", AWAY)


def test_deleted_person_does_not_count(api: Api, pair: Pair, allow: Callable[..., None]) -> None:
    allow(people=2, blackouts_per_person=1)
    away = api.post(f"/people/{pair.mentor}/blackouts", AWAY)
    api.delete(f"/people/{pair.mentor}/blackouts/{away['id']}")
    api.post(f"/people/{pair.mentor}/blackouts", AWAY)
    api.delete(f"/people/{pair.mentee}")
    api.post("/people", PERSON)


def test_update_to_recurring_blackout_over_quota_is_409(api: Api, pair: Pair, allow: Callable[..., None]) -> None:
    path = f"/people/{pair.mentor}/blackouts"
    recurring, single = api.post(path, YEARLY), api.post(path, AWAY)
    allow(recurring_blackouts_per_person=1, blackouts_per_person=1)
    problem = problem_of(api.send("PATCH", f"{path}/{single['id']}", {"rrule": "FREQ=YEARLY"}), 409)
    assert "recurring_blackouts_per_person" in problem["detail"]
    api.patch(f"{path}/{single['id']}", {"title": "Dentist"})
    api.patch(f"{path}/{recurring['id']}", {"rrule": "FREQ=WEEKLY"})


def test_quotas_have_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [field.name for field in fields(Quotas)]
    for place, name in enumerate(names, 1):
        monkeypatch.setenv(f"SCHEDULER_MOST_{name.upper()}", str(place))
    assert load_settings().quotas == Quotas(*range(1, len(names) + 1))
