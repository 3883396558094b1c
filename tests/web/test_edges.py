"""Values just inside and just outside of what the API accepts."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, problem_of

from scheduler.web.documents.examples import CADENCES, SLOTS


@pytest.mark.parametrize("truth", ["yes", "true", 1, 0, "0"])
@pytest.mark.parametrize(
    ("path", "question", "field"),
    [
        ("/slots", SLOTS, "allow_unknown"),
        ("/slots", SLOTS, "explain"),
        ("/slots", SLOTS, "relax_into_night"),
        ("/cadences", CADENCES, "allow_unknown"),
    ],
)
def test_words_and_numbers_are_no_booleans(
    api: Api, path: str, question: dict[str, Any], field: str, truth: object
) -> None:
    problem_of(api.send("POST", path, question | {field: truth}), 422, f"/{field}")


@pytest.mark.parametrize("path", ["/slots", "/cadences", "/sequences"])
def test_object_of_countless_members_is_one_error(api: Api, path: str) -> None:
    crowded = {f"member {number}": None for number in range(60_000)}
    answer = problem_of(api.send("POST", path, {"attendees": [crowded]}), 422, "")
    assert answer["errors"][0]["detail"].startswith("an object in it has 60000 members, and no object takes more")


def test_mail_address_may_have_the_longest_domain(api: Api) -> None:
    domain = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 60])
    new = {"name": "Greta", "time_zone": "Europe/Berlin"}
    longest = f"g@{domain}"
    assert len(longest) == 254
    assert api.post("/people", new | {"email": longest})["email"] == longest
    problem_of(api.send("POST", "/people", new | {"email": f"gr@{domain}"}), 422, "/email")


def test_any_version_of_the_description_is_304(api: Api) -> None:
    assert api.read("/openapi.yaml", If_Match="*").status_code == 200
    problem_of(api.read("/openapi.yaml", If_Match='"another"'), 412)
    etag = api.read("/openapi.yaml").headers["ETag"]
    assert api.read("/openapi.yaml", If_None_Match=etag).status_code == 304


@pytest.mark.parametrize("host", ["a b", "[::1", "example.org:99999", "user@example.org"])
def test_feed_for_a_malformed_host_is_refused(api: Api, host: str) -> None:
    feeds = f"/people/{api.person()}/feeds"
    problem_of(api.send("POST", feeds, {"show": "details"}, headers={"Host": host}), 422, "/Host")
    assert api.get(feeds)["items"] == []
