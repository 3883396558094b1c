"""What workers know of servers, and which due work they may start, whatever kind of work it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, Table, case, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.domain.programme.fair_queue import HIGHEST_LIMIT, Due
from scheduler.domain.programme.outbox import LONGEST_WAIT
from scheduler.domain.programme.servers import SLOW_FOR, Exchange, Lane, Server
from scheduler.store.rows import Repository
from scheduler.store.tables import calendars, servers

PAGE = 64
"""The most work of one lane that one query finds."""


class Servers(Repository):
    """The servers that something was sent to or read from, by their origins, for all programmes."""

    def find(self, origins: Collection[str]) -> dict[str, Server]:
        """Return those of the servers that are known."""
        query = select(servers).where(servers.c.origin.in_(origins))
        return {row["origin"]: Server(**row) for row in self._connection.execute(query).mappings()}

    def record(self, exchanges: Sequence[Exchange], jitter: float) -> None:
        """Keep what follows from attempts; `Server.after` says what. Of servers without calendars nothing is kept."""
        known = self.find({each.origin for each in exchanges})
        changed = self._used({each.origin for each in exchanges if _changes(known.get(each.origin), each, jitter)})
        if not changed:
            return
        dialect: Any = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        rows = [{"origin": origin, "failures": 0} for origin in changed]
        self._connection.execute(dialect.insert(servers).values(rows).on_conflict_do_nothing())
        locked = select(servers).where(servers.c.origin.in_(changed)).order_by(servers.c.origin).with_for_update()
        for row in self._connection.execute(locked).mappings().all():
            server = Server(**row)
            for exchange in exchanges:
                if exchange.origin == server.origin:
                    server = server.after(exchange, jitter)
            self._connection.execute(servers.update().where(servers.c.origin == server.origin).values(**asdict(server)))

    def resume(self, origin: str) -> None:
        """End the pause of a server, because somebody wants the next attempt now."""
        self._connection.execute(servers.update().where(servers.c.origin == origin).values(paused_until=None))

    def forget_unused(self) -> None:
        """Delete what is known of servers without calendars, whose names may name a person."""
        is_used = exists().where(calendars.c.origin == servers.c.origin)
        self._connection.execute(servers.delete().where(~is_used))

    def _used(self, origins: Collection[str]) -> list[str]:
        """Return those of the origins that calendars have, sorted."""
        query = select(calendars.c.origin).where(calendars.c.origin.in_(origins)).distinct()
        return sorted(self._connection.scalars(query)) if origins else []

    def find_due(
        self,
        work: Table,
        due_at: ColumnElement[datetime],
        is_due: ColumnElement[bool],
        now: datetime,
        lanes: Sequence[Lane],
        full: Sequence[str],
    ) -> list[Due]:
        """Return due rows of a table, at most ``PAGE`` for each of the lanes, in turns among programmes.

        ``work`` has the columns ``id``, ``programme_id`` and ``origin``. Left out are paused servers, full ones, and
        what is more than ``HIGHEST_LIMIT`` rows of one programme for one server.
        """
        rows = (
            select(work.c.id, work.c.programme_id, work.c.origin, due_at.label("due_at"), _lane(now).label("lane"))
            .select_from(work.outerjoin(servers, servers.c.origin == work.c.origin))
            .where(is_due, _is_open(now), work.c.origin.not_in(full), _lane(now).in_(lanes))
            .subquery()
        )
        by_server = numbered("of_server", rows, ("programme_id", "origin"), ("due_at", "id"))
        few = select(by_server).where(by_server.c.of_server <= HIGHEST_LIMIT).subquery()
        by_programme = numbered("of_programme", few, ("programme_id", "lane"), ("of_server", "due_at", "id"))
        by_lane = numbered("position", by_programme, ("lane",), ("of_programme", "due_at", "id"))
        query = select(by_lane).where(by_lane.c.position <= PAGE).order_by(by_lane.c.position)
        return [Due(row.id, row.programme_id, row.origin, Lane(row.lane)) for row in self._connection.execute(query)]

    def oldest_due(
        self, work: Table, due_at: ColumnElement[datetime], is_due: ColumnElement[bool], now: datetime
    ) -> dict[Lane, datetime]:
        """Return since when the oldest due row of a table has been due, by lane; paused servers are left out."""
        lane = _lane(now)
        query = (
            select(lane, func.min(due_at))
            .select_from(work.outerjoin(servers, servers.c.origin == work.c.origin))
            .where(is_due, _is_open(now))
            .group_by(lane)
        )
        return {Lane(name): earliest for name, earliest in self._connection.execute(query)}


def _changes(known: Server | None, exchange: Exchange, jitter: float) -> bool:
    return known is None or known.after(exchange, jitter) != known


def numbered(name: str, rows: Subquery, partition: Sequence[str], order: Sequence[str]) -> Subquery:
    """Return rows with their number, from 1, among those that are alike in some columns, in the order of others."""
    number = func.row_number().over(
        partition_by=[rows.c[column] for column in partition], order_by=[rows.c[column] for column in order]
    )
    return select(rows, number.label(name)).subquery()


def _lane(now: datetime) -> ColumnElement[str]:
    """`Server.lane` in SQL."""
    return case(
        (servers.c.slow_at.between(now - SLOW_FOR, now + SLOW_FOR), Lane.SLOW.value),
        (servers.c.answered_at.is_(None), Lane.NEW.value),
        else_=Lane.QUICK.value,
    )


def _is_open(now: datetime) -> ColumnElement[bool]:
    """The condition that a server is not paused; no rule pauses one for longer than ``LONGEST_WAIT``."""
    until = servers.c.paused_until
    return or_(until.is_(None), until <= now, until > now + LONGEST_WAIT)
