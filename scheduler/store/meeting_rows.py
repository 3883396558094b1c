"""A meeting as rows of its tables, and back.

Every wall time of a meeting is in its one zone, which is therefore stored once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from sqlalchemy import Label, Row
from sqlalchemy.sql.selectable import NamedFromClause

from scheduler.domain.programme.meetings import Meeting, Occurrence, Party
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import parse_rule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime
from scheduler.store.rows import build, values_of
from scheduler.store.tables import guests, meetings, occurrences

_PARTY = [field.name for field in fields(Party)]


def _default_title(mentor_name: str, mentee_name: str) -> str:
    """The title of a meeting that has no title of its own."""
    return f"Mentoring: {mentor_name} & {mentee_name}"


def meeting_values(meeting: Meeting) -> dict[str, Any]:
    """The columns of the meeting's row, without its mentorship and people."""
    series = meeting.series
    return values_of(meeting, meetings) | {
        "dtstart": series.dtstart.wall,
        "dtstart_fold": series.dtstart.fold,
        "time_zone": series.time_zone,
        "rrule": None if series.rule is None else str(series.rule),
        "duration": series.duration,
    }


def occurrence_rows(meeting_id: str, happening: Iterable[Occurrence]) -> list[dict[str, Any]]:
    """A row for each occurrence of a meeting."""
    return [
        values_of(occurrence, occurrences)
        | {
            "meeting_id": meeting_id,
            "recurrence_id": occurrence.recurrence_id.wall,
            "recurrence_id_fold": occurrence.recurrence_id.fold,
            "start_at": occurrence.period.start,
            "end_at": occurrence.period.end,
            "moved_to": occurrence.moved_to and occurrence.moved_to.wall,
            "moved_to_fold": occurrence.moved_to.fold if occurrence.moved_to else 0,
        }
        for occurrence in happening
    ]


def guest_rows(meeting_id: str, meeting: Meeting) -> list[dict[str, Any]]:
    """A row for each guest, in their order."""
    return [
        values_of(guest, guests)
        | {"meeting_id": meeting_id, "position": position, "email_key": guest.email and guest.email.casefold()}
        for position, guest in enumerate(meeting.guests)
    ]


def party_columns(person: NamedFromClause) -> list[Label[Any]]:
    """The columns of a person in a meeting's row, named after the person's alias."""
    return [person.c[name].label(f"{person.name}_{name}") for name in _PARTY]


def build_meeting(row: Row[Any], happening: Iterable[Row[Any]], invited: Iterable[Row[Any]]) -> Meeting:
    """The meeting of a row joined with its two people and its mentorship."""
    rule = None if row.rrule is None else parse_rule(row.rrule)
    dtstart = LocalTime(row.dtstart, row.time_zone, row.dtstart_fold)
    return build(
        Meeting,
        row,
        title=_default_title(row.mentor_name, row.mentee_name) if row.title is None else row.title,
        series=Series(dtstart, rule, row.duration),
        occurrences=tuple(_occurrence(one, row.time_zone) for one in happening),
        organizer=_party(row, "mentor"),
        attendee=_party(row, "mentee"),
        guests=tuple(Party(guest.name, guest.email, guest.time_zone) for guest in invited),
    )


def _party(row: Row[Any], alias: str) -> Party:
    return Party(*(getattr(row, f"{alias}_{name}") for name in _PARTY))


def _occurrence(row: Row[Any], zone: str) -> Occurrence:
    return build(
        Occurrence,
        row,
        recurrence_id=LocalTime(row.recurrence_id, zone, row.recurrence_id_fold),
        period=Period(row.start_at, row.end_at),
        moved_to=None if row.moved_to is None else LocalTime(row.moved_to, zone, row.moved_to_fold),
    )
