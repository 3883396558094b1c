"""Bookings that come at the same moment, from as many processes: two people can be promised one time only once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from support.api import Api, Pair, booking_of
from support.budget import tries
from support.figures import Figures
from support.programme import Programme
from support.racers import Answer, Post, race

from scheduler.services.meetings import update_meeting

AT_ONCE = tries("bookings of one time")

repeated = pytest.mark.parametrize("race_number", range(tries("races for one time")))


def on_sunday(pair: Pair) -> Post:
    """A booking that is refused."""
    return Post(pair.meetings, {"start": "2026-10-11T08:00:00Z", "duration": "PT45M"})


def check_one_won(answers: list[Answer]) -> None:
    """One answer is 201, and every other is a conflict rather than an error."""
    assert sorted(answer.status for answer in answers) == [201] + [409] * (AT_ONCE - 1)


def deliveries(api: Api, meeting: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/meetings/{meeting['id']}/deliveries")["items"]
    return found


@pytest.mark.prove
@repeated
def test_concurrent_slot_bookings_one_wins(
    race_number: int, api: Api, pair: Pair, store_url: str, figures: Figures
) -> None:
    slot = Post(pair.meetings, {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"})
    answers = race(store_url, api.key, on_sunday(pair), [slot] * AT_ONCE)
    check_one_won(answers)
    for refusal in (answer.body for answer in answers if answer.status == 409):
        assert {(row["index"], row["person"], row["cause"]) for row in refusal["blocked_by"]} == {
            (0, pair.mentor, "busy"),
            (1, pair.mentee, "busy"),
        }
    check_one_is_stored(api, pair, figures)


@pytest.mark.prove
@repeated
def test_concurrent_cadence_bookings_one_wins_and_the_others_get_the_new_plan(
    race_number: int, api: Api, pair: Pair, store_url: str, figures: Figures
) -> None:
    tuesdays = booking_of(api.cadence(pair))
    five_of_them = tuesdays | {"expected": tuesdays["expected"][:5]}
    answers = race(store_url, api.key, Post(pair.meetings, five_of_them), [Post(pair.meetings, tuesdays)] * AT_ONCE)
    check_one_won(answers)
    plans = [answer.body["plan"] for answer in answers if answer.status == 409]
    assert [row["status"] for row in tuesdays["expected"]] == ["clear"] * 6
    assert all(plan == plans[0] for plan in plans)
    assert [row["status"] for row in plans[0]] == ["moved"] * 6
    assert all({"index": 0, "cause": "busy", "person": pair.mentor} in row["blocked_by"] for row in plans[0])
    check_one_is_stored(api, pair, figures)


@pytest.mark.prove
@repeated
def test_concurrent_overlapping_bookings_of_two_mentorships_one_wins(
    race_number: int, api: Api, pair: Pair, store_url: str, figures: Figures
) -> None:
    another = Pair(pair.mentor, mentee := api.person("Bo", "Europe/Oslo"), api.mentorship(pair.mentor, mentee))
    api.connect(mentee)
    slots = [
        Post((pair, another)[turn % 2].meetings, {"start": f"2026-10-08T08:{turn % 9 * 5:02}:00Z", "duration": "PT45M"})
        for turn in range(AT_ONCE)
    ]
    answers = race(store_url, api.key, on_sunday(pair), slots)
    check_one_won(answers)
    assert all(answer.body["blocked_by"][0]["person"] == pair.mentor for answer in answers if answer.status == 409)
    (winner,) = [one for one in (pair, another) if api.get(one.meetings)["items"]]
    check_one_is_stored(api, winner, figures)


def check_one_is_stored(api: Api, pair: Pair, figures: Figures) -> None:
    """One meeting is stored, with one delivery for each of the two calendars."""
    booked = api.get(pair.meetings)["items"]
    owed = deliveries(api, booked[0])
    figures(
        "bookings of one time at once, by processes",
        bookings=AT_ONCE,
        won=len(booked),
        refused=AT_ONCE - len(booked),
        doubled=len(booked) - 1,
    )
    assert len(booked) == 1
    assert len({row["calendar"] for row in owed}) == len(owed) == 2


def test_concurrent_changes_of_different_fields_are_both_kept(programme: Programme) -> None:
    meeting_id = programme.book_slot().id
    fields = ("title", "conference_url")
    together = Barrier(len(fields))

    def change(field: str, value: str) -> None:
        together.wait(10)
        update_meeting(programme.context, programme.id, meeting_id, {field: value})

    for turn in range(10):
        with ThreadPoolExecutor(len(fields)) as pool:
            list(pool.map(change, fields, [f"https://example.org/{turn}"] * len(fields)))
        with programme.context.store.read() as tx:
            stored = tx.meetings.get(programme.id, meeting_id)
        assert stored.own_title == stored.meeting.conference_url == f"https://example.org/{turn}"
