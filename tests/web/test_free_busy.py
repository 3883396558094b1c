"""GET /v1/people/{id}/free-busy: when, and of which kind, never why."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Clock, Pair, problem_of
from support.working import read_next

from scheduler.services.ports import Context

THURSDAY = "start=2026-10-08T00:00:00Z&end=2026-10-09T00:00:00Z"


def periods(api: Api, person: str, fbtype: str, query: str = THURSDAY) -> list[tuple[str, str]]:
    """The times of day of the periods of a kind."""
    rows = api.get(f"/people/{person}/free-busy?{query}")["periods"]
    return [(row["start"][11:16], row["end"][11:16]) for row in rows if row["fbtype"] == fbtype]


def test_answer_has_the_span_and_ordered_periods(api: Api, pair: Pair) -> None:
    api.book_slot(pair)
    assert api.get(f"/people/{pair.mentor}/free-busy?{THURSDAY}") == {
        "start": "2026-10-08T00:00:00Z",
        "end": "2026-10-09T00:00:00Z",
        "periods": [
            {"start": "2026-10-08T00:00:00Z", "end": "2026-10-08T07:00:00Z", "fbtype": "BUSY-UNAVAILABLE"},
            {"start": "2026-10-08T08:00:00Z", "end": "2026-10-08T08:45:00Z", "fbtype": "BUSY"},
            {"start": "2026-10-08T15:00:00Z", "end": "2026-10-09T00:00:00Z", "fbtype": "BUSY-UNAVAILABLE"},
        ],
        "unknown": None,
    }


def test_touching_meetings_are_one_period(api: Api, pair: Pair) -> None:
    api.book_slot(pair, title="Secret one")
    api.book_slot(pair, "2026-10-08T08:45:00Z", title="Secret two")
    for person in (pair.mentor, pair.mentee):
        assert periods(api, person, "BUSY") == [("08:00", "09:30")]


def test_weekend_and_night_of_clock_change_are_one_period_each(api: Api, pair: Pair) -> None:
    query = "start=2026-10-23T12:00:00Z&end=2026-10-26T12:00:00Z"
    assert periods(api, pair.mentor, "BUSY-UNAVAILABLE", query) == [("15:00", "08:00")]


def test_firm_blackout_is_unavailable_and_soft_one_tentative(api: Api, pair: Pair) -> None:
    api.patch(f"/people/{pair.mentor}", {"working_hours": "any"})
    path = f"/people/{pair.mentor}/blackouts"
    api.post(path, {"kind": "other", "start": "2026-10-08T09:00:00Z", "end": "2026-10-08T10:00:00Z"})
    api.post(path, {"kind": "other", "start": "2026-10-08T09:30:00Z", "end": "2026-10-08T11:00:00Z"})
    api.post(path, {"kind": "other", "start": "2026-10-08T13:00:00Z", "end": "2026-10-08T14:00:00Z", "firm": False})
    assert periods(api, pair.mentor, "BUSY-UNAVAILABLE") == [("09:00", "11:00")]
    assert periods(api, pair.mentor, "BUSY-TENTATIVE") == [("13:00", "14:00")]


def test_periods_are_clipped_to_the_span(api: Api, pair: Pair) -> None:
    api.book_slot(pair)
    part = "start=2026-10-08T08:15:00Z&end=2026-10-08T08:30:00Z"
    assert periods(api, pair.mentor, "BUSY", part) == [("08:15", "08:30")]


def test_answer_never_has_titles_names_or_places(api: Api, pair: Pair) -> None:
    api.post(
        f"/people/{pair.mentor}/blackouts",
        {"kind": "exam", "title": "Canary", "first_day": "2026-10-08", "last_day": "2026-10-08"},
    )
    api.book_slot(pair, "2026-10-09T08:00:00Z", title="Canary", conference_url="https://canary.example/")
    text = api.send("GET", f"/people/{pair.mentor}/free-busy?start=2026-10-08T00:00:00Z&end=2026-10-10T00:00:00Z").text
    assert "anary" not in text
    assert "Asha" not in text


def test_stale_calendar_is_reported_as_unknown(api: Api, pair: Pair, context: Context, clock: Clock) -> None:
    api.connect(pair.mentor)
    path = f"/people/{pair.mentor}/free-busy?{THURSDAY}"
    assert "has not been read recently enough" in api.get(path)["unknown"]
    read_next(context)
    assert api.get(path)["unknown"] is None


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("", ["/start", "/end"]),
        ("start=2026-10-08T00:00:00Z", ["/end"]),
        ("start=2026-10-08T00:00:00Z&end=2026-10-08T00:00:00Z", ["/end"]),
        ("start=2026-01-01T00:00:00Z&end=2027-01-02T00:01:00Z", ["/end"]),
        ("start=today&end=2026-10-08T00:00:00Z", ["/start"]),
        (f"{THURSDAY}&zone=UTC", ["/zone"]),
    ],
)
def test_invalid_span_is_refused(api: Api, pair: Pair, query: str, pointers: list[str]) -> None:
    problem_of(api.send("GET", f"/people/{pair.mentor}/free-busy?{query}"), 422, *pointers)


def test_any_utc_offset_is_accepted(api: Api, pair: Pair) -> None:
    local: Any = api.get(
        f"/people/{pair.mentor}/free-busy?start=2026-10-08T02:00:00%2B02:00&end=2026-10-09T02:00:00%2B02:00"
    )
    assert (local["start"], local["end"]) == ("2026-10-08T00:00:00Z", "2026-10-09T00:00:00Z")
