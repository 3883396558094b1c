"""Conflicts of occurrences, one row an occurrence, and the people whose meetings are to be checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, Table, Tuple, case, literal, or_, select, tuple_, union_all, update

from scheduler.domain.programme.conflicts import Conflict, Resolution
from scheduler.domain.time.periods import Period
from scheduler.domain.time.zones import LocalTime
from scheduler.store.rows import Position, Repository, build, in_programme, values_of
from scheduler.store.servers import numbered
from scheduler.store.tables import conflicts, meetings, mentorships, people
from scheduler.store.types import UTCDateTime, WallTime

MOST_BEGUN = 500
PAGE = 500
"""Among how many of those who have waited longest programmes take turns."""


@dataclass(frozen=True)
class StoredConflict:
    """A conflict with its meeting, mentorship and two people."""

    meeting_id: str
    mentorship_id: str
    mentor_id: str
    mentee_id: str
    conflict: Conflict


@dataclass(frozen=True)
class Reservation:
    """Where an occurrence of a meeting goes back to by itself, and its two people."""

    meeting_id: str
    mentor_id: str
    mentee_id: str
    period: Period


@dataclass(frozen=True)
class ConflictsOf:
    """Whose conflicts: those of one meeting, of a mentorship's meetings, or of a person's."""

    noun: Literal["meeting", "mentorship", "person"]
    id: str

    @property
    def table(self) -> Table:
        """The table of what the id names."""
        return {"meeting": meetings, "mentorship": mentorships, "person": people}[self.noun]

    @property
    def condition(self) -> ColumnElement[bool]:
        """The condition for the meetings."""
        match self.noun:
            case "meeting":
                return meetings.c.id == self.id
            case "mentorship":
                return meetings.c.mentorship_id == self.id
            case "person":
                return _of_any([self.id])


class Conflicts(Repository):
    """Methods that name a programme find nothing of other programmes."""

    def put(self, programme_id: str, meeting_id: str, changed: Iterable[Conflict]) -> None:
        """Store conflicts of a meeting, each in place of an earlier one of its occurrence. Raises NotFound."""
        self._get(select(meetings.c.id).where(in_programme(meetings, programme_id, meeting_id)), "meeting", meeting_id)
        rows = [_values(one) | {"programme_id": programme_id, "meeting_id": meeting_id} for one in changed]
        if rows:
            walls = [row["recurrence_id"] for row in rows]
            here = (conflicts.c.meeting_id == meeting_id) & conflicts.c.recurrence_id.in_(walls)
            self._connection.execute(conflicts.delete().where(here))
            self._connection.execute(conflicts.insert(), rows)

    def list_for_meetings(self, programme_id: str, meeting_ids: Collection[str]) -> dict[str, list[Conflict]]:
        """Return the conflicts of meetings by the meeting's id, in the order of their times."""
        found: dict[str, list[Conflict]] = defaultdict(list)
        if meeting_ids:
            for stored in self._list_where(programme_id, meetings.c.id.in_(meeting_ids)):
                found[stored.meeting_id].append(stored.conflict)
        return found

    def list_page(
        self,
        programme_id: str,
        where: ConflictsOf,
        now: datetime,
        resolution: Resolution | None = None,
        after: Position | None = None,
        limit: int | None = None,
    ) -> list[tuple[Position, StoredConflict]]:
        """Return at most ``limit`` conflicts of a meeting, mentorship or person after a position, as of an instant.

        Open ones come first, then by time. Raises NotFound.
        """
        if where.noun == "person":
            self._require_people(programme_id, [where.id])
        else:
            there = in_programme(where.table, programme_id, where.id)
            self._get(select(where.table.c.id).where(there), where.noun, where.id)
        is_open = (conflicts.c.resolution == Resolution.OPEN) & (conflicts.c.start_at > now)
        rank = case((is_open, 0), else_=1)
        query = _with_meetings(programme_id, where.condition)
        match resolution:
            case Resolution.OPEN:
                query = query.where(is_open)
            case Resolution.LAPSED:
                has_begun = (conflicts.c.resolution == Resolution.OPEN) & (conflicts.c.start_at <= now)
                query = query.where((conflicts.c.resolution == Resolution.LAPSED) | has_begun)
            case Resolution():
                query = query.where(conflicts.c.resolution == resolution)
        keys = (rank, conflicts.c.start_at, conflicts.c.meeting_id, conflicts.c.recurrence_id)
        if after is not None:
            query = query.where(tuple_(*keys) > _read_position(after))
        found = [
            build(StoredConflict, row, conflict=_conflict(row).as_of(now))
            for row in self._connection.execute(query.order_by(*keys).limit(limit))
        ]
        return [(_position(one), one) for one in found]

    def _list_where(self, programme_id: str, condition: ColumnElement[bool]) -> list[StoredConflict]:
        query = _with_meetings(programme_id, condition).order_by(conflicts.c.start_at, conflicts.c.recurrence_id)
        return [build(StoredConflict, row, conflict=_conflict(row)) for row in self._connection.execute(query)]

    def forget_person(self, programme_id: str, person_id: str) -> None:
        """Delete what the conflicts of somebody's meetings say about them."""
        for stored in self._list_where(programme_id, _of_any([person_id])):
            left = stored.conflict.without_person(person_id)
            if left != stored.conflict:
                self.put(programme_id, stored.meeting_id, [left])

    def list_reservations(self, programme_id: str, person_ids: Collection[str]) -> list[Reservation]:
        """Return where occurrences of these people's meetings go back to by themselves."""
        query = (
            select(meetings.c.mentor_id, meetings.c.mentee_id, conflicts)
            .join(meetings, meetings.c.id == conflicts.c.meeting_id)
            .where(meetings.c.programme_id == programme_id, _of_any(person_ids), conflicts.c.returns)
        )
        found = []
        for row in self._connection.execute(query):
            period = Period(row.former, row.former + (row.end_at - row.start_at))
            found.append(build(Reservation, row, period=period))
        return found

    def mark_due(self, programme_id: str, person_ids: Collection[str], now: datetime) -> None:
        """Have a worker check these people's meetings."""
        theirs = (people.c.programme_id == programme_id) & people.c.id.in_(person_ids) & people.c.erased_at.is_(None)
        self._connection.execute(update(people).where(theirs).values(check_due_at=now))

    def mark_returning_due(self, programme_id: str, person_ids: Collection[str], now: datetime) -> None:
        """Have a worker check those of these people who have an occurrence that goes back by itself."""
        due = {
            person_id
            for one in self.list_reservations(programme_id, person_ids)
            for person_id in (one.mentor_id, one.mentee_id)
        }
        if due:
            self.mark_due(programme_id, due & set(person_ids), now)

    def mark_begun_due(self, now: datetime) -> None:
        """Have a worker check the people of open conflicts whose occurrences have begun, ``MOST_BEGUN`` at a time.

        Of each, the mentor, or the mentee once the mentor is erased. Whoever is locked is being changed, and left to
        the next time: nobody waits, so nothing deadlocks.
        """
        mentors = people.alias()
        begun = (
            select(case((mentors.c.erased_at.is_(None), meetings.c.mentor_id), else_=meetings.c.mentee_id))
            .join(conflicts, conflicts.c.meeting_id == meetings.c.id)
            .join(mentors, mentors.c.id == meetings.c.mentor_id)
            .where(conflicts.c.resolution == Resolution.OPEN, conflicts.c.start_at <= now)
        )
        query = (
            select(people.c.id)
            .where(people.c.id.in_(begun), people.c.check_due_at.is_(None), people.c.erased_at.is_(None))
            .limit(MOST_BEGUN)
            .with_for_update(key_share=True, skip_locked=True)
        )
        due = self._connection.scalars(query).all()
        if due:
            self._connection.execute(update(people).where(people.c.id.in_(due)).values(check_due_at=now))

    def find_due(self, now: datetime, longest: timedelta, limit: int) -> list[tuple[str, str]]:
        """Return at most ``limit`` people whose meetings are to be checked: their programme's id and their own.

        Of the ``PAGE`` who have waited longest, they come in turns among programmes. Nobody waits for longer than
        ``longest``: a time further ahead was written by a wrong clock.
        """
        # Each of the conditions by itself is a range of the index, however many people there are.
        pages = [
            select(people.c.programme_id, people.c.id, people.c.check_due_at)
            .where(condition, people.c.erased_at.is_(None))
            .order_by(people.c.check_due_at)
            .limit(PAGE)
            .subquery()
            for condition in _due_ranges(now, longest)
        ]
        due = union_all(*map(select, pages)).subquery()
        in_turns = numbered("turn", due, ("programme_id",), ("check_due_at", "id"))
        query = (
            select(in_turns.c.programme_id, in_turns.c.id)
            .order_by(in_turns.c.turn, in_turns.c.check_due_at, in_turns.c.id)
            .limit(limit)
        )
        return [(row.programme_id, row.id) for row in self._connection.execute(query)]

    def is_due(self, programme_id: str, person_id: str, now: datetime, longest: timedelta) -> bool:
        """Whether a person's meetings are to be checked."""
        this = in_programme(people, programme_id, person_id)
        return self._connection.scalar(select(people.c.id).where(this, or_(*_due_ranges(now, longest)))) is not None

    def postpone(self, programme_id: str, person_id: str, until: datetime) -> None:
        """Have a worker check a person's meetings later, if they are to be checked at all."""
        waiting = in_programme(people, programme_id, person_id) & people.c.check_due_at.is_not(None)
        self._connection.execute(update(people).where(waiting).values(check_due_at=until))

    def mark_checked(self, programme_id: str, person_id: str) -> None:
        """Record that a person's meetings are checked."""
        this = (people.c.programme_id == programme_id) & (people.c.id == person_id)
        self._connection.execute(update(people).where(this).values(check_due_at=None))


def _due_ranges(now: datetime, longest: timedelta) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The two conditions, of which one holds for people whose meetings are to be checked."""
    return people.c.check_due_at <= now, people.c.check_due_at > now + longest


def _with_meetings(programme_id: str, condition: ColumnElement[bool]) -> Select[Any]:
    """The query for conflicts, each with what a `StoredConflict` says of its meeting."""
    columns = (meetings.c.mentorship_id, meetings.c.mentor_id, meetings.c.mentee_id, meetings.c.time_zone)
    return (
        select(conflicts, *columns)
        .join(meetings, meetings.c.id == conflicts.c.meeting_id)
        .where(meetings.c.programme_id == programme_id, condition)
    )


def _position(stored: StoredConflict) -> Position:
    conflict = stored.conflict
    rank = 0 if conflict.is_open else 1
    wall = conflict.recurrence_id.wall
    return f"{rank} {conflict.period.start.isoformat()}", f"{stored.meeting_id} {wall.isoformat()}"


def _read_position(position: Position) -> Tuple:
    """The values that a conflict's position stands for, in the order of the list's keys."""
    (rank, start), (meeting_id, wall) = (part.split(" ") for part in position)
    return tuple_(
        literal(int(rank)),
        literal(datetime.fromisoformat(start), UTCDateTime),
        literal(meeting_id),
        literal(datetime.fromisoformat(wall), WallTime),
    )


def _of_any(person_ids: Collection[str]) -> ColumnElement[bool]:
    """The condition for meetings with any of the people as mentor or mentee."""
    return or_(meetings.c.mentor_id.in_(person_ids), meetings.c.mentee_id.in_(person_ids))


def _values(conflict: Conflict) -> dict[str, Any]:
    moved_to = conflict.moved_to
    return values_of(conflict, conflicts) | {
        "recurrence_id": conflict.recurrence_id.wall,
        "recurrence_id_fold": conflict.recurrence_id.fold,
        "start_at": conflict.period.start,
        "end_at": conflict.period.end,
        "moved_start_at": moved_to and moved_to.start,
        "moved_end_at": moved_to and moved_to.end,
    }


def _conflict(row: Row[Any]) -> Conflict:
    moved_to = None if row.moved_start_at is None else Period(row.moved_start_at, row.moved_end_at)
    return build(
        Conflict,
        row,
        recurrence_id=LocalTime(row.recurrence_id, row.time_zone, row.recurrence_id_fold),
        period=Period(row.start_at, row.end_at),
        moved_to=moved_to,
    )
