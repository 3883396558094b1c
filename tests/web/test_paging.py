"""Lists in pages: changes between two pages neither repeat nor hide other items."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from support.api import Api, Clock, Pair, json_of, problem_of
from support.figures import Figures

DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13"}

Path = Callable[[Pair], str]
Add = Callable[[int], Any]

PEOPLE: tuple[Path, Add] = (
    lambda _: "/people",
    lambda turn: {"name": f"P{turn}", "email": f"p{turn}@example.org", "time_zone": "UTC"},
)
BLACKOUTS: tuple[Path, Add] = (
    lambda pair: f"/people/{pair.mentor}/blackouts",
    lambda turn: {"kind": "other", "first_day": f"2027-01-{turn * 7 % 28 + 1:02}", "last_day": "2027-02-01"},
)
CALENDARS: tuple[Path, Add] = (
    lambda pair: f"/people/{pair.mentor}/calendars",
    lambda turn: {"url": f"https://dav.example.org/{turn}/", "username": "g", "password": "p"},
)
FEEDS: tuple[Path, Add] = (lambda pair: f"/people/{pair.mentor}/feeds", lambda _: {})
KEYS: tuple[Path, Add] = (lambda _: "/keys", lambda turn: {"name": f"k{turn}", "scopes": ["slots:read"]})
MEETINGS: tuple[Path, Add] = (
    lambda pair: pair.meetings,
    lambda turn: {"start": f"2026-10-{turn % 20 + 6:02}T{8 + turn // 20:02}:00:00Z", "duration": "PT30M"},
)

CAN_BE_DELETED_FROM = {"people": PEOPLE, "blackouts": BLACKOUTS, "calendars": CALENDARS, "feeds": FEEDS, "keys": KEYS}


def pages(api: Api, path: str, limit: int) -> list[list[Any]]:
    """Every page's items, each reached by the link of the one before."""
    found: list[list[Any]] = []
    following = f"/v1{path}?limit={limit}"
    while following:
        response = api.send("GET", following.removeprefix("/v1"))
        assert response.status_code == 200, response.text
        page = response.json or {}
        link = response.headers.get("Link", "")
        assert (page["next"] is None) is (link == "")
        assert page["next"] is None or page["next"] in link
        found.append(page["items"])
        following = link.partition(">")[0][1:]
        assert not link or link == f'<{following}>; rel="next"'
    return found


@pytest.fixture
def lists(api: Api, pair: Pair, clock: Clock) -> list[str]:
    """The path of every list, with at least four items in each; some were added at one instant."""
    bookings = [api.book_cadence(pair)["id"]]
    for turn in range(6):
        for path, body in (PEOPLE, BLACKOUTS, CALENDARS, FEEDS, KEYS):
            api.post(path(pair), body(turn))
        clock.advance(minutes=turn % 2)
    for day in (7, 8, 9):
        api.book_slot(pair, f"2026-10-{day:02}T08:00:00Z")
        api.mentorship(pair.mentee, pair.mentor)
    meeting = f"/meetings/{bookings[0]}"
    for title in "abc":
        api.patch(meeting, {"title": title})
    away = {"kind": "exam", "first_day": "2026-10-06", "last_day": "2026-11-13"}
    api.post(f"/people/{pair.mentee}/blackouts", away)
    conflicted = [f"{meeting}/changes", f"{meeting}/conflicts", f"/people/{pair.mentor}/conflicts"]
    own = [path(pair) for path, _ in (PEOPLE, BLACKOUTS, CALENDARS, FEEDS, KEYS)]
    return [*own, "/mentorships", pair.meetings, f"{meeting}/occurrences", f"{meeting}/deliveries", *conflicted]


def test_pages_of_every_list_add_up_to_the_list(api: Api, lists: list[str]) -> None:
    for path in lists:
        whole = api.get(path)
        assert whole["next"] is None
        assert len(whole["items"]) > 3, path
        for limit in (1, 2, len(whole["items"]), 200):
            found = pages(api, path, limit)
            assert [apart(row) for page in found for row in page] == [apart(row) for row in whole["items"]], path
            assert {len(page) for page in found[:-1]} <= {limit}
            assert 1 <= len(found[-1]) <= limit


def apart(row: dict[str, Any]) -> dict[str, Any]:
    """What an item says of itself: a conflict is offered what no other one of the same answer is."""
    return {name: value for name, value in row.items() if name != "alternatives"}


def test_empty_list_is_one_empty_page(api: Api) -> None:
    assert api.get("/mentorships") == {"items": [], "next": None}


def test_page_has_50_items_by_default_and_at_most_200(api: Api) -> None:
    _, body = PEOPLE
    for turn in range(51):
        api.post("/people", body(turn))
    assert [len(api.get(f"/people{query}")["items"]) for query in ("", "?limit=51", "?limit=200")] == [50, 51, 51]


@pytest.mark.parametrize("name", CAN_BE_DELETED_FROM)
def test_changes_between_pages_neither_repeat_nor_hide_other_items(
    api: Api, pair: Pair, clock: Clock, name: str, figures: Figures
) -> None:
    path, body = CAN_BE_DELETED_FROM[name]
    chance = Random(name)
    listed = path(pair)
    turns = iter(range(100))
    stay = {row["id"] for row in api.get(listed)["items"]}
    goers: list[str] = []
    for turn in range(8):
        made = api.post(listed, body(next(turns)))["id"]
        (goers.append if turn % 3 == 2 else stay.add)(made)
        clock.advance(seconds=chance.choice([0, 0, 1]))
    seen: list[str] = []
    following: str | None = ""
    while following is not None:
        page = api.get(f"{listed}?limit=2" + (f"&cursor={following}" if following else ""))
        seen += [row["id"] for row in page["items"]]
        following = page["next"]
        if goers:
            api.delete(f"{listed}/{goers.pop(chance.randrange(len(goers)))}")
        if len(seen) == 2:
            # The very item that the cursor stands behind goes too.
            last = seen[-1]
            if last in stay and last not in {pair.mentor, pair.mentee} and name != "keys":
                api.delete(f"{listed}/{last}")
        if len(seen) < 7 and name != "calendars":
            api.post(listed, body(next(turns)))
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)
    figures(
        "lists read while they changed",
        items=len(seen),
        repeated=len(seen) - len(set(seen)),
        hidden=len(stay - set(seen)),
    )


@pytest.mark.parametrize(
    "limit", ["0", "201", "-1", "abc", "", "1.5", " 5", "+5", "\u0665", "9" * 30, "true", "null", "1_0"]
)
def test_limit_other_than_1_to_200_is_refused(api: Api, limit: str) -> None:
    problem_of(api.send("GET", "/people", query_string={"limit": limit}), 422, "/limit")


def test_unknown_query_parameter_is_refused(api: Api) -> None:
    problem_of(api.send("GET", "/people?page=2"), 422, "/page")


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: "x",
        lambda _: "é",
        lambda _: "\0",
        lambda _: "=" * 20,
        lambda _: "A" * 501,
        lambda _: "A" * 200,
        lambda cursor: cursor[:-4],
        lambda cursor: cursor + "AAAA",
        lambda cursor: cursor.swapcase(),
        lambda cursor: ("B" if cursor[0] == "A" else "A") + cursor[1:],
        lambda cursor: cursor + "=",
        lambda cursor: moved(cursor, ["2026-10-01T09:00:00+00:00", ""]),
        lambda cursor: moved(cursor, ["9999", "x"]),
        lambda cursor: moved(cursor, None),
        lambda _: unmarked(["2026-10-01T09:00:00+00:00", ""]),
    ],
)
def test_forged_cursor_is_refused(api: Api, pair: Pair, forge: Callable[[str], str]) -> None:
    cursor = api.get("/people?limit=1")["next"]
    problem = problem_of(api.send("GET", "/people", query_string={"cursor": forge(cursor)}), 422, "/cursor")
    if len(forge(cursor)) <= 500:
        assert "begin again without one" in problem["detail"]


def test_cursor_works_with_its_own_list_only(api: Api, other_api: Api, pair: Pair) -> None:
    other_api.pair()
    path, body = BLACKOUTS
    for turn in range(2):
        api.post(path(pair), body(turn))
    people, blackouts = api.get("/people?limit=1")["next"], api.get(f"{path(pair)}?limit=1")["next"]
    for client, elsewhere, cursor in (
        (api, "/mentorships", people),
        (api, f"/people/{pair.mentee}/blackouts", blackouts),
        (other_api, "/people", people),
    ):
        problem_of(client.send("GET", f"{elsewhere}?cursor={cursor}"), 422, "/cursor")
    assert len(api.get(f"/people?cursor={people}&limit=7")["items"]) == 1


def test_cursor_and_etag_of_a_page_are_constant(api: Api, pair: Pair) -> None:
    first, second = (api.send("GET", "/people?limit=1") for _ in range(2))
    assert json_of(first)["next"] == json_of(second)["next"]
    assert first.headers["ETag"] == second.headers["ETag"]
    assert api.send("GET", "/people?limit=1", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_space_in_a_query_is_explained_as_an_unescaped_plus(api: Api, pair: Pair) -> None:
    span = "start=2026-10-01T00:00:00+02:00&end=2026-10-02T00:00:00%2B02:00"
    problem = problem_of(api.send("GET", f"/people/{pair.mentor}/free-busy?{span}"), 422, "/start")
    assert problem["errors"][0]["detail"].endswith("a + in a query must be sent as %2B")
    assert api.get(f"/people/{pair.mentor}/free-busy?{span.replace('+', '%2B')}")["start"] == "2026-09-30T22:00:00Z"


def moved(cursor: str, position: Any) -> str:
    """The cursor with its authentication code, and another position."""
    mark = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:16]
    return base64.urlsafe_b64encode(mark + json.dumps(position).encode()).rstrip(b"=").decode()


def unmarked(position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()
