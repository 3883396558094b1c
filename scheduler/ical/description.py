"""The DESCRIPTION of a meeting (RFC 5545 §3.8.1.5): its goals, and its start in each party's local time.

Everybody in the meeting reads it, guests too, so why an occurrence is to be moved is said by the kind of cause alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from scheduler.domain.programme.meetings import Meeting, OccurrenceStatus, Party
from scheduler.domain.time.clocks import zone_at
from scheduler.domain.time.zones import local_time
from scheduler.ical.values import one_line

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def describe_series(meeting: Meeting, *, goals: bool) -> str:
    """Describe a series: each party's local start, with a new entry wherever a clock change or planned move shifts it.

    Only occurrences at their nominal time are listed, those to be moved included, as they take place then until they
    are; a moved occurrence has a description of its own. ``goals`` includes the mentorship's goals.
    """
    starts = [found.period.start for found in meeting.occurrences if found.status is OccurrenceStatus.SCHEDULED]
    return _description(meeting, (_series_times(party, starts) for party in _parties_with_data(meeting)), goals=goals)


def describe_occurrence(meeting: Meeting, start: datetime, to_be_moved: str | None, *, goals: bool) -> str:
    """Describe one occurrence that starts at ``start`` (UTC): each party's local date and time, and the goals.

    ``to_be_moved`` says why it is to be moved, which then is the first line; None if it is not.
    """
    times = (_occurrence_time(party, start) for party in _parties_with_data(meeting))
    described = _description(meeting, times, goals=goals)
    return described if to_be_moved is None else f"To be moved: {one_line(to_be_moved)}\n\n{described}".rstrip()


def _parties_with_data(meeting: Meeting) -> list[Party]:
    """Return the parties whose personal data has not been erased."""
    return [party for party in meeting.parties if party.email is not None]


def _description(meeting: Meeting, local_times: Iterable[str], *, goals: bool) -> str:
    listed = [f"- {goal}" for goal in map(one_line, meeting.goals) if goal] if goals else []
    sections = (("Goals:", listed), ("Local times:", [text for text in local_times if text]))
    return "\n\n".join("\n".join((heading, *body)) for heading, body in sections if body)


def _series_times(party: Party, starts: Sequence[datetime]) -> str:
    parts: list[str] = []
    previous, previous_zone = None, party.time_zone
    for start in starts:
        zone = zone_at(party.clock, start)
        wall = local_time(start, zone).wall
        day, time = _DAYS[wall.weekday()], f"{wall:%H:%M}"
        if previous != (day, time) or zone != previous_zone:
            since = f"from {wall:%Y-%m-%d} " if previous else ""
            elsewhere = f" in {zone}" if zone != previous_zone else ""
            parts.append(since + (time if previous and day == previous[0] else f"{day} {time}") + elsewhere)
        previous, previous_zone = (day, time), zone
    return f"{_label(party, party.time_zone)}: {', '.join(parts)}" if parts else ""


def _occurrence_time(party: Party, start: datetime) -> str:
    zone = zone_at(party.clock, start)
    wall = local_time(start, zone).wall
    return f"{_label(party, zone)}: {_DAYS[wall.weekday()]} {wall:%Y-%m-%d %H:%M}"


def _label(party: Party, zone: str) -> str:
    return f"{one_line(party.name)} ({zone})".strip()
