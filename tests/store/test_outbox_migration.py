"""A database of schema 0002 with deliveries in every state: after the upgrade a worker sends exactly what is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from support import first_release as old
from support.api import SECRET, Clock, context_of
from support.calendars import RecordingCalendars
from support.working import deliver_next

from scheduler.domain.programme.outbox import DeliveryState
from scheduler.services.ports import Context
from scheduler.services.secrets import Vault
from scheduler.store import DeliveryRow, Store, schema
from scheduler.store.engine import open_engine, transaction

SECOND_CALENDAR, FAILED = "second calendar", "failed"
DETACHED = "20261027T100000-series@scheduler"


@pytest.fixture
def context(store_url: str) -> Iterator[Context]:
    """The upgraded database, at noon: one delivery is due, and the lease of another ends a minute later."""
    engine = open_engine(store_url)
    with transaction(engine, write=True) as connection:
        schema.downgrade(connection)
        schema.upgrade(connection, "0001")
        old.fill(connection)
        schema.upgrade(connection, "0002")
        tables = sa.MetaData()
        tables.reflect(connection)
        calendars, deliveries = tables.tables["calendars"], tables.tables["deliveries"]
        token = Vault(SECRET).seal("hunter2hunter2")
        connection.execute(calendars.update().values(password_token=token))
        calendar = dict(connection.execute(calendars.select()).mappings().one())
        second = {"id": SECOND_CALENDAR, "url": "https://dav.example.org/2/"}
        connection.execute(calendars.insert(), [calendar | second])
        connection.execute(deliveries.update().where(deliveries.c.id == old.LEASED).values(uid=DETACHED))
        due = dict(connection.execute(deliveries.select().where(deliveries.c.id == old.DUE)).mappings().one())
        failed = {"id": FAILED, "calendar_id": SECOND_CALENDAR, "state": "failed", "due_at": None, "reason": "no room"}
        connection.execute(deliveries.insert(), [due | failed])
    engine.dispose()
    made = context_of(Store(store_url), Clock(old.NOON), RecordingCalendars())
    made.store.migrate()
    yield made
    made.store.close()


def rows(context: Context) -> dict[str, DeliveryRow]:
    with context.store.read() as tx:
        found = [
            row for meeting in (old.SERIES, old.SINGLE) for row in tx.outbox.list_for_meeting(old.PROGRAMME, meeting)
        ]
    return {row.id: row for row in found}


def deliver_all(context: Context) -> list[tuple[str, bool]]:
    """What is sent: UIDs, and whether they count as stored before."""
    assert isinstance(context.calendars, RecordingCalendars)
    before = len(context.calendars.puts)
    while deliver_next(context):
        pass
    return [(put.uid, put.stored_before) for put in context.calendars.puts[before:]]


def test_upgrade_keeps_every_delivery_as_it_was(context: Context) -> None:
    found = rows(context)
    assert {name: (row.state, row.due_at, row.reason) for name, row in found.items()} == {
        old.DUE: (DeliveryState.WAITING, old.NOON, None),
        old.LEASED: (DeliveryState.DELIVERING, old.NOON.replace(minute=1), None),
        old.DELIVERED: (DeliveryState.DELIVERED, None, None),
        FAILED: (DeliveryState.FAILED, None, "no room"),
    }
    assert {row.calendar.id for row in found.values()} == {old.CALENDAR, SECOND_CALENDAR}


def test_worker_after_upgrade_sends_only_what_is_due(context: Context) -> None:
    kept = {name: row for name, row in rows(context).items() if name in (old.DELIVERED, FAILED)}
    assert deliver_all(context) == [("series@scheduler", True)]
    assert isinstance(context.clock, Clock)
    context.clock.now += timedelta(minutes=1)
    assert deliver_all(context) == [(DETACHED, False)]
    context.clock.now += timedelta(days=30)
    assert deliver_all(context) == []
    found = rows(context)
    assert {name: found[name] for name in kept} == kept
    assert {found[name].state for name in (old.DUE, old.LEASED)} == {DeliveryState.DELIVERED}
