"""iCalendar values from arbitrary text: TEXT, CN, mailto and https addresses, local times.

Titles, names and goals are free text. They can never start a content line or make the file unreadable; all else
is kept as written.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from icalendar import Component, vCalAddress, vText, vUri

from scheduler.domain.programme.meetings import Party
from scheduler.domain.time.zones import LocalTime

_LINE_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNENCODABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Controls, which TEXT can't hold (RFC 5545 §3.3.11), and lone surrogates, which UTF-8 can't encode."""

_UTC_ZONES = frozenset({"UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"})


class Text(vText):
    """TEXT (RFC 5545 §3.3.11). icalendar's own class would turn a backslash before an N into a line break."""

    def to_ical(self) -> bytes:
        """Return the escaped text."""
        return re.sub(r"([\\;,])", r"\\\1", self).replace("\n", "\\n").encode()


def listed(value: object) -> list[Any]:
    """Return the values of a property of icalendar's, which is no list if there is only one."""
    return value if isinstance(value, list) else [value]


def strip_controls(text: str) -> str:
    """Return the text with tabs and line feeds as its only controls."""
    return _UNENCODABLE.sub("", _LINE_BREAK.sub("\n", text))


def one_line(text: str) -> str:
    """Return the text on a single line, without controls and surrounding space."""
    return re.sub("[\n\t]+", " ", strip_controls(text)).strip()


def cal_address(party: Party, **parameters: str) -> vCalAddress:
    """Return a party as a calendar user (RFC 5545 §3.3.3); an erased one without name and address."""
    if party.email is None:
        return vCalAddress("invalid:nomail", params=parameters)
    # A quote can't stand in a parameter at all, and a backslash before its end is read as an escape by some.
    name = one_line(party.name).replace('"', "'").replace("\\", "/")
    if name:
        parameters["CN"] = name
    mailbox = quote(party.email, safe="@!$'*+", errors="replace")
    return vCalAddress(f"mailto:{mailbox}", params=parameters)


def uri(address: str, **parameters: str) -> vUri:
    """Return the address with all characters percent-encoded that a URI can't hold (RFC 3986)."""
    return vUri(quote(address, safe=":/?#[]@!$&'()*+,;=%~", errors="replace"), params=parameters)


def add_local(component: Component, name: str, local: LocalTime) -> None:
    """Add a date-time in local form with TZID (RFC 5545 §3.3.5, form 3), even one inside a DST gap."""
    if local.zone in _UTC_ZONES:
        add_utc(component, name, local.instant)
    else:
        component.add(name, local.wall, parameters={"TZID": local.zone})


def add_utc(component: Component, name: str, instant: datetime) -> None:
    """Add a date-time in UTC form (RFC 5545 §3.3.5, form 2)."""
    component.add(name, instant.astimezone(UTC))
