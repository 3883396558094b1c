"""Values that go into iCalendar text whatever they hold: TEXT, CN, mailto and https addresses, local times.

Titles, names and goals are people's own words. Nothing in them may start a line of its own, and nothing
may make the file unreadable; everything that can be said is said as it was written.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

from icalendar import Component, vCalAddress, vText, vUri

from scheduler.domain.programme.meetings import Party
from scheduler.domain.time.zones import LocalTime

_LINE_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSAYABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Controls, which TEXT has no form for (RFC 5545 §3.3.11), and halves of characters, which UTF-8 has none for."""

_UTC_ZONES = frozenset({"UTC", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"})


class Text(vText):
    """TEXT (RFC 5545 §3.3.11). icalendar's own class would turn a backslash before an N into a line break."""

    def to_ical(self) -> bytes:
        """The text, escaped."""
        return re.sub(r"([\\;,])", r"\\\1", self).replace("\n", "\\n").encode()


def lines(text: str) -> str:
    """The text with line feeds as its only controls, tabs aside."""
    return _UNSAYABLE.sub("", _LINE_BREAK.sub("\n", text))


def one_line(text: str) -> str:
    """The text on a single line, without controls and space around it."""
    return re.sub("[\n\t]+", " ", lines(text)).strip()


def cal_address(party: Party, **parameters: str) -> vCalAddress:
    """The party as a calendar user (RFC 5545 §3.3.3); of an erased one neither name nor address is told."""
    if party.email is None:
        return vCalAddress("invalid:nomail", params=parameters)
    # A quote can't stand in a parameter at all, and a backslash before its end is read as an escape by some.
    name = one_line(party.name).replace('"', "'").replace("\\", "/")
    if name:
        parameters["CN"] = name
    mailbox = quote(party.email, safe="@!$'*+", errors="replace")
    return vCalAddress(f"mailto:{mailbox}", params=parameters)


def uri(address: str, **parameters: str) -> vUri:
    """The address with everything percent-encoded that a URI can't hold (RFC 3986)."""
    return vUri(quote(address, safe=":/?#[]@!$&'()*+,;=%~", errors="replace"), params=parameters)


def add_local(component: Component, name: str, local: LocalTime) -> None:
    """Adds a date-time in its zone's local form (RFC 5545 §3.3.5, form 3), even where a gap swallows it."""
    if local.zone in _UTC_ZONES:
        add_utc(component, name, local.instant)
    else:
        component.add(name, local.wall, parameters={"TZID": local.zone})


def add_utc(component: Component, name: str, instant: datetime) -> None:
    """Adds a date-time in UTC form (RFC 5545 §3.3.5, form 2)."""
    component.add(name, instant.astimezone(UTC))
