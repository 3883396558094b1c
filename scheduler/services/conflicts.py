"""Conflicts of booked occurrences: listed with what can be done about each, and decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from scheduler.domain.availability.obstacles import Obstacle
from scheduler.domain.programme.api_keys import RESTRICTED, Viewer
from scheduler.domain.programme.changes import Change, ChangeType, change_of_decision
from scheduler.domain.programme.conflicts import (
    Conflict,
    FormerTimeOver,
    NothingToDecide,
    NothingToRestore,
    Resolution,
)
from scheduler.domain.programme.meetings import (
    MeetingCancelled,
    MeetingStatus,
    Occurrence,
    OccurrenceStatus,
    mark_conflicts,
    place_occurrences,
)
from scheduler.domain.time.zones import local_time
from scheduler.errors import InvalidFields, Refused
from scheduler.services.booking import check_day, read_start
from scheduler.services.locking import lock_meeting
from scheduler.services.meetings import move_occurrence
from scheduler.services.offering import OfferedConflict, may_move, offer
from scheduler.services.ports import Context
from scheduler.services.publishing import log_changes, publish_change
from scheduler.services.schedules import load_schedule
from scheduler.store import ConflictsOf, Position, StoredMeeting, Transaction


class KeepNotAllowed(Refused):
    """A decision to meet in spite of a blackout, by somebody who may not change the blackout."""

    def __init__(self) -> None:
        super().__init__(
            "a blackout is in the way, and meeting all the same is for its owner or a coordinator to decide; "
            "send a key with the scope 'people:write'"
        )


class LastOccurrence(Refused):
    """A decision to skip the only occurrence that is left."""

    def __init__(self) -> None:
        super().__init__("no other occurrence is left; cancel the meeting instead of skipping it")


class OccurrenceBegun(Refused):
    """A decision about an occurrence that is being held or was."""

    def __init__(self, recurrence_id: datetime, start: datetime) -> None:
        super().__init__(
            f"the occurrence of {recurrence_id:%Y-%m-%d %H:%M} began at {start:%Y-%m-%dT%H:%MZ}; "
            "only one that has not begun can be moved, skipped, kept or restored"
        )


class Decision(StrEnum):
    """What to do with an occurrence in conflict."""

    MOVE = "move"
    SKIP = "skip"
    KEEP = "keep"
    RESTORE = "restore"


def list_conflicts(
    context: Context,
    programme_id: str,
    where: ConflictsOf,
    resolution: Resolution | None = None,
    after: Position | None = None,
    limit: int | None = None,
) -> list[tuple[Position, OfferedConflict]]:
    """Return at most ``limit`` conflicts of a meeting, mentorship or person after a position, and what can be done.

    Open ones come first, then by time. Raises NotFound.
    """
    now = context.clock()
    with context.store.read() as tx:
        rows = tx.conflicts.list_page(programme_id, where, now, resolution, after, limit)
        found = [one for _, one in rows]
        wanted = {one.meeting_id for one in found if may_move(one.conflict, now)}
        meetings = [
            stored
            for stored in tx.meetings.find_many(programme_id, wanted).values()
            if stored.meeting.status is MeetingStatus.CONFIRMED
        ]
        mentorships = tx.mentorships.find_many(programme_id, {stored.mentorship_id for stored in meetings})
        pairs = {stored.id: (stored, mentorships[stored.mentorship_id]) for stored in meetings}
        schedule = load_schedule(tx, programme_id, meetings, now)
        offered = offer(tx, programme_id, found, pairs, schedule, now)
    return [(position, one) for (position, _), one in zip(rows, offered, strict=True)]


def resolve_conflict(
    context: Context,
    programme_id: str,
    meeting_id: str,
    recurrence_id: datetime,
    decision: Decision,
    start: datetime | None = None,
    *,
    may_overrule: bool = False,
    viewer: Viewer = RESTRICTED,
) -> StoredMeeting:
    """Decide about an occurrence: move it to ``start`` (an instant, or local time of the series), skip, keep, restore.

    What somebody decided does not change back by itself. ``may_overrule``: the caller may decide to meet in spite of a
    blackout. Raises NotFound, MeetingCancelled, OccurrenceNotChangeable, OccurrenceBegun, NothingToDecide,
    NothingToRestore, FormerTimeOver, KeepNotAllowed, LastOccurrence, SlotTaken, OverlapsOwnOccurrence, InvalidFields.
    """
    now = context.clock()
    with context.store.write() as tx:
        mentorship, stored = lock_meeting(tx, programme_id, meeting_id)
        if stored.meeting.status is MeetingStatus.CANCELLED:
            raise MeetingCancelled
        occurrence = stored.meeting.occurrence(recurrence_id)
        if occurrence.takes_place and occurrence.period.start <= now:
            raise OccurrenceBegun(recurrence_id, occurrence.period.start)
        present = tx.conflicts.list_for_meetings(programme_id, [meeting_id])[meeting_id]
        conflict = next((one.as_of(now) for one in present if one.recurrence_id.wall == recurrence_id), None)
        if decision is Decision.RESTORE:
            start = _former_start(occurrence, conflict, now)
            check_day(local_time(start, stored.meeting.series.time_zone).wall.date(), mentorship, "/do")
        else:
            _check_undecided(recurrence_id, conflict, decision, may_overrule=may_overrule)
        changed = _apply(context, tx, programme_id, stored, occurrence, conflict, decision, start, viewer)
        if conflict is not None:
            after = changed.meeting.occurrence(recurrence_id)
            decided = replace(_decided(conflict, decision, occurrence, after), changed_at=now)
            tx.conflicts.put(programme_id, meeting_id, [decided])
            log_changes(context, tx, programme_id, changed, _entries(decided, decision, occurrence, after), now)
        return changed


def _apply(
    context: Context,
    tx: Transaction,
    programme_id: str,
    stored: StoredMeeting,
    occurrence: Occurrence,
    conflict: Conflict | None,
    decision: Decision,
    start: datetime | None,
    viewer: Viewer,
) -> StoredMeeting:
    """The meeting with an occurrence moved to ``start``, skipped, or standing as it is."""
    wall = occurrence.recurrence_id.wall
    because = {} if conflict is None else {wall: conflict.obstacles}
    match decision:
        case Decision.SKIP:
            return _skip(context, tx, programme_id, stored, wall, because)
        case Decision.KEEP:
            return _unmark(context, tx, programme_id, stored, wall)
        case Decision.MOVE | Decision.RESTORE:
            start = _start_to_come(start, stored.meeting.series.time_zone, context.clock())
            return move_occurrence(context, programme_id, stored.id, wall, start, viewer, because=because)


def _former_start(occurrence: Occurrence, conflict: Conflict | None, now: datetime) -> datetime:
    """Where a moved or skipped occurrence was before, or by the rule. Raises NothingToRestore, FormerTimeOver."""
    if conflict is not None and conflict.former is not None:
        former = conflict.former
    elif occurrence.status in {OccurrenceStatus.MOVED, OccurrenceStatus.SKIPPED}:
        former = occurrence.recurrence_id.instant
    else:
        raise NothingToRestore(occurrence.recurrence_id.wall)
    if former <= now:
        raise FormerTimeOver(occurrence.recurrence_id.wall, former)
    return former


def _decided(conflict: Conflict, decision: Decision, before: Occurrence, after: Occurrence) -> Conflict:
    """The conflict after a decision; it remembers where the occurrence was, and nothing goes back by itself."""
    match decision:
        case Decision.MOVE | Decision.SKIP:
            is_moved = decision is Decision.MOVE
            resolution = Resolution.MOVED if is_moved else Resolution.SKIPPED
            former, earlier = conflict.undoing_from(before.period.start)
            displaced = replace(conflict, resolution=resolution, moved_to=after.period if is_moved else None)
            return replace(displaced, former=former, returns=False, before=earlier)
        case Decision.KEEP if conflict.is_open:
            return replace(conflict, resolution=Resolution.KEPT, returns=False)
        case Decision.KEEP:
            return replace(conflict, returns=False)
        case Decision.RESTORE:
            return conflict.undone()


def _check_undecided(
    recurrence_id: datetime, conflict: Conflict | None, decision: Decision, *, may_overrule: bool
) -> None:
    """Raises NothingToDecide, and KeepNotAllowed."""
    if conflict is None or not (conflict.is_open or conflict.returns):
        raise NothingToDecide(recurrence_id)
    if decision is Decision.KEEP and conflict.is_open and conflict.blackouts and not may_overrule:
        raise KeepNotAllowed


def _start_to_come(start: datetime | None, zone: str, now: datetime) -> datetime:
    """The instant of a start that was given; a naive one is local time of the zone. Raises InvalidFields."""
    if start is None:
        raise InvalidFields.at("/start", "this field is needed: it says where to move the occurrence")
    instant = read_start(start, zone)
    if instant <= now:
        raise InvalidFields.at("/start", f"{instant:%Y-%m-%dT%H:%MZ} is past; give an instant to come")
    return instant


def _skip(
    context: Context,
    tx: Transaction,
    programme_id: str,
    stored: StoredMeeting,
    recurrence_id: datetime,
    because: Mapping[datetime, Sequence[Obstacle]],
) -> StoredMeeting:
    """Skip the occurrence; one that is skipped already only has it decided. Raises LastOccurrence."""
    if stored.meeting.occurrence(recurrence_id).status is OccurrenceStatus.SKIPPED:
        return stored
    if all(one.recurrence_id.wall == recurrence_id for one in stored.meeting.taking_place):
        raise LastOccurrence
    skipped = place_occurrences(stored.meeting, {recurrence_id: None}, context.clock())
    return publish_change(context, tx, programme_id, stored, skipped, context.clock(), because)


def _unmark(
    context: Context, tx: Transaction, programme_id: str, stored: StoredMeeting, recurrence_id: datetime
) -> StoredMeeting:
    """Let the occurrence stand as it is: nothing says any more that it is to be moved."""
    unmarked = mark_conflicts(stored.meeting, {recurrence_id: None}, context.clock())
    if unmarked is stored.meeting:
        return stored
    return publish_change(context, tx, programme_id, stored, unmarked, context.clock())


def _entries(decided: Conflict, decision: Decision, before: Occurrence, after: Occurrence) -> list[Change]:
    """What is logged of a decision that leaves the occurrence as it is; what changes it is logged as its change."""
    if (before.status, before.period) != (after.status, after.period):
        return []
    kind = ChangeType.OCCURRENCE_SKIPPED if decision is Decision.SKIP else ChangeType.OCCURRENCE_KEPT
    return [change_of_decision(kind, decided, after)]
