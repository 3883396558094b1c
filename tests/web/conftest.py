"""The app on a database of its own, asked over HTTP by two programmes; everybody's calendars are stand-ins."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from support.api import Api, Clock, Pair, context_of
from support.calendars import RecordingCalendars
from support.logs import quiet_logs

from scheduler.app import create_app
from scheduler.logs import configure_logs
from scheduler.services.ports import Context
from scheduler.store import Store


@pytest.fixture(scope="session")
def assembled(migrated_file: Path) -> Iterator[Flask]:
    """The app put together once: its routes take longer to compile than a test takes to run."""
    context = context_of(Store(f"sqlite:///{migrated_file}"), Clock(), RecordingCalendars())
    yield create_app(context)
    context.store.close()


@pytest.fixture
def app(assembled: Flask, context: Context, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The app around this test's own context."""
    monkeypatch.setitem(assembled.extensions, "scheduler", context)
    return assembled


@pytest.fixture
def api(app: Flask, context: Context) -> Api:
    return Api.of_new_programme(app, context, "Women in Science")


@pytest.fixture
def other_api(app: Flask, context: Context) -> Api:
    """Another programme's client."""
    return Api.of_new_programme(app, context, "Another one")


@pytest.fixture
def pair(api: Api) -> Pair:
    return api.pair()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service's log is from now on."""
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", written)
        configure_logs("json")
    yield written
    quiet_logs()
