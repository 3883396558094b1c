"""Stored meetings, random changes of them, and a comparison with the calendars they are delivered to."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import icalendar
from support.programme import Programme
from support.radicale import ask

from scheduler.domain.programme.meetings import (
    Meeting,
    MeetingStatus,
    OverlapsOwnOccurrence,
    cancel,
    cancel_occurrence,
    move_occurrence,
    plan_occurrences,
    revise,
)
from scheduler.domain.programme.people import Account
from scheduler.domain.time.recurrence import WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime
from scheduler.ical.render import render_invite
from scheduler.services.publishing import publish, publish_change

WEEKS = 6
_OF_ONE = ("DTSTART", "DTEND", "RRULE", "EXDATE", "RECURRENCE-ID", "X-")
"""Properties in which an override differs from its series even if it changes nothing; X- are our own."""


def book_series(programme: Programme, number: int) -> str:
    """Store six Tuesdays as a booking does, each number at hours of its own, and return the meeting's id."""
    context = programme.context
    first = LocalTime(datetime(2026, 10, 6) + timedelta(minutes=15 * number), "Europe/Berlin")
    until = LocalTime(first.wall + timedelta(weeks=WEEKS - 1), first.zone).instant
    series = Series(first, WeeklyRule(1, ("TU",), until), 15)
    now = context.clock().replace(microsecond=0)
    with context.store.write() as tx:
        mentor, mentee = (tx.people.get_party(programme.id, who.id) for who in (programme.mentor, programme.mentee))
        meeting = Meeting(
            uid=str(uuid.uuid4()),
            title="",
            series=series,
            occurrences=plan_occurrences(series, {}),
            organizer=mentor,
            attendee=mentee,
            guests=(),
            goals=("First paper",),
            conference_url=None,
            status=MeetingStatus.CONFIRMED,
            sequence=0,
            revision=1,
            created_at=now,
            changed_at=now,
        )
        meeting_id = tx.meetings.add(programme.id, programme.mentorship.id, meeting, own_title=None)
        publish(tx, programme.id, tx.meetings.get(programme.id, meeting_id), now)
    return meeting_id


def change_series(programme: Programme, meeting_id: str, chance: random.Random) -> bool:
    """Change the title, move or cancel an occurrence or, seldom, cancel the meeting; publish the change.

    Returns False for a meeting that is cancelled already, which stays unchanged.
    """
    context = programme.context
    now = context.clock()
    with context.store.write() as tx:
        stored = tx.meetings.get(programme.id, meeting_id, lock=True)
        if stored.meeting.status is MeetingStatus.CANCELLED:
            return False
        title = f"Pairing {chance.randrange(10**6)}"
        match chance.choices(["title", "move", "cancel one", "cancel all"], [4, 5, 2, 0.2])[0]:
            case "title":
                stored = replace(stored, own_title=title)
                changed = revise(stored.meeting, now)
            case "move":
                changed = _moved(stored.meeting, now, chance)
            case "cancel one":
                chosen = chance.choice(stored.meeting.taking_place)
                changed = cancel_occurrence(stored.meeting, chosen.recurrence_id.wall, now)
            case _:
                changed = cancel(stored.meeting, now)
        publish_change(context, tx, programme.id, stored, changed, now)
    return True


def _moved(meeting: Meeting, now: datetime, chance: random.Random) -> Meeting:
    """Return the meeting with an occurrence some days and hours later, at times past the next one and so detached."""
    chosen = chance.choice(meeting.taking_place)
    start = chosen.period.start + timedelta(days=chance.randrange(9), minutes=15 * chance.randrange(1, 40))
    try:
        return move_occurrence(meeting, chosen.recurrence_id.wall, start, now)
    except OverlapsOwnOccurrence:
        return revise(meeting, now)


def differences(programme: Programme, meetings: list[str], accounts: dict[str, Account]) -> dict[str, list[str]]:
    """Return the objects that are missing or wrong in calendars, and those that the store doesn't have.

    ``accounts`` are the calendars by the id of the person, each of whom has one.
    """
    found: dict[str, list[str]] = {"lost": [], "doubled": []}
    wanted: dict[str, dict[str, Meeting]] = {person: {} for person in accounts}
    for meeting_id in meetings:
        meeting, rows = programme.meeting(meeting_id).meeting, programme.deliveries(meeting_id)
        expected = Counter((person, uid) for person in accounts for uid in meeting.uids)
        assert Counter((row.calendar.person_id, row.uid) for row in rows) == expected
        for row in rows:
            wanted[row.calendar.person_id][row.uid] = meeting
            if row.state != "delivered" or {row.delivered_revision, row.wanted_revision} != {meeting.revision}:
                found["lost"].append(f"{row.uid} is {row.state}: {row}")
    for person, account in accounts.items():
        held = _held(account)
        found["lost"] += wanted[person].keys() - held.keys()
        found["doubled"] += held.keys() - wanted[person].keys()
        for uid in held.keys() & wanted[person].keys():
            there, here = _comparable(held[uid]), _comparable(render_invite(wanted[person][uid], uid))
            if there != here:
                found["lost"].append(f"{uid}: {_lines(there) ^ _lines(here)}")
            found["doubled"] += [f"{event['UID']} in {uid}" for event in _events(held[uid]) if event["UID"] != uid]
    return found


def _held(account: Account) -> dict[str, bytes]:
    """Return every object in a collection, by the name of its file without the ending."""
    answer = ask(account, "PROPFIND", account.url, headers={"Depth": "1"})
    hrefs = [str(row.text) for row in ElementTree.fromstring(answer.content).iterfind("{DAV:}response/{DAV:}href")]
    names = [href.rsplit("/", 1)[1] for href in hrefs if not href.endswith("/")]
    return {name.removesuffix(".ics"): ask(account, "GET", account.url + name).content for name in names}


def _events(data: bytes) -> list[icalendar.Component]:
    return icalendar.Calendar.from_ical(data).walk("VEVENT")


def _comparable(data: bytes) -> list[list[str]]:
    """Return the properties of an object's events, sorted, because servers change the order.

    Overrides that change nothing are left out: they may hold what the calendar's owner added.
    """
    master, *overrides = sorted(_events(data), key=lambda event: "RECURRENCE-ID" in event)
    changing = [event for event in overrides if not _changes_nothing(event, master)]
    return sorted(sorted(_properties(event)) for event in [master, *changing])


def _changes_nothing(override: Any, master: Any) -> bool:
    if override["DTSTART"].dt != override["RECURRENCE-ID"].dt or override.duration != master.duration:
        return False
    overridden, original = (
        {line for line in _properties(event) if not line.startswith(_OF_ONE)} for event in (override, master)
    )
    return overridden == original


def _lines(events: list[list[str]]) -> set[str]:
    return {line for event in events for line in event}


def _properties(event: icalendar.Component) -> list[str]:
    return [f"{name}{_parameters(value)}:{_value(value)}" for name, value in event.property_items()]


def _parameters(value: Any) -> str:
    """Return the parameters without those for the server (RFC 6638 §7), which differ between calendars."""
    found = getattr(value, "params", {}).items()
    return str(sorted((name, str(text)) for name, text in found if not name.startswith("SCHEDULE-")))


def _value(value: Any) -> str:
    text = value.to_ical() if hasattr(value, "to_ical") else value
    return text.decode() if isinstance(text, bytes) else str(text)
