"""Recurrence rules against dateutil, an engine that steps instead of masking days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from support.budget import examples

from scheduler.domain.time.recurrence import WEEKDAYS
from scheduler.ical.busy.days import Numbers
from scheduler.ical.busy.following import follow_days, follow_seconds
from scheduler.ical.busy.rules import DAILY, parse_rule
from scheduler.ical.busy.values import BadValue

EPOCH = datetime(1970, 1, 1)


class UtcClock:
    def walls(self, instants: Numbers) -> Numbers:
        return instants


def seconds(wall: datetime) -> int:
    return int((wall - EPOCH).total_seconds())


def follow(text: str, start: datetime, low: datetime, high: datetime) -> list[datetime]:
    rule = parse_rule(text)
    first = seconds(start)
    if rule.frequency <= DAILY:
        found = follow_days(rule, first, seconds(low), seconds(high))
    else:
        found = follow_seconds(rule, first, first, UtcClock(), seconds(low), seconds(high))
    return [EPOCH + timedelta(seconds=second) for second in found.tolist()]


def listed(numbers: Sequence[object]) -> str:
    return ",".join(map(str, numbers))


def some(low: int, high: int, *, signed: bool = False) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    either = st.one_of(number, number.map(lambda one: -one)) if signed else number
    return st.lists(either, min_size=1, max_size=4).map(listed)


WEEKDAY = st.sampled_from(WEEKDAYS)
ORDINAL = st.sampled_from(["", "1", "2", "-1", "-2", "+4"])
PARTS = {
    "BYMONTH": some(1, 12),
    "BYMONTHDAY": some(1, 28, signed=True),
    "BYYEARDAY": some(1, 365, signed=True),
    "BYDAY": st.lists(WEEKDAY, min_size=1, max_size=4).map(listed),
    "BYDAY with ordinals": st.lists(st.tuples(ORDINAL, WEEKDAY).map("".join), min_size=1, max_size=3).map(listed),
}
SENSIBLE = {
    "YEARLY": ["", "BYMONTH", "BYMONTH BYMONTHDAY", "BYMONTH BYDAY with ordinals", "BYYEARDAY", "BYDAY with ordinals"],
    "MONTHLY": ["", "BYMONTHDAY", "BYDAY with ordinals", "BYMONTHDAY BYDAY"],
    "WEEKLY": ["", "BYDAY", "BYMONTH BYDAY"],
    "DAILY": ["", "BYMONTH", "BYMONTHDAY", "BYMONTH BYDAY"],
    "HOURLY": ["", "BYDAY"],
}
"""Parts that come true together sooner or later: dateutil looks for the others until the year 9999."""


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(sorted(SENSIBLE)))
    chosen = draw(st.sampled_from(SENSIBLE[frequency]))
    parts = [f"FREQ={frequency}"]
    names = [name for name in PARTS if f" {name} " in f" {chosen} " and not (name == "BYDAY" and "ordinals" in chosen)]
    parts += [f"{name.partition(' ')[0]}={draw(PARTS[name])}" for name in names]
    often = {"INTERVAL": st.integers(1, 5).map(str), "WKST": WEEKDAY, "BYMINUTE": some(0, 59)}
    often |= {
        "COUNT": st.integers(1, 40).map(str),
        "BYHOUR": some(0, 23),
        "BYSETPOS": st.sampled_from(["1", "-1", "1,-1"]),
    }
    for name in draw(st.lists(st.sampled_from(sorted(often)), unique=True, max_size=3)):
        if not (name == "BYHOUR" and frequency == "HOURLY") and not (name == "BYSETPOS" and not chosen):
            parts.append(f"{name}={draw(often[name])}")
    return ";".join(parts)


@settings(max_examples=examples(160), deadline=None)
@given(rules(), st.datetimes(datetime(2024, 1, 1), datetime(2026, 11, 1)))
def test_rule_gives_the_occurrences_that_dateutil_finds(text: str, near: datetime) -> None:
    """From an occurrence on, because one that is out of step counts here and not there."""
    near = near.replace(second=0, microsecond=0)
    days = 20 if "HOURLY" in text else 800
    low, high = near + timedelta(days=days // 8), near + timedelta(days=days)
    try:
        expected = rrulestr(text, dtstart=near)
    except ValueError:  # an hour that no step of the interval reaches
        return
    first = next(iter(expected), None)
    if first is None or first > high:
        return
    again = rrulestr(text, dtstart=first)
    if next(iter(again), None) != first:
        return
    begun = [one for one in again.between(low, high) if one < high]
    assert [one for one in follow(text, first, low, high) if one > low] == begun


@pytest.mark.parametrize(
    ("text", "start", "days"),
    [
        # Week 53 is of the year of its fourth day, and a rule without BYDAY means DTSTART's weekday.
        ("FREQ=YEARLY;BYWEEKNO=53", "2021-01-03", ["2021-01-03", "2027-01-03"]),
        ("FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO", "2024-12-30", ["2024-12-30", "2027-01-04"]),
        ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU", "2026-01-04", ["2026-01-04", "2027-01-03", "2028-01-02"]),
        # DTSTART is the first occurrence even out of step, and COUNT counts it.
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-12-01", ["2026-12-01", "2026-12-07", "2026-12-14"]),
        ("FREQ=YEARLY", "2024-02-29", ["2024-02-29", "2028-02-29"]),
        ("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "2024-02-29", ["2024-02-29", "2025-03-01", "2026-03-01"]),
    ],
)
def test_rules_that_engines_read_differently(text: str, start: str, days: list[str]) -> None:
    first = datetime.fromisoformat(start)
    found = follow(text, first, first, datetime(2029, 1, 1))
    assert [f"{one:%Y-%m-%d}" for one in islice(found, len(days))] == days


@pytest.mark.parametrize(
    "text",
    [
        *("", "FREQ=", "FREQ=OFTEN", "FREQ=DAILY;FREQ=WEEKLY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=-1"),
        *("FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYDAY=", "FREQ=DAILY;BYMONTHDAY=0"),
        *("FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;BYEASTER=1", "RSCALE=HEBREW;FREQ=DAILY", "FREQ=DAILY;WKST=1"),
    ],
)
def test_broken_rule_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_rule(text)
