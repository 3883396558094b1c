"""Time zones of foreign calendars: IANA names, Microsoft names, and VTIMEZONEs defined in the calendar itself.

icalendar caches the first VTIMEZONE of each unknown name for the whole process, so one person's calendar would
define another's zone. Here a definition holds for its own calendar only.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from datetime import tzinfo

from icalendar import Component, Timezone
from icalendar.timezone.zoneinfo import ZONEINFO

from scheduler.domain.time.zone_names import ZONE_NAMES
from scheduler.domain.time.zones import find_zone
from scheduler.ical.values import listed

_MOST_PARTS = 1 + max(name.count("/") for name in ZONE_NAMES)


class IanaZones(ZONEINFO):
    """Provides icalendar with zones of the pinned tz database, and never with a zone that a file defined."""

    def timezone(self, name: str) -> tzinfo | None:
        """Return the zone of that name, or of its last parts: some programs prefix an IANA name with a path."""
        parts = name.rsplit("/", _MOST_PARTS)[-_MOST_PARTS:]
        suffixes = ("/".join(parts[index:]) for index in range(len(parts)))
        return next((find_zone(suffix) for suffix in suffixes if suffix in ZONE_NAMES), None)

    def knows_timezone_id(self, tzid: str) -> bool:  # noqa: ARG002  # the library's signature
        """Return True for every name, so that icalendar caches no VTIMEZONE."""
        return True


@dataclass(frozen=True)
class ForeignZones:
    """The VTIMEZONEs of one calendar by TZID (RFC 5545 §3.6.5)."""

    definitions: dict[str, Timezone]
    _clocks: dict[str, tzinfo] = field(default_factory=dict, compare=False, repr=False)
    """The zones found so far: an event may name one at each of its times."""

    @classmethod
    def of(cls, calendar: Component) -> ForeignZones:
        """Return the zones that a calendar defines."""
        definitions = (found for found in calendar.walk("VTIMEZONE") if isinstance(found, Timezone))
        return cls({str(found["TZID"]): found for found in definitions if "TZID" in found})

    def find(self, tzid: str) -> tzinfo | None:
        """Return the zone that the calendar defines under that name, or None.

        Raises ValueError for a definition that can't be read or that recurs more often than monthly.
        """
        definition = self.definitions.get(tzid)
        if definition is None:
            return None
        if tzid not in self._clocks:
            self._clocks[tzid] = _clock(definition, tzid)
        # A copy, because Python subtracts two times of one zone object by the wall clock.
        return copy(self._clocks[tzid])


def _clock(definition: Timezone, tzid: str) -> tzinfo:
    for observance in definition.subcomponents:
        for rule in listed(observance.get("RRULE", [])):
            if {str(frequency).upper() for frequency in rule["FREQ"]} - {"YEARLY", "MONTHLY"}:
                raise ValueError(f"the time zone {tzid[:80]!r} changes its clock too often")
    clock: tzinfo = definition.to_tz(lookup_tzid=False)
    return clock
