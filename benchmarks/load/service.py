"""A service under load: its port, and the processes behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.load.client import Request, Tally, drive
from benchmarks.load.processes import Server


@dataclass(frozen=True)
class Service:
    """A port on loopback, and the servers behind it, a database among them."""

    port: int
    servers: tuple[Server, ...]

    def drive(self, choose: Callable[[], Request | None], seconds: float, connections: int) -> Tally:
        """Run the loop and return its tally, with the servers' processor time."""
        before = self._spent()
        tally = drive(self.port, choose, seconds, connections)
        tally.server_seconds = self._spent() - before
        return tally

    def _spent(self) -> float:
        return sum(server.cpu_seconds() for server in self.servers)
