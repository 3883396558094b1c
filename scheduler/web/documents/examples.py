"""Example requests: shown in the OpenAPI document and sent by the tests."""

from __future__ import annotations

from typing import Any

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
