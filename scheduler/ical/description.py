"""The DESCRIPTION of a meeting: what it is for, and what each person's own clock reads when it begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from scheduler.domain.programme.meetings import Meeting, OccurrenceStatus, Party
from scheduler.domain.time.clocks import zone_at
from scheduler.domain.time.zones import local_time
from scheduler.ical.values import one_line

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def describe_series(meeting: Meeting, *, goals: bool) -> str:
    """The goals if wanted, and each person's local time with every shift that a clock change or a planned move brings.

    Only occurrences at their nominal time count: a moved one says its own time.
    """
    starts = [found.period.start for found in meeting.occurrences if found.status is OccurrenceStatus.SCHEDULED]
    return _description(meeting, (_over_series(party, starts) for party in _known(meeting)), goals=goals)


def describe_once(meeting: Meeting, start: datetime, *, goals: bool) -> str:
    """The goals if wanted, and each person's local date and time of one occurrence (``start`` in UTC)."""
    return _description(meeting, (_once(party, start) for party in _known(meeting)), goals=goals)


def _known(meeting: Meeting) -> list[Party]:
    """Everyone whose data is not erased."""
    return [party for party in meeting.parties if party.email is not None]


def _description(meeting: Meeting, local_times: Iterable[str], *, goals: bool) -> str:
    told = [f"- {goal}" for goal in map(one_line, meeting.goals) if goal] if goals else []
    sections = (("Goals:", told), ("Local times:", [text for text in local_times if text]))
    return "\n\n".join("\n".join((heading, *body)) for heading, body in sections if body)


def _over_series(party: Party, starts: Sequence[datetime]) -> str:
    parts: list[str] = []
    before, place = None, party.time_zone
    for start in starts:
        zone = zone_at(party.clock, start)
        wall = local_time(start, zone).wall
        day, time = _DAYS[wall.weekday()], f"{wall:%H:%M}"
        if before != (day, time) or zone != place:
            since = f"from {wall:%Y-%m-%d} " if before else ""
            elsewhere = f" in {zone}" if zone != place else ""
            parts.append(since + (time if before and day == before[0] else f"{day} {time}") + elsewhere)
        before, place = (day, time), zone
    return f"{_who(party, party.time_zone)}: {', '.join(parts)}" if parts else ""


def _once(party: Party, start: datetime) -> str:
    zone = zone_at(party.clock, start)
    wall = local_time(start, zone).wall
    return f"{_who(party, zone)}: {_DAYS[wall.weekday()]} {wall:%Y-%m-%d %H:%M}"


def _who(party: Party, zone: str) -> str:
    return f"{one_line(party.name)} ({zone})".strip()
