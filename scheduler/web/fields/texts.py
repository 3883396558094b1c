"""Texts and names in JSON: what each type accepts, what it refuses, and its schema.

A type refuses by raising ValueError with the value and the remedy; pydantic adds the field.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.domain.time.zones import find_zone, zones_of_country
from scheduler.web.fields.document import quoted

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")


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
        raise ValueError(f"{quoted(text)} is no mail address; write it like asha@example.org")
    return text


def _known_weekday(name: str) -> str:
    if name not in WEEKDAYS:
        raise ValueError(f"{quoted(name)} is no weekday; use MO, TU, WE, TH, FR, SA or SU")
    return name


Flag = Annotated[bool, Field(strict=True)]
"""true or false, and no number or word that might stand for one."""

Weekday = Annotated[str, AfterValidator(_known_weekday), WithJsonSchema({"type": "string", "enum": list(WEEKDAYS)})]

ZoneName = Annotated[str, AfterValidator(_known_zone), Field(description="IANA name", examples=["Europe/Berlin"])]

CountryCode = Annotated[
    str,
    AfterValidator(_known_country),
    Field(description="ISO 3166 code of two letters", examples=["IN"], json_schema_extra={"pattern": "^[A-Za-z]{2}$"}),
]

Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
"""The id of something stored: a random UUID (RFC 9562). Any other text is answered as an unknown id."""

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
