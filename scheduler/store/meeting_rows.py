"""A meeting as rows of its tables, and back.

Every wall time of a meeting is in its one zone, which is therefore stored once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select

from scheduler.domain.programme.meetings import Meeting, Occurrence, Party
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import parse_rule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime


def _default_title(mentor_name: str, mentee_name: str) -> str:
    """The title of a meeting that has no title of its own."""
    return f"Mentoring: {mentor_name} & {mentee_name}"


def meeting_values(meeting: Meeting) -> dict[str, Any]:
    """The columns of the meeting's row, without its title, mentorship and people."""
    series = meeting.series
    return {
        "uid": meeting.uid,
        "conference_url": meeting.conference_url,
        "dtstart": series.dtstart.wall,
        "dtstart_fold": series.dtstart.fold,
        "time_zone": series.time_zone,
        "rrule": None if series.rule is None else str(series.rule),
        "duration": series.duration,
        "status": meeting.status,
        "sequence": meeting.sequence,
        "revision": meeting.revision,
        "created_at": meeting.created_at,
        "changed_at": meeting.changed_at,
        "tz_database": meeting.tz_database,
    }


def occurrence_rows(meeting_id: str, meeting: Meeting) -> list[dict[str, Any]]:
    """A row for each occurrence."""
    return [
        {
            "meeting_id": meeting_id,
            "recurrence_id": occurrence.recurrence_id.wall,
            "recurrence_id_fold": occurrence.recurrence_id.fold,
            "start_at": occurrence.period.start,
            "end_at": occurrence.period.end,
            "status": occurrence.status,
            "moved_to": occurrence.moved_to and occurrence.moved_to.wall,
            "moved_to_fold": occurrence.moved_to.fold if occurrence.moved_to else 0,
            "detached": occurrence.detached,
        }
        for occurrence in meeting.occurrences
    ]


def guest_rows(meeting_id: str, meeting: Meeting) -> list[dict[str, Any]]:
    """A row for each guest, in their order."""
    return [
        {
            "meeting_id": meeting_id,
            "position": position,
            "name": guest.name,
            "email": guest.email,
            "email_key": guest.email and guest.email.casefold(),
            "time_zone": guest.time_zone,
        }
        for position, guest in enumerate(meeting.guests)
    ]


def group_by_meeting(connection: Connection, query: Select[Any]) -> dict[str, list[Row[Any]]]:
    """The rows of a query by their meeting's id, in the query's order."""
    groups: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        groups[row.meeting_id].append(row)
    return groups


def build_meeting(row: Row[Any], occurrences: Iterable[Row[Any]], guests: Iterable[Row[Any]]) -> Meeting:
    """The meeting of a row joined with its two people and its mentorship."""
    rule = None if row.rrule is None else parse_rule(row.rrule)
    dtstart = LocalTime(row.dtstart, row.time_zone, row.dtstart_fold)
    return Meeting(
        uid=row.uid,
        title=_default_title(row.mentor_name, row.mentee_name) if row.title is None else row.title,
        series=Series(dtstart, rule, row.duration),
        occurrences=tuple(_occurrence(one, row.time_zone) for one in occurrences),
        organizer=Party(row.mentor_name, row.mentor_email, row.mentor_zone, row.mentor_travel),
        attendee=Party(row.mentee_name, row.mentee_email, row.mentee_zone, row.mentee_travel),
        guests=tuple(Party(guest.name, guest.email, guest.time_zone) for guest in guests),
        goals=tuple(row.goals),
        conference_url=row.conference_url,
        status=row.status,
        sequence=row.sequence,
        revision=row.revision,
        created_at=row.created_at,
        changed_at=row.changed_at,
        tz_database=row.tz_database,
    )


def _occurrence(row: Row[Any], zone: str) -> Occurrence:
    moved_to = None if row.moved_to is None else LocalTime(row.moved_to, zone, row.moved_to_fold)
    return Occurrence(
        recurrence_id=LocalTime(row.recurrence_id, zone, row.recurrence_id_fold),
        period=Period(row.start_at, row.end_at),
        status=row.status,
        moved_to=moved_to,
        detached=row.detached,
    )
