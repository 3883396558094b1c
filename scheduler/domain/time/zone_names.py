"""The names of the tz database's zones, and which of them to suggest for a name that is none."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytz
import tzdata

zoneinfo.reset_tzpath(to=())

TZ_DATABASE_VERSION: str = tzdata.IANA_VERSION
"""The release of the tz database that every answer is computed from, such as ``2026f``."""

ZONE_NAMES: frozenset[str] = frozenset(zoneinfo.available_timezones() - {"Factory", "localtime"})

# fmt: off
_WELL_KNOWN = (
    "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Lisbon", "Europe/Athens", "Europe/Kyiv",
    "Europe/Moscow", "Europe/Istanbul", "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Toronto", "America/Halifax",
    "America/St_Johns", "America/Mexico_City", "America/Bogota", "America/Lima", "America/Caracas",
    "America/Santiago", "America/Sao_Paulo", "America/Argentina/Buenos_Aires", "Atlantic/South_Georgia",
    "Atlantic/Azores", "Atlantic/Cape_Verde", "Pacific/Marquesas", "Pacific/Pago_Pago", "Africa/Lagos",
    "Africa/Accra", "Africa/Johannesburg", "Africa/Cairo", "Africa/Nairobi", "Asia/Dubai", "Asia/Tehran",
    "Asia/Kabul", "Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Yangon", "Asia/Jakarta",
    "Asia/Bangkok", "Asia/Shanghai", "Asia/Singapore", "Asia/Manila", "Australia/Perth", "Australia/Eucla",
    "Asia/Tokyo", "Asia/Seoul", "Australia/Adelaide", "Australia/Darwin", "Australia/Sydney", "Australia/Brisbane",
    "Australia/Lord_Howe", "Pacific/Noumea", "Pacific/Auckland", "Pacific/Fiji", "Pacific/Chatham",
    "Pacific/Tongatapu", "Pacific/Kiritimati",
)
# fmt: on
"""Zones of well-known cities, at least one for every offset that people live by; the first ones are suggested first."""
_MOST_SUGGESTED = 3
_USE_NAME = "use an IANA name such as 'Europe/Berlin'"
_OFFSET = re.compile(r"(?:utc|gmt|z)?\s*([+-]|−)\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)  # noqa: RUF001  # typed so
_ABBREVIATION = re.compile(r"[A-Z]{3,5}", re.IGNORECASE)
_FIXED = re.compile(r"Etc/.*|[A-Z]{3}[+-]?\d.*|[A-Z]{3}")
"""Zones of a fixed offset or of old abbreviations: never suggested for a name that only looks like theirs."""


def describe_suggestions(name: str) -> str:
    """What to write instead of a name that is no zone's, as a phrase; the same for the same tz release.

    >>> describe_suggestions("Europe/Berln")
    "did you mean 'Europe/Berlin'?"
    >>> describe_suggestions("UTC+5:30")
    "an offset is not a time zone, because it has no clock changes; use the zone of a city: 'Asia/Kolkata' \
(India, UTC+05:30)"
    """
    offset = _parse_offset(name)
    if offset is not None:
        problem = "an offset is not a time zone, because it has no clock changes"
        return _use_city(problem, _zones_at(offset))
    if zones := _zones_abbreviated(name):
        return _use_city("abbreviations are not time zones", zones)
    nearest = nearest_zone(name)
    return f"did you mean {nearest!r}?" if nearest else _USE_NAME


def nearest_zone(name: str) -> str | None:
    """The zone whose name or city is spelled most like the name; None for offsets, and if none is near."""
    if _parse_offset(name) is not None:
        return None
    by_name = {zone.casefold(): zone for zone in sorted(ZONE_NAMES)}
    by_city = {zone.rsplit("/", 1)[-1].casefold(): zone for zone in sorted(ZONE_NAMES) if not _FIXED.fullmatch(zone)}
    wanted = name[:64].strip().replace(" ", "_").casefold()
    for known, key in ((by_name, wanted), (by_city, wanted), (by_city, wanted.rsplit("/", 1)[-1])):
        if key in known:
            return known[key]
    by_name = {folded: zone for folded, zone in by_name.items() if not _FIXED.fullmatch(zone)}
    for known in (by_name, by_city):
        if close := difflib.get_close_matches(wanted, known, n=1, cutoff=0.7):
            return known[close[0]]
    return None


def _parse_offset(name: str) -> int | None:
    """The minutes east of UTC that a text such as ``GMT+1`` or ``-05:30`` says; None if it says no offset."""
    match = _OFFSET.fullmatch(name.strip())
    if not match:
        return None
    minutes = 60 * int(match[2]) + int(match[3] or 0)
    return minutes if match[1] == "+" else -minutes


def _zones_at(offset: int) -> list[str]:
    """Well-known zones with that offset: those that always have it, then outside summer, then in summer."""
    standard = [zone for zone in _WELL_KNOWN if min(_offsets(zone)) == offset]
    summer = [zone for zone in _WELL_KNOWN if max(_offsets(zone)) == offset and zone not in standard]
    standard.sort(key=lambda zone: len(set(_offsets(zone))))
    kept = _MOST_SUGGESTED - 1 if summer else _MOST_SUGGESTED
    return [*standard[:kept], *summer[: _MOST_SUGGESTED - len(standard[:kept])]]


def _zones_abbreviated(name: str) -> list[str]:
    """Well-known zones whose standard or summer time has that abbreviation."""
    wanted = name.strip().upper()
    if not _ABBREVIATION.fullmatch(wanted):
        return []
    named = [zone for zone in _WELL_KNOWN if wanted in {local.tzname() for local in _in_winter_and_summer(zone)}]
    return named[:_MOST_SUGGESTED]


def _use_city(problem: str, zones: Sequence[str]) -> str:
    if not zones:
        return f"{problem}; {_USE_NAME}"
    return f"{problem}; use the zone of a city: {' or '.join(f'{zone!r} ({_describe_zone(zone)})' for zone in zones)}"


def _describe_zone(zone: str) -> str:
    """The country and the offsets of a well-known zone, such as ``Germany, UTC+01:00, in summer UTC+02:00``."""
    standard, summer = min(_offsets(zone)), max(_offsets(zone))
    shown = f"{_countries()[zone]}, {_format_offset(standard)}"
    return shown if standard == summer else f"{shown}, in summer {_format_offset(summer)}"


def _format_offset(offset: int) -> str:
    sign = "-" if offset < 0 else "+"
    return f"UTC{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


@cache
def _in_winter_and_summer(zone: str) -> tuple[datetime, ...]:
    """The zone's time in January and July of the year of the tz release. The clock is not read."""
    year = int(TZ_DATABASE_VERSION[:4])
    return tuple(datetime(year, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)) for month in (1, 7))


def _offsets(zone: str) -> list[int]:
    """The minutes east of UTC in January and July."""
    offsets = (local.utcoffset() or timedelta(0) for local in _in_winter_and_summer(zone))
    return [int(offset.total_seconds()) // 60 for offset in offsets]


@cache
def _countries() -> dict[str, str]:
    """The English name of each zone's country."""
    return {zone: pytz.country_names[code] for code, zones in sorted(pytz.country_timezones.items()) for zone in zones}
