"""Changing booked meetings: title and conference, moving and cancelling occurrences, cancelling for ever."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Clock, Pair, booking_of, json_of, problem_of, statuses

FINALS = {"kind": "exam", "title": "Finals", "first_day": "2026-10-13", "last_day": "2026-10-13"}
SECOND = "20261013T100000"


@pytest.fixture
def meeting(api: Api, pair: Pair) -> dict[str, Any]:
    """Six Tuesdays, 10:00 in Berlin."""
    return api.book_cadence(pair)


@pytest.fixture
def path(meeting: dict[str, Any]) -> str:
    return f"/meetings/{meeting['id']}"


def test_new_title_or_conference_raises_revision_not_sequence(api: Api, path: str, clock: Clock) -> None:
    clock.advance(hours=1)
    changed = api.patch(path, {"title": "About the paper", "conference_url": "https://meet.example.org/x"})
    assert (changed["title"], changed["conference_url"]) == ("About the paper", "https://meet.example.org/x")
    assert (changed["sequence"], changed["revision"]) == (0, 2)
    assert (changed["created_at"], changed["changed_at"]) == ("2026-10-01T09:00:00Z", "2026-10-01T10:00:00Z")
    assert api.get(path) == changed


@pytest.mark.parametrize(
    ("change", "title", "conference"),
    [
        ({"title": "Two"}, "Two", "https://meet.example.org/x"),
        ({"title": None}, "Mentoring: Greta & Asha", "https://meet.example.org/x"),
        ({"conference_url": None}, "One", None),
        ({}, "One", "https://meet.example.org/x"),
    ],
)
def test_update_keeps_fields_left_out_and_null_clears(
    api: Api, path: str, change: dict[str, Any], title: str, conference: str | None
) -> None:
    api.patch(path, {"title": "One", "conference_url": "https://meet.example.org/x"})
    changed = api.patch(path, change)
    assert (changed["title"], changed["conference_url"]) == (title, conference)


def test_update_with_same_values_changes_nothing(api: Api, meeting: dict[str, Any], path: str) -> None:
    assert api.patch(path, {}) == api.patch(path, {"title": None, "conference_url": None}) == meeting


@pytest.mark.parametrize("start", ["2026-10-14T08:30:00Z", "2026-10-14T10:30:00", "2026-10-14T14:00:00+05:30"])
def test_occurrence_is_moved_to_instant_or_local_time(api: Api, meeting: dict[str, Any], path: str, start: str) -> None:
    moved = api.patch(f"{path}/occurrences/{SECOND}", {"start": start})
    assert moved == {
        "recurrence_id": SECOND,
        "start": "2026-10-14T08:30:00Z",
        "end": "2026-10-14T09:15:00Z",
        "status": "moved",
        "local_starts": [
            {"name": "Greta", "start": "2026-10-14T10:30:00+02:00"},
            {"name": "Asha", "start": "2026-10-14T14:00:00+05:30"},
        ],
    }
    after = api.get(path)
    assert (after["sequence"], after["revision"], after["uid"]) == (1, 2, meeting["uid"])
    assert (after["dtstart"], after["rrule"]) == (meeting["dtstart"], meeting["rrule"])
    assert api.get(f"{path}/occurrences/{SECOND}") == moved
    assert api.get(f"{path}/occurrences") == {"items": after["occurrences"], "next": None}


def test_moved_occurrence_frees_old_time_and_takes_new_one(api: Api, pair: Pair, path: str) -> None:
    api.patch(f"{path}/occurrences/{SECOND}", {"start": "2026-10-14T08:30:00Z"})
    for person in (pair.mentor, pair.mentee):
        assert api.starts({"person": person}, window=("2026-10-13T08:00:00Z", "2026-10-13T08:30:00Z"))
        assert not api.starts({"person": person}, window=("2026-10-14T08:30:00Z", "2026-10-14T09:00:00Z"))


def test_move_ignores_the_series_own_busy_time(api: Api, path: str) -> None:
    assert api.patch(f"{path}/occurrences/{SECOND}", {"start": "2026-10-13T08:15:00Z"})["status"] == "moved"


def test_move_into_busy_time_names_person_and_cause(api: Api, pair: Pair, path: str) -> None:
    api.book_slot(pair)
    olga = api.person("Olga", "Europe/Kyiv")
    theirs = Pair(pair.mentor, olga, api.mentorship(pair.mentor, olga))
    api.book_slot(theirs, "2026-10-15T08:00:00Z")
    for start, who in (("2026-10-08T08:30:00Z", [pair.mentor, pair.mentee]), ("2026-10-15T08:30:00Z", [pair.mentor])):
        problem = problem_of(api.change("PATCH", f"{path}/occurrences/{SECOND}", {"start": start}), 409)
        assert problem["blocked_by"] == [
            {"index": index, "person": person, "cause": "busy"} for index, person in enumerate(who)
        ]
    assert api.get(path)["revision"] == 1


def test_move_onto_another_occurrence_is_refused(api: Api, path: str) -> None:
    problem = problem_of(api.change("PATCH", f"{path}/occurrences/{SECOND}", {"start": "2026-10-20T08:30:00Z"}), 409)
    assert "the series' own occurrence at 2026-10-20T08:00Z" in problem["detail"]
    assert api.get(path)["revision"] == 1


@pytest.mark.parametrize(
    ("start", "status", "pointers"),
    [
        ("2026-10-14T06:00:00Z", 409, ()),
        ("2026-11-14T09:00:00Z", 422, ("/start",)),
        ("2026-10-14T08:30:30Z", 422, ("/start",)),
        ("2026-10-25T02:30:00", 422, ("/start",)),
        ("tomorrow", 422, ("/start",)),
    ],
)
def test_move_to_invalid_start_is_refused(
    api: Api, path: str, start: str, status: int, pointers: tuple[str, ...]
) -> None:
    problem_of(api.change("PATCH", f"{path}/occurrences/{SECOND}", {"start": start}), status, *pointers)
    assert api.get(path)["revision"] == 1


def test_move_raises_sequence(api: Api, path: str) -> None:
    for start, status in (
        ("2026-10-14T08:30:00Z", "moved"),
        ("2026-10-15T08:30:00Z", "moved"),
        ("2026-10-13T10:00:00", "scheduled"),
    ):
        assert api.patch(f"{path}/occurrences/{SECOND}", {"start": start})["status"] == status
    assert api.get(path)["sequence"] == 3


def test_skipped_occurrence_can_be_moved(api: Api, pair: Pair) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS)
    meeting = api.post(pair.meetings, booking_of(api.cadence(pair, on_conflict="skip")) | {"on_conflict": "skip"})
    path = f"/meetings/{meeting['id']}"
    assert statuses(meeting)[1] == "skipped"
    problem_of(api.change("PATCH", f"{path}/occurrences/{SECOND}", {"status": "cancelled"}), 409)
    assert api.patch(f"{path}/occurrences/{SECOND}", {"start": "2026-10-14T08:30:00Z"})["status"] == "moved"
    assert api.get(path)["sequence"] == 1


def test_cancelled_occurrence_stays_cancelled_and_frees_its_time(api: Api, pair: Pair, path: str) -> None:
    cancelled = api.patch(f"{path}/occurrences/{SECOND}", {"status": "cancelled"})
    assert cancelled["status"] == "cancelled"
    after = api.get(path)
    assert (after["status"], after["sequence"]) == ("confirmed", 1)
    assert api.starts({"person": pair.mentor}, window=("2026-10-13T08:00:00Z", "2026-10-13T08:30:00Z"))
    for change in ({"start": "2026-10-14T08:30:00Z"}, {"status": "cancelled"}):
        problem = problem_of(api.change("PATCH", f"{path}/occurrences/{SECOND}", change), 409)
        assert "is cancelled and can't be changed" in problem["detail"]


def test_cancelling_the_last_occurrence_cancels_the_meeting(api: Api, path: str) -> None:
    for row in api.get(path)["occurrences"]:
        api.patch(f"{path}/occurrences/{row['recurrence_id']}", {"status": "cancelled"})
    assert api.get(path)["status"] == "cancelled"


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"status": "cancelled"})])
def test_cancelled_meeting_stays_readable_and_frees_its_time(
    api: Api, pair: Pair, meeting: dict[str, Any], path: str, method: str, body: Any
) -> None:
    cancelled = json_of(api.change(method, path, body))
    assert (cancelled["status"], cancelled["sequence"], cancelled["uid"]) == ("cancelled", 1, meeting["uid"])
    assert {row["status"] for row in cancelled["occurrences"]} == {"cancelled"}
    assert api.get(path) == cancelled
    assert api.starts({"person": pair.mentee}, window=("2026-10-13T08:00:00Z", "2026-10-13T08:30:00Z"))
    for verb, place, change in (
        ("DELETE", "", None),
        ("PATCH", "", {"status": "cancelled"}),
        ("PATCH", "", {"title": "Back again"}),
        ("PATCH", f"/occurrences/{SECOND}", {"start": "2026-10-14T08:30:00Z"}),
        ("PATCH", f"/occurrences/{SECOND}", {"status": "cancelled"}),
    ):
        assert "book a new one" in problem_of(api.change(verb, path + place, change), 409)["detail"]
    problem_of(api.change("PATCH", path, {"status": "confirmed"}), 422, "/status")
    assert api.get(path) == cancelled
    assert api.book_cadence(pair)["uid"] != meeting["uid"]


def test_moved_single_meeting_keeps_uid_and_recurrence_id(api: Api, pair: Pair) -> None:
    meeting = api.book_slot(pair)
    path = f"/meetings/{meeting['id']}"
    moved = api.patch(f"{path}/occurrences/20261008T100000", {"start": "2026-10-09T09:00:00Z"})
    assert (moved["recurrence_id"], moved["start"]) == ("20261008T100000", "2026-10-09T09:00:00Z")
    assert (api.get(path)["uid"], api.get(path)["sequence"]) == (meeting["uid"], 1)


@pytest.mark.parametrize("name", ["20261014T100000", "20261013T080000Z", "2026-10-13", "x", "00000000T000000"])
def test_occurrence_outside_the_rule_is_404(api: Api, path: str, name: str) -> None:
    problem_of(api.send("GET", f"{path}/occurrences/{name}"), 404)
    problem_of(api.change("PATCH", f"{path}/occurrences/{name}", {"status": "cancelled"}), 404)
    problem_of(api.change("PATCH", f"{path}/occurrences/{name}", {"start": "2026-10-14T08:30:00Z"}), 404)


@pytest.mark.parametrize(
    ("place", "change", "pointer"),
    [
        (f"/occurrences/{SECOND}", {}, "/start"),
        (f"/occurrences/{SECOND}", {"start": "2026-10-14T08:30:00Z", "status": "cancelled"}, "/start"),
        (f"/occurrences/{SECOND}", {"status": "moved"}, "/status"),
        (f"/occurrences/{SECOND}", {"status": "gone"}, "/status"),
        ("", {"status": "cancelled", "title": "X"}, "/status"),
        ("", {"status": None}, "/status"),
        ("", {"dtstart": "2026-10-06T11:00:00"}, "/dtstart"),
        ("", {"conference_url": "meet.example.org"}, "/conference_url"),
    ],
)
def test_invalid_update_is_refused(api: Api, path: str, place: str, change: dict[str, Any], pointer: str) -> None:
    problem_of(api.change("PATCH", path + place, change), 422, pointer)
    assert api.get(path)["revision"] == 1


def test_changed_at_never_goes_back(api: Api, path: str, clock: Clock) -> None:
    clock.advance(hours=2)
    first = api.patch(path, {"title": "One"})
    clock.advance(hours=-1)
    assert api.patch(path, {"title": "Two"})["changed_at"] == first["changed_at"]
