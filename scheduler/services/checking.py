"""Checking the booked meetings of a person whose time has changed, in the transaction of that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from scheduler.domain.availability.obstacles import blackouts_among
from scheduler.domain.programme.changes import change_of_conflict
from scheduler.domain.programme.conflicts import Conflict
from scheduler.domain.programme.meetings import MeetingStatus, mark_conflicts, place_occurrences
from scheduler.domain.programme.mentorships import Mentorship
from scheduler.domain.programme.settling import Settled, TimeChange, settle
from scheduler.domain.time.periods import Period
from scheduler.errors import NotFound
from scheduler.services.locking import lock_person
from scheduler.services.offering import MOST, Consequences, offer
from scheduler.services.ports import Context
from scheduler.services.publishing import log_changes, publish_change
from scheduler.services.schedules import Schedule, load_schedule
from scheduler.store import Deadlocked, StoredConflict, StoredMeeting, StoreUnavailable, Transaction

log = structlog.get_logger(__name__)

AT_ONCE = 5
"""How many people a worker checks before it looks at other work again."""
RETRY_AFTER = timedelta(minutes=5)
"""When somebody whose meetings could not be checked is checked again."""


@dataclass
class _Checked:
    """A meeting while it is checked, with its conflicts."""

    stored: StoredMeeting
    mentorship: Mentorship
    conflicts: dict[datetime, Conflict]

    @property
    def reserved(self) -> list[Period]:
        """Where its occurrences go back to by themselves."""
        length = timedelta(minutes=self.stored.meeting.series.duration)
        return [
            Period(one.former, one.former + length) for one in self.conflicts.values() if one.returns and one.former
        ]

    @property
    def is_blocked(self) -> bool:
        """Whether an occurrence is to be moved."""
        return any(one.to_be_moved for one in self.stored.meeting.occurrences)

    def is_coming(self, now: datetime) -> bool:
        """Whether anything is left to be decided about it."""
        meeting = self.stored.meeting
        is_coming = any(one.period.start > now for one in meeting.occurrences)
        return (is_coming and meeting.status is MeetingStatus.CONFIRMED) or any(
            one.is_open or one.returns for one in self.conflicts.values()
        )


def check_person(
    context: Context,
    tx: Transaction,
    programme_id: str,
    person_id: str,
    *,
    blackouts: frozenset[str] = frozenset(),
    lifted: str | None = None,
) -> Consequences:
    """Settle the coming meetings of a person whose time has changed; return the conflicts that this made or ended.

    Expects the person locked by `lock_person`. ``blackouts`` are the ids of those that were declared or changed, which
    act as the mentorships say; anything else only opens conflicts. ``lifted`` is the id of one that was deleted or
    changed: what was agreed because of it, or may not go back by itself any more, is offered back.
    """
    now = context.clock()
    checked = _load(tx, programme_id, person_id, now)
    tx.conflicts.mark_checked(programme_id, person_id)
    if not checked:
        return Consequences()
    schedule = load_schedule(tx, programme_id, [one.stored for one in checked], now)
    changed, hit_hard = _settle_all(context, tx, programme_id, checked, schedule, blackouts)
    if changed:
        tx.conflicts.mark_checked(programme_id, person_id)
    answered = changed | {freed for one in checked for freed in _freed(one, schedule, lifted, now)}
    shown = [
        _stored(one, conflict)
        for one in checked
        for wall, conflict in one.conflicts.items()
        if (one.stored.id, wall) in answered
    ]
    shown.sort(key=lambda one: (not one.conflict.is_open, one.conflict.period.start, one.meeting_id))
    meetings = {one.stored.id: (one.stored, one.mentorship) for one in checked}
    offered = offer(tx, programme_id, shown[:MOST], meetings, schedule, now)
    return Consequences(offered, len(shown), tuple(one.stored for one in hit_hard if one.is_blocked))


def _settle_all(
    context: Context,
    tx: Transaction,
    programme_id: str,
    checked: list[_Checked],
    schedule: Schedule,
    blackouts: frozenset[str],
) -> tuple[set[tuple[str, datetime]], list[_Checked]]:
    """Settle meetings until nothing moves any more.

    Returns: the occurrences whose conflicts changed, each by its meeting's id and its wall start, and the meetings that
    were hit hard.
    """
    now = context.clock()
    changed: set[tuple[str, datetime]] = set()
    hit_hard: list[_Checked] = []
    acting, pending = blackouts, checked
    while pending:
        is_moved = False
        for one in pending:
            change = TimeChange(at=now, blackouts=acting, when_blocked=one.mentorship.when_blocked)
            places = schedule.places(one.stored, one.mentorship, one.conflicts.values())
            settled = settle(one.stored.meeting, list(one.conflicts.values()), places, change)
            if settled.is_hit_hard:
                hit_hard.append(one)
            if settled.starts or settled.conflicts:
                _store(context, tx, programme_id, one, settled, now)
                schedule.update(one.stored, one.reserved)
                changed |= {(one.stored.id, conflict.recurrence_id.wall) for conflict in settled.conflicts}
                is_moved |= bool(settled.starts)
        acting = frozenset()
        # What has moved may have made room for what another meeting's occurrence waits for.
        pending = [one for one in checked if one.reserved] if is_moved else []
    return changed, hit_hard


def check_due_people(context: Context) -> bool:
    """Check some of the people whose meetings are to be checked, each in a transaction; return whether more may be due.

    Without anybody due it only reads. One who can't be checked is tried again after ``RETRY_AFTER``. Raises
    StoreUnavailable.
    """
    with context.store.read() as tx:
        due = tx.conflicts.find_due(context.clock(), RETRY_AFTER, AT_ONCE)
    for programme_id, person_id in due:
        try:
            _check_due(context, programme_id, person_id)
        # What is wrong with one person's meetings must not keep the others' from being checked.
        except Exception as error:
            if isinstance(error, StoreUnavailable) and not isinstance(error, Deadlocked):
                raise
            log.exception("meetings not checked", person=person_id)
            context.observer.meetings_checked("failed")
            with context.store.write() as tx:
                tx.conflicts.postpone(programme_id, person_id, context.clock() + RETRY_AFTER)
    return len(due) == AT_ONCE


def mark_begun_due(context: Context) -> None:
    """Have the people checked whose occurrences have begun with an open conflict. Raises StoreUnavailable."""
    with context.store.write() as tx:
        tx.conflicts.mark_begun_due(context.clock())


def _check_due(context: Context, programme_id: str, person_id: str) -> None:
    """Check a person unless another worker just has, or they are erased meanwhile."""
    with context.store.write() as tx:
        try:
            lock_person(tx, programme_id, person_id)
        except NotFound:
            return
        if not tx.conflicts.is_due(programme_id, person_id, context.clock(), RETRY_AFTER):
            return
        found = check_person(context, tx, programme_id, person_id)
    context.observer.meetings_checked("checked")
    if found.total:
        log.info("meetings checked", person=person_id, conflicts=found.total)


def _load(tx: Transaction, programme_id: str, person_id: str, now: datetime) -> list[_Checked]:
    meetings = tx.meetings.list_for_person(programme_id, person_id)
    mentorships = {one.id: one for one in tx.mentorships.list_for_person(programme_id, person_id)}
    conflicts = tx.conflicts.list_for_meetings(programme_id, [stored.id for stored in meetings])
    loaded = [
        _Checked(
            stored, mentorships[stored.mentorship_id], {one.recurrence_id.wall: one for one in conflicts[stored.id]}
        )
        for stored in meetings
    ]
    return [one for one in loaded if one.is_coming(now)]


def _store(
    context: Context, tx: Transaction, programme_id: str, one: _Checked, settled: Settled, now: datetime
) -> None:
    """Store, publish and log what was settled about a meeting, and take it over."""
    opened = [
        conflict
        for conflict in settled.conflicts
        if (before := one.conflicts.get(conflict.recurrence_id.wall)) is None
        or before.resolution != conflict.resolution
    ]
    one.conflicts |= {conflict.recurrence_id.wall: conflict for conflict in settled.conflicts}
    meeting = place_occurrences(one.stored.meeting, settled.starts, now)
    words = {conflict.recurrence_id.wall: conflict.words for conflict in settled.conflicts}
    meeting = mark_conflicts(meeting, words, now)
    if meeting is not one.stored.meeting:
        because = {conflict.recurrence_id.wall: conflict.obstacles for conflict in settled.conflicts}
        one.stored = publish_change(context, tx, programme_id, one.stored, meeting, now, because)
    tx.conflicts.put(programme_id, one.stored.id, settled.conflicts)
    log_changes(context, tx, programme_id, one.stored, filter(None, map(change_of_conflict, opened)), now)


def _freed(one: _Checked, schedule: Schedule, lifted: str | None, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield the displaced occurrences of a meeting that the lifted blackout does not keep away any more."""
    formers = {
        wall: displacement.former
        for wall, conflict in one.conflicts.items()
        if (displacement := conflict.displacement) and lifted in displacement.blackouts
        if displacement.former is not None and displacement.former > now
    }
    if formers:
        places = schedule.places(one.stored, one.mentorship, one.conflicts.values())
        blocked = places.obstacles(list(formers.values()))
        for wall, obstacles in zip(formers, blocked, strict=True):
            if lifted not in blackouts_among(obstacles):
                yield one.stored.id, wall


def _stored(one: _Checked, conflict: Conflict) -> StoredConflict:
    stored = one.stored
    return StoredConflict(stored.id, stored.mentorship_id, stored.mentor_id, stored.mentee_id, conflict)
