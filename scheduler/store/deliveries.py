"""What is owed to which calendar, and who is at it.

A worker takes a delivery with a lease: until that runs out nobody else gets it, and only who holds
the lease may record what came of it. ``due_at`` of a delivery under way is the end of its lease, so
that one condition finds both the waiting and those whose worker died.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from scheduler.domain.programme.outbox import LEASE, DeliveryState, Outcome, Stored, TryAgain, Verdict
from scheduler.errors import NotFound
from scheduler.store.rows import Repository, check_found, in_programme, new_id, require_people
from scheduler.store.tables import calendars, deliveries, meetings


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours until the lease runs out, with all that an attempt needs.

    ``revision`` is what was owed when it was claimed; ``attempts`` counts this one. ``delivered_revision`` is what
    was last stored there, None: nothing yet. ``auto_schedule``: the server there invites attendees by itself.
    """

    delivery_id: str
    lease: str
    programme_id: str
    meeting_id: str
    calendar_id: str
    person_id: str
    uid: str
    revision: int
    delivered_revision: int | None
    attempts: int
    since: datetime
    auto_schedule: bool
    url: str
    username: str
    password_token: str


@dataclass(frozen=True)
class DeliveryRow:
    """Where a delivery stands. ``due_at`` is when it is tried next; under way, when it is taken for lost.

    ``reason`` is why it waits or has failed; of a delivered one, what was put right. ``auto_schedule``: the server of
    its calendar invites attendees by itself.
    """

    id: str
    calendar_id: str
    person_id: str
    auto_schedule: bool
    uid: str
    state: DeliveryState
    wanted_revision: int
    delivered_revision: int | None
    attempts: int
    due_at: datetime | None
    reason: str | None
    delivered_at: datetime | None


class Deliveries(Repository):
    """Methods that take a programme raise NotFound for what it does not have."""

    def owe(
        self,
        programme_id: str,
        meeting_id: str,
        uids: Sequence[str],
        calendar_ids: Sequence[str],
        revision: int,
        now: datetime,
    ) -> None:
        """Owes every calendar that revision of every UID, from now on and with a fresh count of attempts.

        One under way is left to end; if the revision has risen it is due again right after.
        Expects the meeting to be locked.
        """
        self._require_meeting(programme_id, meeting_id)
        self._require_calendars(programme_id, calendar_ids)
        query = (
            select(deliveries)
            .where(deliveries.c.calendar_id.in_(calendar_ids), deliveries.c.uid.in_(uids))
            .order_by(deliveries.c.id)
            .with_for_update()
        )
        known = {(row.calendar_id, row.uid): row for row in self._connection.execute(query)}
        for calendar_id in calendar_ids:
            for uid in uids:
                row = known.get((calendar_id, uid))
                if row is None:
                    self._add(programme_id, meeting_id, calendar_id, uid, revision, now)
                else:
                    self._raise(row, revision, now)

    def claim(self, now: datetime) -> Claim | None:
        """The delivery that has been due for longest, of any programme, leased for ``LEASE``; None if none is due."""
        query = (
            select(
                deliveries,
                calendars.c.person_id,
                calendars.c.auto_schedule,
                calendars.c.url,
                calendars.c.username,
                calendars.c.password_token,
            )
            .join(calendars, calendars.c.id == deliveries.c.calendar_id)
            .where(deliveries.c.due_at <= now)
            .order_by(deliveries.c.due_at, deliveries.c.id)
            .limit(1)
            .with_for_update(of=deliveries, skip_locked=True)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        claim = _claim(row, new_id())
        self._change(
            row.id, state=DeliveryState.DELIVERING, attempts=claim.attempts, lease=claim.lease, due_at=now + LEASE
        )
        return claim

    def record(self, claim: Claim, outcome: Outcome, verdict: Verdict, now: datetime) -> bool:
        """Keeps what came of an attempt; False, and nothing kept, if the lease is no longer ours.

        If more is owed by now than was attempted, the delivery is due again, whatever the verdict. If the trouble is
        the server's, whatever else waits for it is put off as well: one that is down holds up nobody else's.
        """
        query = select(deliveries.c.wanted_revision).where(
            deliveries.c.id == claim.delivery_id, deliveries.c.lease == claim.lease
        )
        wanted = self._connection.scalar(query.with_for_update())
        if wanted is None:
            return False
        values: dict[str, Any] = {"lease": None}
        if isinstance(outcome, Stored):
            values |= {"etag": outcome.etag, "delivered_revision": claim.revision, "delivered_at": now}
        if wanted > claim.revision:
            # What the server was to be spared until then, it is still to be spared.
            due_at = verdict.due_at if isinstance(outcome, TryAgain) else now
            values |= {"state": DeliveryState.WAITING, "due_at": due_at or now, "reason": None}
        else:
            values |= {"state": verdict.state, "due_at": verdict.due_at, "reason": verdict.reason}
        self._change(claim.delivery_id, **values)
        if isinstance(outcome, TryAgain) and outcome.of_server and verdict.due_at:
            self._put_off_server(claim.url, verdict.due_at)
        return True

    def retry(self, programme_id: str, meeting_id: str, delivery_id: str, now: datetime) -> DeliveryRow:
        """Makes the delivery due at once, with a fresh count of attempts; one under way is left to end.

        After a failure the object is taken for one that is not there, so that what somebody deleted is put back.
        Raises NotFound for what is not a delivery of that meeting.
        """
        self._require_meeting(programme_id, meeting_id)
        query = select(deliveries).where(
            in_programme(deliveries, programme_id, delivery_id), deliveries.c.meeting_id == meeting_id
        )
        row = self._connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise NotFound("delivery", delivery_id)
        if row.state is DeliveryState.FAILED:
            self._change(delivery_id, etag=None, delivered_revision=None)
        if row.state is not DeliveryState.DELIVERING:
            self._raise(row, row.wanted_revision, now, at_once=True)
        return next(found for found in self.of_meeting(programme_id, meeting_id) if found.id == delivery_id)

    def of_meeting(self, programme_id: str, meeting_id: str) -> list[DeliveryRow]:
        """The meeting's deliveries: calendars in the order in which they were connected, UIDs sorted within."""
        self._require_meeting(programme_id, meeting_id)
        query = (
            select(deliveries, calendars.c.person_id, calendars.c.auto_schedule)
            .join(calendars, calendars.c.id == deliveries.c.calendar_id)
            .where(deliveries.c.meeting_id == meeting_id)
            .order_by(calendars.c.created_at, calendars.c.id, deliveries.c.uid)
        )
        return [_delivery_row(row) for row in self._connection.execute(query)]

    def known_uids(self, uids: Collection[str]) -> set[str]:
        """Those of the UIDs that are owed to any calendar of any programme."""
        return set(self._connection.scalars(select(deliveries.c.uid).where(deliveries.c.uid.in_(uids))))

    def next_due(self) -> datetime | None:
        """When the next claim can succeed, of any programme; in the past if one can now; None if nothing is owed."""
        earliest: datetime | None = self._connection.scalar(select(func.min(deliveries.c.due_at)))
        return earliest

    def drop_of_person(self, programme_id: str, person_id: str) -> None:
        """Owes the person's calendars nothing any more; an attempt under way can't be recorded."""
        require_people(self._connection, programme_id, [person_id])
        theirs = select(calendars.c.id).where(calendars.c.person_id == person_id)
        self._connection.execute(deliveries.delete().where(deliveries.c.calendar_id.in_(theirs)))

    def _add(
        self, programme_id: str, meeting_id: str, calendar_id: str, uid: str, revision: int, now: datetime
    ) -> None:
        self._insert(
            deliveries,
            id=new_id(),
            programme_id=programme_id,
            meeting_id=meeting_id,
            calendar_id=calendar_id,
            uid=uid,
            state=DeliveryState.WAITING,
            wanted_revision=revision,
            attempts=0,
            since=now,
            due_at=now,
        )

    def _put_off_server(self, url: str, until: datetime) -> None:
        """Lets nothing go to the server of that URL before an instant; what other transactions hold is left out."""
        scheme, _, rest = url.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}/"
        there = select(calendars.c.id).where(calendars.c.url.startswith(origin, autoescape=True))
        waiting = (
            select(deliveries.c.id)
            .where(deliveries.c.calendar_id.in_(there), deliveries.c.state == DeliveryState.WAITING)
            .where(deliveries.c.due_at < until)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.scalars(waiting))
        self._connection.execute(deliveries.update().where(deliveries.c.id.in_(ids)).values(due_at=until))

    def _raise(self, row: Row[Any], revision: int, now: datetime, *, at_once: bool = False) -> None:
        values: dict[str, Any] = {
            "wanted_revision": max(row.wanted_revision, revision),
            "attempts": 0,
            "since": now,
        }
        coming = row.due_at is not None and row.due_at > now
        under_way = coming and row.state is DeliveryState.DELIVERING
        # A change does not hurry what waits for a server that is to be spared.
        spared = coming and row.state is DeliveryState.WAITING and not at_once
        if not under_way and not spared:
            values |= {"state": DeliveryState.WAITING, "due_at": now, "lease": None, "reason": None}
        self._change(row.id, **values)

    def _change(self, delivery_id: str, **values: Any) -> None:
        self._connection.execute(deliveries.update().where(deliveries.c.id == delivery_id).values(**values))

    def _require_meeting(self, programme_id: str, meeting_id: str) -> None:
        if (
            self._connection.scalar(select(meetings.c.id).where(in_programme(meetings, programme_id, meeting_id)))
            is None
        ):
            raise NotFound("meeting", meeting_id)

    def _require_calendars(self, programme_id: str, ids: Iterable[str]) -> None:
        wanted = list(ids)
        query = select(calendars.c.id).where(calendars.c.programme_id == programme_id, calendars.c.id.in_(wanted))
        check_found("calendar", wanted, set(self._connection.scalars(query)))


def _claim(row: Row[Any], lease: str) -> Claim:
    return Claim(
        delivery_id=row.id,
        lease=lease,
        programme_id=row.programme_id,
        meeting_id=row.meeting_id,
        calendar_id=row.calendar_id,
        person_id=row.person_id,
        uid=row.uid,
        revision=row.wanted_revision,
        delivered_revision=row.delivered_revision,
        attempts=row.attempts + 1,
        since=row.since,
        auto_schedule=row.auto_schedule,
        url=row.url,
        username=row.username,
        password_token=row.password_token,
    )


def _delivery_row(row: Row[Any]) -> DeliveryRow:
    return DeliveryRow(
        id=row.id,
        calendar_id=row.calendar_id,
        person_id=row.person_id,
        auto_schedule=row.auto_schedule,
        uid=row.uid,
        state=row.state,
        wanted_revision=row.wanted_revision,
        delivered_revision=row.delivered_revision,
        attempts=row.attempts,
        due_at=row.due_at,
        reason=row.reason,
        delivered_at=row.delivered_at,
    )
