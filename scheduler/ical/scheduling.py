"""Who sends the invitations for an object: its calendar server (RFC 6638) or nobody."""

from __future__ import annotations

from icalendar import Event

from scheduler.domain.programme.routing import Copy
from scheduler.ical.lines import Line, read_block
from scheduler.ical.values import listed


def set_schedule_agents(event: Event, copy: Copy) -> None:
    """Set SCHEDULE-AGENT for each person: whether the server sends them messages (RFC 6638 §7.1)."""
    if copy.auto_schedule and not copy.is_organizers:
        # With these it is an invitation (§3.1), which the server lets nobody but the organizer change (§3.2.4.4).
        for name in ("ORGANIZER", "ATTENDEE"):
            event.pop(name, None)
        return
    attendee, *guests = listed(event.get("ATTENDEE", []))
    unreached = guests if copy.reaches_attendee else [attendee, *guests]
    invited = unreached if copy.may_reach_guests and copy.invites else []
    for person in (attendee, *guests):
        if person not in invited:
            person.params["SCHEDULE-AGENT"] = "CLIENT"
    if not copy.is_organizers:
        event["ORGANIZER"].params["SCHEDULE-AGENT"] = "CLIENT"


def server_invites(data: bytes) -> bool:
    """Return whether the object asks an auto-scheduling server to invite somebody."""
    return any(_is_server_scheduled(line) for line in _attendees(data))


def describe_invitation_failures(data: bytes) -> str | None:
    """Return a sentence about invitations that the server failed to send (SCHEDULE-STATUS, RFC 6638 §7.3).

    It names nobody. None if none has failed so far.
    """
    codes = [line.parameter("SCHEDULE-STATUS") or "" for line in _attendees(data) if _is_server_scheduled(line)]
    failed = sorted({code.split(";")[0] for code in codes if code[:1] in ("3", "4", "5")})
    if not failed:
        return None
    return f"the calendar server could not invite everybody (SCHEDULE-STATUS {', '.join(failed)})"


def _attendees(data: bytes) -> list[Line]:
    """Return every ATTENDEE line of every event in the object."""
    events = read_block(data).children("VEVENT")
    return [line for event in events for line in event.lines if line.name == "ATTENDEE"]


def _is_server_scheduled(attendee: Line) -> bool:
    return (attendee.parameter("SCHEDULE-AGENT") or "SERVER").upper() == "SERVER"
