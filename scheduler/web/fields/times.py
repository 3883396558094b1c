"""Instants, wall times, dates and times of day in JSON. Each parser raises ValueError with the value and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from scheduler.domain.time.zones import check_date
from scheduler.web.fields.document import quoted

_DATE_SCHEMA = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK_SCHEMA = "([01][0-9]|2[0-3]):[0-5][0-9]"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)")
_WALL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

RECURRENCE_ID = "%Y%m%dT%H%M%S"
"""The form of a DATE-TIME in local time (RFC 5545 §3.3.5)."""

_T = TypeVar("_T")


def format_instant(instant: datetime) -> str:
    """Return the RFC 3339 text of an instant, with Z if it is in UTC."""
    return instant.isoformat().replace("+00:00", "Z")


def backward(what: str, start: datetime, end: datetime) -> str:
    """Return the error text for a time that does not end after its start."""
    return (
        f"the {what} ends at {format_instant(end)}, which is not after its start {format_instant(start)}; "
        "give a later end or an earlier start"
    )


def parse_instant(value: Any) -> datetime:
    """Return the UTC instant of an RFC 3339 text with any offset."""
    instant = _read(value, _INSTANT, _to_utc, "instant; write it like 2026-10-20T14:00:00Z, with an offset")
    check_date(instant.date())
    return instant


def parse_wall(value: Any) -> datetime:
    """Return the naive wall time of a text without offset, in whole minutes."""
    form = "local time; write it like 2026-10-20T14:30:00, without an offset"
    wall = _read(value, _WALL, datetime.fromisoformat, form)
    check_date(wall.date())
    if wall.second:
        raise ValueError(f"{quoted(value)} has seconds; give a whole minute")
    return wall


def parse_moment(value: Any) -> datetime:
    """Return an instant (aware), or a wall time without offset (naive), which the caller reads in somebody's zone."""
    return parse_wall(value) if isinstance(value, str) and _WALL.fullmatch(value) else parse_instant(value)


def _parse_day(value: Any) -> date:
    return check_date(_read(value, _DAY, date.fromisoformat, "date; write it like 2026-10-20", "date"))


def _parse_clock(value: Any) -> int:
    return _read(value, _CLOCK, _to_minute, "time of day; write it like 09:00, from 00:00 to 23:59")


def _to_minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _to_utc(text: str) -> datetime:
    return datetime.fromisoformat(text.upper().replace(" ", "T")).astimezone(UTC)


def _read(
    value: Any, form: re.Pattern[str], read: Callable[[str], _T], what: str, existing: str = "date and time"
) -> _T:
    """Return a text of that form as ``read`` reads it. Raises ValueError with the value."""
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"{quoted(value)} is no {what}")
    try:
        return read(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{quoted(value)} is no {existing} that exists ({error}); give one that does") from error


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-10-20T14:00:00Z"]}),
]
"""An instant in UTC; in requests with any offset, in answers with Z."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda instant: f"{instant:%Y-%m-%dT%H:%M:%SZ}", return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-10-20T14:00:00Z"]}),
]
"""When something happened by the service's clock, in UTC; answered in whole seconds."""

LocalInstant = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-10-20T16:00:00+02:00"]}),
]
"""An instant as somebody's wall clock shows it, always with its offset."""

Moment = Annotated[
    datetime,
    BeforeValidator(parse_moment),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_DATE_SCHEMA}T{_CLOCK_SCHEMA}(:[0-5][0-9])?(Z|[+-]{_CLOCK_SCHEMA})?$",
            "description": "an instant (2026-10-20T14:00:00Z), or a local time without offset (2026-10-20T16:00:00)",
            "examples": ["2026-10-20T14:00:00Z"],
        }
    ),
]
"""An instant (aware) or a wall time (naive)."""

WallTime = Annotated[
    datetime,
    BeforeValidator(parse_wall),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_DATE_SCHEMA}T{_CLOCK_SCHEMA}(:00)?$",
            "examples": ["2026-10-20T14:30:00"],
            "description": "local time, no offset",
        }
    ),
]

RecurrenceId = Annotated[
    datetime,
    PlainSerializer(lambda wall: f"{wall:{RECURRENCE_ID}}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{8}T[0-9]{6}$", "examples": ["20261103T143000"]}),
]
"""The wall start that the rule gives an occurrence, in the form of iCalendar; in answers only."""

Day = Annotated[
    date, BeforeValidator(_parse_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-10-20"]})
]

ClockTime = Annotated[
    int,
    BeforeValidator(_parse_clock),
    PlainSerializer(lambda minute: f"{minute // 60:02}:{minute % 60:02}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK_SCHEMA}$", "examples": ["09:00"]}),
]
"""Minutes of the day in the code, HH:MM in JSON."""
