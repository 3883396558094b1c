"""route: which calendars a meeting is sent to, and what kind of copy each gets."""

from __future__ import annotations

from scheduler.domain.programme.outbox import CalDAVCalendar
from scheduler.domain.programme.routing import Copy, PublishedCalendar, route

PLAIN = PublishedCalendar("plain", "mentor", auto_schedule=False)
FIRST = PublishedCalendar("first", "mentor", auto_schedule=True)
SECOND = PublishedCalendar("second", "mentor", auto_schedule=True)
MENTEES = PublishedCalendar("mentees", "mentee", auto_schedule=True)


def routed(*calendars: PublishedCalendar) -> dict[str, Copy]:
    return {target.id: copy for target, copy in route("mentor", "mentee", calendars).items()}


def test_route_without_calendars_is_empty() -> None:
    assert route("mentor", "mentee", []) == {}


def test_route_names_each_calendar_once_in_order() -> None:
    targets = list(route("mentor", "mentee", [FIRST, PLAIN, FIRST, MENTEES]))
    assert targets == [CalDAVCalendar("first"), CalDAVCalendar("plain"), CalDAVCalendar("mentees")]


def test_route_lets_first_scheduling_calendar_of_mentor_invite() -> None:
    copies = routed(PLAIN, FIRST, SECOND)
    assert [name for name, copy in copies.items() if copy.invites] == ["first"]
    assert not any(copy.reaches_attendee for copy in copies.values())
    assert all(copy.is_organizers for copy in copies.values())


def test_route_mentees_calendar_is_attendees_copy() -> None:
    copies = routed(PLAIN, MENTEES)
    assert copies["mentees"] == Copy(is_organizers=False, auto_schedule=True, reaches_attendee=True, invites=False)
    assert copies["plain"] == Copy(is_organizers=True, auto_schedule=False, reaches_attendee=True, invites=False)
