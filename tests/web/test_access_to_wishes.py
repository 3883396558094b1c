"""Without people:read nobody learns what a stored person prefers, has borne, or where they travel to."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from support.api import Api, Pair
from support.picture import Picture

EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]
HOURLY = {"duration": "PT1H", "step": "PT1H"}
WINDOW = {"window": {"start": "2026-10-05T00:00:00Z", "end": "2026-10-10T00:00:00Z"}}
DATES = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "min_coverage": 0}
WISHES = {
    "preferred_hours": [{"days": EVERY_DAY, "start": "15:37", "end": "16:41"}],
    "travel": [{"from": "2026-10-07", "until": "2026-10-08", "time_zone": "Asia/Tokyo"}],
    "at_most_per_day": 1,
    "at_most_per_week": 2,
}


@pytest.fixture
def planner(api: Api, app: Flask) -> Api:
    """Who may look for times, and read nothing of people."""
    return Api(app, api.post("/keys", {"name": "x", "scopes": ["slots:read"]})["key"])


@pytest.fixture
def attendees(api: Api, pair: Pair) -> list[dict[str, Any]]:
    """Somebody inline, and the mentor with all wishes and a meeting."""
    api.book_slot(pair, "2026-10-06T08:00:00Z")
    api.patch(f"/people/{pair.mentor}", WISHES)
    return [{"name": "Wanjiru", "time_zone": "Africa/Nairobi", "working_hours": "any"}, {"person": pair.mentor}]


@pytest.mark.parametrize(
    ("path", "asked"), [("/slots", WINDOW), ("/cadences", DATES), ("/cadences", DATES | {"rotation": 2})]
)
def test_answers_redacted_name_no_zone_preference_or_limit(
    planner: Api, attendees: list[dict[str, Any]], path: str, asked: dict[str, Any]
) -> None:
    for more in ({"explain": True}, {"explain": True, "fair": True}, {"minimum_gap": "P14D", "duration": "PT9H"}):
        text = planner.send("POST", path, HOURLY | asked | {"attendees": attendees} | more).text
        for personal in ("Tokyo", "Berlin", "Greta", "15:37", "16:41", "preferred", "at_most"):
            assert personal not in text


def test_score_parts_are_shown_only_for_inline_attendees(
    api: Api, planner: Api, attendees: list[dict[str, Any]]
) -> None:
    asked = HOURLY | WINDOW | {"attendees": attendees, "explain": True, "fair": True}
    told, kept = (who.post("/slots", asked)["slots"] for who in (api, planner))
    assert all("score_parts" in slot for slot in told)
    assert not any("score_parts" in slot for slot in kept)
    inline = planner.post("/slots", asked | {"attendees": attendees[:1]})["slots"]
    assert all("score_parts" in slot for slot in inline)


UNTIL_TOKYO = 15
"""Hours of the Tuesday, in UTC, until the clock is Tokyo's and reads Wednesday."""


def test_full_day_redacted_is_a_cause_without_the_limit(
    api: Api, planner: Api, attendees: list[dict[str, Any]]
) -> None:
    tuesday = {"window": {"start": "2026-10-06T00:00:00Z", "end": "2026-10-07T00:00:00Z"}}
    answers = [who.post("/slots", HOURLY | tuesday | {"attendees": attendees})["explanation"] for who in (api, planner)]
    for explanation in answers:
        assert explanation["reason"] == "limit"
        assert {"index": 1, "cause": "limit", "starts_lost": UNTIL_TOKYO} in explanation["blocking"]
    assert not any("working_hours" in one["patch"] for one in answers[1]["relaxations"] if one["index"] == 1)


def test_picture_redacted_shows_travel_by_offsets_only(api: Api, planner: Api, attendees: list[dict[str, Any]]) -> None:
    asked = HOURLY | WINDOW | {"attendees": attendees}
    for client, is_told in ((api, True), (planner, False)):
        picture = Picture(client.send("POST", "/slots?format=svg", asked).text)
        said = picture.description + " ".join(picture.words)
        assert ("Europe/Berlin, then Asia/Tokyo" in said) is is_told
        assert ("UTC+2, then UTC+9" in said) is not is_told
        assert not any(personal in said for personal in ("15:37", "16:41"))
