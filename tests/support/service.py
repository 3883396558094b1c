"""The service as a process, and an HTTP client of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import requests
from support import forks
from support.api import Clock, context_of
from support.calendars import RecordingCalendars
from support.forks import Forked
from support.leaks import check_logs
from support.servers import free_port

from scheduler.services.programmes import create_programme
from scheduler.store import Store

_T = TypeVar("_T")

COMMAND = str(Path(sys.executable).with_name("scheduler"))


class Service:
    """The scheduler with a migrated database of its own: its processes, and requests with a programme's key.

    Each process costs seconds of imports. So the database and the programme are made here, not by commands, and the
    processes are forked unless a test asks for the command itself.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **os.environ,
            "SCHEDULER_DATABASE_URL": f"sqlite:///{folder / 'scheduler.db'}",
            "SCHEDULER_SECRET_KEY": "a key for tests that is long enough to be one",
            "SCHEDULER_ALLOWED_NETWORKS": "127.0.0.0/8",
            # A test asks more often than people do.
            "SCHEDULER_KEY_REQUESTS_PER_MINUTE": "0",
            "SCHEDULER_FEED_REQUESTS_PER_MINUTE": "0",
            "SCHEDULER_ADDRESS_REQUESTS_PER_MINUTE": "0",
            "SCHEDULER_PUBLIC_URL": self.base,
            "SCHEDULER_PORT": self.base.rsplit(":", 1)[1],
        }
        store = Store(self.environment["SCHEDULER_DATABASE_URL"])
        store.migrate()
        store.close()
        self.key = self.create_programme()
        self._processes: list[subprocess.Popen[bytes] | Forked] = []

    def create_programme(self) -> str:
        """Create a programme in the database of the environment, and return its API key."""
        url = self.environment["SCHEDULER_DATABASE_URL"]
        context = context_of(Store(url), Clock(datetime.now(UTC)), RecordingCalendars())
        key = create_programme(context, "Tests")
        context.store.close()
        return key

    def run(self, *arguments: str) -> str:
        """Run a command that ends by itself, and return what it printed."""
        result = forks.run(arguments, self.environment, self.folder)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def start(self, *arguments: str) -> Forked:
        """Start a command that goes on, with its log in the folder."""
        process = Forked(arguments, self.environment, self.folder, self._log(arguments[0]))
        self._processes.append(process)
        return process

    def start_command(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command itself, imports and all, with its log in the folder."""
        with self._log(arguments[0]).open("ab") as log:
            process = subprocess.Popen([COMMAND, *arguments], env=self.environment, cwd=self.folder, stderr=log)
        self._processes.append(process)
        return process

    def serve(self) -> None:
        """Start the service with its embedded worker, and wait until it answers."""
        self.serving = self.start("serve")
        wait_for(self._answers)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)
        check_logs(self.folder)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that has to succeed, a change whatever the version, and return the JSON of the answer."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({"If-Match": "*"} if method in {"PATCH", "DELETE"} else {})
        response = requests.request(method, f"{self.base}/v1{path}", json=body, headers=headers, timeout=30)
        assert response.ok, response.text
        return response.json() if response.content else None

    def log(self, command: str) -> str:
        return self._log(command).read_text()

    def _log(self, command: str) -> Path:
        return self.folder / f"{command}.log"

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.base}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False


def wait_for(condition: Callable[[], _T | None], seconds: float = 30) -> _T:
    """Evaluate the condition until it is true, and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} seconds")
