"""The types of single fields: how each is written in JSON, what is refused, and how it is documented.

Every type refuses by raising ValueError with a sentence that names the value and the remedy; pydantic
adds the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    WrapValidator,
)

from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.domain.time.zones import check_date, find_zone, zones_of_country


class Document(BaseModel):
    """The base of every JSON object that is sent or answered: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


def not_null(schema: dict[str, Any]) -> None:
    """Says of a field that may be left out that it can't be null, for what pydantic documents as either."""
    (kind,) = (option for option in schema.pop("anyOf") if option.get("type") != "null")
    schema.pop("default")
    schema.update(kind)


_DURATION = re.compile(r"P(?=.)(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(0{1,2})S)?)?)")
_DURATION_SCHEMA = (
    r"^P([0-9]{1,4}W|[0-9]{1,4}D(T[0-9]{1,6}M)?|([0-9]{1,4}D)?T([0-9]{1,5}H([0-9]{1,6}M)?|[0-9]{1,6}M|0{1,2}S))$"
)
"""The durations that anybody would write, in a pattern that every dialect of regular expressions reads the same."""
_DATE_SCHEMA = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK_SCHEMA = "([01][0-9]|2[0-3]):[0-5][0-9]"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)")
_WALL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")


def shown(value: Any) -> str:
    """A value from JSON as errors repeat it: cut to 60 characters, and of a list or an object only that it is one."""
    match value:
        case str():
            return repr(value[:60]) + ("…" if len(value) > 60 else "")
        case list():
            return "a list"
        case dict():
            return "an object"
        case None | bool() | int() | float():
            written = json.dumps(value)
            return written[:60] + ("…" if len(written) > 60 else "")
        case _:
            return "this"


def parse_duration(value: Any) -> int:
    """Minutes of an ISO 8601 duration in whole minutes. Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{shown(value)} is no duration in whole minutes; write it like PT45M, PT1H30M, P1D or P1W")
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups()[:4])
    return weeks * 10080 + days * 1440 + hours * 60 + minutes


def format_duration(minutes: int) -> str:
    """The ISO 8601 duration of that many minutes: days, hours and minutes."""
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if not days and not clock:
        return "PT0S"
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def lasting(least: int, most: int) -> WrapValidator:
    """Refuses durations under ``least`` and over ``most`` minutes, which no number in the schema can say."""

    def check(value: Any, read: Callable[[Any], int]) -> int:
        minutes = read(value)
        if minutes < least:
            raise ValueError(f"{value} is too short; {format_duration(least)} is the least")
        if minutes > most:
            raise ValueError(f"{value} is too long; {format_duration(most)} is the most")
        return minutes

    return WrapValidator(check)


def format_instant(instant: datetime) -> str:
    """The RFC 3339 text of an instant, with Z if it is in UTC."""
    return instant.isoformat().replace("+00:00", "Z")


def backward(what: str, start: datetime, end: datetime) -> str:
    """The sentence about a time that has to end after it starts, and does not."""
    return (
        f"the {what} ends at {format_instant(end)}, which is not after its start {format_instant(start)}; "
        "give a later end or an earlier start"
    )


def _written_duration(minutes: int | str) -> str:
    """A duration in JSON; a default is put into the schema as it was written."""
    return minutes if isinstance(minutes, str) else format_duration(minutes)


def parse_instant(value: Any) -> datetime:
    """The UTC instant of an RFC 3339 text with any offset. Raises ValueError."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            instant = datetime.fromisoformat(value.upper().replace(" ", "T")).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{shown(value)} is no date and time that exists ({error}); give one that does") from error
        check_date(instant.date())
        return instant
    raise ValueError(f"{shown(value)} is no instant; write it like 2026-10-20T14:00:00Z, with an offset")


def parse_wall(value: Any) -> datetime:
    """The naive wall time of a text without offset, whole minutes. Raises ValueError."""
    if isinstance(value, str) and _WALL.fullmatch(value):
        try:
            wall = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{shown(value)} is no date and time that exists ({error}); give one that does") from error
        check_date(wall.date())
        if wall.second:
            raise ValueError(f"{shown(value)} has seconds; give a whole minute")
        return wall
    raise ValueError(f"{shown(value)} is no local time; write it like 2026-10-20T14:30:00, without an offset")


def parse_moment(value: Any) -> datetime:
    """An instant (aware), or a wall time without offset (naive), which is read in the person's zone."""
    if isinstance(value, str) and _WALL.fullmatch(value):
        return parse_wall(value)
    return parse_instant(value)


def _parse_day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{shown(value)} is no date that exists ({error}); give one that does") from error
        return check_date(day)
    raise ValueError(f"{shown(value)} is no date; write it like 2026-10-20")


def _parse_clock(value: Any) -> int:
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value)):
        return int(match[1]) * 60 + int(match[2])
    raise ValueError(f"{shown(value)} is no time of day; write it like 09:00, from 00:00 to 23:59")


def _whole_minute(instant: datetime) -> datetime:
    if instant.second or instant.microsecond:
        raise ValueError(f"{instant.isoformat()} has seconds; give a whole minute")
    return instant


def _known_zone(name: str) -> str:
    find_zone(name)
    return name


def _known_country(code: str) -> str:
    zones_of_country(code)
    return code.upper()


def _readable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("the text holds control characters; leave them out")
    return text.strip()


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError as error:
        raise ValueError(f"the address can't be read ({error})") from error
    if parts.scheme not in {"http", "https"} or not named or _CONTROL.search(url) or re.search(r"\s", url):
        raise ValueError("give an address that begins with https:// or http:// and names a host")
    if parts.username or parts.password:
        raise ValueError("the address holds a login; give it in the fields for it")
    return url


def _mail_address(text: str) -> str:
    if not re.fullmatch(r"[^@\s<>\",;:\\\x00-\x20]{1,64}@[^@\s<>\",;:\\]{1,252}", text):
        raise ValueError(f"{shown(text)} is no mail address; write it like asha@example.org")
    return text


def _known_weekday(name: str) -> str:
    if name not in WEEKDAYS:
        raise ValueError(f"{shown(name)} is no weekday; use MO, TU, WE, TH, FR, SA or SU")
    return name


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(_written_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "duration", "pattern": _DURATION_SCHEMA, "examples": ["PT45M"]},
    ),
]
"""Minutes in the code, ISO 8601 in JSON."""

MeetingLength = Annotated[Duration, lasting(1, 1440), Field(description="1 minute to 24 hours, in whole minutes")]

QUARTER: Any = Field("PT15M", validate_default=True)
"""The default step: a quarter of an hour."""

BufferLength = Annotated[Duration, lasting(0, 1440)]

Notice = Annotated[Duration, lasting(0, 366 * 1440)]
"""How long ahead, or after something else, at most a year."""

_INSTANT_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-10-20T14:00:00Z"]}

Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema(_INSTANT_SCHEMA)]
"""A UTC instant; any offset is taken."""

MinuteInstant = Annotated[Instant, AfterValidator(_whole_minute)]

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

Day = Annotated[
    date, BeforeValidator(_parse_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-10-20"]})
]

ClockTime = Annotated[
    int,
    BeforeValidator(_parse_clock),
    PlainSerializer(lambda minute: f"{minute // 60:02}:{minute % 60:02}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["09:00"]}),
]
"""Minutes of the day in the code, HH:MM in JSON."""

Flag = Annotated[bool, Field(strict=True)]
"""true or false, and no number or word that might stand for one."""

Weekday = Annotated[str, AfterValidator(_known_weekday), WithJsonSchema({"type": "string", "enum": list(WEEKDAYS)})]

ZoneName = Annotated[str, AfterValidator(_known_zone), Field(description="IANA name", examples=["Europe/Berlin"])]

CountryCode = Annotated[
    str,
    AfterValidator(_known_country),
    Field(description="ISO 3166 code of two letters", examples=["IN"], json_schema_extra={"pattern": "^[A-Za-z]{2}$"}),
]

Name = Annotated[str, AfterValidator(_readable), Field(min_length=1, max_length=200)]

Text = Annotated[str, AfterValidator(_readable), Field(max_length=4000)]

Line = Annotated[str, AfterValidator(_readable), Field(min_length=1, max_length=500)]

WebAddress = Annotated[
    str,
    AfterValidator(_web_address),
    Field(
        max_length=2000,
        examples=["https://meet.example.org/x"],
        json_schema_extra={"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"},
    ),
]

MailAddress = Annotated[
    str,
    AfterValidator(_mail_address),
    Field(max_length=254, examples=["asha@example.org"], json_schema_extra={"format": "email"}),
]
