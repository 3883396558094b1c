"""Creating, rotating and revoking feeds under /v1/people/{id}/feeds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr
from support.api import Api, Clock, Pair, json_of, problem_of

from scheduler.app import create_app, create_service
from scheduler.config.settings import Environment, NoPublicUrl, Settings
from scheduler.services.ports import Context


@pytest.fixture
def path(pair: Pair) -> str:
    return f"/people/{pair.mentor}/feeds"


def test_new_feed_is_answered_with_token_and_addresses_and_no_store(api: Api, path: str) -> None:
    response = api.send("POST", path, {"show": "free_busy"})
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    feed = response.json or {}
    assert list(feed) == ["id", "show", "created_at", "token", "url", "webcal_url"]
    assert feed["show"] == "free_busy"
    assert feed["url"] == f"http://localhost/feeds/{feed['token']}.ics"
    assert feed["webcal_url"] == f"webcal://localhost/feeds/{feed['token']}.ics"
    assert len(feed["token"]) >= 43


def test_token_is_shown_once_and_stored_as_its_digest(api: Api, path: str, database: Path) -> None:
    feed = api.post(path, {})
    shown = {name: feed[name] for name in ("id", "show", "created_at")}
    assert shown["show"] == "details"
    assert api.get(path) == {"items": [shown], "next": None}
    assert api.get(f"{path}/{feed['id']}") == shown
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT * FROM feeds").fetchall()
    connection.close()
    assert feed["token"] not in repr(rows)


def test_feed_addresses_begin_with_the_public_url(api: Api, context: Context, path: str) -> None:
    behind = Api(create_app(context, "https://mentors.example.org/calendar/"), api.key)
    feed = behind.post(path, {})
    assert feed["url"] == f"https://mentors.example.org/calendar/feeds/{feed['token']}.ics"
    assert feed["webcal_url"] == f"webcal://mentors.example.org/calendar/feeds/{feed['token']}.ics"


def test_feed_address_follows_the_host_of_a_request_in_development_only(api: Api, context: Context, path: str) -> None:
    forged = {"headers": {"Host": "calendars.evil.example"}}
    assert "//calendars.evil.example/" in json_of(api.send("POST", path, {}, **forged))["url"]
    secret = SecretStr("k" * 32)
    with pytest.raises(NoPublicUrl, match="set it to the address that clients reach the service at"):
        create_service(Settings(secret_key=secret), context)
    served = Api(
        create_service(Settings(secret_key=secret, public_url="https://mentors.example.org"), context), api.key
    )
    feed = served.send("POST", path, {}, **forged)
    assert json_of(feed)["url"].startswith("https://mentors.example.org/feeds/")
    assert "evil" not in feed.text + str(feed.headers)
    assert create_service(Settings(environment=Environment.DEVELOPMENT), context)


def test_rotation_gives_a_new_token_and_ends_the_old_one(api: Api, path: str) -> None:
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


def test_revoked_feed_is_404(api: Api, path: str) -> None:
    feed, other = api.post(path, {}), api.post(path, {})
    assert api.send("DELETE", f"{path}/{feed['id']}").status_code == 204
    problem_of(api.read(f"/feeds/{feed['token']}.ics"), 404)
    assert [row["id"] for row in api.get(path)["items"]] == [other["id"]]
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        problem_of(api.send(method, f"{path}/{feed['id']}{suffix}"), 404)
    assert api.read(f"/feeds/{other['token']}.ics").status_code == 200


def test_unknown_kind_of_feed_is_refused(api: Api, path: str) -> None:
    problem_of(api.send("POST", path, {"show": "titles"}), 422, "/show")


def test_feed_of_another_person_is_404(api: Api, pair: Pair, path: str) -> None:
    feed = api.post(path, {})
    problem_of(api.send("GET", f"/people/{pair.mentee}/feeds/{feed['id']}"), 404)


@pytest.mark.parametrize("body", [{}, {"overlap": "PT0S"}], ids=["an empty body", "no overlap"])
def test_rotation_without_overlap_ends_the_old_token_at_once(api: Api, path: str, body: dict[str, str]) -> None:
    old = api.post(path, {})
    new = api.post(f"{path}/{old['id']}/rotate", body)
    problem_of(api.read(f"/feeds/{old['token']}.ics"), 404)
    assert api.read(f"/feeds/{new['token']}.ics").status_code == 200


def test_old_token_reads_the_feed_exactly_until_the_overlap_ends(api: Api, path: str, clock: Clock) -> None:
    old = api.post(path, {})
    new = api.post(f"{path}/{old['id']}/rotate", {"overlap": "P1D"})
    answers = [api.read(f"/feeds/{made['token']}.ics") for made in (old, new)]
    assert answers[0].data == answers[1].data
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    clock.advance(days=1, seconds=-1)
    assert api.read(f"/feeds/{old['token']}.ics").status_code == 200
    clock.advance(seconds=1)
    problem_of(api.read(f"/feeds/{old['token']}.ics"), 404)
    assert api.read(f"/feeds/{new['token']}.ics").status_code == 200


def test_second_rotation_ends_overlap_of_first_token(api: Api, path: str) -> None:
    made = [api.post(path, {})]
    made += [api.post(f"{path}/{made[0]['id']}/rotate", {"overlap": "P30D"}) for _ in range(2)]
    assert [api.read(f"/feeds/{one['token']}.ics").status_code for one in made] == [404, 200, 200]
    made.append(api.post(f"{path}/{made[0]['id']}/rotate"))
    assert [api.read(f"/feeds/{one['token']}.ics").status_code for one in made] == [404, 404, 404, 200]


def test_revoking_ends_old_and_new_token(api: Api, path: str) -> None:
    old = api.post(path, {})
    new = api.post(f"{path}/{old['id']}/rotate", {"overlap": "P1D"})
    api.delete(f"{path}/{old['id']}")
    for made in (old, new):
        problem_of(api.read(f"/feeds/{made['token']}.ics"), 404)


@pytest.mark.parametrize("overlap", ["P31D", "-P1D", "soon", 3600])
def test_invalid_overlap_is_refused_and_rotates_nothing(api: Api, path: str, overlap: object) -> None:
    feed = api.post(path, {})
    problem_of(api.send("POST", f"{path}/{feed['id']}/rotate", {"overlap": overlap}), 422, "/overlap")
    assert api.read(f"/feeds/{feed['token']}.ics").status_code == 200


def test_answers_at_feed_addresses_are_not_referred_to_or_indexed(api: Api, path: str) -> None:
    feed = api.post(path, {})
    address = f"/feeds/{feed['token']}.ics"
    fresh = api.read(address)
    answers = {
        200: fresh,
        304: api.read(address, If_None_Match=fresh.headers["ETag"]),
        404: api.read(f"/feeds/{feed['token']}x.ics"),
        405: api.app.test_client().post(address),
    }
    mistyped = api.read(f"/feeds/{feed['token']}")
    assert {status: answer.status_code for status, answer in answers.items()} == {one: one for one in answers}
    for answer in (*answers.values(), mistyped, api.app.test_client().head(address)):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex"


def test_there_is_no_robots_txt(api: Api) -> None:
    problem_of(api.read("/robots.txt"), 404)
