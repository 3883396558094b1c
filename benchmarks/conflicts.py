"""How long a blackout's answer takes where much is booked: everybody's experience on a phone.

The application is called as in `benchmarks.http`. A mentor has four mentorships with 50 weekly occurrences each; their
blackout of a week hits four of these, which then ask, or move by themselves. Another mentor has far more of everything.
What is timed is the POST, after which the blackout is deleted again. Beside it, in turns, a search for slots of two of
the same people.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from benchmarks.http import service, spent
from benchmarks.inputs import Case
from benchmarks.runner import Bar, DifferentAnswers, Row
from scheduler.domain.availability.attendees import Blackout, BlackoutKind, Days
from scheduler.domain.programme.mentorships import Mentorship, WhenBlocked
from scheduler.domain.programme.people import Person
from scheduler.domain.search.planning import PlanStatus
from scheduler.domain.time.periods import Period
from scheduler.domain.time.recurrence import BlackoutRule, WeeklyRule
from scheduler.domain.time.series import Series
from scheduler.domain.time.zones import LocalTime
from scheduler.services.booking import CadenceBooking, Details, ExpectedOccurrence, book_cadence
from scheduler.services.mentorships import create_mentorship, update_mentorship
from scheduler.services.people import create_person
from scheduler.services.ports import Context
from scheduler.services.programmes import find_key
from scheduler.store import new_id

WEEKS, LENGTH = 50, 45
ZONE = "Europe/Berlin"
WEEKDAYS = ("MO", "TU", "WE", "TH")
ZONES = ("Asia/Kolkata", "America/New_York", "Africa/Nairobi", "Europe/Oslo")
ROUNDS = 20
MOST_MS = 100.0
"""What the answer to a blackout may take, in milliseconds."""
MANY, RECURRING = 20, 300
MOST_OF_MANY_MS = 5000.0
"""What the answer may take where a mentor has so many mentorships and recurring blackouts, far beyond the quotas."""


@dataclass(frozen=True)
class Timed:
    """Medians of a blackout's answer and of a slots request beside it, in milliseconds, and how many it hit.

    ``processor`` is what the answer takes of processor time. The ``mentorships`` have 50 booked occurrences each.
    """

    blackout: float
    processor: float
    slots: float
    hit: int
    mentorships: int
    most: float = MOST_MS


class Programme:
    """A mentor in Berlin with some mentorships, each booked weekly."""

    def __init__(self, app: Any, context: Context, key: str, mentorships: int = 4) -> None:
        self._app, self._key = app, key
        found = find_key(context, key)
        assert found is not None
        self.context, self.id = context, found.programme_id
        today = context.clock().date()
        self.monday = today + timedelta(days=14 - today.weekday())
        self.mentor = self._person("Greta", ZONE).id
        self.mentees, self.mentorships = [], []
        for number in range(mentorships):
            self.mentees.append(self._person(f"P{number}", ZONES[number % len(ZONES)]).id)
            self.mentorships.append(self._book(number))

    def decide(self, when_blocked: WhenBlocked) -> None:
        """Let all mentorships do that with blocked occurrences."""
        for one in self.mentorships:
            update_mentorship(self.context, self.id, one, {"when_blocked": when_blocked})

    def declare(self, person: str, first: date, days: int = 7, **more: Any) -> dict[str, Any]:
        """Declare a blackout over HTTP; return the answer."""
        last = first + timedelta(days=days - 1)
        body = {"kind": "exam", "title": "Finals", "first_day": str(first), "last_day": str(last)} | more
        return self.send("POST", f"/people/{person}/blackouts", body, "201 CREATED")

    def delete(self, person: str, blackout: str) -> None:
        """Delete a blackout over HTTP."""
        self.send("DELETE", f"/people/{person}/blackouts/{blackout}", None)

    def search(self) -> dict[str, Any]:
        """Search a week for slots of two people."""
        start, end = (datetime.combine(self.monday + timedelta(days=days), time(), UTC) for days in (0, 7))
        window = {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        attendees = [{"person": self.mentor}, {"person": self.mentees[0]}]
        return self.send("POST", "/slots", {"window": window, "duration": f"PT{LENGTH}M", "attendees": attendees})

    def send(self, method: str, path: str, body: Any, expected: str = "2") -> dict[str, Any]:
        """Send a request to the WSGI application; return the JSON of the answer, whose status begins as expected."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = Headers({"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"})
        if method != "POST":
            headers["If-Match"] = "*"
        environ = EnvironBuilder(f"/v1{path}", method=method, headers=headers).get_environ()
        statuses: list[str] = []
        environ |= {"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data))}
        parts = self._app(environ, lambda status, *_: statuses.append(status))
        answered = b"".join(parts)
        parts.close()
        if not statuses[0].startswith(expected):
            raise DifferentAnswers(f"{method} {path} is answered with {statuses[0]}: {answered.decode()}")
        found: dict[str, Any] = json.loads(answered) if answered else {}
        return found

    def _person(self, name: str, zone: str) -> Person:
        person = Person(new_id(), name, f"{name.lower()}@example.org", zone, None)
        return create_person(self.context, self.id, person)

    def _book(self, number: int) -> str:
        """Book a mentorship's 50 weeks, each at an hour of its own; return the mentorship's id."""
        ends = self.monday + timedelta(weeks=WEEKS + 2)
        mentorship = Mentorship(new_id(), self.mentor, self.mentees[number], ("Paper",), "", self.monday, ends)
        create_mentorship(self.context, self.id, mentorship)
        day, hour = number % len(WEEKDAYS), 9 + number // len(WEEKDAYS)
        first = datetime.combine(self.monday + timedelta(days=day), time(hour))  # a wall time
        starts = [LocalTime(first + timedelta(weeks=week), ZONE).instant for week in range(WEEKS)]
        expected = tuple(
            ExpectedOccurrence(Period(start, start + timedelta(minutes=LENGTH)), PlanStatus.CLEAR) for start in starts
        )
        series = Series(LocalTime(first, ZONE), WeeklyRule(1, (WEEKDAYS[day],), starts[-1]), LENGTH)
        book_cadence(self.context, self.id, mentorship.id, CadenceBooking(series, expected, Details()))
        return mentorship.id


def measure() -> dict[str, Timed]:
    """Measure the answers to blackouts, by what becomes of the occurrences."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (app, context, key):
        programme = Programme(app, context, key)
        found = {}
        for when_blocked in (WhenBlocked.ASK, WhenBlocked.MOVE):
            programme.decide(when_blocked)
            found[f"blackout_{when_blocked}"] = _timed(programme, ROUNDS)
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (app, context, key):
        programme = Programme(app, context, key, MANY)
        programme.decide(WhenBlocked.MOVE)
        _add_recurring(programme)
        found["blackout_of_many"] = replace(_timed(programme, 3), most=MOST_OF_MANY_MS)
    return found


def rows(found: dict[str, Timed]) -> list[Row]:
    """The rows of the table, with the slots request as ours and the blackout as the peer."""
    return [
        Row(name, Case(one.mentorships + 1, WEEKS, 1), "slots beside it", one.slots, one.blackout)
        for name, one in found.items()
    ]


def bars(found: dict[str, Timed]) -> list[Bar]:
    """The limits of what the answer to a blackout may take."""
    return [
        Bar(
            f"{name}: with {WEEKS * one.mentorships} booked occurrences of {one.mentorships} mentorships a blackout "
            f"that hits {one.hit} is answered in {one.blackout:.1f} ms, {one.blackout / one.slots:.1f} times a slots "
            f"request ({one.processor:.1f} ms of processor time; at most {one.most:.0f} ms)",
            one.blackout <= one.most,
        )
        for name, one in found.items()
    ]


def _timed(programme: Programme, rounds: int) -> Timed:
    declared: dict[str, Any] = {}
    blackouts, processor, slots, hit = [], [], [], 0

    def act(first: date) -> Callable[[], None]:
        return lambda: declared.update(programme.declare(programme.mentor, first))

    for number in range(-2, rounds):
        first = programme.monday + timedelta(weeks=2 * (number % 10) + 3)
        took, processed = spent(act(first))
        hit = _hit(programme)
        if hit != len(programme.mentorships):
            raise DifferentAnswers(f"the blackout of a week from {first} hits {hit} occurrences, not one a mentorship")
        programme.delete(programme.mentor, declared["id"])
        beside, _ = spent(programme.search)
        if number >= 0:
            blackouts.append(took)
            processor.append(processed)
            slots.append(beside)
    return Timed(median(blackouts), median(processor), median(slots), hit, len(programme.mentorships))


def _add_recurring(programme: Programme) -> None:
    """Store recurring blackouts of the mentor's weekends."""
    with programme.context.store.write() as tx:
        for number in range(RECURRING):
            day = programme.monday + timedelta(days=5 + number % 2 + 7 * (number % 40))
            rule = BlackoutRule(f"FREQ=WEEKLY;INTERVAL={1 + number % 4}")
            tx.blackouts.add(
                programme.id, programme.mentor, Blackout(BlackoutKind.OTHER, "Away", Days(day, day), rule=rule)
            )


def _hit(programme: Programme) -> int:
    with programme.context.store.read() as tx:
        meetings = [one.id for one in tx.meetings.list_for_person(programme.id, programme.mentor)]
        found = tx.conflicts.list_for_meetings(programme.id, meetings)
    return sum(one.is_open or one.returns for its in found.values() for one in its)


if __name__ == "__main__":
    measured = measure()
    for bar in bars(measured):
        print("met   " if bar.met else "missed", bar.text)
    sys.exit(not all(bar.met for bar in bars(measured)))
