"""Who is reached how: the targets that a meeting is sent to, and what each of them does by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.domain.programme.outbox import CalDAVCalendar, Target


@dataclass(frozen=True)
class PublishedCalendar:
    """A connected calendar that shows meetings. ``auto_schedule``: its server invites attendees (RFC 6638)."""

    id: str
    person_id: str
    auto_schedule: bool


@dataclass(frozen=True)
class Copy:
    """Whose calendar a copy of a meeting goes to, and which invitations its server sends.

    ``auto_schedule``: the server invites attendees unless it is told not to (RFC 6638 §3.2). ``reaches_attendee``: the
    mentee has a published calendar of their own. ``invites``: this is the one calendar of the organizer whose server
    sends invitations, so that nobody is invited twice.
    """

    is_organizers: bool = True
    auto_schedule: bool = False
    reaches_attendee: bool = True
    invites: bool = True

    @property
    def may_reach_guests(self) -> bool:
        """Whether the server sends the object to guests. Some servers do so whatever SCHEDULE-AGENT says."""
        return self.is_organizers and self.auto_schedule


ORGANIZERS = Copy()
"""The organizer's copy on a server that invites nobody."""


def route(mentor_id: str, mentee_id: str, calendars: Iterable[PublishedCalendar]) -> dict[Target, Copy]:
    """Return the targets of a meeting between the two, each with its kind of copy.

    ``calendars`` are theirs, in the order in which they were connected: of several of the mentor's whose servers send
    invitations the first one does.
    """
    listed = list(dict.fromkeys(calendars))
    inviting = next((each.id for each in listed if each.person_id == mentor_id and each.auto_schedule), None)
    reaches_attendee = any(each.person_id == mentee_id for each in listed)
    return {
        CalDAVCalendar(each.id): Copy(
            is_organizers=each.person_id == mentor_id,
            auto_schedule=each.auto_schedule,
            reaches_attendee=reaches_attendee,
            invites=each.id == inviting,
        )
        for each in listed
    }
