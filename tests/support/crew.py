"""Workers as processes that are killed and replaced."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from support.forks import Forked
from support.service import COMMAND

Worker = subprocess.Popen[bytes] | Forked


def _die_in_transaction(at: int) -> None:
    """Kill this process after a change of a delivery and before its commit."""
    changed = 0

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal changed
        changed += statement.startswith("UPDATE outbox")
        if changed == at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", count)


class Crew:
    """Keeps a number of workers running. ``killed`` counts those killed by the moment of it.

    ``commands`` of them, one at a time, are the real command; the others are forked.
    """

    def __init__(self, folder: Path, environment: dict[str, str], size: int, commands: int = 0) -> None:
        self.killed: Counter[str] = Counter()
        self.killed_commands = 0
        self._folder = folder
        self._environment = environment
        self._size = size
        self._commands = self._commands_left = commands
        self._lock = threading.Lock()
        self._alive: list[Worker] = []

    @property
    def commands_to_kill(self) -> int:
        """How many real commands have not been killed yet."""
        return self._commands - self.killed_commands

    def fill(self, dies_at: int = 0) -> None:
        """Reap workers that killed themselves, and start the missing ones; the first dies at that UPDATE."""
        with self._lock:
            for worker in [each for each in self._alive if each.poll() is not None]:
                assert worker.poll() == -signal.SIGKILL, "a worker ended by itself"
                self._alive.remove(worker)
                self.killed["in a transaction"] += 1
            while len(self._alive) < self._size:
                self._alive.append(self._start(dies_at))
                dies_at = 0

    def kill(self, worker: Worker, moment: str) -> bool:
        """Kill that worker and wait for its end; False if it had ended already."""
        with self._lock:
            if worker not in self._alive or worker.poll() is not None:
                return False
            self._alive.remove(worker)
            worker.kill()
            status = worker.wait(60)
            assert status == -signal.SIGKILL, status
            self.killed[moment] += 1
            self.killed_commands += isinstance(worker, subprocess.Popen)
            return True

    def at(self, port: int, server_port: int) -> Worker | None:
        """The worker with the connection from one port of loopback to the other; None if it has ended."""
        with self._lock:
            socket = f"socket:[{_inode(port, server_port)}]"
            return next((each for each in self._alive if socket in _files(each.pid)), None)

    def any(self, number: int) -> Worker | None:
        """Any running worker, if there is one."""
        with self._lock:
            return self._alive[number % len(self._alive)] if self._alive else None

    def command(self) -> Worker | None:
        """The running worker that is the real command, if there is one."""
        with self._lock:
            return next((each for each in self._alive if isinstance(each, subprocess.Popen)), None)

    def kill_all(self) -> None:
        """Kill all workers, whatever they do."""
        with self._lock:
            for worker in self._alive:
                worker.kill()
                worker.wait(60)
            self._alive.clear()

    def stop(self) -> list[int]:
        """Terminate all workers as an operator does, and return their exit statuses."""
        with self._lock:
            for worker in self._alive:
                worker.terminate()
            ended = [worker.wait(60) for worker in self._alive]
            self._alive.clear()
        return ended

    def _start(self, dies_at: int) -> Worker:
        log = self._folder / "workers.log"
        running = any(isinstance(each, subprocess.Popen) for each in self._alive)
        if self._commands_left and not running:
            self._commands_left -= 1
            with log.open("ab") as file:
                return subprocess.Popen([COMMAND, "work"], env=os.environ | self._environment, stderr=file)
        first = partial(_die_in_transaction, dies_at) if dies_at else None
        return Forked(("work",), os.environ | self._environment, self._folder, log, first=first)


def _inode(port: int, server_port: int) -> str:
    """Return the inode of the socket between the two ports; several sockets may share one port."""
    ends = [f"0100007F:{number:04X}" for number in (port, server_port)]
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next((row[9] for row in rows if row[1:3] == ends), "none")


def _files(pid: int | None) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(file.readlink()))
    return found
