"""What a worker does: work that is due is found, claimed, performed without a transaction, and recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from scheduler.domain.programme.fair_queue import Due
from scheduler.domain.programme.servers import Exchange, Lane
from scheduler.store import Transaction


class Job(Protocol):
    """Work that this worker has claimed, under a lease."""

    @property
    def id(self) -> str:
        """The id of the due work."""

    def perform(self, origin: str, seconds: float) -> Result:
        """Do the work, within that time and in any thread, outside of any transaction. Raises StoreUnavailable."""


class Result(Protocol):
    """What came of a job."""

    @property
    def exchange(self) -> Exchange:
        """The attempt at the server."""

    @property
    def lock_order(self) -> tuple[str, str]:
        """The key by which results are recorded one after the other, so that two workers can't deadlock."""

    def record(self, tx: Transaction) -> None:
        """Keep it, unless the lease has passed to another worker."""


class Workload(Protocol):
    """One kind of work."""

    def find_due(self, tx: Transaction, now: datetime, lanes: Sequence[Lane], full: Sequence[str]) -> list[Due]:
        """Return due work in those lanes, and not for full servers, in turns among programmes."""

    def claim(self, tx: Transaction, ids: Collection[str], now: datetime) -> Sequence[Job]:
        """Lease that work, as far as it is due still and no other worker has it."""
