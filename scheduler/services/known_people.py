"""What is known of stored people's time, loaded once and kept in memory for as long as it stays the same.

Each person in the database has a version that another one takes the place of whenever anything changes that is read
here, in the same transaction. A search reads the versions, and loads whoever is not kept under theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time

from scheduler.domain.availability.attendees import Attendee, Unknown
from scheduler.domain.programme.people import ConnectedCalendar
from scheduler.domain.search.bounded import BoundedCache
from scheduler.domain.search.freemasks import FreeMasks
from scheduler.domain.time.periods import Periods
from scheduler.domain.time.zones import FIRST_DATE, LAST_INSTANT
from scheduler.store import Store, Transaction

UNREAD = "the connected calendar has not been read recently enough"
"""Why somebody is unknown, where nothing more is known or may be said."""
MOST_BYTES = 32 << 20
ALWAYS = datetime.combine(FIRST_DATE, time(), UTC), LAST_INSTANT
"""The instants between which anything can be."""


@dataclass(frozen=True)
class KnownPerson:
    """A person as an attendee, and when each of their calendars was last read and what went wrong since.

    ``version`` is None where what was read may yet be undone: then nothing is to be kept under it.
    """

    attendee: Attendee
    readings: tuple[tuple[datetime | None, str | None], ...]
    version: str | None = None

    def as_of(self, oldest: datetime) -> Attendee:
        """The attendee, unknown if a calendar was last read before ``oldest``: by the one read longest ago."""
        stale = [(read_at, failure) for read_at, failure in self.readings if read_at is None or read_at < oldest]
        if not stale:
            return self.attendee
        read_at, failure = min(stale, key=lambda reading: reading[0] or datetime.min.replace(tzinfo=UTC))
        return replace(self.attendee, unknown=Unknown(failure or UNREAD, read_at))

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        busy = self.attendee.busy
        parts = len(self.attendee.blackouts) + len(self.attendee.meetings) + len(self.readings)
        return 2048 + busy.starts.nbytes + busy.ends.nbytes + 1024 * parts


@dataclass(frozen=True)
class Knowledge:
    """What one process keeps of people's time, each part up to so many bytes."""

    people: BoundedCache[str, KnownPerson] = field(default_factory=lambda: BoundedCache(MOST_BYTES))
    masks: FreeMasks = field(default_factory=FreeMasks)


def known_people(
    knowledge: Knowledge, store: Store, programme_id: str, ids: Collection[str]
) -> Mapping[str, KnownPerson]:
    """Those of the people that the programme has, by id, with all of their meetings whenever those are.

    What is read while something is being written is not kept. Raises StoreUnavailable, StatementRefused.
    """
    if not ids:
        return {}
    if store.is_writing:
        with store.read() as tx:
            return load_people(tx, programme_id, ids, *ALWAYS)
    kept = _kept(knowledge, store.lookups.availability_versions(programme_id, ids), ids)
    if len(kept) == len(ids):
        return kept
    with store.read() as tx:
        versions = tx.people.availability_versions(programme_id, ids)
        kept = _kept(knowledge, versions, ids)
        loaded = load_people(tx, programme_id, versions.keys() - kept.keys(), *ALWAYS)
    for person_id, person in loaded.items():
        kept[person_id] = replace(person, version=_named(person_id, versions[person_id]))
        knowledge.people.put(person_id, kept[person_id], person.size)
    return kept


def _kept(knowledge: Knowledge, versions: Mapping[str, str], ids: Collection[str]) -> dict[str, KnownPerson]:
    """Those of the people who are kept under these versions; who has none is forgotten."""
    found = {}
    for person_id in ids:
        kept = knowledge.people.get(person_id)
        if person_id not in versions:
            knowledge.people.forget(person_id)
        elif kept is not None and kept.version == _named(person_id, versions[person_id]):
            found[person_id] = kept
    return found


def _named(person_id: str, version: str) -> str:
    """The version with whose it is: those whom one change concerned have one version in common."""
    return f"{person_id} {version}"


def load_people(
    tx: Transaction,
    programme_id: str,
    ids: Iterable[str],
    start: datetime,
    end: datetime,
    except_meeting: str | None = None,
) -> dict[str, KnownPerson]:
    """Those of the people that the programme has, by id, in one query for each kind of thing.

    Of their meetings those that touch [start, end), without ``except_meeting``.
    """
    people = tx.people.known(programme_id, list(ids)) if ids else {}
    if not people:
        return {}
    meetings = tx.meetings.held_by(programme_id, list(people), start, end, except_meeting)
    blackouts = tx.blackouts.of_people(programme_id, list(people))
    calendars = tx.calendars.of_people(programme_id, list(people))
    return {
        person_id: KnownPerson(
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
            ),
            tuple(map(_reading, calendars[person_id])),
        )
        for person_id, person in people.items()
    }


def _reading(calendar: ConnectedCalendar) -> tuple[datetime | None, str | None]:
    return calendar.read_at, calendar.failure
