"""The ``scheduler`` command, forked from a process that has imported all of it and opened nothing.

What runs is what the command runs; only the imports, seconds of processor time a start, are done once for all.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from scheduler.cli import main

FORKS = multiprocessing.get_context("forkserver")
"""Processes that begin with the service imported."""
FORKS.set_forkserver_preload(["scheduler.app", "scheduler.serving", "scheduler.cli", "scheduler.web.http.metrics"])


class Forked:
    """A running command, with the methods of a `subprocess.Popen` that tests need. It ends with the test process.

    It starts in ``folder``, with that environment and no more. Its stderr is appended to the file ``log``, its stdout
    to ``output`` (None: it has that of the test process). ``first`` is called in the process before anything else.
    """

    def __init__(
        self,
        arguments: tuple[str, ...],
        environment: dict[str, str],
        folder: Path,
        log: Path,
        *,
        output: Path | None = None,
        first: Callable[[], None] | None = None,
    ) -> None:
        self.args = arguments
        files = {2: log} | ({1: output} if output else {})
        for file in files.values():
            file.touch()
        given = (arguments, environment, folder, files, first)
        self._process = FORKS.Process(target=_run, args=given, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status. Raises TimeoutExpired."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM, as an operator does."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def run(arguments: tuple[str, ...], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself within a minute, as `subprocess.run` does."""
    with TemporaryDirectory() as name:
        output, log = Path(name, "stdout"), Path(name, "stderr")
        status = Forked(arguments, environment, folder, log, output=output).wait(60)
        return subprocess.CompletedProcess(arguments, status, output.read_text(), log.read_text())


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: Path,
    files: dict[int, Path],
    first: Callable[[], None] | None,
) -> None:
    threading.Thread(target=_end_with_the_test, daemon=True).start()
    os.chdir(folder)
    for number, path in files.items():
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    if first is not None:
        first()
    main(arguments, prog_name="scheduler")


def _end_with_the_test() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
