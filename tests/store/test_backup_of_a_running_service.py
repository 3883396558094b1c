"""``scheduler backup`` and ``restore`` while the service runs and is written to."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from support.figures import Figures
from support.service import Service

WRITERS = 2


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.serve()
    yield service
    service.stop()


class Writers:
    """Clients that add people until they are told to stop, and read each of them back."""

    def __init__(self, service: Service) -> None:
        self.added: list[str] = []
        self.statuses: list[int] = []
        self._service = service
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(WRITERS)
        self._running = [self._pool.submit(self._run, writer) for writer in range(WRITERS)]

    def stop(self) -> None:
        self._stopping.set()
        for writer in self._running:
            writer.result(30)
        self._pool.shutdown()

    def _run(self, writer: int) -> None:
        headers = {"Authorization": f"Bearer {self._service.key}"}
        turn = 0
        while not self._stopping.wait(0.15):
            turn += 1
            name = f"{writer}-{turn}"
            body = {"name": name, "email": f"{name}@example.org", "time_zone": "UTC"}
            answer = requests.post(f"{self._service.base}/v1/people", json=body, headers=headers, timeout=30)
            self.statuses.append(answer.status_code)
            if answer.status_code == 201:
                self.added.append(name)


def people_in(backup: Path) -> set[str]:
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {name for (name,) in connection.execute("SELECT name FROM people")}


def people_of(service: Service) -> set[str]:
    with closing(sqlite3.connect(service.folder / "scheduler.db")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM people")}


def test_backup_and_restore_under_writes_lose_nothing_else(service: Service, figures: Figures, tmp_path: Path) -> None:
    writers = Writers(service)
    try:
        time.sleep(1)
        acknowledged = set(writers.added)
        service.run("backup", "one.db")
        at_most = set(writers.added)
        kept = people_in(tmp_path / "one.db")
        time.sleep(1)
        before = set(writers.added)
        service.run("restore", "one.db")
        after = set(writers.added)
        time.sleep(1)
    finally:
        writers.stop()
    added = set(writers.added)
    present = people_of(service)
    assert acknowledged <= kept
    assert len(kept - at_most) <= WRITERS  # stored, and not yet answered
    assert before - at_most, "nothing was written between backup and restore"
    assert added - after, "nothing was written after the restore"
    assert kept <= present
    assert not (before - kept) & present
    lost = (added - after) - present
    figures(
        "writes during a backup and a restore of the running service",
        requests=len(writers.statuses),
        failed=sum(status != 201 for status in writers.statuses),
        lost=len(lost),
    )
    assert set(writers.statuses) == {201}
    assert not lost
    assert service.ask("GET", "/people?limit=1")["items"]
    assert service.serving.poll() is None
    assert "Traceback" not in service.log("serve")
