"""The coming time of some meetings' people, loaded once, and changed as their meetings are changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from operator import attrgetter

from scheduler.domain.availability.attendees import Attendee, Days
from scheduler.domain.programme.conflicts import Conflict
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.search.constraints import DeclaredTime
from scheduler.domain.search.replanning import SeriesPlaces
from scheduler.domain.time.periods import Period, Periods
from scheduler.domain.time.units import DAY, wall_midnight
from scheduler.domain.time.zones import local_time
from scheduler.services.attendees import MARGIN
from scheduler.services.availability_cache import load_people_without_meetings
from scheduler.store import Reservation, StoredMeeting, Transaction


@dataclass(frozen=True)
class Held:
    """A time that a meeting holds for its two people."""

    meeting_id: str
    people: frozenset[str]
    period: Period


class Schedule:
    """The people of some meetings: what they declared, what their calendars hold, and all their coming meetings."""

    def __init__(self, people: dict[str, Attendee], held: list[Held], reserved: list[Held], now: datetime) -> None:
        self._people = people
        self._held = held
        self._reserved = reserved
        self._now = now
        self._declared = DeclaredTime((0, 0))

    def update(self, stored: StoredMeeting, reserved: Iterable[Period]) -> None:
        """Take over what a meeting holds, and where its occurrences go back to."""
        people = frozenset({stored.mentor_id, stored.mentee_id})
        self._held = [one for one in self._held if one.meeting_id != stored.id]
        self._held += [Held(stored.id, people, period) for period in stored.meeting.busy]
        self._reserved = [one for one in self._reserved if one.meeting_id != stored.id]
        self.reserve(stored, reserved)

    def reserve(self, stored: StoredMeeting, periods: Iterable[Period]) -> None:
        """Have no other meeting of a meeting's two people move to these periods."""
        people = frozenset({stored.mentor_id, stored.mentee_id})
        self._reserved += [Held(stored.id, people, period) for period in periods]

    def places(self, stored: StoredMeeting, mentorship: Mentorship, conflicts: Iterable[Conflict]) -> SeriesPlaces:
        """Return when the people of a meeting can have its occurrences; ``conflicts`` tell where these were before."""
        meeting, terms = stored.meeting, stored.terms
        agreed = Days(mentorship.starts_on, mentorship.ends_on)
        dates = terms.dates or agreed
        today = local_time(self._now, meeting.series.time_zone).wall.date()
        present = self._attendees(stored, self._held)
        future = self._attendees(stored, self._held + self._reserved) if self._is_reserved(stored) else present
        first, last = max(agreed.first, dates.first, today), min(agreed.last, dates.last)
        coming = _dates_of(stored, conflicts, today)
        declared = self._declared_until(max(coming.last, last))
        return SeriesPlaces(
            terms.planner(present, meeting.series, coming, declared),
            terms.planner(future, meeting.series, Days(first, last), declared) if first <= last else None,
            agreed,
            terms.elsewhere,
        )

    def _declared_until(self, last: date) -> DeclaredTime:
        """Return what the people declared, from before today until after that date on every clock."""
        end = wall_midnight(last) + 4 * DAY
        if end > self._declared.span[1]:
            self._declared = DeclaredTime((wall_midnight(self._now.date()) - 2 * DAY, end))
        return self._declared

    def _is_reserved(self, stored: StoredMeeting) -> bool:
        people = {stored.mentor_id, stored.mentee_id}
        return any(one.meeting_id != stored.id and one.people & people for one in self._reserved)

    def _attendees(self, stored: StoredMeeting, held: Sequence[Held]) -> tuple[Attendee, ...]:
        return tuple(
            self._attendee(person_id, [one for one in held if one.meeting_id != stored.id and person_id in one.people])
            for person_id in (stored.mentor_id, stored.mentee_id)
        )

    def _attendee(self, person_id: str, held: Sequence[Held]) -> Attendee:
        person = self._people[person_id]
        # By a key, because comparing periods themselves calls Python for each pair.
        meetings = tuple(sorted((one.period for one in held), key=attrgetter("start", "end")))
        return replace(person, meetings=meetings, busy=Periods.union(person.busy, Periods.of(meetings)))


def load_schedule(tx: Transaction, programme_id: str, meetings: Iterable[StoredMeeting], now: datetime) -> Schedule:
    """Load the schedule of the people of some meetings. Erased people have no time for meetings any more."""
    ids = sorted({person_id for stored in meetings for person_id in (stored.mentor_id, stored.mentee_id)})
    taking_place = tx.meetings.list_occurrences(programme_id, ids, now - MARGIN)
    held = [Held(one.meeting_id, frozenset({one.mentor_id, one.mentee_id}), one.period) for one in taking_place]
    reserved = [_held(one) for one in tx.conflicts.list_reservations(programme_id, ids)]
    people = {person_id: Attendee("UTC", hours=(), id=person_id) for person_id in ids}
    return Schedule(people | load_people_without_meetings(tx, programme_id, ids), held, reserved, now)


def _held(reservation: Reservation) -> Held:
    people = frozenset({reservation.mentor_id, reservation.mentee_id})
    return Held(reservation.meeting_id, people, reservation.period)


def _dates_of(stored: StoredMeeting, conflicts: Iterable[Conflict], today: date) -> Days:
    """Return the dates from today that include all coming occurrences of a meeting, nominal, moved and former."""
    series = stored.meeting.series
    days = [today]
    days += [local_time(one.former, series.time_zone).wall.date() for one in conflicts if one.former is not None]
    for one in stored.meeting.occurrences:
        days += [one.recurrence_id.wall.date(), local_time(one.period.start, series.time_zone).wall.date()]
    return Days(today, max(days) + timedelta(days=1))
