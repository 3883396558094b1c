"""Reads results back with independent tools: python-caldav, and requests with recurring-ical-events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import icalendar
import recurring_ical_events
import requests
from caldav.davclient import DAVClient

_T = TypeVar("_T")

Meeting = tuple[datetime, datetime]
"""When it begins and ends, in UTC."""


def make_calendar(server: str, user: str, password: str, name: str) -> str:
    """Make a calendar collection of that user and return its URL."""
    with DAVClient(url=server, username=user, password=password, enable_rfc6764=False) as client:
        return str(client.principal().make_calendar(name=name, cal_id=name).url)


def meetings_on_server(url: str, user: str, password: str, first: date, last: date) -> list[Meeting]:
    """The meetings of a CalDAV calendar between two dates, read and expanded by python-caldav."""
    with DAVClient(url=url, username=user, password=password, enable_rfc6764=False) as client:
        calendar = client.calendar(url=url)
        found = calendar.search(start=_begin(first), end=_begin(last), event=True, expand=True)
        return _meetings(component for event in found for component in event.icalendar_instance.walk("VEVENT"))


def meetings_in_feed(url: str, first: date, last: date) -> list[Meeting]:
    """The meetings of an ICS feed between two dates, read by requests and expanded by recurring-ical-events."""
    response = requests.get(url, timeout=10)
    response.raise_for_status()
    calendar = icalendar.Calendar.from_ical(response.content)
    return _meetings(recurring_ical_events.of(calendar).between(_begin(first), _begin(last)))


def wait_until(condition: Callable[[], _T | None], seconds: float) -> _T | None:
    """Evaluate the condition until it is not None or the time is up, and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := condition()) is not None:
            return found
        time.sleep(0.2)
    return None


def _meetings(components: Iterable[Any]) -> list[Meeting]:
    return sorted(
        (component.start.astimezone(UTC), component.end.astimezone(UTC))
        for component in components
        if str(component.get("STATUS", "")) != "CANCELLED"
    )


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
