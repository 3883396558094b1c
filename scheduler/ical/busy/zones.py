"""Which clock a TZID names: a zone of the tz database, or one that the calendar defines (RFC 5545 §3.2.19, §3.6.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION, ZONE_NAMES
from scheduler.domain.time.zones import Offsets, in_zone
from scheduler.ical.busy.display_names import DISPLAY_NAMES, fold
from scheduler.ical.busy.following import follow_days
from scheduler.ical.busy.lines import Component
from scheduler.ical.busy.rules import MONTHLY, Rule, parse_rule
from scheduler.ical.busy.values import BadValue, parse_offset, parse_wall, value_of

UTC_ZONE = "UTC"
_MOST_PARTS = 1 + max(name.count("/") for name in ZONE_NAMES)
_BY_FOLDED = {name.casefold(): name for name in sorted(ZONE_NAMES)}
_WINDOWS = {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}
_BY_CITY = {name.rpartition("/")[2].casefold(): name for name in sorted(ZONE_NAMES, reverse=True) if "/" in name}
_WITH_OFFSET = re.compile(r"\s*\((?:UTC|GMT)\s*(?:([+-])(\d\d):(\d\d))?\)\s*(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_LOOK_BACK = 3 * 366 * 86_400


class Observance(NamedTuple):
    """Since when, or how often, a clock changes, and its UTC offset before and after in minutes (RFC 5545 §3.6.5)."""

    start: int
    before: int
    after: int
    rules: tuple[Rule, ...]
    added: tuple[int, ...]


class OwnZone(NamedTuple):
    """A time zone that a calendar defines."""

    observances: tuple[Observance, ...]

    def offsets(self, start: int, end: int) -> Offsets:
        """Return the offsets in [start, end) (UTC minutes)."""
        changes = sorted({change for one in self.observances for change in _changes(one, start * 60, end * 60)})
        before = [offset for instant, _, offset in changes if instant <= start * 60]
        unchanged = changes[0][1] if changes else self.observances[0].before
        first = before[-1] if before else unchanged
        later = {-(-instant // 60): offset for instant, _, offset in changes if start * 60 < instant < end * 60}
        since = np.array([start, *later], dtype=np.int64)
        return Offsets(since, np.append(since[1:], end), np.array([first, *later.values()], dtype=np.int64))


Zone = str | OwnZone | None
"""A name of the tz database, a zone that the calendar defines, or None: the owner's clock."""


def _changes(observance: Observance, low: int, high: int) -> Iterable[tuple[int, int, int]]:
    """Yield (UTC second, offset before, offset after) of changes before ``high``, but for those long before ``low``."""
    walls = [observance.start, *observance.added]
    for rule in observance.rules:
        until = high if rule.until is None else rule.until.seconds + 86_400
        found = follow_days(rule, observance.start, min(low, until) - _LOOK_BACK, min(high, until) + 86_400).tolist()
        limit = (
            None if rule.until is None else rule.until.seconds + (observance.before * 60 if rule.until.is_utc else 0)
        )
        walls += [wall for wall in found if limit is None or wall <= limit]
    for wall in walls:
        if wall - observance.before * 60 < high:
            yield wall - observance.before * 60, observance.before, observance.after


class ZoneFinder:
    """Finds the zones that one calendar names."""

    def __init__(self, components: Iterable[Component]) -> None:
        self._definitions: dict[str, Component] = {}
        for component in components:
            for name in component.values("TZID"):
                self._definitions.setdefault((name.value or "").strip('"'), component)
        self._found: dict[str, str | OwnZone] = {}

    def find(self, tzid: str) -> str | OwnZone:
        """Return the zone.

        A name that is, or ends in, an Area/City name of the tz database is that zone: definitions of zones whose law
        has changed since are common (RFC 7809 §3.1.3). Any other name is what the calendar defines it to be, or else a
        name of the tz database, of Windows, or one that Outlook shows. Raises BadValue.
        """
        if tzid not in self._found:
            self._found[tzid] = self._look_up(tzid.strip())
        return self._found[tzid]

    def _look_up(self, tzid: str) -> str | OwnZone:
        suffixes = _suffixes(tzid)
        for name in suffixes:
            if "/" in name and not name.startswith("Etc/"):
                return name
        if tzid in self._definitions:
            return _own_zone(self._definitions[tzid])
        if suffixes:
            return suffixes[0]
        folded = fold(tzid)
        zone = _WINDOWS.get(folded) or DISPLAY_NAMES.get(folded) or _displayed(tzid)
        if zone is None:
            raise BadValue(f"has a time zone that is neither known nor defined in it: {tzid[:80]!r}")
        return zone


def _suffixes(tzid: str) -> list[str]:
    """Return the names of the tz database that the name is or ends in, the longest first."""
    parts = tzid.casefold().rsplit("/", _MOST_PARTS)[-_MOST_PARTS:]
    ends = ("/".join(parts[index:]) for index in range(len(parts)))
    return [_BY_FOLDED[end] for end in ends if end in _BY_FOLDED]


def _displayed(tzid: str) -> str | None:
    """Return the zone of a name such as ``(UTC+01:00) Amsterdam, Berlin, Bern``: of a place with that standard time."""
    match = _WITH_OFFSET.fullmatch(tzid)
    offset = int(f"{match[1]}{int(match[2]) * 60 + int(match[3])}") if match and match[1] else 0
    places = match[4] if match else tzid
    for name in (places, *places.split(",")):
        folded = fold(name)
        zone = DISPLAY_NAMES.get(folded) or _WINDOWS.get(folded) or _BY_CITY.get(folded.replace(" ", "_"))
        if zone is not None and (match is None or offset in _offsets(zone)):
            return zone
    return None


def _offsets(zone: str) -> set[int]:
    """Return the zone's offsets in winter and summer in the year of the tz release, in minutes."""
    noons = (datetime(int(TZ_DATABASE_VERSION[:4]), month, 15, 12, tzinfo=UTC) for month in (1, 7))
    return {int((in_zone(noon, zone).utcoffset() or timedelta(0)).total_seconds()) // 60 for noon in noons}


def _own_zone(component: Component) -> OwnZone:
    """Return the zone that a VTIMEZONE defines. Raises BadValue."""
    if not component.observances:
        raise BadValue("has a time zone without any clock")
    return OwnZone(tuple(map(_observance, component.observances)))


def _observance(component: Component) -> Observance:
    def only(name: str) -> str:
        values = component.values(name)
        if not values:
            raise BadValue(f"has a time zone without {name}")
        return value_of(values[0])

    try:
        rules = tuple(parse_rule(value_of(prop)) for prop in component.values("RRULE"))
        if any(
            rule.frequency > MONTHLY or len(rule.by_hour) * len(rule.by_minute) * len(rule.by_second) > 1
            for rule in rules
        ):
            raise BadValue("changes its clock too often")
        dates = (
            text.strip().partition("/")[0] for prop in component.values("RDATE") for text in value_of(prop).split(",")
        )
        return Observance(
            start=parse_wall(only("DTSTART")).seconds,
            before=parse_offset(only("TZOFFSETFROM")),
            after=parse_offset(only("TZOFFSETTO")),
            rules=rules,
            added=tuple(parse_wall(text).seconds for text in dates if text),
        )
    except BadValue as error:
        raise BadValue(f"has a time zone that can't be read: it {error.reason}") from error
