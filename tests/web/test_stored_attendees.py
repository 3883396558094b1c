"""Stored people in the two questions: what is known of them counts, what the request gives replaces it."""

from __future__ import annotations

from typing import Any

import pytest
from support.api import Api, Clock, Pair
from support.calendars import RecordingCalendars, event_object
from support.working import read_next

from scheduler.services.calendar_server import CalendarUnreachable
from scheduler.services.ports import Context

MORNING = ("2026-10-08T08:00:00Z", "2026-10-08T10:00:00Z")
"""A Thursday in Berlin, 10:00 to 12:00."""
ALL = ["2026-10-08T08:00:00Z", "2026-10-08T08:30:00Z", "2026-10-08T09:00:00Z", "2026-10-08T09:30:00Z"]
STEP = {"step": "PT30M"}


@pytest.fixture
def person(api: Api) -> str:
    """Somebody with an hour, a blackout and a meeting less than the morning has, and buffers."""
    tuesday = [{"days": ["TH"], "start": "10:00", "end": "11:30"}]
    busy_one = api.person(working_hours=tuesday, buffer={"before": "PT5M"})
    dentist = {"kind": "other", "start": "2026-10-08T08:00:00Z", "end": "2026-10-08T08:30:00Z"}
    api.post(f"/people/{busy_one}/blackouts", dentist)
    return busy_one


@pytest.mark.parametrize(
    ("given", "starts"),
    [
        ({}, ALL[1:3]),
        ({"blackouts": []}, ALL[:3]),
        ({"blackouts": None}, ALL[1:3]),
        ({"working_hours": "any"}, ALL[1:]),
        ({"working_hours": []}, []),
        ({"time_zone": "Europe/London"}, ALL[2:]),
        ({"busy": [{"start": "2026-10-08T08:30:00Z", "end": "2026-10-08T08:40:00Z"}]}, ALL[2:3]),
        ({"busy": [{"start": "2026-10-08T08:30:00Z", "end": "2026-10-08T08:58:00Z"}]}, []),
        (
            {"busy": [{"start": "2026-10-08T08:30:00Z", "end": "2026-10-08T08:58:00Z"}], "buffer": {}},
            ALL[2:3],
        ),
    ],
)
def test_given_field_replaces_stored_one_for_this_request(
    api: Api, person: str, given: dict[str, Any], starts: list[str]
) -> None:
    assert api.starts({"person": person, **given}, window=MORNING, **STEP) == starts
    assert api.starts({"person": person}, window=MORNING, **STEP) == ALL[1:3]


def test_given_busy_time_is_added_to_booked_meetings(api: Api, pair: Pair) -> None:
    api.book_slot(pair, "2026-10-08T08:00:00Z", duration="PT30M")
    busy = [{"start": "2026-10-08T09:00:00Z", "end": "2026-10-08T09:30:00Z"}]
    asked = {"person": pair.mentor, "busy": busy}
    assert api.starts(asked, window=MORNING, **STEP) == [ALL[1], ALL[3]]


def test_stored_and_inline_attendees_can_be_mixed(api: Api, person: str) -> None:
    inline = {"time_zone": "UTC", "working_hours": [{"days": ["TH"], "start": "09:00", "end": "17:00"}]}
    assert api.starts({"person": person}, inline, window=MORNING, **STEP) == ALL[2:3]


def test_booked_meeting_makes_both_people_busy(api: Api, pair: Pair) -> None:
    for person in (pair.mentor, pair.mentee):
        assert "2026-10-08T08:30:00Z" in api.starts({"person": person}, window=MORNING)
    booked = api.book_slot(pair, "2026-10-08T08:30:00Z")
    for person in (pair.mentor, pair.mentee):
        assert api.starts({"person": person}, window=MORNING) == [
            "2026-10-08T08:00:00Z",
            "2026-10-08T09:15:00Z",
            "2026-10-08T09:30:00Z",
        ]
    occurrences = api.cadence(pair, "2026-10-08T10:30:00")["occurrences"]
    assert occurrences[0]["blocked_by"] == [
        {"index": 0, "person": pair.mentor, "cause": "busy"},
        {"index": 1, "person": pair.mentee, "cause": "busy"},
    ]
    api.delete(f"/meetings/{booked['id']}")
    assert api.cadence(pair, "2026-10-08T10:30:00")["coverage"] == 1.0


def unknown(api: Api, *attendees: dict[str, Any], **more: Any) -> dict[str, Any]:
    window = {"start": MORNING[0], "end": MORNING[1]}
    asked = {"window": window, "duration": "PT30M", "attendees": attendees, **more}
    return dict(api.post("/slots", asked))


def test_unread_calendar_makes_its_owner_unknown(api: Api, pair: Pair) -> None:
    api.connect(pair.mentor)
    answer = unknown(api, {"time_zone": "Asia/Kolkata", "working_hours": "any"}, {"person": pair.mentor})
    reason = "the connected calendar has not been read recently enough"
    assert answer["unknown_attendees"] == [{"index": 1, "reason": reason, "age": None}]
    assert answer["slots"]
    assert [row["available"] for row in answer["slots"][0]["attendees"]] == [True, None]


def test_stale_calendar_makes_its_owner_unknown(api: Api, pair: Pair, context: Context, clock: Clock) -> None:
    api.connect(pair.mentor)
    assert read_next(context)
    clock.advance(hours=3)
    assert unknown(api, {"person": pair.mentor})["unknown_attendees"] == []
    clock.advance(minutes=1)
    (row,) = unknown(api, {"person": pair.mentor})["unknown_attendees"]
    assert (row["index"], row["age"]) == (0, "PT3H1M")
    clock.advance(days=2)
    (row,) = unknown(api, {"person": pair.mentor})["unknown_attendees"]
    assert row["age"] == "P2DT3H1M"


def test_unknown_reason_is_the_last_reading_failure(
    api: Api, pair: Pair, context: Context, calendars: RecordingCalendars
) -> None:
    api.connect(pair.mentor)
    calendars.refusal = CalendarUnreachable("did not answer")
    assert read_next(context)
    (row,) = unknown(api, {"person": pair.mentor})["unknown_attendees"]
    assert row["reason"] == "the calendar server did not answer"


def test_last_read_busy_time_still_bars_unknown_attendee(
    api: Api, pair: Pair, context: Context, clock: Clock, calendars: RecordingCalendars
) -> None:
    calendars.objects = [event_object("dentist", "DTSTART:20261008T080000Z", "DTEND:20261008T093000Z")]
    api.connect(pair.mentor)
    read_next(context)
    clock.advance(days=1)
    assert unknown(api, {"person": pair.mentor})["unknown_attendees"]
    assert api.starts({"person": pair.mentor}, window=MORNING, **STEP) == ALL[3:]


@pytest.mark.parametrize(("role", "reason"), [("required", "stale_calendar"), ("optional", None)])
def test_allow_unknown_false_bars_unknown_required_attendees(
    api: Api, pair: Pair, role: str, reason: str | None
) -> None:
    api.connect(pair.mentor)
    attendees = [{"person": pair.mentee}, {"person": pair.mentor, "role": role}]
    answer = unknown(api, *attendees, allow_unknown=False)
    assert (answer["explanation"] or {}).get("reason") == reason
    assert bool(answer["slots"]) is (reason is None)
    assert [row["index"] for row in answer["unknown_attendees"]] == [1]
    span = {"starts_on": "2026-10-05", "ends_on": "2026-11-13", "duration": "PT30M", "attendees": attendees}
    found = api.post("/cadences", span | {"allow_unknown": False})
    assert (found["explanation"] or {}).get("reason") == reason
    assert api.post("/cadences", span)["explanation"] is None


def test_person_without_calendar_is_known(api: Api, pair: Pair) -> None:
    assert unknown(api, {"person": pair.mentor}, allow_unknown=False)["unknown_attendees"] == []
