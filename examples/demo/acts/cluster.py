"""The main job against every part of compose.yaml at once, and again while two of them are killed."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Any

from examples.cluster import parts
from examples.demo.acts.main import take_trip
from examples.demo.client import Client
from examples.demo.processes import SCHEDULER, Server
from examples.demo.show import console, step
from examples.demo.stage import Stage


def play(stage: Stage) -> bool:
    """Take the trip twice; whether both found everything that was promised, and the doctor finds nothing."""
    with step("starting PostgreSQL, Valkey, Radicale, two web processes, two workers and the proxy"):
        cluster = parts.start(stage.stack)
    stage.hints += [
        f"The API, by way of the proxy:\n   {cluster.url}/docs/",
        f"The API key of the cluster's programme:\n   {cluster.key}",
        f"Logs:\n   {parts.FOLDER}/*.log",
    ]
    console.print("\n[bold]Undisturbed[/]\n")
    if take_trip(Client(cluster.url, cluster.key), cluster.calendars) is None:
        return False
    console.print("[bold]While a web process and a worker are killed[/]\n")
    killing = _KillingClient(cluster)
    if take_trip(killing, cluster.calendars) is None or not killing.is_done:
        return False
    console.print(f"[green]✓[/] {killing.requests} requests, none refused, while two processes were killed")
    return _is_well(cluster)


class _KillingClient(Client):
    """A client that kills a web process during one of its requests, and a worker before the meeting is booked."""

    KILLS_WEB_AT = 12

    def __init__(self, cluster: parts.Cluster) -> None:
        super().__init__(cluster.url, cluster.key)
        self.requests = 0
        self._cluster = cluster
        self._killed: list[str] = []

    @property
    def is_done(self) -> bool:
        """Whether both were killed."""
        return len(self._killed) == 2

    def get(self, path: str) -> Any:
        """Count the request."""
        self.requests += 1
        return super().get(path)

    def post(self, path: str, body: Any, *, idempotency_key: str | None = None, if_match: str | None = None) -> Any:
        """Count the request, and kill what is to be killed by now."""
        self.requests += 1
        if path == "/cadences":
            self._kill(self._cluster.workers[0])
        if self.requests != self.KILLS_WEB_AT:
            return super().post(path, body, idempotency_key=idempotency_key, if_match=if_match)
        killing = threading.Timer(0.003, self._kill, [self._cluster.webs[0]])
        killing.start()
        answer = super().post(path, body, idempotency_key=idempotency_key, if_match=if_match)
        killing.join()
        return answer

    def _kill(self, server: Server) -> None:
        server.kill()
        self._killed.append(server.name)
        console.print(f"[red]✗[/] {server.name} killed (SIGKILL) at request {self.requests}")


def _is_well(cluster: parts.Cluster) -> bool:
    """Whether the doctor finds that store, feeds and calendars agree."""
    with step("asking the doctor"):
        result = subprocess.run(
            [SCHEDULER, "doctor"], env=os.environ | cluster.environment, capture_output=True, text=True, check=False
        )
    console.print(f"   {result.stdout}{result.stderr.strip().splitlines()[-1]}", soft_wrap=True)
    return result.returncode == 0
