"""What an HTTP request adds to the engine's time: with inline attendees and their busy lists, and with stored people.

The application is the deployed one, with a SQLite store, an API key, the default limits and the log, called as a WSGI
server calls it. The time includes parsing the request, finding the key, reading the JSON, the search, writing the JSON
and the log line. It excludes the socket, which costs every service the same and varies more than what is measured.

The engine alone is `find_slots` with the same query. Requests and engine alternate in one process; the bars are about
the median of the differences of neighbours, by the wall clock and by processor time.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from benchmarks.inputs import BUSY_A_WEEK, DURATION, STEP, Case, slot_query
from benchmarks.runner import Bar, DifferentAnswers, Row
from scheduler.app import create_context, create_service
from scheduler.config.settings import Environment, Settings
from scheduler.domain.availability.attendees import Attendee, Blackout, Days
from scheduler.domain.programme.people import ConnectedCalendar, Person
from scheduler.domain.search.slot_search import SlotQuery
from scheduler.domain.search.slots import SlotAnswer, find_slots
from scheduler.domain.time.periods import Periods
from scheduler.logs import configure_logs
from scheduler.services.blackouts import BlackoutFields, create_blackout
from scheduler.services.people import create_person
from scheduler.services.ports import Context
from scheduler.services.programmes import create_programme, find_key
from scheduler.store import new_id

INLINE, STORED = "http_inline", "http_stored"
CASES = {INLINE: Case(5, 26), STORED: Case(10, 52)}
ROUNDS = 60
MOST_MS = {INLINE: 4.0, STORED: 1.5}
"""What a request may add to the engine alone, in milliseconds."""


@dataclass(frozen=True)
class Request:
    """A request that can be repeated, and the query that it comes to."""

    send: Callable[[], bytes]
    query: SlotQuery


@dataclass(frozen=True)
class Added:
    """Medians of the request, of the engine alone and of what the one adds to the other, in milliseconds."""

    request: float
    engine: float
    added: float
    added_processor: float


def measure() -> dict[str, Added]:
    """Measure what each kind of request adds. Raises DifferentAnswers, before any timing, if the answers differ."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (app, context, key):
        requests = {
            INLINE: _inline(app, key, slot_query(CASES[INLINE])),
            STORED: _stored(app, context, key, slot_query(CASES[STORED])),
        }
        for name, one in requests.items():
            _compare(name, one.send(), find_slots(one.query))
        return {name: _added(one) for name, one in requests.items()}


@contextmanager
def service(folder: Path) -> Iterator[tuple[Any, Context, str]]:
    """Yield the service on an empty database, its context and an API key; log lines are written to the null device."""
    settings = Settings(database_url=f"sqlite:///{folder / 'scheduler.db'}", environment=Environment.DEVELOPMENT)
    context = create_context(settings)
    context.store.migrate()
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        configure_logs(settings.log_format)
        yield create_service(settings, context), context, create_programme(context, "Measured")
    context.store.close()


def rows(found: dict[str, Added]) -> list[Row]:
    """The rows of the table, with the engine as ours and the request as the peer."""
    return [Row(name, CASES[name], "whole request", one.engine, one.request) for name, one in found.items()]


def bars(found: dict[str, Added]) -> list[Bar]:
    """The limits of what a request may add."""
    return [
        Bar(
            f"{name} {CASES[name]}: the request adds {one.added:.2f} ms to the engine's {one.engine:.2f} ms "
            f"({one.added_processor:.2f} ms of processor time; at most {MOST_MS[name]} ms)",
            bool(one.added <= MOST_MS[name]),
        )
        for name, one in found.items()
    ]


def _added(one: Request) -> Added:
    timed = []
    for _ in range(3):
        one.send()
        find_slots(one.query)
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        whole, alone = spent(one.send), spent(lambda: find_slots(one.query))
        timed.append((*whole, *alone))
    gc.unfreeze()
    wall, processor, engine, engine_processor = np.array(timed).T
    return Added(median(wall), median(engine), median(wall - engine), median(processor - engine_processor))


def spent(act: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the wall clock and of processor time."""
    wall, processor = time.perf_counter_ns(), time.process_time_ns()
    act()
    return (time.perf_counter_ns() - wall) / 1e6, (time.process_time_ns() - processor) / 1e6


def _compare(name: str, sent: bytes, expected: SlotAnswer) -> None:
    answered = json.loads(sent)
    theirs = [(slot["start"], slot["end"], slot["score"]) for slot in answered["slots"]]
    ours = [(_text(slot.period.start), _text(slot.period.end), slot.score) for slot in expected.slots]
    if not ours or (theirs, answered["total"]) != (ours, expected.total):
        raise DifferentAnswers(f"{name} {CASES[name]}: the request and the engine answer differently")


def _inline(app: Any, key: str, query: SlotQuery) -> Request:
    return Request(_sender(app, key, _question(query, [_written(one) for one in query.attendees])), query)


def _stored(app: Any, context: Context, key: str, query: SlotQuery) -> Request:
    """Store the same people, with half of their busy time in one calendar and half in another."""
    found = find_key(context, key)
    assert found is not None
    ids = []
    for number, one in enumerate(query.attendees):
        person = Person(new_id(), f"P{number}", f"p{number}@example.org", one.zone, one.hours, one.buffer)
        ids.append(create_person(context, found.programme_id, person).id)
        for blackout in one.blackouts:
            create_blackout(context, found.programme_id, person.id, BlackoutFields.of(blackout))
        for part in (slice(None, None, 2), slice(1, None, 2)):
            busy = Periods(one.busy.starts[part], one.busy.ends[part])
            _connect(context, found.programme_id, person.id, f"https://cal.example.org/{number}/{part.start}", busy)
    sender = _sender(app, key, _question(query, [{"person": person_id} for person_id in ids]))
    return Request(sender, query)


def _connect(context: Context, programme_id: str, person_id: str, url: str, busy: Periods) -> None:
    now = context.clock()
    with context.store.write() as tx:
        calendar = ConnectedCalendar(new_id(), person_id, url, "u", publish=False)
        tx.calendars.add(programme_id, calendar, "t", now, auto_schedule=False)  # it opens nothing
        tx.calendars.record_read(calendar.id, busy, now, now + context.stale_after)


def _question(query: SlotQuery, attendees: list[dict[str, Any]]) -> bytes:
    window = {"start": _text(query.window.start), "end": _text(query.window.end)}
    asked = {"window": window, "duration": f"PT{DURATION}M", "step": f"PT{STEP}M", "attendees": attendees}
    return json.dumps({**asked, "limit": query.limit}).encode()


def _written(one: Attendee) -> dict[str, Any]:
    """An attendee in JSON; busy periods are repeated to the number drawn, as some were merged."""
    busy = [{"start": _text(period.start), "end": _text(period.end)} for period in one.busy]
    hours = [{"days": entry.days, "start": _clock(entry.start), "end": _clock(entry.end)} for entry in one.hours or ()]
    return {
        "time_zone": one.zone,
        "working_hours": hours,
        "blackouts": [_away(blackout) for blackout in one.blackouts],
        "busy": (busy * 2)[: BUSY_A_WEEK * CASES[INLINE].weeks],
    }


def _away(blackout: Blackout) -> dict[str, Any]:
    span = blackout.span
    if isinstance(span, Days):
        return {"kind": blackout.kind.value, "first_day": str(span.first), "last_day": str(span.last)}
    return {"kind": blackout.kind.value, "start": _text(span.start), "end": _text(span.end)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _sender(app: Any, key: str, body: bytes) -> Callable[[], bytes]:
    headers = Headers({"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    environ = EnvironBuilder("/v1/slots", method="POST", headers=headers, data=body).get_environ()

    def send() -> bytes:
        statuses: list[str] = []
        parts = app({**environ, "wsgi.input": io.BytesIO(body)}, lambda status, *_: statuses.append(status))
        answered = b"".join(parts)
        parts.close()
        assert statuses == ["200 OK"], answered
        return answered

    return send


if __name__ == "__main__":
    measured = measure()
    for bar in bars(measured):
        print("met   " if bar.met else "missed", bar.text)
    sys.exit(not all(bar.met for bar in bars(measured)))
