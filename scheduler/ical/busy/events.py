"""Calendars reduced to when somebody is busy: frozen values, that can be stored and placed in time again and again.

They hold times as written with their clocks, so that nothing in them depends on their owner's zone, on a span of time,
or on a release of the tz database.
"""

from __future__ import annotations

from typing import NamedTuple

from scheduler.ical.busy.rules import Rule
from scheduler.ical.busy.values import Length
from scheduler.ical.busy.zones import Zone


class Moment(NamedTuple):
    """A date or a time: seconds since 1970-01-01 00:00 on the wall clock of its zone (None: its owner's)."""

    wall: int
    zone: Zone
    is_date: bool


class Span(NamedTuple):
    """A start, and an end or a length; with neither, a date lasts a day and a time no time (RFC 5545 §3.6.1)."""

    start: Moment
    end: Moment | None
    length: Length | None


class Series(NamedTuple):
    """An event without RECURRENCE-ID: one that happens once if it has neither rules nor added spans."""

    span: Span
    is_tentative: bool
    rules: tuple[Rule, ...] = ()
    excluding_rules: tuple[Rule, ...] = ()
    """EXRULE of RFC 2445."""
    added: tuple[Span, ...] = ()
    excluded: tuple[Moment, ...] = ()


class Override(NamedTuple):
    """An event with RECURRENCE-ID. ``span`` is None if nobody is busy then.

    Of two for one occurrence the one with the higher ``rank`` holds: SEQUENCE, DTSTAMP, and the order written
    (RFC 5546 §2.1.5).
    """

    at: Moment
    is_from_here_on: bool
    """RANGE=THISANDFUTURE (RFC 5545 §3.2.13)."""
    rank: tuple[int, str, int]
    span: Span | None
    is_tentative: bool


class Group(NamedTuple):
    """The events of one UID."""

    uid: str
    series: tuple[Series, ...]
    overrides: tuple[Override, ...]


class Unreadable(NamedTuple):
    """What can't be read of an event, or of an exception to it.

    It may lie from ``since`` (None: any time) to ``until`` (None: without end).
    """

    uid: str
    dtstart: str
    reason: str
    since: Moment | None
    until: Moment | None


class ReducedCalendar(NamedTuple):
    """What a calendar object says about busy time."""

    groups: tuple[Group, ...]
    unreadable: tuple[Unreadable, ...]
