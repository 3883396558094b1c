"""ETags and conditional requests: 304 for a known version, 412 for a change of another one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.api import Api, Pair, json_of, problem_of

AWAY = {"kind": "other", "first_day": "2026-12-01", "last_day": "2026-12-01"}
SECOND = "/occurrences/20261013T100000"
NO_VERSION = '"00000000000000000000000000000000"'

MAKE: dict[str, Callable[[Api, Pair], str]] = {
    "person": lambda api, pair: f"/people/{pair.mentor}",
    "blackout": lambda api, pair: (
        f"/people/{pair.mentor}/blackouts/{made(api, f'/people/{pair.mentor}/blackouts', AWAY)}"
    ),
    "calendar": lambda api, pair: f"/people/{pair.mentor}/calendars/{api.connect(pair.mentor)['id']}",
    "feed": lambda api, pair: f"/people/{pair.mentor}/feeds/{made(api, f'/people/{pair.mentor}/feeds', {})}",
    "mentorship": lambda api, pair: f"/mentorships/{pair.mentorship}",
    "meeting": lambda api, pair: f"/meetings/{api.book_cadence(pair)['id']}",
    "occurrence": lambda api, pair: f"/meetings/{api.book_cadence(pair)['id']}{SECOND}",
    "key": lambda api, pair: f"/keys/{made(api, '/keys', {'name': 'x', 'scopes': ['slots:read']})}",
}
"""Each kind of resource, and the path of a new one."""

CHANGES: dict[str, dict[str, Any]] = {
    "person": {"name": "Mia"},
    "blackout": {"title": "Dentist"},
    "mentorship": {"goals": ["Second paper"]},
    "meeting": {"title": "About the paper"},
    "occurrence": {"start": "2026-10-14T08:30:00Z"},
}
"""The kinds that can be changed, with a change of each."""

DELETED = ("person", "blackout", "calendar", "feed", "meeting", "key")


def made(api: Api, path: str, body: Any) -> str:
    return str(api.post(path, body)["id"])


def etag_of(api: Api, path: str) -> str:
    return api.send("GET", path).headers["ETag"]


LISTS = ("/people", "/people/{mentor}/blackouts", "/people/{mentor}/calendars", "/people/{mentor}/feeds")
MORE_LISTS = ("/mentorships", "/mentorships/{mentorship}/meetings", "/keys")


@pytest.mark.parametrize("path", LISTS + MORE_LISTS)
def test_list_has_an_etag_that_changes_with_its_items(api: Api, pair: Pair, path: str) -> None:
    path = path.format(**vars(pair))
    before = etag_of(api, path)
    assert etag_of(api, path) == before
    for make in MAKE.values():
        make(api, pair) if make is not MAKE["occurrence"] and make is not MAKE["person"] else None
    api.mentorship(api.person("Mia"), pair.mentee)
    assert etag_of(api, path) != before


@pytest.mark.parametrize("kind", MAKE)
def test_if_none_match_of_the_present_version_is_304(api: Api, pair: Pair, kind: str) -> None:
    path = MAKE[kind](api, pair)
    first = api.send("GET", path)
    etag = first.headers["ETag"]
    assert (etag[0], etag[-1], len(etag)) == ('"', '"', 34)
    for field, status in (
        (etag, 304),
        (f"W/{etag}", 304),
        (f'"x", {etag} ,', 304),
        ("*", 304),
        ('"x"', 200),
        (etag.strip('"'), 200),
        (f"{etag} {etag}", 200),
        ("", 200),
    ):
        again = api.send("GET", path, headers={"If-None-Match": field})
        assert (again.status_code, again.headers["ETag"]) == (status, etag), field
        assert again.data == (b"" if status == 304 else first.data)
        assert ("Content-Type" in again.headers) is (status == 200)


@pytest.mark.parametrize("kind", CHANGES)
def test_change_answers_with_the_new_etag(api: Api, pair: Pair, kind: str) -> None:
    path = MAKE[kind](api, pair)
    before = etag_of(api, path)
    changed = api.change("PATCH", path, CHANGES[kind])
    assert changed.headers["ETag"] == etag_of(api, path) != before
    assert api.change("PATCH", path, CHANGES[kind]).status_code == 200  # the etag it fetched is the new one


@pytest.mark.parametrize("kind", CHANGES)
def test_change_of_an_old_version_is_412_and_changes_nothing(api: Api, pair: Pair, kind: str) -> None:
    path = MAKE[kind](api, pair)
    stale = {"If-Match": etag_of(api, path)}
    api.patch(path, CHANGES[kind])
    present = api.send("GET", path)
    body = CHANGES[kind] if kind != "occurrence" else {"start": "2026-10-15T08:30:00Z"}
    response = api.send("PATCH", path, body, headers=stale)
    problem = problem_of(response, 412)
    assert problem["type"] == "/problems#precondition-failed"
    assert response.headers["ETag"] == present.headers["ETag"]
    assert present.headers["ETag"] in problem["detail"]
    assert "read it again" in problem["detail"]
    assert api.get(path) == present.json


@pytest.mark.parametrize("kind", DELETED)
def test_deletion_of_an_old_version_is_412(api: Api, pair: Pair, kind: str) -> None:
    path = MAKE[kind](api, pair)
    before = api.get(path)
    response = api.send("DELETE", path, headers={"If-Match": NO_VERSION})
    assert response.headers["ETag"] == etag_of(api, path)
    problem_of(response, 412)
    assert api.get(path) == before
    assert api.change("DELETE", path).status_code in {200, 204}


@pytest.mark.parametrize(
    ("field", "is_taken"),
    [
        ("{etag}", True),
        ("*", True),
        (" * ", True),
        ('"x", {etag}', True),
        (',, {etag} ,"y"', True),
        ("W/{etag}", False),
        ('"x"', False),
        ("{bare}", False),
        ("{etag} {etag}", False),
        ("{etag}x", False),
        ('"{etag}"', False),
        ("{etag}; *", False),
        ("", False),
        ('"', False),
        ("\xff", False),
        ('"' * 5000, False),
    ],
)
@pytest.mark.parametrize("kind", ["person", "meeting"])
def test_if_match_compares_strongly_and_malformed_matches_nothing(
    api: Api, pair: Pair, kind: str, field: str, is_taken: bool
) -> None:
    path = MAKE[kind](api, pair)
    etag = etag_of(api, path)
    sent = field.format(etag=etag, bare=etag.strip('"'))
    response = api.send("PATCH", path, CHANGES[kind], headers={"If-Match": sent})
    assert response.status_code == (200 if is_taken else 412)


@pytest.mark.parametrize(("kind", "method"), [("meeting", "PATCH"), ("meeting", "DELETE"), ("occurrence", "PATCH")])
def test_change_of_a_meeting_without_if_match_is_428(api: Api, pair: Pair, kind: str, method: str) -> None:
    path = MAKE[kind](api, pair)
    before = api.get(path)
    problem = problem_of(api.send(method, path, CHANGES[kind] if method == "PATCH" else None), 428)
    assert problem["type"] == "/problems#precondition-required"
    assert "send its ETag as If-Match" in problem["detail"]
    assert api.get(path) == before


@pytest.mark.parametrize("kind", ["person", "blackout", "mentorship"])
def test_change_of_other_resources_needs_no_if_match(api: Api, pair: Pair, kind: str) -> None:
    assert api.send("PATCH", MAKE[kind](api, pair), CHANGES[kind]).status_code == 200


def test_occurrence_has_its_own_etag(api: Api, pair: Pair) -> None:
    meeting = MAKE["meeting"](api, pair)
    third = f"{meeting}/occurrences/20261020T100000"
    versions = {path: etag_of(api, path) for path in (meeting, meeting + SECOND, third)}
    move = {"start": "2026-10-14T08:30:00Z"}
    problem_of(api.send("PATCH", meeting + SECOND, move, headers={"If-Match": versions[meeting]}), 412)
    assert (
        api.send("PATCH", meeting + SECOND, move, headers={"If-Match": versions[meeting + SECOND]}).status_code == 200
    )
    assert etag_of(api, meeting) != versions[meeting]
    assert etag_of(api, third) == versions[third]
    api.delete(meeting)
    problem_of(api.send("PATCH", third, move, headers={"If-Match": versions[third]}), 412)


@pytest.mark.parametrize("kind", CHANGES)
def test_unknown_resource_is_404_with_any_if_match(api: Api, other_api: Api, pair: Pair, kind: str) -> None:
    path = MAKE[kind](api, pair)
    for field in (etag_of(api, path), NO_VERSION, "*"):
        problem_of(other_api.send("PATCH", path, CHANGES[kind], headers={"If-Match": field}), 404)


def test_unmet_condition_is_412_for_reads_and_changes(api: Api, pair: Pair) -> None:
    path = MAKE["person"](api, pair)
    etag = etag_of(api, path)
    assert api.send("PATCH", path, {"name": "Mia"}, headers={"If-None-Match": '"x"'}).status_code == 200
    for field in ("*", etag_of(api, path)):
        problem_of(api.send("PATCH", path, {"name": "Eve"}, headers={"If-None-Match": field}), 412)
    response = api.send("GET", path, headers={"If-Match": etag})
    assert (problem_of(response, 412)["status"], response.headers["ETag"]) == (412, etag_of(api, path))
    assert json_of(api.send("GET", path, headers={"If-Match": response.headers["ETag"]}))["name"] == "Mia"


def test_invalid_change_of_the_present_version_names_its_errors(api: Api, pair: Pair) -> None:
    path = MAKE["meeting"](api, pair)
    problem_of(api.change("PATCH", path, {"title": ""}), 422, "/title")
    problem_of(api.change("PATCH", path, b"{"), 400)
    assert api.get(path)["revision"] == 1


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [("PATCH", "/people/{mentor}", "If-Match"), ("POST", "/people", "Idempotency-Key")],
)
def test_body_is_received_before_the_transaction_begins(
    api: Api, pair: Pair, method: str, path: str, header: str
) -> None:
    """The body is there before the transaction begins, in which others can't write."""
    path = path.format(mentor=pair.mentor)
    body = {"name": "Mia", "email": "mia@example.org", "time_zone": "UTC"}
    version = etag_of(api, path)

    class SlowClient(io.BytesIO):
        """Sends nothing before another client's change is made."""

        def read(self, size: int | None = -1) -> bytes:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(api.person, "Eve").result(5)
            return super().read(size)

    data = json.dumps(body).encode()
    response = api.app.test_client().open(
        f"/v1{path}",
        method=method,
        input_stream=SlowClient(data),
        content_type="application/json",
        content_length=len(data),
        headers={"Authorization": f"Bearer {api.key}", header: version},
    )
    assert response.status_code in {200, 201}, response.text
