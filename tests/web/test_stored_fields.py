"""Somebody stored and the same person given inline come to the same answers; what a question says comes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.api import Api, Pair
from support.budget import examples

EVERY_DAY = ["MO", "TU", "WE", "TH", "FR"]
HOURLY = {"duration": "PT1H", "step": "PT1H"}
WINDOW = {"start": "2026-10-05T00:00:00Z", "end": "2026-10-19T00:00:00Z"}
DATES = {"starts_on": "2026-10-05", "ends_on": "2026-10-31"}
COLLEAGUE = {"time_zone": "Asia/Kolkata", "working_hours": "any"}
TOKYO = [{"from": "2026-10-07", "until": "2026-10-08", "time_zone": "Asia/Tokyo"}]
MORNING = ("2026-10-08T00:00:00Z", "2026-10-08T10:00:00Z")
"""A Thursday: until 12:00 in Berlin, from 9:00 to 19:00 in Tokyo."""
AT_HOME = ["2026-10-08T07:00:00Z", "2026-10-08T08:00:00Z", "2026-10-08T09:00:00Z"]
AWAY = [f"2026-10-08T0{hour}:00:00Z" for hour in range(8)]

hours = st.builds(
    lambda days, start, length: [{"days": days, "start": f"{start:02}:00", "end": f"{start + length:02}:30"}],
    st.lists(st.sampled_from(EVERY_DAY), min_size=1, max_size=5, unique=True),
    st.integers(6, 14),
    st.integers(1, 8),
)
stays = st.builds(
    lambda first, length, zone: [
        {"from": f"2026-10-{first:02}", "until": f"2026-10-{first + length:02}", "time_zone": zone}
    ],
    st.integers(4, 20),
    st.integers(0, 6),
    st.sampled_from(["Asia/Tokyo", "America/Los_Angeles", "Australia/Lord_Howe"]),
)
people = st.fixed_dictionaries(
    {"time_zone": st.sampled_from(["Europe/Berlin", "America/New_York"])},
    optional={
        "working_hours": st.just("any") | hours,
        "preferred_hours": st.none() | hours,
        "travel": st.just([]) | stays,
        "at_most_per_day": st.none() | st.integers(1, 2),
        "at_most_per_week": st.none() | st.integers(1, 3),
        "buffer": st.just({"before": "PT15M", "after": "PT0S"}),
    },
)


@given(person=people, start=st.sampled_from(["2026-10-08T08:00:00Z", "2026-10-13T13:00:00Z"]), fair=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(25))
def test_stored_and_inline_person_get_the_same_answers(
    api: Api, person: dict[str, Any], start: str, fair: bool
) -> None:
    end = start.replace(":00:00Z", ":45:00Z")
    stored = api.person(time_zone=person["time_zone"], working_hours="any")
    other = api.person("Asha", "Asia/Kolkata", working_hours="any")
    api.book_slot(Pair(stored, other, api.mentorship(stored, other)), start)
    api.patch(f"/people/{stored}", {"working_hours": [{"days": EVERY_DAY, "start": "09:00", "end": "17:00"}]} | person)
    borne = api.get(f"/people/{stored}/burden")["coming"]["burden"]
    inline = {"name": "Greta", "meetings": [{"start": start, "end": end}], "past_burden": borne} | person
    for path, asked in (("/slots", {"window": WINDOW, "explain": True}), ("/cadences", DATES | {"min_coverage": 0})):
        question = HOURLY | asked | {"limit": 100, "fair": fair}
        by_id, in_words = (
            api.post(path, question | {"attendees": [who, COLLEAGUE]}) for who in ({"person": stored}, inline)
        )
        for blocked in (row for one in by_id.get("cadences", []) for row in blocked_rows(one)):
            assert blocked.pop("person", None) == (stored if blocked["index"] == 0 else None)
        assert by_id == in_words


def blocked_rows(cadence: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (row for occurrence in cadence["occurrences"] for row in occurrence.get("blocked_by", []))


@pytest.mark.parametrize(
    ("stored", "given_", "starts"),
    [
        ({"travel": TOKYO}, {}, AWAY),
        ({"travel": TOKYO}, {"travel": []}, AT_HOME),
        ({"travel": TOKYO}, {"travel": None}, AWAY),
        ({"travel": TOKYO}, {"time_zone": "UTC"}, AWAY),
        ({}, {"travel": TOKYO}, AWAY),
        ({"at_most_per_day": 1}, {}, []),
        ({"at_most_per_day": 1}, {"at_most_per_day": 2}, AT_HOME),
        ({"at_most_per_day": 1}, {"at_most_per_day": None}, AT_HOME),
        ({"at_most_per_week": 1}, {"at_most_per_week": None}, AT_HOME),
        ({"at_most_per_week": 2}, {}, AT_HOME),
        ({}, {"at_most_per_week": 1}, []),
        (
            {"at_most_per_week": 2},
            {"meetings": [{"start": "2026-10-09T06:00:00Z", "end": "2026-10-09T06:30:00Z"}]},
            [],
        ),
        ({}, {"meetings": [{"start": "2026-10-08T07:30:00Z", "end": "2026-10-08T08:30:00Z"}]}, AT_HOME[2:]),
        (
            {},
            {
                "meetings": [{"start": "2026-10-08T07:00:00Z", "end": "2026-10-08T07:30:00Z"}],
                "busy": [{"start": "2026-10-08T09:00:00Z", "end": "2026-10-08T09:30:00Z"}],
            },
            AT_HOME[1:2],
        ),
    ],
)
def test_request_fields_replace_stored_ones_and_add_meetings(
    api: Api, pair: Pair, stored: dict[str, Any], given_: dict[str, Any], starts: list[str]
) -> None:
    api.book_slot(pair, "2026-10-08T10:00:00Z")
    api.patch(f"/people/{pair.mentor}", stored)
    assert api.starts({"person": pair.mentor} | given_, window=MORNING, **HOURLY) == starts


def test_minimum_gap_counts_meetings_of_the_same_pair_only(api: Api, pair: Pair) -> None:
    other = api.person("Wanjiru", "Africa/Nairobi")
    api.book_slot(pair, "2026-10-08T08:00:00Z")
    api.book_slot(Pair(pair.mentor, other, api.mentorship(pair.mentor, other)), "2026-10-09T08:00:00Z")
    thursday_and_friday = ("2026-10-08T07:00:00Z", "2026-10-09T10:00:00Z")

    def starts(gap: str) -> list[str]:
        found = api.starts(*pair.attendees, window=thursday_and_friday, minimum_gap=gap, **HOURLY)
        return [start[8:13] for start in found]

    assert starts("PT0S") == ["08T09", "08T10", "08T11", "08T12", "08T13", "08T14", "09T09"]
    assert starts("PT4H") == ["08T13", "08T14", "09T09"]
    assert starts("PT24H") == ["09T09"]
    assert starts("PT25H") == []


def test_stored_burden_tips_fair_search_unless_overridden(api: Api, pair: Pair) -> None:
    early, late = (
        {"days": ["TU"], "start": start, "end": end} for start, end in (("09:00", "10:00"), ("16:00", "17:00"))
    )
    for person, preferred in ((pair.mentor, late), (pair.mentee, early)):
        api.patch(f"/people/{person}", {"time_zone": "UTC", "working_hours": "any", "preferred_hours": [preferred]})
    other = api.person("Wanjiru", "Africa/Nairobi", working_hours="any")
    api.book_slot(Pair(pair.mentor, other, api.mentorship(pair.mentor, other)), "2026-10-08T20:00:00Z")
    assert api.get(f"/people/{pair.mentor}/burden")["coming"]["burden"] > 0

    def best(**more: Any) -> str:
        window = {"start": "2026-10-13T00:00:00Z", "end": "2026-10-14T00:00:00Z"}
        mentor, mentee = pair.attendees
        asked = {"window": window, "attendees": [mentor | more, mentee], "limit": 1, "fair": True}
        within = {"time_zone": "UTC", "hours": [early, late]}
        return str(api.post("/slots", HOURLY | asked | {"within": within})["slots"][0]["start"])

    assert best() == "2026-10-13T16:00:00Z"
    assert best(past_burden=0) == "2026-10-13T09:00:00Z"
