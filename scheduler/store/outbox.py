"""The outbox table, which is the queue: enqueueing, claiming with a lease, recording what came of an attempt.

A worker leases a row; until the lease runs out no other worker gets it, and only the holder of the lease may record an
outcome. ``due_at`` of a leased row is the end of its lease, so that one condition finds waiting rows and those whose
worker died. A row without ``due_at`` has ended. `scheduler.domain.programme.outbox` explains policies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, bindparam, exists, func, select

from scheduler.domain.programme.fair_queue import Due
from scheduler.domain.programme.outbox import (
    LEASE,
    LONGEST_LEASE,
    LONGEST_WAIT,
    DeliveryState,
    Outcome,
    Policy,
    Stored,
    Target,
    TryAgain,
    Verdict,
)
from scheduler.domain.programme.servers import Lane
from scheduler.store.outbox_rows import Claim, DeliveryRow, claim_of, delivery_of
from scheduler.store.rows import Repository, by_age, check_found, in_programme, new_id
from scheduler.store.servers import Servers
from scheduler.store.tables import calendars, meetings, outbox, servers
from scheduler.store.targets import FOR_CALENDARS, TARGET_KINDS, are_for, target_of
from scheduler.store.wakeups import notify


def delete_deliveries(connection: Connection, calendar_ids: Select[tuple[str]] | Sequence[str]) -> None:
    """Delete everything that is for those calendars; an attempt that is under way can't be recorded any more.

    The meetings keep the highest SEQUENCE there, for the case that the calendar is connected again.
    """
    theirs = FOR_CALENDARS & outbox.c.target_id.in_(calendar_ids)
    highest = select(func.max(outbox.c.sequence)).where(theirs, outbox.c.meeting_id == meetings.c.id).scalar_subquery()
    is_higher = highest > func.coalesce(meetings.c.disconnected_sequence, -1)
    are_sent = meetings.c.id.in_(select(outbox.c.meeting_id).where(theirs))
    connection.execute(meetings.update().where(are_sent, is_higher).values(disconnected_sequence=highest))
    connection.execute(outbox.delete().where(theirs))


class Outbox(Repository):
    """Methods that take a programme raise NotFound for a meeting, calendar or delivery that it does not have."""

    def enqueue_latest(
        self,
        programme_id: str,
        meeting_id: str,
        targets: Collection[Target],
        keys: Sequence[str],
        revision: int,
        now: datetime,
    ) -> None:
        """Send that revision of the meeting under every key to every target, with a fresh count of attempts.

        An older revision that waits is superseded. A row that is being delivered is left to end, and is due again right
        after if its revision has risen. Expects the meeting to be locked.
        """
        sequence = self._require_meeting(programme_id, meeting_id)
        self._require_targets(programme_id, targets)
        query = select(outbox).where(are_for(targets), outbox.c.key.in_(keys)).order_by(outbox.c.id).with_for_update()
        known = {(target_of(row), row.key): row for row in self._connection.execute(query)}
        for target in targets:
            for key in keys:
                row = known.get((target, key))
                if row is None:
                    values = {"meeting_id": meeting_id, "wanted_revision": revision, "sequence": sequence}
                    self._add(programme_id, target, key, Policy.LATEST, now, **values)
                else:
                    self._supersede(row, revision, now)
        if targets:
            notify(self._connection)

    def enqueue_ordered(
        self,
        programme_id: str,
        target: Target,
        key: str,
        payload: Any,
        now: datetime,
        *,
        meeting_id: str | None = None,
    ) -> None:
        """Send a JSON payload once everything that was enqueued before under that target and key has ended.

        Expects whatever the key names to be locked.
        """
        if meeting_id is not None:
            self._require_meeting(programme_id, meeting_id)
        self._require_targets(programme_id, [target])
        last = select(func.max(outbox.c.position)).where(*_under(target, key))
        position = (self._connection.scalar(last) or 0) + 1
        values = {"meeting_id": meeting_id, "position": position, "payload": payload}
        self._add(programme_id, target, key, Policy.ORDERED, now, **values)
        notify(self._connection)

    def enqueue_once(
        self,
        programme_id: str,
        target: Target,
        key: str,
        payload: Any,
        now: datetime,
        *,
        meeting_id: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> bool:
        """Send a JSON payload between two instants (None: from now on; for ever); False if the key was used before.

        Expects whatever the key names to be locked.
        """
        if meeting_id is not None:
            self._require_meeting(programme_id, meeting_id)
        self._require_targets(programme_id, [target])
        if self._connection.scalar(select(outbox.c.id).where(*_under(target, key))) is not None:
            return False
        values = {"meeting_id": meeting_id, "payload": payload, "not_after": not_after}
        self._add(programme_id, target, key, Policy.ONCE, max(now, not_before or now), **values)
        notify(self._connection)
        return True

    def find_due(self, now: datetime, lanes: Sequence[Lane], full: Sequence[str]) -> list[Due]:
        """Return due rows in turns among programmes, as `Servers.find_due` says."""
        is_due = _is_due(now) & _is_next()
        return Servers(self._connection).find_due(outbox, outbox.c.due_at, is_due, now, lanes, full)

    def oldest_due(self, now: datetime) -> dict[Lane, datetime]:
        """Return since when the oldest due row has been due, by the lane of its server."""
        return Servers(self._connection).oldest_due(outbox, outbox.c.due_at, _is_due(now) & _is_next(), now)

    def claim(self, ids: Collection[str], now: datetime) -> list[Claim]:
        """Lease those of the rows that are due still and that no other worker is leasing."""
        query = (
            select(outbox)
            .where(outbox.c.id.in_(ids), _is_due(now), _is_next())
            .order_by(outbox.c.id)
            .with_for_update(of=outbox, skip_locked=True)
        )
        claims = [claim_of(row, new_id(), now) for row in self._connection.execute(query).all()]
        leased = outbox.update().where(outbox.c.id == bindparam("claimed"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("attempts", "since", "lease")}
        if claims:
            self._connection.execute(
                leased.values(state=DeliveryState.DELIVERING, due_at=now + LEASE, **values),
                [
                    {"claimed": each.delivery_id, **{f"new_{name}": getattr(each, name) for name in values}}
                    for each in claims
                ],
            )
        return claims

    def record(self, claim: Claim, outcome: Outcome, verdict: Verdict, now: datetime) -> bool:
        """Keep what came of an attempt; return False, and keep nothing, if the lease has passed to another worker.

        If a newer revision than ``claim.revision`` is wanted by now, the row is due again whatever the verdict.
        """
        query = select(outbox.c.wanted_revision).where(outbox.c.id == claim.delivery_id, outbox.c.lease == claim.lease)
        wanted = self._connection.scalar(query.with_for_update())
        if wanted is None:
            return False
        values: dict[str, Any] = {"lease": None}
        if isinstance(outcome, Stored):
            values |= {"etag": outcome.etag, "delivered_revision": claim.revision, "delivered_at": now}
            if outcome.sequence is not None:
                values["sequence"] = outcome.sequence
        if wanted > claim.revision:
            # A server that asked for a pause gets it, whatever has changed.
            due_at = verdict.due_at if isinstance(outcome, TryAgain) else now
            values |= {"state": DeliveryState.WAITING, "due_at": due_at or now, "reason": None}
        else:
            values |= {"state": verdict.state, "due_at": verdict.due_at, "reason": verdict.reason}
        self._change(claim.delivery_id, **values)
        return True

    def retry(self, programme_id: str, meeting_id: str, delivery_id: str, now: datetime) -> DeliveryRow:
        """Make a meeting's delivery due at once, with a fresh count of attempts; one under way is left to end.

        A failed one forgets that its object was stored before, so that one that somebody deleted is created again.
        """
        self._require_meeting(programme_id, meeting_id)
        query = select(outbox).where(in_programme(outbox, programme_id, delivery_id), outbox.c.meeting_id == meeting_id)
        row = self._get(query, "delivery", delivery_id, lock=True)
        if row.state is DeliveryState.FAILED:
            self._change(delivery_id, etag=None, delivered_revision=None)
        if not _is_leased(row, now):
            self._supersede(row, row.wanted_revision, now, at_once=True)
            Servers(self._connection).resume(row.origin)
            notify(self._connection)
        return next(found for found in self.list_for_meeting(programme_id, meeting_id) if found.id == delivery_id)

    def list_for_meeting(self, programme_id: str, meeting_id: str) -> list[DeliveryRow]:
        """Return the meeting's deliveries to calendars, in the order of their connection, UIDs sorted within."""
        self._require_meeting(programme_id, meeting_id)
        query = (
            select(outbox, calendars.c.person_id, calendars.c.auto_schedule, servers.c.paused_until)
            .join(calendars, FOR_CALENDARS & (calendars.c.id == outbox.c.target_id))
            .outerjoin(servers, servers.c.origin == outbox.c.origin)
            .where(outbox.c.meeting_id == meeting_id)
        )
        return [delivery_of(row) for row in self._connection.execute(by_age(query, calendars).order_by(outbox.c.key))]

    def find_known_uids(self, uids: Collection[str]) -> set[str]:
        """Return those of the UIDs that the outbox has for any calendar of any programme."""
        return set(self._connection.scalars(select(outbox.c.key).where(FOR_CALENDARS, outbox.c.key.in_(uids))))

    def next_due(self) -> datetime | None:
        """Return when the next claim can succeed, of any programme; None if nothing is left to send."""
        query = select(outbox.c.due_at).where(outbox.c.due_at.is_not(None), _is_next())
        earliest: datetime | None = self._connection.scalar(query.order_by(outbox.c.due_at).limit(1))
        return earliest

    def _add(
        self, programme_id: str, target: Target, key: str, policy: Policy, due_at: datetime, **values: Any
    ) -> None:
        defaults: dict[str, Any] = {"position": 0, "wanted_revision": 1, "payload": None}
        self._insert(
            outbox,
            id=new_id(),
            programme_id=programme_id,
            target_kind=target.KIND,
            target_id=target.id,
            key=key,
            policy=policy,
            state=DeliveryState.WAITING,
            attempts=0,
            since=due_at,
            due_at=due_at,
            origin=_origin(target),
            **(defaults | values),
        )

    def _supersede(self, row: Row[Any], revision: int, now: datetime, *, at_once: bool = False) -> None:
        """Want at least that revision; ``at_once``: also of a server that asked for a pause."""
        values: dict[str, Any] = {
            "wanted_revision": max(row.wanted_revision, revision),
            "attempts": 0,
            "since": now,
        }
        is_paused = not at_once and row.state is DeliveryState.WAITING and row.due_at > now
        if not _is_leased(row, now) and not is_paused:
            values |= {"state": DeliveryState.WAITING, "due_at": now, "lease": None, "reason": None}
        self._change(row.id, **values)

    def _change(self, delivery_id: str, **values: Any) -> None:
        self._connection.execute(outbox.update().where(outbox.c.id == delivery_id).values(**values))

    def _require_meeting(self, programme_id: str, meeting_id: str) -> int | None:
        """Return the highest SEQUENCE of the meeting in calendars that were disconnected (None: there is none).

        Raises NotFound for a meeting that the programme does not have.
        """
        query = select(meetings.c.disconnected_sequence).where(in_programme(meetings, programme_id, meeting_id))
        sequence: int | None = self._get(query, "meeting", meeting_id).disconnected_sequence
        return sequence

    def _require_targets(self, programme_id: str, targets: Collection[Target]) -> None:
        """Raises NotFound for a target that the programme does not have."""
        for kind in TARGET_KINDS.values():
            wanted = kind.ids_of(targets)
            ours = (kind.table.c.programme_id == programme_id) & kind.table.c.id.in_(wanted)
            check_found(kind.noun, wanted, set(self._connection.scalars(select(kind.table.c.id).where(ours))))


def _is_leased(row: Row[Any], now: datetime) -> bool:
    """Whether a worker holds the row; a lease that ends later than any worker's was given by a wrong clock."""
    return row.state is DeliveryState.DELIVERING and now < row.due_at <= now + LONGEST_LEASE


def _origin(target: Target) -> ScalarSelect[str]:
    """The origin of the server that a target is on."""
    table = TARGET_KINDS[target.KIND].table
    return select(table.c.origin).where(table.c.id == target.id).scalar_subquery()


def _is_due(now: datetime) -> ColumnElement[bool]:
    """The condition that a row is due: its time has come, or lies further ahead than any rule of this service allows.

    That happens where the clock of a process was wrong. Only rows with ``not_before`` may wait for longer.
    """
    due_at = outbox.c.due_at
    is_lost = (outbox.c.state == DeliveryState.DELIVERING) & (due_at > now + LONGEST_LEASE)
    is_retry = (outbox.c.policy != Policy.ONCE) | (outbox.c.attempts > 0)
    return (
        (due_at <= now)
        | is_lost
        | ((outbox.c.state == DeliveryState.WAITING) & is_retry & (due_at > now + LONGEST_WAIT))
    )


def _under(target: Target, key: str) -> tuple[ColumnElement[bool], ...]:
    return outbox.c.target_kind == target.KIND, outbox.c.target_id == target.id, outbox.c.key == key


def _is_next() -> ColumnElement[bool]:
    """The condition that nothing earlier under the same target and key is unfinished."""
    earlier = outbox.alias("earlier")
    return ~exists().where(
        earlier.c.target_kind == outbox.c.target_kind,
        earlier.c.target_id == outbox.c.target_id,
        earlier.c.key == outbox.c.key,
        earlier.c.position < outbox.c.position,
        earlier.c.due_at.is_not(None),
    )
