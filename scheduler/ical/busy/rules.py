"""RRULE values as numbers (RFC 5545 §3.3.10, RFC 7529), and nothing about which days they give."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.ical.busy.values import BadValue, Wall, parse_wall

YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY = range(7)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
OMIT, BACKWARD, FORWARD = "OMIT", "BACKWARD", "FORWARD"

_INTEGER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_BYDAY = re.compile(rf"([+-]?\d{{1,2}})?\s*({'|'.join(WEEKDAYS)})", re.ASCII)

Numbers = tuple[int, ...]


class Rule(NamedTuple):
    """A recurrence rule. Empty BY parts are not given; ``by_day`` has (ordinal, weekday), weekdays from Monday (0).

    ``skip`` says what becomes of days of the month that do not exist (RFC 7529 §4.1).
    """

    frequency: int
    interval: int = 1
    total: int | None = None
    """COUNT."""
    until: Wall | None = None
    by_month: Numbers = ()
    by_week_number: Numbers = ()
    by_year_day: Numbers = ()
    by_month_day: Numbers = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: Numbers = ()
    by_minute: Numbers = ()
    by_second: Numbers = ()
    by_position: Numbers = ()
    week_start: int = 0
    skip: str = OMIT


@lru_cache(maxsize=4096)
def parse_rule(text: str) -> Rule:
    """Return the rule. Parts that are experimental (X-) or empty are ignored. Raises BadValue."""
    parts: dict[str, str] = {}
    for part in text.upper().split(";"):
        name, _, value = (side.strip() for side in part.partition("="))
        if not name or name.startswith("X-"):
            continue
        if parts.setdefault(name, value) != value:
            raise BadValue(f"has two different {name}")
    if parts.pop("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise BadValue("is not of the Gregorian calendar")
    if parts.get("FREQ") not in FREQUENCIES:
        raise BadValue("has no FREQ that there is")
    fields: dict[str, object] = {"frequency": FREQUENCIES.index(parts.pop("FREQ"))}
    for name, value in parts.items():
        if name not in _PARTS:
            raise BadValue(f"has a part that is not known: {name[:20]}")
        field, parse = _PARTS[name]
        fields[field] = parse(name, value)
    return Rule(**fields)  # type: ignore[arg-type]  # each part's parser returns its field's type


def until_of(text: str) -> Wall | None:
    """Return the UNTIL of a rule that may be broken otherwise; None if there is none that can be read."""
    match = re.search(r"(?:^|;)\s*UNTIL\s*=\s*([0-9TZ]+)", text, re.IGNORECASE)
    try:
        return parse_wall(match[1]) if match else None
    except BadValue:
        return None


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise BadValue(f"has a {name} that is no number")
    return int(text)


def _positive(name: str, text: str) -> int:
    number = _integer(name, text)
    if number < 1:
        raise BadValue(f"has {name}={number}, which is not at least 1")
    return number


def _interval(name: str, text: str) -> int:
    return min(_positive(name, text), 10_000_000)


def _numbers(low: int, high: int, *, is_signed: bool = False) -> Callable[[str, str], Numbers]:
    def parse(name: str, text: str) -> Numbers:
        numbers = sorted({_integer(name, one.strip()) for one in text.split(",") if one.strip()})
        for number in numbers:
            if not low <= (abs(number) if is_signed else number) <= high:
                raise BadValue(f"has a {name} that does not exist")
        if not numbers:
            raise BadValue(f"has an empty {name}")
        return tuple(numbers)

    return parse


def _days(name: str, text: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for one in filter(None, map(str.strip, text.split(","))):
        match = _BYDAY.fullmatch(one)
        if match is None:
            raise BadValue(f"has a {name} that does not exist")
        found.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
    if not found:
        raise BadValue(f"has an empty {name}")
    return tuple(sorted(found))


def _seconds(name: str, text: str) -> Numbers:
    return tuple(sorted({min(second, 59) for second in _numbers(0, 60)(name, text)}))


def _weekday(name: str, text: str) -> int:
    if text not in WEEKDAYS:
        raise BadValue(f"has a {name} that does not exist")
    return WEEKDAYS.index(text)


def _skip(name: str, text: str) -> str:
    if text not in {OMIT, BACKWARD, FORWARD}:
        raise BadValue(f"has a {name} that does not exist")
    return text


def _until(name: str, text: str) -> Wall:
    try:
        return parse_wall(text)
    except BadValue as error:
        raise BadValue(f"has an {name} that {error.reason}") from error


_PARTS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "INTERVAL": ("interval", _interval),
    "COUNT": ("total", _positive),
    "UNTIL": ("until", _until),
    "BYMONTH": ("by_month", _numbers(1, 12)),
    "BYWEEKNO": ("by_week_number", _numbers(1, 53, is_signed=True)),
    "BYYEARDAY": ("by_year_day", _numbers(1, 366, is_signed=True)),
    "BYMONTHDAY": ("by_month_day", _numbers(1, 31, is_signed=True)),
    "BYDAY": ("by_day", _days),
    "BYHOUR": ("by_hour", _numbers(0, 23)),
    "BYMINUTE": ("by_minute", _numbers(0, 59)),
    "BYSECOND": ("by_second", _seconds),
    "BYSETPOS": ("by_position", _numbers(1, 366, is_signed=True)),
    "WKST": ("week_start", _weekday),
    "SKIP": ("skip", _skip),
}
