"""``make cluster``: the demo against all the parts at once; then again, while two of them are killed."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from types import FrameType
from typing import Any

from examples.cluster import parts
from examples.demo.__main__ import take_trip
from examples.demo.client import Client
from examples.demo.processes import SCHEDULER
from examples.demo.show import console, step


def main() -> int:
    """0 if both trips found all that was promised, and the doctor finds nothing."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--once", action="store_true", help="exit when everything was read back")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as stack:
        try:
            return _run(stack, once=once)
        except KeyboardInterrupt:
            console.print("\nstopping")
            return 0 if not once else 1


def _run(stack: ExitStack, *, once: bool) -> int:
    with step("starting PostgreSQL, Valkey, Radicale, two web processes, two workers and the proxy"):
        cluster = parts.start(stack)
    console.print("\n[bold]The demo, undisturbed[/]\n")
    client = Client(cluster.url, cluster.key)
    if take_trip(client, cluster.calendars) is None:
        return 1
    console.print("[bold]The demo, while a web process and a worker are killed[/]\n")
    disturbed = _Disturbed(cluster)
    if take_trip(disturbed, cluster.calendars) is None or not disturbed.is_done:
        return 1
    console.print(f"[green]✓[/] {disturbed.asked} requests, none refused, while two processes were killed")
    if not _is_well(cluster):
        return 1
    if not once:
        _stay(cluster)
    return 0


class _Disturbed(Client):
    """Kills a web process in the middle of one request, and a worker before the meeting is booked."""

    KILLS_WEB_AT = 12

    def __init__(self, cluster: parts.Cluster) -> None:
        super().__init__(cluster.url, cluster.key)
        self.asked = 0
        self._cluster = cluster
        self._killed: list[str] = []

    @property
    def is_done(self) -> bool:
        """Whether both were killed."""
        return len(self._killed) == 2

    def get(self, path: str) -> Any:
        """Counts the request."""
        self.asked += 1
        return super().get(path)

    def post(self, path: str, body: Any) -> Any:
        """Counts the request, and kills what is to be killed by now."""
        self.asked += 1
        if path == "/cadences":
            self._kill(self._cluster.workers[0])
        if self.asked != self.KILLS_WEB_AT:
            return super().post(path, body)
        killing = threading.Timer(0.003, self._kill, [self._cluster.webs[0]])
        killing.start()
        answer = super().post(path, body)
        killing.join()
        return answer

    def _kill(self, server: Any) -> None:
        parts.kill(server)
        self._killed.append(server.name)
        console.print(f"[red]✗[/] {server.name} killed (SIGKILL) at request {self.asked}")


def _is_well(cluster: parts.Cluster) -> bool:
    """Whether the doctor finds that store, feeds and calendars agree."""
    with step("asking the doctor"):
        result = subprocess.run(
            [SCHEDULER, "doctor"], env=os.environ | cluster.environment, capture_output=True, text=True, check=False
        )
    console.print(f"   {result.stdout}{result.stderr.strip().splitlines()[-1]}", soft_wrap=True)
    return result.returncode == 0


def _stay(cluster: parts.Cluster) -> None:
    """Says where everything is, and stays up until Ctrl-C."""
    console.print(f"\nThe API, by way of the proxy:\n   {cluster.url}/docs/")
    console.print(f"Its key, which opens an example and nothing else:\n   {cluster.key}")
    console.print(f"Logs:\n   {parts.FOLDER}/*.log\n\nCtrl-C stops it.")
    while True:
        time.sleep(3600)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
