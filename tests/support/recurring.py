"""The occurrences of a blackout with a rule, found day by day without dateutil, for the oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.domain.availability.attendees import Blackout, Days

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def recurs_at(wall: datetime, blackout: Blackout, zone: str) -> bool:
    """Whether a clock of the blackout's zone (else of the person's) that reads ``wall`` reads inside a recurrence."""
    first, last = wall_span(blackout, zone)
    assert blackout.rule is not None
    length = last - first
    for day in reversed(recurrence_days(blackout.rule.text, first, wall.date())):
        start = datetime.combine(day, first.time())
        if start <= wall:  # all before it end before it does
            return wall < start + length
    return False


def wall_span(blackout: Blackout, zone: str) -> tuple[datetime, datetime]:
    """The wall times between which the first of the recurrences lies."""
    if isinstance(blackout.span, Days):
        midnight = time()
        return (
            datetime.combine(blackout.span.first, midnight),
            datetime.combine(blackout.span.last + timedelta(days=1), midnight),
        )
    anchor = ZoneInfo(blackout.time_zone or zone)
    start, end = (moment.astimezone(anchor).replace(tzinfo=None) for moment in (blackout.span.start, blackout.span.end))
    return start, end


@lru_cache(maxsize=100)
def recurrence_days(rule: str, first: datetime, last: date) -> tuple[date, ...]:
    """The days on which recurrences of a yearly or weekly rule begin, through ``last`` (RFC 5545 §3.3.10)."""
    parts = dict(part.split("=") for part in rule.split(";"))
    interval = int(parts.get("INTERVAL", "1"))
    until = _until(parts.get("UNTIL"))
    found: list[date] = []
    day = first.date()
    while day <= last and len(found) < int(parts.get("COUNT", "100000")):
        in_time = until is None or datetime.combine(day, first.time()) <= until
        if in_time and _matches(day, first.date(), parts, interval):
            found.append(day)
        day += timedelta(days=1)
    return tuple(found)


def _matches(day: date, first: date, parts: dict[str, str], interval: int) -> bool:
    if parts["FREQ"] == "WEEKLY":
        weeks = (_monday(day) - _monday(first)).days // 7
        days = parts.get("BYDAY", WEEKDAYS[first.weekday()]).split(",")
        return weeks % interval == 0 and WEEKDAYS[day.weekday()] in days
    month = int(parts.get("BYMONTH", first.month))
    month_day = int(parts.get("BYMONTHDAY", first.day))
    return (day.year - first.year) % interval == 0 and (day.month, day.day) == (month, month_day)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    if "T" not in text:
        return datetime.combine(datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date(), time.max)
    return datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S").replace(tzinfo=UTC).replace(tzinfo=None)
