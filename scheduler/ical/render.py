"""Rendering meetings as iCalendar (RFC 5545): an object for a CalDAV server, or a feed.

The bytes depend on the arguments alone: no clock, no random UID, no hash order. They hold no METHOD: a stored
object is no message (RFC 4791 §4.1), and a feed with METHOD:REQUEST is read as one invitation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from icalendar import Alarm, Calendar, Event, vRecur

from scheduler.domain.programme.meetings import Meeting, MeetingStatus, Occurrence, OccurrenceStatus
from scheduler.domain.programme.routing import ORGANIZERS, Copy
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import SeriesRule
from scheduler.domain.time.zones import LocalTime, local_time
from scheduler.ical.description import describe_occurrence, describe_series
from scheduler.ical.scheduling import set_schedule_agents
from scheduler.ical.stamps import add_stamp
from scheduler.ical.timezones import vtimezone
from scheduler.ical.values import Text, add_local, add_utc, cal_address, one_line, uri

PRODID = "-//Mentorship Scheduler//mentorship-scheduler//EN"
ALARM_BEFORE = timedelta(minutes=15)
REFRESH = timedelta(hours=1)


class Audience(StrEnum):
    """What a reader may see: everything, busy times only, or everything except the mentorship's goals."""

    DETAILS = "details"
    FREE_BUSY = "free_busy"
    GUEST = "guest"


def render_invite(meeting: Meeting, uid: str, copy: Copy = ORGANIZERS) -> bytes:
    """Render the object with that UID (one of ``meeting.uids``) for the CalDAV calendar of that copy.

    The object carries a version stamp. Goals are left out if the server may send it to guests. Raises KeyError for
    another UID.
    """
    audience = Audience.GUEST if copy.may_reach_guests and meeting.guests else Audience.DETAILS
    events = View(meeting, audience).events_of(uid)
    for event in events:
        set_schedule_agents(event, copy)
        if event["STATUS"] != "CANCELLED":
            event.add_component(_alarm(str(event["SUMMARY"])))
    return add_stamp(_rendered(_calendar(), events, [meeting]), meeting.changed_at, meeting.revision)


def render_feed(name: str, views: Sequence[View]) -> bytes:
    """Render a feed called ``name``: its meetings in the order given, cancelled ones included."""
    calendar = _calendar()
    calendar.add("NAME", Text(one_line(name)))
    calendar.add("X-WR-CALNAME", Text(one_line(name)))
    calendar.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", "PT1H")
    events = [event for view in views for uid in view.meeting.uids for event in view.events_of(uid)]
    return _rendered(calendar, events, [view.meeting for view in views])


@dataclass(frozen=True)
class View:
    """A meeting as one audience may see it, and its events."""

    meeting: Meeting
    audience: Audience

    def events_of(self, uid: str) -> list[Event]:
        """Return the events of a UID: the master with its overrides, or a single event."""
        if uid == self.meeting.uid:
            rule = self.meeting.series.rule
            return self._series(rule) if rule else [self._single_event(self.meeting.occurrences[0], uid)]
        for occurrence in self.meeting.occurrences:
            if occurrence.detached and self.meeting.detached_uid(occurrence) == uid:
                return [self._single_event(occurrence, uid)]
        raise KeyError(uid)

    @property
    def _is_cancelled(self) -> bool:
        return self.meeting.status is MeetingStatus.CANCELLED

    def _series(self, rule: SeriesRule) -> list[Event]:
        """Return the master and its overrides, or one cancelled event if no occurrence is left.

        Servers refuse a recurrence set without any instance.
        """
        kept = [occurrence for occurrence in self.meeting.occurrences if not self._is_excluded(occurrence)]
        master = self._event(self.meeting.uid, None, cancelled=self._is_cancelled or not kept)
        _add_nominal_times(master, self.meeting.series.dtstart, self.meeting.series.duration)
        if not kept:
            return [master]
        master.add("RRULE", vRecur.from_ical(str(rule)))
        for occurrence in self.meeting.occurrences:
            if self._is_excluded(occurrence):
                # One property per date: some clients read only the first of a list.
                add_local(master, "EXDATE", occurrence.recurrence_id)
        return [master, *(self._override(occurrence) for occurrence in kept if self._needs_override(occurrence))]

    def _is_excluded(self, occurrence: Occurrence) -> bool:
        """Return whether the occurrence gets an EXDATE. In a cancelled meeting cancelled occurrences stay."""
        if occurrence.detached or occurrence.status is OccurrenceStatus.SKIPPED:
            return True
        return occurrence.status is OccurrenceStatus.CANCELLED and not self._is_cancelled

    def _needs_override(self, occurrence: Occurrence) -> bool:
        """Return whether the series' event does not say all: it was moved or is to be, or the clock changes during it.

        Start plus length then gives one end on the wall clock and another in UTC, and readers differ.
        """
        if occurrence.status is OccurrenceStatus.MOVED or self._is_tentative(occurrence):
            return True
        return not _is_plain(occurrence.recurrence_id, self.meeting.series.duration)

    def _is_tentative(self, occurrence: Occurrence) -> bool:
        """Return whether the occurrence takes place, and somebody has to decide whether it does so then."""
        return occurrence.to_be_moved is not None and occurrence.takes_place and not self._is_cancelled

    def _override(self, occurrence: Occurrence) -> Event:
        event = self._single_event(occurrence, self.meeting.uid)
        add_local(event, "RECURRENCE-ID", occurrence.recurrence_id)
        return event

    def _single_event(self, occurrence: Occurrence, uid: str) -> Event:
        """Return an event at one time: a single meeting, a detached occurrence or an override."""
        event = self._event(uid, occurrence, cancelled=self._is_cancelled or not occurrence.takes_place)
        _add_times(event, occurrence.period, self.meeting.series.time_zone)
        return event

    def _event(self, uid: str, occurrence: Occurrence | None, *, cancelled: bool) -> Event:
        """Return an event without times and recurrence; the series' event if ``occurrence`` is None."""
        meeting = self.meeting
        event = Event()
        event.add("UID", uid)
        event.add("DTSTAMP", meeting.changed_at)
        event.add("LAST-MODIFIED", meeting.changed_at)
        event.add("CREATED", meeting.created_at)
        event.add("SEQUENCE", meeting.sequence)
        is_tentative = occurrence is not None and self._is_tentative(occurrence)
        event.add("STATUS", "CANCELLED" if cancelled else "TENTATIVE" if is_tentative else "CONFIRMED")
        event.add("TRANSP", "TRANSPARENT" if cancelled else "OPAQUE")
        if self.audience is Audience.FREE_BUSY:
            event.add("SUMMARY", Text("Busy"))
            event.add("CLASS", "PRIVATE")
        else:
            self._add_details(event, occurrence)
        return event

    def _add_details(self, event: Event, occurrence: Occurrence | None) -> None:
        meeting = self.meeting
        event.add("SUMMARY", Text(one_line(meeting.title) or "Meeting"))
        goals = self.audience is Audience.DETAILS
        if occurrence is None:
            description = describe_series(meeting, goals=goals)
        else:
            to_be_moved = occurrence.to_be_moved if self._is_tentative(occurrence) else None
            description = describe_occurrence(meeting, occurrence.period.start, to_be_moved, goals=goals)
        if description:
            event.add("DESCRIPTION", Text(description))
        event.add("ORGANIZER", cal_address(meeting.organizer))
        invitation = {"PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
        event.add("ATTENDEE", cal_address(meeting.attendee, ROLE="REQ-PARTICIPANT", **invitation))
        for guest in meeting.guests:
            event.add("ATTENDEE", cal_address(guest, ROLE="OPT-PARTICIPANT", **invitation))
        if meeting.conference_url:
            event.add("URL", uri(meeting.conference_url))
            conference = {"VALUE": "URI", "FEATURE": "VIDEO", "LABEL": "Video meeting"}
            event.add("CONFERENCE", uri(meeting.conference_url, **conference))


def _add_nominal_times(event: Event, start: LocalTime, minutes: int) -> None:
    """Add the times of a series' first occurrence, which set the length of all: DURATION if the clock changes in it."""
    add_local(event, "DTSTART", start)
    length = timedelta(minutes=minutes)
    if _is_plain(start, minutes):
        add_local(event, "DTEND", LocalTime(start.wall + length, start.zone))
    else:
        event.add("DURATION", length)


def _add_times(event: Event, period: Period, zone: str) -> None:
    """Add an event's times in local time; in UTC where the local time would be ambiguous or missing."""
    start, end = local_time(period.start, zone), local_time(period.end, zone)
    if start.has_local_form and end.has_local_form:
        add_local(event, "DTSTART", start)
        add_local(event, "DTEND", end)
    else:
        add_utc(event, "DTSTART", period.start)
        add_utc(event, "DTEND", period.end)


def _is_plain(start: LocalTime, minutes: int) -> bool:
    """Return whether the local start exists and the clock does not change before the end."""
    length = timedelta(minutes=minutes)
    return local_time(start.instant + length, start.zone).wall == start.wall + length


def _alarm(text: str) -> Alarm:
    alarm = Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", Text(text))
    alarm.add("TRIGGER", -ALARM_BEFORE)
    return alarm


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", PRODID)
    return calendar


def _rendered(calendar: Calendar, events: Iterable[Event], meetings: Sequence[Meeting]) -> bytes:
    """Return the bytes of the calendar with the events and exactly the VTIMEZONEs that they name."""
    found = list(events)
    for zone in sorted({zone for event in found for zone in _zones_of(event)}):
        instants = [
            instant
            for meeting in meetings
            if meeting.series.time_zone == zone
            for occurrence in meeting.occurrences
            for instant in (occurrence.recurrence_id.instant, occurrence.period.start, occurrence.period.end)
        ]
        calendar.add_component(vtimezone(zone, min(instants), max(instants)))
    for event in found:
        calendar.add_component(event)
    rendered: bytes = calendar.to_ical()
    return rendered


def _zones_of(event: Event) -> set[str]:
    """Return the TZIDs that an event names."""
    parameters = (getattr(value, "params", {}) for _, value in event.property_items())
    return {found["TZID"] for found in parameters if "TZID" in found}
