"""API keys under /v1/keys: made with scopes, shown once, rotated with an overlap, revoked; last use told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from support.api import Api, Clock, problem_of

from scheduler.services.ports import Context
from scheduler.services.secrets import digest
from scheduler.store import Transaction

REPORTS = {"name": "Reports", "scopes": ["meetings:read", "slots:read"]}


def with_key(app: Flask, made: dict[str, Any]) -> Api:
    return Api(app, made["key"])


def opens(app: Flask, made: dict[str, Any]) -> bool:
    """Whether the key is good for what it was made for."""
    return with_key(app, made).send("GET", "/mentorships").status_code == 200


def test_created_key_shows_secret_once_with_no_store(api: Api, app: Flask) -> None:
    response = api.send("POST", "/keys", REPORTS)
    made = response.json or {}
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Location"] == f"/v1/keys/{made['id']}"
    shown = {name: made[name] for name in made if name != "key"}
    assert shown == {
        "id": made["id"],
        "prefix": made["key"][:9],
        "name": "Reports",
        "scopes": ["meetings:read", "slots:read"],
        "created_at": "2026-10-01T09:00:00Z",
        "expires_at": None,
        "last_used_at": None,
    }
    assert api.get(f"/keys/{made['id']}") == shown
    assert shown in api.get("/keys")["items"]
    assert opens(app, made)


def test_stored_key_is_its_sha_256(api: Api, database: Path) -> None:
    made = api.post("/keys", REPORTS)
    connection = sqlite3.connect(database)
    rows = repr(connection.execute("SELECT * FROM api_keys").fetchall())
    connection.close()
    for key in (made["key"], api.key):
        assert key not in rows
        assert key[9:] not in rows
        assert digest(key) in rows


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (REPORTS | {"scopes": []}, "/scopes"),
        (REPORTS | {"scopes": ["slots"]}, "/scopes/0"),
        (REPORTS | {"scopes": "admin"}, "/scopes"),
        ({"scopes": ["admin"]}, "/name"),
        (REPORTS | {"name": ""}, "/name"),
        (REPORTS | {"expires_at": "2026-10-01T09:00:00Z"}, "/expires_at"),
        (REPORTS | {"key": "mk_chosen"}, "/key"),
    ],
)
def test_invalid_key_request_points_to_the_field(api: Api, body: dict[str, Any], pointer: str) -> None:
    problem_of(api.send("POST", "/keys", body), 422, pointer)
    assert len(api.get("/keys")["items"]) == 1


def test_expired_key_is_invalid_and_not_listed(api: Api, app: Flask, clock: Clock) -> None:
    made = api.post("/keys", REPORTS | {"expires_at": "2026-10-01T12:00:00+02:00"})
    assert made["expires_at"] == "2026-10-01T10:00:00Z"
    clock.set("2026-10-01T09:59:59+00:00")
    assert opens(app, made)
    clock.set("2026-10-01T10:00:00+00:00")
    problem_of(with_key(app, made).send("GET", "/mentorships"), 401)
    problem_of(api.send("GET", f"/keys/{made['id']}"), 404)
    assert [row["name"] for row in api.get("/keys")["items"]] == ["first"]


@pytest.mark.parametrize(
    ("body", "goes_on_until"),
    [(None, "10:00"), ({}, "10:00"), ({"overlap": "PT15M"}, "09:15"), ({"overlap": "PT0S"}, None)],
    ids=["an hour unless told", "an hour, with an empty body", "a quarter of an hour", "not at all"],
)
def test_rotated_key_has_same_scopes_and_old_one_works_for_overlap(
    api: Api, app: Flask, clock: Clock, body: Any, goes_on_until: str | None
) -> None:
    old = api.post("/keys", REPORTS)
    response = api.send("POST", f"/keys/{old['id']}/rotate", body)
    new = response.json or {}
    assert (response.status_code, response.headers["Cache-Control"]) == (201, "no-store")
    assert (new["name"], new["scopes"], new["expires_at"]) == (old["name"], old["scopes"], None)
    assert new["key"] != old["key"]
    assert opens(app, new)
    assert opens(app, old) is (goes_on_until is not None)
    if goes_on_until:
        ends = f"2026-10-01T{goes_on_until}:00Z"
        assert api.get(f"/keys/{old['id']}")["expires_at"] == ends
        clock.set(ends)
    assert not opens(app, old)
    assert opens(app, new)
    problem_of(api.send("GET", f"/keys/{old['id']}"), 404)


def test_rotation_keeps_the_expiry(api: Api, clock: Clock) -> None:
    old = api.post("/keys", REPORTS | {"expires_at": "2026-10-01T09:30:00Z"})
    new = api.post(f"/keys/{old['id']}/rotate", {"overlap": "P1D"})
    assert new["expires_at"] == "2026-10-01T09:30:00Z"
    assert api.get(f"/keys/{old['id']}")["expires_at"] == "2026-10-01T09:30:00Z"


@pytest.mark.parametrize("overlap", ["P31D", "-PT1H", "an hour", "PT30S", None])
def test_invalid_or_too_long_overlap_is_refused(api: Api, app: Flask, overlap: Any) -> None:
    old = api.post("/keys", REPORTS)
    problem_of(api.send("POST", f"/keys/{old['id']}/rotate", {"overlap": overlap}), 422, "/overlap")
    assert api.get(f"/keys/{old['id']}")["expires_at"] is None
    assert api.post(f"/keys/{old['id']}/rotate", {"overlap": "P30D"})


def test_key_can_rotate_itself(api: Api, app: Flask) -> None:
    (own,) = api.get("/keys")["items"]
    new = api.post(f"/keys/{own['id']}/rotate", {"overlap": "PT0S"})
    problem_of(api.send("GET", "/keys"), 401)
    assert [row["id"] for row in with_key(app, new).get("/keys")["items"]] == [new["id"]]


def test_revoked_key_is_invalid_at_once(api: Api, app: Flask) -> None:
    made = api.post("/keys", REPORTS)
    assert api.send("DELETE", f"/keys/{made['id']}").status_code == 204
    problem_of(with_key(app, made).send("GET", "/mentorships"), 401)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        problem_of(api.send(method, f"/keys/{made['id']}{path}"), 404)


def test_last_admin_key_cannot_be_revoked_and_others_can(api: Api, app: Flask, clock: Clock) -> None:
    (own,) = api.get("/keys")["items"]
    api.post("/keys", REPORTS)
    problem = problem_of(api.send("DELETE", f"/keys/{own['id']}"), 409)
    assert "last key with the scope 'admin'" in problem["detail"]
    ending = api.post("/keys", {"name": "ends", "scopes": ["admin"], "expires_at": "2026-10-01T10:00:00Z"})
    clock.set("2026-10-01T10:00:00+00:00")
    problem_of(api.send("DELETE", f"/keys/{own['id']}"), 409)
    second = api.post("/keys", {"name": "second", "scopes": ["admin"]})
    assert api.send("DELETE", f"/keys/{own['id']}").status_code == 204
    problem_of(api.send("GET", "/keys"), 401)
    left = with_key(app, second)
    assert ending["id"] not in [row["id"] for row in left.get("/keys")["items"]]
    problem_of(left.send("DELETE", f"/keys/{second['id']}"), 409)


def test_last_use_is_recorded_once_a_minute(
    api: Api, app: Flask, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api.post("/keys", REPORTS)
    notes: list[bool] = []
    write = context.store.write_if_free

    def counted(change: Callable[[Transaction], object]) -> bool:
        notes.append(write(change))
        return notes[-1]

    monkeypatch.setattr(context.store, "write_if_free", counted)
    for second in range(150):
        clock.set(f"2026-10-01T09:{10 + second // 60}:{second % 60:02}+00:00")
        assert opens(app, made)
    assert notes == [True] * 3
    assert api.get(f"/keys/{made['id']}")["last_used_at"] == "2026-10-01T09:12:00Z"


def test_recording_key_use_does_not_wait_for_a_writer(api: Api, context: Context, clock: Clock) -> None:
    (own,) = api.get("/keys")["items"]
    clock.advance(minutes=5)
    with context.store.write() as tx:
        tx.programmes.add("somebody who takes long", clock())
        assert api.send("GET", "/mentorships").status_code == 200  # it would wait for 20 seconds, and this one for it
    assert api.get("/keys")["items"][0]["last_used_at"] is not None
    assert own["last_used_at"] == "2026-10-01T09:00:00Z"


def test_reading_works_on_a_read_only_disk(api: Api, clock: Clock, database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("CREATE TRIGGER full BEFORE UPDATE ON api_keys BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    connection.close()
    clock.advance(minutes=5)
    assert api.send("GET", "/mentorships").status_code == 200


def test_key_quota_does_not_count_expired_keys(
    api: Api, app: Flask, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotas = replace(context.quotas, keys=3)
    monkeypatch.setitem(app.extensions, "scheduler", replace(context, quotas=quotas))
    first = api.post("/keys", REPORTS)
    api.post("/keys", REPORTS | {"expires_at": "2026-10-01T10:00:00Z"})
    problem = problem_of(api.send("POST", "/keys", REPORTS), 409)
    assert "the limit of 3 API keys of the programme is reached (keys)" in problem["detail"]
    problem_of(api.send("POST", f"/keys/{first['id']}/rotate", {"overlap": "PT1H"}), 409)
    api.post(f"/keys/{first['id']}/rotate", {"overlap": "PT0S"})
    clock.set("2026-10-01T10:00:00+00:00")
    assert api.post("/keys", REPORTS)
