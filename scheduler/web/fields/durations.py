"""Durations: minutes in the code, ISO 8601 in whole minutes in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, WrapValidator

from scheduler.web.fields.document import quoted

_DURATION = re.compile(r"P(?=.)(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(0{1,2})S)?)?)")
_DURATION_SCHEMA = (
    r"^P([0-9]{1,4}W|[0-9]{1,4}D(T[0-9]{1,6}M)?|([0-9]{1,4}D)?T([0-9]{1,5}H([0-9]{1,6}M)?|[0-9]{1,6}M|0{1,2}S))$"
)
"""The usual forms, in a pattern that every dialect of regular expressions reads the same.

The schema has no ``format`` besides: clients would take it for leave to send seconds and fractions.
"""


def parse_duration(value: Any) -> int:
    """Return the minutes of an ISO 8601 duration in whole minutes. Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{quoted(value)} is no duration in whole minutes; write it like PT45M, PT1H30M, P1D or P1W")
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups()[:4])
    return weeks * 10080 + days * 1440 + hours * 60 + minutes


def format_duration(minutes: int) -> str:
    """Return the ISO 8601 duration of that many minutes, in days, hours and minutes."""
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if not days and not clock:
        return "PT0S"
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def lasting(least: int, most: int) -> WrapValidator:
    """Return a validator that refuses durations under ``least`` or over ``most`` minutes.

    JSON Schema has no bounds for durations, which are texts.
    """

    def check(value: Any, parse: Callable[[Any], int]) -> int:
        minutes = parse(value)
        if minutes < least:
            raise ValueError(f"{value} is too short; {format_duration(least)} is the least")
        if minutes > most:
            raise ValueError(f"{value} is too long; {format_duration(most)} is the most")
        return minutes

    return WrapValidator(check)


def _serialize(minutes: int | str) -> str:
    """Return the duration as JSON has it; a default in a schema is such a text already."""
    return minutes if isinstance(minutes, str) else format_duration(minutes)


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(_serialize, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION_SCHEMA, "examples": ["PT45M"]}),
]

MeetingLength = Annotated[Duration, lasting(1, 1440), Field(description="1 minute to 24 hours, in whole minutes")]

QUARTER: Any = Field("PT15M", validate_default=True)
"""The default of ``step``: a quarter of an hour."""

BufferLength = Annotated[Duration, lasting(0, 1440)]

Notice = Annotated[Duration, lasting(0, 366 * 1440)]
"""Up to a year."""
