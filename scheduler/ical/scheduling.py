"""Who sends invitations for an object: its server (RFC 6638), or nobody, because we reach people ourselves."""

from __future__ import annotations

from dataclasses import dataclass

from icalendar import Event, vCalAddress

from scheduler.ical.lines import Line, read_block


@dataclass(frozen=True)
class Copy:
    """Whose calendar an object goes to, and what the server there does by itself.

    ``auto_schedule``: it invites attendees whom it is not told to leave alone (RFC 6638 §3.2).
    ``reaches_attendee``: the mentee has a connected calendar of their own, to which we publish. ``invites``: of the
    organizer's calendars on such servers this is the one that does, so that nobody is invited twice.
    """

    is_organizers: bool = True
    auto_schedule: bool = False
    reaches_attendee: bool = True
    invites: bool = True

    @property
    def may_reach_guests(self) -> bool:
        """Whether the server sends the object to guests. Some do so whatever SCHEDULE-AGENT says."""
        return self.is_organizers and self.auto_schedule

    def address(self, event: Event) -> None:
        """Says in the event, for each person, whether the server is to send them messages (RFC 6638 §7.1)."""
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
"""The organizer's own, on a server that invites nobody."""


def _listed(found: vCalAddress | list[vCalAddress]) -> list[vCalAddress]:
    return found if isinstance(found, list) else [found]


def server_invites(data: bytes) -> bool:
    """Whether the object asks its server to invite somebody, on a server that does."""
    return any(_is_servers(line) for line in _attendees(data))


def told_of_invitations(data: bytes) -> str | None:
    """What the server says that came of its invitations (SCHEDULE-STATUS, RFC 6638 §7.3), without naming anybody.

    None if all went well, or nothing is said yet.
    """
    codes = [line.parameter("SCHEDULE-STATUS") or "" for line in _attendees(data) if _is_servers(line)]
    failed = sorted({code.split(";")[0] for code in codes if code[:1] in ("3", "4", "5")})
    if not failed:
        return None
    return f"the calendar server could not invite everybody (SCHEDULE-STATUS {', '.join(failed)})"


def _attendees(data: bytes) -> list[Line]:
    """Every attendee of every event in the object."""
    events = read_block(data).all("VEVENT")
    return [line for event in events for line in event.lines if line.name == "ATTENDEE"]


def _is_servers(attendee: Line) -> bool:
    return (attendee.parameter("SCHEDULE-AGENT") or "SERVER").upper() == "SERVER"
