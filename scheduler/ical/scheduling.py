"""Who sends the invitations for an object: its calendar server (RFC 6638) or nobody."""

from __future__ import annotations

from dataclasses import dataclass

from icalendar import Event, vCalAddress

from scheduler.ical.lines import Line, read_block


@dataclass(frozen=True)
class Copy:
    """One copy of a meeting: whose calendar it is written to, and how the server there schedules.

    ``auto_schedule``: the server invites attendees unless SCHEDULE-AGENT forbids it (RFC 6638 §3.2).
    ``reaches_attendee``: the mentee has a connected calendar that we write to. ``invites``: this is the one calendar
    of the organizer's whose server sends the invitations, so that nobody is invited twice.
    """

    is_organizers: bool = True
    auto_schedule: bool = False
    reaches_attendee: bool = True
    invites: bool = True

    @property
    def may_reach_guests(self) -> bool:
        """Whether the server may send the object to guests. Some do so whatever SCHEDULE-AGENT says."""
        return self.is_organizers and self.auto_schedule

    def set_schedule_agents(self, event: Event) -> None:
        """Set SCHEDULE-AGENT for each person: whether the server sends them messages (RFC 6638 §7.1)."""
        if self.auto_schedule and not self.is_organizers:
            # With these it is an invitation (§3.1), which the server lets nobody but the organizer change (§3.2.4.4).
            for name in ("ORGANIZER", "ATTENDEE"):
                event.pop(name, None)
            return
        attendee, *guests = _listed(event.get("ATTENDEE", []))
        unreached = guests if self.reaches_attendee else [attendee, *guests]
        invited = unreached if self.may_reach_guests and self.invites else []
        for person in (attendee, *guests):
            if person not in invited:
                person.params["SCHEDULE-AGENT"] = "CLIENT"
        if not self.is_organizers:
            event["ORGANIZER"].params["SCHEDULE-AGENT"] = "CLIENT"


ORGANIZERS = Copy()
"""The organizer's copy on a server that invites nobody."""


def _listed(found: vCalAddress | list[vCalAddress]) -> list[vCalAddress]:
    return found if isinstance(found, list) else [found]


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
