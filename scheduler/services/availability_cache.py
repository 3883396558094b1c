"""Stored people's availability, loaded from the database and cached in memory by version.

Each person's row has a version. Every write that changes when the person is available replaces it in the same
transaction. A search reads the versions and loads only the people who are not cached under theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

from cachetools import LRUCache

from scheduler.domain.availability.attendees import Attendee, Unknown
from scheduler.domain.programme.people import CalendarState, Person
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.zones import FIRST_DATE, LAST_INSTANT
from scheduler.store import Store, Transaction

UNREAD = "the connected calendar has not been read recently enough"
"""Why a calendar is unknown, where no other reason is known or may be shown."""
MAX_BYTES = 32 << 20
ALWAYS = Period(datetime.combine(FIRST_DATE, time(), UTC), LAST_INSTANT)
"""All instants that a stored time can have."""


@dataclass(frozen=True)
class CachedPerson:
    """A person as an attendee, and when each connected calendar was last read, with the failure since then, if any."""

    attendee: Attendee
    readings: tuple[tuple[datetime | None, str | None], ...]

    def as_of(self, oldest: datetime) -> Attendee:
        """Return the attendee, unknown if a calendar was last read before ``oldest``.

        The reason is that of the calendar read longest ago.
        """
        stale = [(read_at, failure) for read_at, failure in self.readings if read_at is None or read_at < oldest]
        if not stale:
            return self.attendee
        read_at, failure = min(stale, key=lambda reading: reading[0] or datetime.min.replace(tzinfo=UTC))
        return replace(self.attendee, unknown=Unknown(failure or UNREAD, read_at))

    @property
    def size(self) -> int:
        """Roughly the bytes of memory that it takes."""
        busy = self.attendee.busy
        parts = len(self.attendee.blackouts) + len(self.attendee.meetings) + len(self.readings)
        return 2048 + busy.starts.nbytes + busy.ends.nbytes + 1024 * parts


class AvailabilityCache:
    """A process's cached people by id, at most ``max_bytes`` of them; the least recently used go first.

    Threads may share it. The values are shared too and must never be changed.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._people: LRUCache[str, tuple[str, CachedPerson]] = LRUCache(max_bytes, getsizeof=lambda kept: kept[1].size)
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Roughly the bytes of memory in use."""
        return int(self._people.currsize)

    def get(self, person_id: str, version: str) -> CachedPerson | None:
        """Return the person if they are cached under that version."""
        with self._lock:
            cached_version, person = self._people.get(person_id, (None, None))
        return person if cached_version == version else None

    def put(self, person_id: str, version: str, person: CachedPerson) -> None:
        """Cache a person under a version, in place of an earlier one."""
        if person.size <= self._people.maxsize:
            with self._lock:
                self._people[person_id] = version, person

    def remove(self, person_id: str) -> None:
        """Remove a person, if cached."""
        with self._lock:
            self._people.pop(person_id, None)

    def __contains__(self, person_id: str) -> bool:
        return person_id in self._people


def cached_people(
    cache: AvailabilityCache, store: Store, programme_id: str, ids: Collection[str]
) -> dict[str, CachedPerson]:
    """Return the programme's people among ``ids``, with all of their meetings.

    Inside a write transaction people are loaded and not cached, because the transaction may yet be rolled back.
    Raises StoreUnavailable, StatementRefused.
    """
    if not ids:
        return {}
    if store.is_writing:
        with store.read() as tx:
            return load_people(tx, programme_id, ids, ALWAYS)
    people = _find_cached(cache, store.lookups.availability_versions(programme_id, ids), ids)
    if len(people) == len(ids):
        return people
    with store.read() as tx:
        versions = tx.people.availability_versions(programme_id, ids)
        people = _find_cached(cache, versions, ids)
        loaded = load_people(tx, programme_id, versions.keys() - people.keys(), ALWAYS)
    for person_id, person in loaded.items():
        cache.put(person_id, versions[person_id], person)
    return people | loaded


def _find_cached(
    cache: AvailabilityCache, versions: Mapping[str, str], ids: Collection[str]
) -> dict[str, CachedPerson]:
    """Return the people cached under their versions; remove those without a version, who no longer exist."""
    found = {}
    for person_id in ids:
        if person_id not in versions:
            cache.remove(person_id)
        elif person := cache.get(person_id, versions[person_id]):
            found[person_id] = person
    return found


def load_people(
    tx: Transaction, programme_id: str, ids: Iterable[str], within: Period, except_meeting: str | None = None
) -> dict[str, CachedPerson]:
    """Load the programme's people among ``ids``, with one query for each kind of row.

    Of their meetings those that touch ``within``, without the meeting ``except_meeting``.
    """
    people = tx.people.find_many(programme_id, list(ids)) if ids else {}
    if not people:
        return {}
    meetings = tx.meetings.list_periods(programme_id, list(people), within.start, within.end, except_meeting)
    return _load(tx, programme_id, people, meetings)


def load_people_without_meetings(tx: Transaction, programme_id: str, ids: Collection[str]) -> dict[str, Attendee]:
    """Load the programme's people among ``ids`` with what they declared and what their calendars hold."""
    people = tx.people.find_many(programme_id, list(ids))
    loaded = _load(tx, programme_id, people, dict.fromkeys(people, ())) if people else {}
    return {person_id: person.attendee for person_id, person in loaded.items()}


def _load(
    tx: Transaction, programme_id: str, people: Mapping[str, Person], meetings: Mapping[str, tuple[Period, ...]]
) -> dict[str, CachedPerson]:
    blackouts = tx.blackouts.list_for_people(programme_id, list(people))
    calendars = tx.calendars.list_for_people(programme_id, list(people))
    return {
        person_id: CachedPerson(
            Attendee(
                zone=person.time_zone,
                hours=person.working_hours,
                blackouts=tuple(stored.blackout for stored in blackouts[person_id]),
                busy=Periods.union(Periods.of(meetings[person_id]), *(one.busy for one in calendars[person_id])),
                buffer=person.buffer,
                name=person.name,
                travel=person.travel,
                meetings=meetings[person_id],
                at_most_per_day=person.at_most_per_day,
                at_most_per_week=person.at_most_per_week,
                preferred_hours=person.preferred_hours,
                id=person_id,
            ),
            tuple(
                (calendar.read_at, calendar.failure)
                for calendar in calendars[person_id]
                if calendar.state is CalendarState.CONNECTED
            ),
        )
        for person_id, person in people.items()
    }
