"""Who sends the invitations for an object: its calendar server (RFC 6638) or nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from icalendar import Event

from scheduler.domain.programme.routing import Copy
from scheduler.ical.lines import Block, Line, NotOneCalendar, read_block
from scheduler.ical.values import listed

_FAILED = re.compile(r"[345][0-9.]{0,9}")
"""The code of a failure (RFC 5545 §3.8.8.3), without the server's words."""


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


@dataclass(frozen=True)
class OwnObject:
    """What an object of ours says before it is stored: its SEQUENCE, and whether a server is to invite somebody."""

    sequence: int
    invites: bool

    @classmethod
    def read(cls, data: bytes) -> OwnObject | None:
        """Return what the object says; None if it is not one event or series.

        It reads lines alone, because it need not bear what others write: `read_identity` does, at ten times the cost.
        """
        try:
            events = read_block(data).children("VEVENT")
        except NotOneCalendar:
            return None
        uids = {uid for event in events for uid in event.values("UID")}
        sequences = [int(value) for event in events for value in event.values("SEQUENCE")]
        return cls(max(sequences, default=0), invites(events)) if len(uids) == 1 else None


def invites(events: Iterable[Block]) -> bool:
    """Return whether one of the events asks an auto-scheduling server to invite somebody."""
    return any(_is_server_scheduled(line) for line in _attendees(events))


def describe_invitation_failures(data: bytes) -> str | None:
    """Return a sentence about invitations that the server failed to send (SCHEDULE-STATUS, RFC 6638 §7.3).

    It names nobody. None if none has failed so far. Raises NotOneCalendar.
    """
    events = read_block(data).children("VEVENT")
    codes = [line.parameter("SCHEDULE-STATUS") or "" for line in _attendees(events) if _is_server_scheduled(line)]
    failed = sorted({found[0] for code in codes if (found := _FAILED.match(code))})
    if not failed:
        return None
    return f"the calendar server could not invite everybody (SCHEDULE-STATUS {', '.join(failed)})"


def _attendees(events: Iterable[Block]) -> list[Line]:
    """Return every ATTENDEE line of the events."""
    return [line for event in events for line in event.lines if line.name == "ATTENDEE"]


def _is_server_scheduled(attendee: Line) -> bool:
    return (attendee.parameter("SCHEDULE-AGENT") or "SERVER").upper() == "SERVER"
