"""The zones that other people's calendars name: IANA's, Microsoft's, and those that a calendar defines itself.

icalendar keeps the first VTIMEZONE of each unknown name for the whole process, so that one person's calendar
would set another's clock. Here a definition holds for its own calendar only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from icalendar import Component, Timezone
from icalendar.timezone.zoneinfo import ZONEINFO

from scheduler.domain.time.zones import ZONE_NAMES, find_zone


class IanaZones(ZONEINFO):
    """icalendar's source of zones: the pinned tz database, and nothing that a file defined."""

    def timezone(self, name: str) -> tzinfo | None:
        """The zone of that name, or of its end: some programs put their own path before an IANA name."""
        parts = name.split("/")
        suffixes = ("/".join(parts[place:]) for place in range(len(parts)))
        return next((find_zone(suffix) for suffix in suffixes if suffix in ZONE_NAMES), None)

    def knows_timezone_id(self, tzid: str) -> bool:  # noqa: ARG002  # the library's signature
        """True for every name, so that no VTIMEZONE is kept."""
        return True


@dataclass(frozen=True)
class ForeignZones:
    """The VTIMEZONEs of one calendar, by TZID."""

    definitions: dict[str, Timezone]

    @classmethod
    def of(cls, calendar: Component) -> ForeignZones:
        """Those that a calendar defines."""
        definitions = (found for found in calendar.walk("VTIMEZONE") if isinstance(found, Timezone))
        return cls({str(found["TZID"]): found for found in definitions if "TZID" in found})

    def find(self, tzid: str) -> tzinfo | None:
        """The clock that the calendar defines under that name, or None.

        Raises ValueError for a definition that can't be read or that recurs oftener than monthly.
        """
        definition = self.definitions.get(tzid)
        if definition is None:
            return None
        for observance in definition.subcomponents:
            rules = observance.get("RRULE", [])
            for rule in rules if isinstance(rules, list) else [rules]:
                if {str(frequency).upper() for frequency in rule["FREQ"]} - {"YEARLY", "MONTHLY"}:
                    raise ValueError(f"the time zone {tzid[:80]!r} changes its clock too often")
        clock: tzinfo = definition.to_tz(lookup_tzid=False)
        return clock
