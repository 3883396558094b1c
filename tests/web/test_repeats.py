"""A POST repeated under its Idempotency-Key stores nothing more and gets the same answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from support.api import SECRET, Api, Clock, Pair, booking_of, json_of, problem_of
from werkzeug.test import TestResponse

from scheduler.services.ports import Context
from scheduler.services.secrets import Vault

FIELD = "Idempotency-Key"
KEY = "6f1f7c1e-2f0f-4f5e-9d3c-3c2b1a0f9e8d"
MIA = {"name": "Mia", "email": "mia@example.org", "time_zone": "UTC"}
DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}
AWAY = {"kind": "other", "title": "Dentist", "first_day": "2026-12-01", "last_day": "2026-12-01"}


def feed_of(api: Api, pair: Pair) -> str:
    return f"/people/{pair.mentor}/feeds/{api.post(f'/people/{pair.mentor}/feeds', {})['id']}"


def delivery_of(api: Api, pair: Pair) -> str:
    api.connect(pair.mentor)
    path = f"/meetings/{api.book_slot(pair)['id']}/deliveries"
    return f"{path}/{api.get(path)['items'][0]['id']}"


Post = Callable[[Api, Pair], tuple[str, Any]]

POSTS: dict[str, Post] = {
    "a person": lambda api, pair: ("/people", MIA),
    "a blackout": lambda api, pair: (f"/people/{pair.mentor}/blackouts", AWAY),
    "a feed": lambda api, pair: (f"/people/{pair.mentor}/feeds", {"show": "details"}),
    "a feed's new token": lambda api, pair: (f"{feed_of(api, pair)}/rotate", {"overlap": "PT1H"}),
    "a feed's new token, no body": lambda api, pair: (f"{feed_of(api, pair)}/rotate", None),
    "a mentorship": lambda api, pair: (
        "/mentorships",
        {"mentor": pair.mentee, "mentee": pair.mentor, "goals": ["x"], **DATES},
    ),
    "a single meeting": lambda api, pair: (pair.meetings, {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}),
    "a cadence": lambda api, pair: (pair.meetings, booking_of(api.cadence(pair))),
    "a delivery's retry": lambda api, pair: (f"{delivery_of(api, pair)}/retry", None),
    "a key": lambda api, pair: ("/keys", {"name": "x", "scopes": ["slots:read"]}),
    "a key's successor": lambda api, pair: (
        f"/keys/{api.post('/keys', {'name': 'y', 'scopes': ['slots:read']})['id']}/rotate",
        {"overlap": "P2D"},
    ),
}


def parts(response: TestResponse) -> tuple[int, bytes, list[str | None]]:
    """The parts of an answer that a repeat has to have too."""
    names = ("Content-Type", "Location", "ETag", "Cache-Control")
    return response.status_code, response.data, [response.headers.get(name) for name in names]


def everything(api: Api, pair: Pair) -> list[Any]:
    """What there is, by every list."""
    person = f"/people/{pair.mentor}"
    found = [api.get(path)["items"] for path in ("/people", "/mentorships", pair.meetings, f"{person}/blackouts")]
    keys = [{name: row[name] for name in ("id", "expires_at")} for row in api.get("/keys")["items"]]
    deliveries = [api.get(f"/meetings/{row['id']}/deliveries") for row in found[2]]
    return [*found, keys, deliveries, api.get(f"{person}/feeds")]


@pytest.mark.parametrize("name", POSTS)
def test_repeated_post_gets_the_same_answer_and_stores_nothing(api: Api, pair: Pair, clock: Clock, name: str) -> None:
    path, body = POSTS[name](api, pair)
    first = api.send("POST", path, body, headers={FIELD: KEY})
    assert first.status_code in {200, 201, 202}, first.text
    assert "Idempotency-Replayed" not in first.headers
    there = everything(api, pair)
    for _ in range(2):
        clock.advance(hours=12)
        again = api.send("POST", path, body, headers={FIELD: KEY})
        assert parts(again) == parts(first)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert everything(api, pair) == there


def test_repeated_post_of_a_feed_answers_its_working_token(api: Api, pair: Pair) -> None:
    path = f"/people/{pair.mentor}/feeds"
    first, again = (json_of(api.send("POST", path, {}, headers={FIELD: KEY})) for _ in range(2))
    assert again["token"] == first["token"]
    assert api.read(f"/feeds/{again['token']}.ics").status_code == 200
    assert len(api.get(path)["items"]) == 1


def test_repeated_post_without_key_stores_again(api: Api) -> None:
    assert api.post("/people", MIA)["id"] != api.post("/people", MIA)["id"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/people", MIA | {"name": "Eve"}),
        ("/people", MIA | {"email": "MIA@example.org"}),
        ("/people", b'{"name":"Mia","email":"mia@example.org","time_zone":"UTC"}'),
        ("/people", {}),
        ("/people", None),
        ("/mentorships", MIA),
    ],
    ids=["a field", "a letter", "written otherwise", "empty", "nothing", "elsewhere"],
)
def test_key_sent_with_another_request_is_refused(api: Api, path: str, body: Any) -> None:
    first = api.send("POST", "/people", MIA, headers={FIELD: KEY})
    problem = problem_of(api.send("POST", path, body, headers={FIELD: KEY}), 422, f"/{FIELD}")
    assert "a new request needs a new key" in problem["detail"]
    assert len(api.get("/people")["items"]) == 1
    assert parts(api.send("POST", "/people", MIA, headers={FIELD: KEY})) == parts(first)


def test_key_is_free_again_after_a_day(api: Api, clock: Clock) -> None:
    first = api.send("POST", "/people", MIA, headers={FIELD: KEY})
    clock.advance(hours=24)
    assert parts(api.send("POST", "/people", MIA, headers={FIELD: KEY})) == parts(first)
    clock.advance(seconds=1)
    other = api.send("POST", "/people", MIA | {"name": "Eve"}, headers={FIELD: KEY})
    assert (other.status_code, (other.json or {})["name"]) == (201, "Eve")


def test_new_answers_delete_expired_ones_in_portions(api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.store.answers.DELETED_PER_CLAIM", 3)
    for turn in range(8):
        api.send("POST", "/people", MIA, headers={FIELD: f"old-{turn}"})
    clock.advance(hours=25)
    counts = []
    for turn in range(4):
        api.send("POST", "/people", MIA, headers={FIELD: f"new-{turn}"})
        counts.append(len(stored_answers(api)))
    assert counts == [8 - 3 + 1, 8 - 6 + 2, 3, 4]


def test_stored_answer_is_refused_to_another_api_key(app: Flask, api: Api, pair: Pair) -> None:
    path = f"/people/{pair.mentor}/feeds"
    assert api.send("POST", path, {}, headers={FIELD: KEY}).status_code == 201
    other = Api(app, api.post("/keys", {"name": "another", "scopes": ["people:write"]})["key"])
    problem_of(other.send("POST", path, {}, headers={FIELD: KEY}), 422, f"/{FIELD}")


def test_programmes_do_not_share_keys(api: Api, other_api: Api) -> None:
    mine, theirs = (client.send("POST", "/people", MIA, headers={FIELD: KEY}) for client in (api, other_api))
    assert json_of(mine)["id"] != json_of(theirs)["id"]
    assert "Idempotency-Replayed" not in theirs.headers


@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 256, "schlüssel", "tab\there", "\x7f"])
def test_malformed_key_is_refused(api: Api, key: str) -> None:
    problem_of(api.send("POST", "/people", MIA, headers={FIELD: key}), 422, f"/{FIELD}")
    assert api.get("/people")["items"] == []


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "!~"])
def test_well_formed_key_is_accepted(api: Api, key: str) -> None:
    ids = {json_of(api.send("POST", "/people", MIA, headers={FIELD: key}))["id"] for _ in range(2)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("{meetings}", {"start": "2026-10-10T08:00:00Z", "duration": "PT45M"}, 409),
        ("/people", MIA | {"time_zone": "Mars"}, 422),
        ("/people", {"name": "M", "email": "m@example.org", "country": "US"}, 422),
        ("/people", b"{", 400),
        ("/people/nobody/blackouts", AWAY, 404),
    ],
    ids=["a conflict", "a faulty field", "several zones", "no JSON", "nobody"],
)
def test_refusal_is_not_stored_and_its_key_stays_free(api: Api, pair: Pair, path: str, body: Any, status: int) -> None:
    path = path.format(meetings=pair.meetings)
    for _ in range(2):
        refused = api.send("POST", path, body, headers={FIELD: KEY})
        problem_of(refused, status, *[row["pointer"] for row in (refused.json or {}).get("errors", [])])
    assert stored_answers(api) == []
    assert api.send("POST", "/people", MIA, headers={FIELD: KEY}).status_code == 201


def test_refused_booking_can_be_repeated_under_its_key(api: Api, pair: Pair) -> None:
    slot = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}
    taken = api.book_slot(pair)
    problem_of(api.send("POST", pair.meetings, slot, headers={FIELD: KEY}), 409)
    api.delete(f"/meetings/{taken['id']}")
    assert api.send("POST", pair.meetings, slot, headers={FIELD: KEY}).status_code == 201


def test_change_whose_answer_can_not_be_stored_is_undone(api: Api, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("in between")

    slot = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}
    with monkeypatch.context() as broken:
        broken.setattr("scheduler.store.answers.Answers.store", fail)
        problem_of(api.send("POST", pair.meetings, slot, headers={FIELD: KEY}), 500)
    assert api.get(pair.meetings)["items"] == []
    assert api.send("POST", pair.meetings, slot, headers={FIELD: KEY}).status_code == 201
    assert len(api.get(pair.meetings)["items"]) == 1


def test_stored_answers_are_encrypted(api: Api, pair: Pair) -> None:
    feed = json_of(api.send("POST", f"/people/{pair.mentor}/feeds", {}, headers={FIELD: KEY}))
    (answer,) = stored_answers(api)
    assert feed["token"] not in repr(answer)
    assert feed["token"] in Vault(SECRET).open(answer["answer"])


def test_answer_under_a_lost_secret_key_is_refused_and_not_repeated(
    api: Api, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.send("POST", "/people", MIA, headers={FIELD: KEY})
    context = app.extensions["scheduler"]
    monkeypatch.setitem(app.extensions, "scheduler", with_vault(context, Vault("another secret key altogether")))
    problem = problem_of(api.send("POST", "/people", MIA, headers={FIELD: KEY}), 409)
    assert "its answer is lost" in problem["detail"]
    assert len(api.get("/people")["items"]) == 1


def test_search_with_a_key_is_answered_anew(api: Api, pair: Pair) -> None:
    window = {"start": "2026-10-08T08:00:00Z", "end": "2026-10-08T09:00:00Z"}
    question = {"window": window, "duration": "PT45M", "attendees": pair.attendees}
    totals = []
    for _ in range(2):
        totals.append(json_of(api.send("POST", "/slots", question, headers={FIELD: KEY}))["total"])
        api.send("POST", pair.meetings, {"start": window["start"], "duration": "PT45M"}, headers={FIELD: "b"})
    assert totals == [2, 0]


def stored_answers(api: Api) -> list[dict[str, Any]]:
    """The stored answers, as in the database."""
    with api.app.extensions["scheduler"].store._engine.connect() as connection:  # noqa: SLF001  # no API shows them
        return [dict(row) for row in connection.exec_driver_sql("SELECT * FROM answers ORDER BY key").mappings()]


def with_vault(context: Context, vault: Vault) -> Context:
    return replace(context, vault=vault)
