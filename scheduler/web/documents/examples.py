"""Example requests: shown in the OpenAPI document and sent by the tests.

Those about stored people use the ids of ``example_ids``.
"""

from __future__ import annotations

from typing import Any

from scheduler.web.fields.example_ids import MENTEE, MENTOR

_ATTENDEES: list[dict[str, Any]] = [
    {
        "name": "mentor",
        "time_zone": "Europe/Berlin",
        "working_hours": [{"days": ["MO", "TU", "WE", "TH"], "start": "10:00", "end": "18:00"}],
        "busy": [{"start": "2026-12-08T09:00:00Z", "end": "2026-12-08T10:30:00Z"}],
        "buffer": {"before": "PT5M", "after": "PT10M"},
    },
    {
        "name": "mentee",
        "time_zone": "Asia/Kolkata",
        "working_hours": [{"days": ["MO", "TU", "WE", "TH", "FR"], "start": "16:00", "end": "21:00"}],
        "blackouts": [
            {"kind": "exam", "title": "Finals", "first_day": "2026-12-14", "last_day": "2026-12-16"},
            {"kind": "other", "title": "Dentist", "start": "2026-12-09T11:00:00Z", "end": "2026-12-09T13:00:00Z"},
        ],
    },
]

SLOTS: dict[str, Any] = {
    "window": {"start": "2026-12-07T00:00:00Z", "end": "2027-01-04T00:00:00Z"},
    "duration": "PT45M",
    "attendees": _ATTENDEES,
    "limit": 5,
}

SEQUENCE: dict[str, Any] = {
    "window": {"start": "2026-12-07T00:00:00Z", "end": "2026-12-19T00:00:00Z"},
    "attendees": [
        {"name": "candidate", "time_zone": "Asia/Kolkata"},
        {"name": "interviewer", "time_zone": "Europe/Berlin"},
        {"name": "coach", "time_zone": "Africa/Nairobi"},
    ],
    "sessions": [
        {"title": "Interview", "duration": "PT45M", "attendees": [1, 0]},
        {"title": "Debrief", "duration": "PT30M", "attendees": [2, 0], "at_least": "PT1H", "at_most": "P2D"},
    ],
    "limit": 3,
}

CADENCES: dict[str, Any] = {
    "starts_on": "2026-12-07",
    "ends_on": "2027-05-28",
    "every_weeks": 2,
    "duration": "PT45M",
    "attendees": _ATTENDEES,
    "min_coverage": 0.7,
    "limit": 3,
}

MONTH: dict[str, str] = {"start": "2036-11-01T00:00:00Z", "end": "2036-12-01T00:00:00Z"}
"""The span of what is read about a person."""

NEW_PERSON: dict[str, Any] = {
    "name": "Greta Weber",
    "email": "greta@example.org",
    "time_zone": "Europe/Berlin",
    "working_hours": [{"days": ["MO", "TU", "WE", "TH"], "start": "09:00", "end": "17:00"}],
    "buffer": {"before": "PT5M", "after": "PT10M"},
    "at_most_per_day": 3,
}

PERSON_CHANGE: dict[str, Any] = {
    "preferred_hours": [{"days": ["TU", "TH"], "start": "10:00", "end": "12:00"}],
    "at_most_per_week": 6,
}

NEW_BLACKOUT: dict[str, Any] = {
    "kind": "holiday",
    "title": "Winter break",
    "first_day": "2036-12-22",
    "last_day": "2037-01-02",
}

BLACKOUT_CHANGE: dict[str, Any] = {"title": "Field trip", "firm": False}

NEW_CALENDAR: dict[str, Any] = {
    "url": "https://dav.example.org/calendars/greta/mentoring/",
    "username": "greta",
    "password": "an app password",
}

NEW_FEED: dict[str, Any] = {"show": "free_busy"}

FEED_ROTATION: dict[str, Any] = {"overlap": "P7D"}

NEW_MENTORSHIP: dict[str, Any] = {
    "mentor": MENTOR,
    "mentee": MENTEE,
    "goals": ["Submit a first paper"],
    "expectations": "A meeting a week, and drafts two days before it.",
    "starts_on": "2036-11-03",
    "ends_on": "2036-12-19",
}

MENTORSHIP_CHANGE: dict[str, Any] = {
    "goals": ["Submit a first paper", "Give a talk about it"],
    "when_blocked": "move",
}

SLOT_BOOKING: dict[str, Any] = {
    "start": "2036-11-06T09:00:00Z",
    "duration": "PT45M",
    "title": "Mock interview",
    "conference_url": "https://meet.example.org/interview",
    "guests": [{"name": "Wanjiru Kamau", "email": "wanjiru@example.org", "time_zone": "Africa/Nairobi"}],
}

CADENCE_BOOKING: dict[str, Any] = {
    "dtstart": "2036-11-12T10:00:00",
    "time_zone": "Europe/Berlin",
    "rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=WE;UNTIL=20361126T090000Z",
    "duration": "PT45M",
    "starts_on": "2036-11-10",
    "ends_on": "2036-11-28",
    "expected": [
        {"start": "2036-11-12T09:00:00Z", "end": "2036-11-12T09:45:00Z", "status": "clear"},
        {"start": "2036-11-19T09:00:00Z", "end": "2036-11-19T09:45:00Z", "status": "clear"},
        {"start": "2036-11-26T09:00:00Z", "end": "2036-11-26T09:45:00Z", "status": "clear"},
    ],
}

RESCHEDULING: dict[str, Any] = {
    "dtstart": "2036-11-13T10:00:00",
    "time_zone": "Europe/Berlin",
    "rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=TH;UNTIL=20361127T090000Z",
    "duration": "PT45M",
    "starts_on": "2036-11-10",
    "ends_on": "2036-11-28",
    "expected": [
        {"start": "2036-11-13T09:00:00Z", "end": "2036-11-13T09:45:00Z", "status": "clear"},
        {"start": "2036-11-20T09:00:00Z", "end": "2036-11-20T09:45:00Z", "status": "clear"},
        {"start": "2036-11-27T09:00:00Z", "end": "2036-11-27T09:45:00Z", "status": "clear"},
    ],
}

MEETING_CHANGE: dict[str, Any] = {"title": "Paper club", "conference_url": "https://meet.example.org/papers"}

OCCURRENCE_MOVE: dict[str, Any] = {"start": "2036-11-05T09:00:00Z"}

OCCURRENCE_CANCELLATION: dict[str, Any] = {"status": "cancelled"}

OCCURRENCE_DECISION: dict[str, Any] = {"do": "move", "start": "2036-11-05T10:00:00Z"}

NEW_API_KEY: dict[str, Any] = {
    "name": "the mentoring web site",
    "scopes": ["slots:read", "people:read"],
    "expires_at": "2037-01-01T00:00:00Z",
}

KEY_ROTATION: dict[str, Any] = {"overlap": "P1D"}
