"""Booking: POST /v1/mentorships/{id}/meetings plans every occurrence again before it promises anything."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Clock, Pair, booking_of, problem_of, statuses

FINALS = {"kind": "exam", "title": "Finals", "first_day": "2026-10-13", "last_day": "2026-10-13"}
WORKDAYS = ["MO", "TU", "WE", "TH", "FR"]
ONCE = {"start": "2026-10-08T08:00:00Z", "duration": "PT45M"}


def nothing_is_booked(api: Api, pair: Pair) -> bool:
    return bool(api.get(pair.meetings) == {"items": [], "next": None})


def test_cadence_is_booked_as_answered(api: Api, pair: Pair, clock: Clock) -> None:
    cadence = api.cadence(pair)
    response = api.send("POST", pair.meetings, booking_of(cadence))
    assert response.status_code == 201
    meeting = response.json or {}
    assert response.headers["Location"] == f"/v1/meetings/{meeting['id']}"
    occurrences = meeting.pop("occurrences")
    assert meeting == {
        "id": meeting["id"],
        "mentorship": pair.mentorship,
        "uid": meeting["uid"],
        "title": "Mentoring: Greta & Asha",
        "conference_url": None,
        "dtstart": "2026-10-06T10:00:00",
        "time_zone": "Europe/Berlin",
        "rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261110T090000Z",
        "duration": "PT45M",
        "guests": [],
        "status": "confirmed",
        "sequence": 0,
        "revision": 1,
        "created_at": "2026-10-01T09:00:00Z",
        "changed_at": "2026-10-01T09:00:00Z",
        "tz_database": meeting["tz_database"],
    }
    assert [(row["start"], row["end"]) for row in occurrences] == [
        (row["start"], row["end"]) for row in cadence["occurrences"]
    ]
    assert occurrences[3] == {
        "recurrence_id": "20261027T100000",
        "start": "2026-10-27T09:00:00Z",
        "end": "2026-10-27T09:45:00Z",
        "status": "scheduled",
        "local_starts": [
            {"name": "Greta", "start": "2026-10-27T10:00:00+01:00"},
            {"name": "Asha", "start": "2026-10-27T14:30:00+05:30"},
        ],
    }


@pytest.mark.parametrize(("on_conflict", "becomes"), [("move", "moved"), ("skip", "skipped")])
def test_blocked_occurrence_is_booked_as_planned(api: Api, pair: Pair, on_conflict: str, becomes: str) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS)
    cadence = api.cadence(pair, on_conflict=on_conflict)
    assert cadence["occurrences"][1]["status"] == becomes
    meeting = api.post(pair.meetings, booking_of(cadence) | {"on_conflict": on_conflict})
    assert statuses(meeting) == ["scheduled", becomes, *["scheduled"] * 4]
    second = meeting["occurrences"][1]
    assert second["recurrence_id"] == "20261013T100000"
    expected = cadence["occurrences"][1].get("moved_to") or cadence["occurrences"][1]
    assert second["start"] == expected["start"]


def test_cadence_with_own_dates_is_booked_with_them(api: Api, pair: Pair) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS | {"first_day": "2026-10-06", "last_day": "2026-10-07"})
    dates = {"starts_on": "2026-10-06", "ends_on": "2026-10-16"}
    cadence = api.cadence(pair, **dates)
    assert [row["status"] for row in cadence["occurrences"]] == ["moved", "clear"]
    meeting = api.post(pair.meetings, booking_of(cadence) | dates)
    assert [row["start"] for row in meeting["occurrences"]] == ["2026-10-08T07:30:00Z", "2026-10-13T08:00:00Z"]


def test_dtstart_in_dst_gap_is_booked_as_answered(api: Api) -> None:
    night = [{"days": ["SU"], "start": "00:00", "end": "23:59"}]
    mentor, mentee = api.person(working_hours=night), api.person("Asha", "Asia/Kolkata", working_hours="any")
    dates = {"starts_on": "2027-03-28", "ends_on": "2027-04-18"}
    pair = Pair(mentor, mentee, api.mentorship(mentor, mentee, **dates))
    cadence = api.cadence(pair, "2027-03-28T02:30:00", **dates)
    meeting = api.post(pair.meetings, booking_of(cadence))
    assert meeting["dtstart"] == "2027-03-28T02:30:00"
    assert [row["start"] for row in meeting["occurrences"]][:2] == ["2027-03-28T01:30:00Z", "2027-04-04T00:30:00Z"]


def test_cadence_with_within_and_minimum_gap_is_booked_with_them(api: Api, pair: Pair) -> None:
    """A room in New York, with five hours of time difference for a week; and six days and a half between meetings."""
    room = {"time_zone": "America/New_York", "hours": [{"days": WORKDAYS, "start": "04:00", "end": "06:00"}]}
    within = api.cadence(pair, "2026-10-06T11:00:00", within=room)
    assert "moved" in {row["status"] for row in within["occurrences"]}
    problem_of(api.send("POST", pair.meetings, booking_of(within)), 409)
    meeting = api.post(pair.meetings, booking_of(within) | {"within": room})
    assert [row["start"] for row in meeting["occurrences"]] == [
        (row.get("moved_to") or row)["start"] for row in within["occurrences"]
    ]


def test_cadence_with_minimum_gap_is_booked_with_it(api: Api, pair: Pair) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS)
    asked = {"minimum_gap": "P6DT12H"}
    cadence = api.cadence(pair, **asked)
    assert cadence["occurrences"][1]["status"] == "skipped"
    problem_of(api.send("POST", pair.meetings, booking_of(cadence)), 409)
    assert statuses(api.post(pair.meetings, booking_of(cadence) | asked))[1] == "skipped"


def test_changed_plan_is_409_with_the_present_plan(api: Api, pair: Pair) -> None:
    before = api.cadence(pair)
    finals = api.post(f"/people/{pair.mentee}/blackouts", FINALS)
    response = api.send("POST", pair.meetings, booking_of(before))
    problem = problem_of(response, 409)
    assert problem["type"] == "/problems#plan-changed"
    now = api.cadence(pair)["occurrences"]
    assert problem["plan"] == [{name: row[name] for name in row if name != "attendees"} for row in now]
    named = {"person": pair.mentee, "title": "Finals", "blackout": finals["id"]}
    assert problem["plan"][1]["blocked_by"] == [{"index": 1, "cause": "blackout"} | named]
    assert nothing_is_booked(api, pair)
    assert api.post(pair.meetings, booking_of(before) | {"expected": problem["plan"]})["sequence"] == 0


@pytest.mark.parametrize(
    "lie",
    [
        lambda rows: rows[:-1],
        lambda rows: [rows[0] | {"start": "2026-10-06T08:15:00Z"}, *rows[1:]],
        lambda rows: [rows[0] | {"status": "skipped"}, *rows[1:]],
        lambda rows: [
            rows[0] | {"status": "moved", "moved_to": {"start": "2026-10-06T09:00:00Z", "end": "2026-10-06T09:45:00Z"}},
            *rows[1:],
        ],
    ],
    ids=["one less", "another start", "skipped", "moved"],
)
def test_any_difference_from_expected_is_409(api: Api, pair: Pair, lie: Any) -> None:
    cadence = api.cadence(pair)
    problem_of(api.send("POST", pair.meetings, booking_of(cadence) | {"expected": lie(cadence["occurrences"])}), 409)
    assert nothing_is_booked(api, pair)


def test_same_cadence_booked_twice_is_409(api: Api, pair: Pair) -> None:
    booking = booking_of(api.cadence(pair))
    api.post(pair.meetings, booking)
    assert problem_of(api.send("POST", pair.meetings, booking), 409)["plan"]
    assert len(api.get(pair.meetings)["items"]) == 1


@pytest.mark.parametrize(
    ("given", "booked"), [({}, False), ({"min_coverage": 0.334}, False), ({"min_coverage": 0.333}, True)]
)
def test_plan_below_min_coverage_default_one_half_is_refused(
    api: Api, pair: Pair, given: dict[str, Any], booked: bool
) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS | {"last_day": "2026-11-05"})
    cadence = api.cadence(pair, on_conflict="skip")
    assert cadence["coverage"] == 0.333
    response = api.send("POST", pair.meetings, booking_of(cadence) | {"on_conflict": "skip"} | given)
    assert nothing_is_booked(api, pair) is not booked
    if not booked:
        assert "the coverage is 0.333" in problem_of(response, 409)["detail"]


def test_plan_without_clear_occurrence_is_refused_at_any_min_coverage(api: Api, pair: Pair) -> None:
    booking = booking_of(api.cadence(pair, on_conflict="skip")) | {"on_conflict": "skip", "min_coverage": 0}
    api.post(f"/people/{pair.mentee}/blackouts", FINALS | {"first_day": "2026-10-01", "last_day": "2026-11-30"})
    plan = problem_of(api.send("POST", pair.meetings, booking), 409)["plan"]
    again = problem_of(api.send("POST", pair.meetings, booking | {"expected": plan}), 409)
    assert again["detail"] == "no occurrence is clear; find cadences again"
    assert nothing_is_booked(api, pair)


@pytest.mark.parametrize(
    ("rrule", "words"),
    [
        ("FREQ=WEEKLY;BYDAY=TU", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=6", "give the rrule of a cadence answer"),
        ("FREQ=DAILY;UNTIL=20261110T090000Z", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;BYDAY=TH,TU;UNTIL=20261110T090000Z", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;INTERVAL=9;BYDAY=TU;UNTIL=20261110T090000Z", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20261110T100000", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20261110", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20261399T090000Z", "give the rrule of a cadence answer"),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20261110T090000Z\nEXDATE:20261013", "give the rrule of a cadence answer"),
        ("RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20261110T090000Z", "give the rrule of a cadence answer"),
        (
            "FREQ=WEEKLY;INTERVAL=1;BYDAY=WE;UNTIL=20261110T090000Z",
            "dtstart 2026-10-06, a Tuesday, is not one of the rule's dates",
        ),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261110T090001Z", "not the start of an occurrence"),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261109T090000Z", "not the start of an occurrence"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20261110T090000Z", "not the start of an occurrence"),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261005T080000Z", "not the start of an occurrence"),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261117T090000Z", "after the mentorship ends on 2026-11-13"),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20371231T235959Z", "after the mentorship ends"),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=99991231T235959Z", "outside the supported dates"),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=00010101T000000Z", "outside the supported dates"),
    ],
)
def test_rule_that_no_cadence_answer_gives_is_refused(api: Api, pair: Pair, rrule: str, words: str) -> None:
    booking = booking_of(api.cadence(pair)) | {"rrule": rrule}
    problem = problem_of(api.send("POST", pair.meetings, booking), 422, "/rrule")
    assert words in problem["errors"][0]["detail"]
    assert nothing_is_booked(api, pair)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("until", ["99991231T235959Z", "00010101T000000Z"])
def test_until_at_the_first_or_last_date_is_refused_in_every_zone(api: Api, pair: Pair, zone: str, until: str) -> None:
    rrule = f"FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL={until}"
    booking = booking_of(api.cadence(pair)) | {"time_zone": zone, "rrule": rrule}
    problem_of(api.send("POST", pair.meetings, booking), 422, "/rrule")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"dtstart": "2026-09-29T10:00:00"}, "/dtstart"),
        ({"dtstart": "2026-10-06T08:00:00Z"}, "/dtstart"),
        ({"dtstart": "2026-10-06T10:00:30"}, "/dtstart"),
        ({"time_zone": None}, "/time_zone"),
        ({"time_zone": "Europe/Berlim"}, "/time_zone"),
        ({"rrule": None}, "/rrule"),
        ({"expected": None}, "/expected"),
        ({"expected": []}, "/expected"),
        ({"expected": [{"start": "2026-10-06T08:00:00Z", "status": "clear"}]}, "/expected/0/end"),
        ({"start": "2026-10-06T08:00:00Z"}, "/start"),
        ({"dtstart": None}, "/start"),
        ({"move_within_days": 7}, "/move_within_days"),
        ({"min_coverage": "half"}, "/min_coverage"),
        ({"starts_on": "2026-10-05"}, "/ends_on"),
        ({"ends_on": "2026-11-13"}, "/starts_on"),
        ({"starts_on": "2026-11-13", "ends_on": "2026-10-05"}, "/ends_on"),
        ({"conference_url": "javascript:alert(1)"}, "/conference_url"),
        ({"title": ""}, "/title"),
        ({"guests": [{"name": "Olga", "email": "olga", "time_zone": "Europe/Kyiv"}]}, "/guests/0/email"),
        ({"guests": [{"name": "Olga", "email": "o@example.org", "time_zone": "Kyiv"}]}, "/guests/0/time_zone"),
        ({"guests": [{"name": "Olga", "email": "o@example.org"}]}, "/guests/0/time_zone"),
    ],
)
def test_booking_with_invalid_field_is_refused(api: Api, pair: Pair, change: dict[str, Any], pointer: str) -> None:
    problem_of(api.send("POST", pair.meetings, booking_of(api.cadence(pair)) | change), 422, pointer)
    assert nothing_is_booked(api, pair)


def test_occurrence_is_not_moved_past_the_mentorships_end(api: Api, pair: Pair) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS | {"first_day": "2026-11-04", "last_day": "2026-11-13"})
    dates = {"starts_on": "2026-10-05", "ends_on": "2026-11-16"}
    cadence = api.cadence(pair, move_within_days=6, **dates)
    assert cadence["occurrences"][-1]["moved_to"]["start"] == "2026-11-16T08:00:00Z"
    booking = booking_of(cadence) | dates | {"move_within_days": 6}
    problem_of(api.send("POST", pair.meetings, booking), 422, "/ends_on")
    assert nothing_is_booked(api, pair)


def test_slot_is_anchored_in_the_mentors_zone(api: Api, pair: Pair) -> None:
    meeting = api.post(pair.meetings, ONCE | {"start": "2026-10-08T13:30:00+05:30"})
    assert (meeting["dtstart"], meeting["time_zone"]) == ("2026-10-08T10:00:00", "Europe/Berlin")
    assert (meeting["rrule"], meeting["duration"]) == (None, "PT45M")
    assert [(row["recurrence_id"], row["start"]) for row in meeting["occurrences"]] == [
        ("20261008T100000", "2026-10-08T08:00:00Z")
    ]


def test_start_without_offset_is_the_mentors_local_time(api: Api, pair: Pair) -> None:
    assert api.post(pair.meetings, ONCE | {"start": "2026-10-08T10:00:00"})["occurrences"][0]["start"] == ONCE["start"]


@pytest.mark.parametrize(
    ("start", "person", "cause"),
    [
        ("2026-10-08T07:30:00Z", "mentee", "outside_hours"),
        ("2026-10-08T14:30:00Z", "mentor", "outside_hours"),
        ("2026-10-13T08:00:00Z", "mentee", "blackout"),
    ],
)
def test_slot_taken_names_person_and_cause(api: Api, pair: Pair, start: str, person: str, cause: str) -> None:
    api.patch(f"/people/{pair.mentee}", {"working_hours": [{"days": ["TU", "TH"], "start": "13:30", "end": "23:00"}]})
    finals = api.post(f"/people/{pair.mentee}/blackouts", FINALS)
    problem = problem_of(api.send("POST", pair.meetings, ONCE | {"start": start}), 409)
    named = {"title": "Finals", "blackout": finals["id"]} if cause == "blackout" else {}
    named |= {"index": 0, "person": pair.mentor} if person == "mentor" else {"index": 1, "person": pair.mentee}
    assert problem["blocked_by"] == [{"cause": cause} | named]
    assert f"the {person}: {cause.replace('_', ' ')}" in problem["detail"]
    assert nothing_is_booked(api, pair)


def test_slot_over_booked_meeting_is_refused(api: Api, pair: Pair) -> None:
    api.book_slot(pair)
    problem = problem_of(api.send("POST", pair.meetings, ONCE | {"start": "2026-10-08T08:30:00Z"}), 409)
    assert problem["blocked_by"] == [
        {"index": 0, "person": pair.mentor, "cause": "busy"},
        {"index": 1, "person": pair.mentee, "cause": "busy"},
    ]
    assert api.book_slot(pair, "2026-10-08T08:45:00Z")["sequence"] == 0


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"start": "2026-11-14T09:00:00Z"}, "/start"),
        ({"start": "2026-10-08T08:00:30Z"}, "/start"),
        ({"start": "soon"}, "/start"),
        ({"duration": None}, "/duration"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=TU;UNTIL=20261110T090000Z"}, "/rrule"),
        ({"time_zone": "Europe/Berlin"}, "/time_zone"),
    ],
)
def test_slot_with_invalid_field_is_refused(api: Api, pair: Pair, change: dict[str, Any], pointer: str) -> None:
    problem_of(api.send("POST", pair.meetings, ONCE | change), 422, pointer)
    assert nothing_is_booked(api, pair)


def test_slot_before_mentorship_start_is_refused(api: Api, pair: Pair) -> None:
    problem_of(api.send("POST", pair.meetings, ONCE | {"start": "2026-10-02T08:00:00Z"}), 422, "/start")


def test_title_conference_and_guests_are_stored(api: Api, pair: Pair) -> None:
    guests = [
        {"name": "Olga", "email": "olga@example.org", "time_zone": "Europe/Kyiv"},
        {"name": "Ines", "email": "ines@example.org", "time_zone": "Europe/Lisbon"},
    ]
    details: dict[str, Any] = {
        "title": "Mock interview",
        "conference_url": "https://meet.example.org/x",
        "guests": guests,
    }
    meeting = api.book_slot(pair, **details)
    assert {name: meeting[name] for name in details} == details
    assert [row["name"] for row in meeting["occurrences"][0]["local_starts"]] == ["Greta", "Asha", "Olga", "Ines"]


def test_meetings_are_listed_in_booking_order(api: Api, pair: Pair, clock: Clock) -> None:
    later = api.book_slot(pair, "2026-10-22T08:00:00Z")
    clock.advance(minutes=1)
    sooner = api.book_slot(pair)
    assert api.get(pair.meetings) == {"items": [later, sooner], "next": None}
    assert api.get(f"/meetings/{sooner['id']}") == sooner


def test_dates_shorter_than_the_series_are_refused(api: Api, pair: Pair) -> None:
    cadence = api.cadence(pair)
    first = api.post(pair.meetings, booking_of(cadence))
    day = cadence["dtstart"][:10]
    again = booking_of(cadence) | {"starts_on": day, "ends_on": day}
    problem_of(api.send("POST", pair.meetings, again), 422, "/ends_on")
    assert [row["id"] for row in api.get(pair.meetings)["items"]] == [first["id"]]


@pytest.mark.parametrize("change", ["duration", "end", "moved_to"])
def test_expected_plan_is_compared_as_a_whole(api: Api, pair: Pair, change: str) -> None:
    api.post(f"/people/{pair.mentee}/blackouts", FINALS)
    booking = booking_of(api.cadence(pair))
    if change == "duration":
        booking["duration"] = "PT3H"
    elif change == "end":
        booking["expected"][0]["end"] = "2027-01-07T10:00:00Z"
    else:
        (moved, *_) = [row for row in booking["expected"] if row["status"] == "moved"]
        moved["moved_to"]["end"] = "2027-01-07T10:00:00Z"
    problem = problem_of(api.send("POST", pair.meetings, booking), 409)
    assert problem["plan"]
    assert api.get(pair.meetings)["items"] == []


@pytest.mark.parametrize(
    "rule", [{"on_conflict": "skip"}, {"move_within_days": 1}, {"min_coverage": 0.9}, {"step": "PT5M"}]
)
def test_cadence_rules_in_slot_booking_are_refused(api: Api, pair: Pair, rule: dict[str, Any]) -> None:
    problem_of(api.send("POST", pair.meetings, ONCE | rule), 422, f"/{next(iter(rule))}")
