"""The metrics' own port, and nowhere else."""

from __future__ import annotations

import socket

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from support.api import Api

from scheduler.errors import SchedulerError
from scheduler.services.ports import Context
from scheduler.store import Store
from scheduler.web.http.metrics import DueWork, start_metrics


def test_metrics_are_not_public(api: Api) -> None:
    answer = api.app.test_client().get("/metrics")

    assert answer.status_code == 404
    assert "scheduler_" not in answer.text


def test_metrics_port_in_use_is_a_named_error(context: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SchedulerError, match="give each process a SCHEDULER_METRICS_PORT of its own"):
            start_metrics(context, "127.0.0.1", port, CollectorRegistry())


def test_metrics_port_0_neither_listens_nor_queries(context: Context) -> None:
    registry = CollectorRegistry()

    start_metrics(context, "127.0.0.1", 0, registry)

    assert generate_latest(registry) == b""


def test_unmigrated_database_is_not_up(context: Context, tmp_path: object) -> None:
    empty = Store(f"sqlite:///{tmp_path}/new.db")
    found = list(DueWork(_with(context, empty)).collect())
    empty.close()

    assert [(family.name, family.samples[0].value) for family in found] == [("scheduler_database_up", 0)]


def _with(context: Context, store: Store) -> Context:
    return Context(
        store, context.vault, context.calendars, context.reader, context.clock, context.refresh, context.stale_after
    )
