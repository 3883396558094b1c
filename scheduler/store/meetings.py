"""Meetings with their occurrences and guests, as one value each.

The people's names, emails and zones and the mentorship's goals are joined when a meeting is loaded, never
stored with it. Any number of meetings is read in three queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, or_, select

from scheduler.domain.programme.meetings import Meeting, MeetingStatus, OccurrenceStatus
from scheduler.domain.search.replanning import DEFAULT_TERMS, PlanTerms
from scheduler.domain.time.periods import Period
from scheduler.errors import NotFound
from scheduler.store import meeting_rows
from scheduler.store.rows import Position, Repository, build, by_age, check_found, in_programme, new_id, values_of
from scheduler.store.tables import guests, meetings, mentorships, occurrences, people

_MENTOR = people.alias("mentor")
_MENTEE = people.alias("mentee")
_TAKES_PLACE = (OccurrenceStatus.SCHEDULED, OccurrenceStatus.MOVED)


@dataclass(frozen=True)
class StoredMeeting:
    """A meeting with its id, its mentorship and two people: the mentor organizes, the mentee attends.

    ``own_title`` None: ``meeting.title`` is the default title, which follows the people's names. ``terms`` are what it
    was planned with, ``replaces`` the id of the series in whose place it was booked.
    """

    id: str
    mentorship_id: str
    mentor_id: str
    mentee_id: str
    own_title: str | None
    meeting: Meeting
    terms: PlanTerms = DEFAULT_TERMS
    replaces: str | None = None


@dataclass(frozen=True)
class Participants:
    """The people of a meeting: the ids of its two, and the emails of its guests."""

    meeting_id: str
    mentor_id: str
    mentee_id: str
    emails: frozenset[str]


@dataclass(frozen=True)
class MentorshipOccurrence:
    """When an occurrence takes place or took place, with its meeting, mentorship and two people."""

    meeting_id: str
    mentorship_id: str
    mentor_id: str
    mentee_id: str
    period: Period


class Meetings(Repository):
    """Methods raise NotFound for what the programme does not have, unless they say otherwise."""

    def add(
        self,
        programme_id: str,
        mentorship_id: str,
        meeting: Meeting,
        *,
        own_title: str | None = None,
        terms: PlanTerms = DEFAULT_TERMS,
        replaces: str | None = None,
    ) -> str:
        """Store a new meeting; return its id. Its organizer, attendee, goals and title are not stored with it."""
        query = select(mentorships.c.mentor_id, mentorships.c.mentee_id)
        pair = self._get(
            query.where(in_programme(mentorships, programme_id, mentorship_id)), "mentorship", mentorship_id
        )
        self._renew_availability(programme_id, pair)
        people = pair.mentor_id, pair.mentee_id
        stored = StoredMeeting(new_id(), mentorship_id, *people, own_title, meeting, terms, replaces)
        self._insert(meetings, id=stored.id, programme_id=programme_id, **_values(stored))
        self._insert_all(occurrences, meeting_rows.occurrence_rows(stored.id, meeting.occurrences))
        self._insert_all(guests, meeting_rows.guest_rows(stored.id, meeting))
        return stored.id

    def get(self, programme_id: str, meeting_id: str, *, lock: bool = False) -> StoredMeeting:
        """The meeting of that id, with ``lock`` locked until the transaction ends."""
        if lock:
            return self.lock(programme_id, [meeting_id])[0]
        found = self._load(in_programme(meetings, programme_id, meeting_id))
        if not found:
            raise NotFound("meeting", meeting_id)
        return found[0]

    def lock(self, programme_id: str, ids: Collection[str]) -> list[StoredMeeting]:
        """Lock the meetings of those ids until the transaction ends; return them, the first booked first.

        They are locked in the order of their ids, and read after that.
        """
        return self._load(meetings.c.id.in_(self.lock_rows(programme_id, ids)))

    def lock_rows(self, programme_id: str, ids: Collection[str]) -> set[str]:
        """Lock the meetings of those ids as `lock` does, without reading them; return the ids."""
        ours = (meetings.c.programme_id == programme_id) & meetings.c.id.in_(set(ids))
        locked = self._lock_rows(meetings, ours)
        check_found("meeting", ids, locked)
        return locked

    def update(self, programme_id: str, stored: StoredMeeting, was: Meeting | None = None) -> None:
        """Store a changed meeting with its occurrences and guests; of those in ``was``, what is stored, the changed."""
        self._renew_availability(programme_id, [stored.mentor_id, stored.mentee_id])
        here = in_programme(meetings, programme_id, stored.id)
        self._change_one(meetings.update().where(here).values(_values(stored)), "meeting", stored.id)
        there = set(was.occurrences) if was else set()
        changed = [one for one in stored.meeting.occurrences if one not in there]
        ours = occurrences.c.meeting_id == stored.id
        if was is not None:
            ours &= occurrences.c.recurrence_id.in_([one.recurrence_id.wall for one in changed])
        self._connection.execute(occurrences.delete().where(ours))
        self._insert_all(occurrences, meeting_rows.occurrence_rows(stored.id, changed))
        if was is None or was.guests != stored.meeting.guests:
            self._connection.execute(guests.delete().where(guests.c.meeting_id == stored.id))
            self._insert_all(guests, meeting_rows.guest_rows(stored.id, stored.meeting))

    def list_for_mentorship(self, programme_id: str, mentorship_id: str) -> list[StoredMeeting]:
        """The mentorship's meetings, the first booked first."""
        return self._load(self._of_mentorship(programme_id, mentorship_id))

    def list_page(
        self, programme_id: str, mentorship_id: str, after: Position | None, limit: int
    ) -> list[tuple[Position, StoredMeeting]]:
        """At most ``limit`` of the mentorship's meetings after a position (None: from the first booked on)."""
        found = self._load(self._of_mentorship(programme_id, mentorship_id), after, limit)
        return [((stored.meeting.created_at.isoformat(), stored.id), stored) for stored in found]

    def count(self, programme_id: str, mentorship_id: str) -> int:
        """The number of the mentorship's meetings (series and single ones), cancelled ones too."""
        ours = (meetings.c.programme_id == programme_id) & (meetings.c.mentorship_id == mentorship_id)
        return self._count(meetings, ours)

    def list_for_person(self, programme_id: str, person_id: str) -> list[StoredMeeting]:
        """The meetings in which the person is mentor or mentee, the first booked first."""
        self._require_people(programme_id, [person_id])
        theirs = (meetings.c.mentor_id == person_id) | (meetings.c.mentee_id == person_id)
        return self._load((meetings.c.programme_id == programme_id) & theirs)

    def find_many(self, programme_id: str, ids: Collection[str]) -> dict[str, StoredMeeting]:
        """The programme's meetings among ``ids``, by their id."""
        ours = (meetings.c.programme_id == programme_id) & meetings.c.id.in_(set(ids))
        return {stored.id: stored for stored in self._load(ours)}

    def list_for_guest(self, programme_id: str, email: str) -> list[StoredMeeting]:
        """The meetings to which an email is invited as a guest, whatever its case; none for an unknown email."""
        invited = select(guests.c.meeting_id).where(guests.c.email_key == email.casefold())
        return self._load((meetings.c.programme_id == programme_id) & meetings.c.id.in_(invited))

    def list_participants(self, programme_id: str, person_id: str, email: str) -> list[Participants]:
        """Who is in the meetings in which a person is mentor, mentee or, by their email, a guest; none for others."""
        invited = select(guests.c.meeting_id).where(guests.c.email_key == email.casefold())
        theirs = or_(meetings.c.mentor_id == person_id, meetings.c.mentee_id == person_id, meetings.c.id.in_(invited))
        query = select(meetings.c.id, meetings.c.mentor_id, meetings.c.mentee_id)
        query = query.where(meetings.c.programme_id == programme_id, theirs).order_by(meetings.c.id)
        rows = self._connection.execute(query).all()
        emails: dict[str, set[str]] = defaultdict(set)
        of_these = guests.c.meeting_id.in_([row.id for row in rows]) & guests.c.email.is_not(None)
        for guest in self._connection.execute(select(guests.c.meeting_id, guests.c.email).where(of_these)):
            emails[guest.meeting_id].add(guest.email)
        return [Participants(row.id, row.mentor_id, row.mentee_id, frozenset(emails[row.id])) for row in rows]

    def list_periods(
        self,
        programme_id: str,
        person_ids: Collection[str],
        start: datetime,
        end: datetime,
        except_meeting: str | None = None,
    ) -> dict[str, tuple[Period, ...]]:
        """Each person's meeting times that overlap [start, end) (UTC instants), whole and in order.

        Someone who is not in the programme has none.
        """
        ids = set(person_ids)
        overlaps = (occurrences.c.start_at < end) & (occurrences.c.end_at > start)
        query = _taking_place(programme_id, ids).where(overlaps)
        if except_meeting is not None:
            query = query.where(meetings.c.id != except_meeting)
        taken: dict[str, list[Period]] = {person_id: [] for person_id in person_ids}
        for row in self._connection.execute(query):
            period = Period(row.start_at, row.end_at)
            for person_id in ids & {row.mentor_id, row.mentee_id}:
                taken[person_id].append(period)
        by_time = attrgetter("start", "end")
        return {person_id: tuple(sorted(periods, key=by_time)) for person_id, periods in taken.items()}

    def list_occurrences(
        self, programme_id: str, person_ids: Collection[str], after: datetime | None = None
    ) -> list[MentorshipOccurrence]:
        """Every occurrence that takes place with any of the people, in the order of starts.

        With ``after`` those that end later than this instant, else all, past ones too. Someone who is not in the
        programme has none.
        """
        query = _taking_place(programme_id, set(person_ids)).order_by(occurrences.c.start_at, meetings.c.id)
        if after is not None:
            query = query.where(occurrences.c.end_at > after)
        return [
            build(MentorshipOccurrence, row, period=Period(row.start_at, row.end_at))
            for row in self._connection.execute(query)
        ]

    def list_with_other_tz_database(self, tz_database: str) -> list[tuple[str, str]]:
        """The confirmed meetings of all programmes whose UTC times come from another release of the tz database.

        Returns: each one's programme id and its own id.
        """
        stale = (meetings.c.tz_database != tz_database) & (meetings.c.status == MeetingStatus.CONFIRMED)
        query = by_age(select(meetings.c.programme_id, meetings.c.id).where(stale), meetings)
        return [(row.programme_id, row.id) for row in self._connection.execute(query)]

    def _insert_all(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(table.insert(), rows)

    def _of_mentorship(self, programme_id: str, mentorship_id: str) -> ColumnElement[bool]:
        query = select(mentorships.c.id).where(in_programme(mentorships, programme_id, mentorship_id))
        self._get(query, "mentorship", mentorship_id)
        return (meetings.c.mentorship_id == mentorship_id) & (meetings.c.programme_id == programme_id)

    def _load(
        self, condition: ColumnElement[bool], after: Position | None = None, limit: int | None = None
    ) -> list[StoredMeeting]:
        rows = self._connection.execute(by_age(_with_people().where(condition), meetings, after, limit)).all()
        if not rows:
            return []
        ids = [row.id for row in rows]
        happening, invited = self._load_parts(occurrences, ids), self._load_parts(guests, ids)
        return [
            build(
                StoredMeeting,
                row,
                own_title=row.title,
                terms=row.terms or DEFAULT_TERMS,
                meeting=meeting_rows.build_meeting(row, happening[row.id], invited[row.id]),
            )
            for row in rows
        ]

    def _load_parts(self, table: Table, meeting_ids: Collection[str]) -> dict[str, list[Row[Any]]]:
        """The rows of a table of meetings' parts, by the meeting's id and in the order of the primary key."""
        query = select(table).where(table.c.meeting_id.in_(meeting_ids)).order_by(*table.primary_key)
        groups: dict[str, list[Row[Any]]] = defaultdict(list)
        for row in self._connection.execute(query):
            groups[row.meeting_id].append(row)
        return groups


def _values(stored: StoredMeeting) -> dict[str, Any]:
    values = values_of(stored, meetings) | meeting_rows.meeting_values(stored.meeting)
    return values | {"title": stored.own_title}


def _taking_place(programme_id: str, person_ids: set[str]) -> Select[Any]:
    """The occurrences that take place with any of the people as mentor or mentee."""
    return (
        select(
            meetings.c.id.label("meeting_id"),
            meetings.c.mentorship_id,
            meetings.c.mentor_id,
            meetings.c.mentee_id,
            occurrences.c.start_at,
            occurrences.c.end_at,
        )
        .join(occurrences, occurrences.c.meeting_id == meetings.c.id)
        .where(
            meetings.c.programme_id == programme_id,
            or_(meetings.c.mentor_id.in_(person_ids), meetings.c.mentee_id.in_(person_ids)),
            meetings.c.status == MeetingStatus.CONFIRMED,
            occurrences.c.status.in_(_TAKES_PLACE),
        )
    )


def _with_people() -> Select[Any]:
    return (
        select(
            meetings,
            mentorships.c.goals,
            *meeting_rows.party_columns(_MENTOR),
            *meeting_rows.party_columns(_MENTEE),
        )
        .join(mentorships, mentorships.c.id == meetings.c.mentorship_id)
        .join(_MENTOR, _MENTOR.c.id == meetings.c.mentor_id)
        .join(_MENTEE, _MENTEE.c.id == meetings.c.mentee_id)
    )
