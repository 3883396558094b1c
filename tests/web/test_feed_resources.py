"""Making, rotating and revoking feeds under /v1/people/{id}/feeds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from support.api import Api, Pair, problem_of

from scheduler.app import create_app
from scheduler.services.ports import Context


@pytest.fixture
def path(pair: Pair) -> str:
    return f"/people/{pair.mentor}/feeds"


def test_a_feed_is_answered_with_its_token_and_both_addresses_and_may_not_be_stored(api: Api, path: str) -> None:
    response = api.send("POST", path, {"show": "free_busy"})
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    feed = response.json or {}
    assert list(feed) == ["id", "show", "created_at", "token", "url", "webcal_url"]
    assert feed["show"] == "free_busy"
    assert feed["url"] == f"http://localhost/feeds/{feed['token']}.ics"
    assert feed["webcal_url"] == f"webcal://localhost/feeds/{feed['token']}.ics"
    assert len(feed["token"]) >= 43


def test_the_token_is_shown_only_once_and_kept_as_its_digest(api: Api, path: str, database: Path) -> None:
    feed = api.post(path, {})
    shown = {name: feed[name] for name in ("id", "show", "created_at")}
    assert shown["show"] == "details"
    assert api.get(path) == {"items": [shown]}
    assert api.get(f"{path}/{feed['id']}") == shown
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT * FROM feeds").fetchall()
    connection.close()
    assert feed["token"] not in repr(rows)


def test_behind_a_public_address_feeds_are_given_with_it(api: Api, context: Context, path: str) -> None:
    behind = Api(create_app(context, "https://mentors.example.org/calendar/"), api.key)
    feed = behind.post(path, {})
    assert feed["url"] == f"https://mentors.example.org/calendar/feeds/{feed['token']}.ics"
    assert feed["webcal_url"] == f"webcal://mentors.example.org/calendar/feeds/{feed['token']}.ics"


def test_rotating_gives_a_new_token_and_kills_the_old_one_at_once(api: Api, path: str) -> None:
    old = api.post(path, {"show": "free_busy"})
    assert api.read(f"/feeds/{old['token']}.ics").status_code == 200
    response = api.send("POST", f"{path}/{old['id']}/rotate")
    new = response.json or {}
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (new["id"], new["show"]) == (old["id"], "free_busy")
    assert new["token"] != old["token"]
    problem_of(api.read(f"/feeds/{old['token']}.ics"), 404)
    assert api.read(f"/feeds/{new['token']}.ics").status_code == 200


def test_revoking_kills_the_token_for_ever(api: Api, path: str) -> None:
    feed, other = api.post(path, {}), api.post(path, {})
    assert api.send("DELETE", f"{path}/{feed['id']}").status_code == 204
    problem_of(api.read(f"/feeds/{feed['token']}.ics"), 404)
    assert [row["id"] for row in api.get(path)["items"]] == [other["id"]]
    for method, place in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        problem_of(api.send(method, f"{path}/{feed['id']}{place}"), 404)
    assert api.read(f"/feeds/{other['token']}.ics").status_code == 200


def test_another_kind_of_feed_is_refused(api: Api, path: str) -> None:
    problem_of(api.send("POST", path, {"show": "titles"}), 422, "/show")


def test_a_feed_of_one_person_is_not_found_under_another(api: Api, pair: Pair, path: str) -> None:
    feed = api.post(path, {})
    problem_of(api.send("GET", f"/people/{pair.mentee}/feeds/{feed['id']}"), 404)
