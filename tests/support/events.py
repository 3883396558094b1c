"""Calendar objects as small as they can be."""

from __future__ import annotations


def event(
    uid: str = "meeting@example",
    *,
    sequence: int = 0,
    changed: str = "20261001T000000Z",
    start: str = "20261020T123000Z",
    rrule: str = "",
    summary: str = "Mentoring",
    status: str = "CONFIRMED",
) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Tests//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{changed}",
        f"LAST-MODIFIED:{changed}",
        f"DTSTART:{start}",
        "DURATION:PT45M",
        *([f"RRULE:{rrule}"] if rrule else []),
        f"SUMMARY:{summary}",
        f"STATUS:{status}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()
