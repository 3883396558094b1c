"""The worker: makes due deliveries and reads connected calendars, many at once, until it is stopped.

One thread claims work and records what came of it, a batch in each transaction, so that a process has one writer. The
others perform the work. Any number of workers share one database: each leases what it works on, and a lease that runs
out is taken over by another worker. Stopping finishes the work in hand.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from scheduler.domain.programme.fair_queue import Due, FairQueue
from scheduler.domain.programme.servers import SECONDS
from scheduler.services.answers import delete_expired_answers
from scheduler.services.checking import check_due_people, mark_begun_due
from scheduler.services.ports import Context
from scheduler.services.work import Job, Result, Workload
from scheduler.store import StoreUnavailable

log = structlog.get_logger(__name__)

PAUSE = 0.5
"""Seconds between two looks at the database when nothing happens."""
GATHER = 0.1
"""Seconds after which what ended is recorded, though less than half of what is under way has ended."""
PAUSE_AFTER_FAILURE = 5.0
TIDY_EVERY = 600.0
LOOK_FOR_BEGUN_EVERY = 60.0


@dataclass(frozen=True)
class Ended:
    """Work that ended, with what came of it; None if nothing can be recorded, and its lease brings it back."""

    work: Due
    result: Result | None


@dataclass
class Pool:
    """The places for one kind of work, a thread for each, and what ended there and is not recorded yet.

    ``look_at``: the monotonic time of the next look for due work.
    """

    workload: Workload
    queue: FairQueue
    threads: ThreadPoolExecutor
    ended: deque[Ended] = field(default_factory=deque)
    look_at: float = 0.0


class Worker:
    """One worker: `run` it in a thread of its own, or as the whole process.

    Args:
        context: what the services need.
        workloads: each kind of work, and how much of it may be under way at a time.

    """

    def __init__(self, context: Context, workloads: Sequence[tuple[Workload, int]]) -> None:
        self._context = context
        self._pools = [
            Pool(workload, FairQueue(places), ThreadPoolExecutor(places, type(workload).__name__.lower()))
            for workload, places in workloads
        ]
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._tidy_at = 0.0
        self._look_for_begun_at = 0.0
        self._check_at = 0.0

    def run(self) -> None:
        """Work until `stop` is called, and then until what is under way has ended and is recorded."""
        log.info("worker started")
        listener = threading.Thread(target=self._listen, name="listener")
        listener.start()
        while not self._stopping.is_set() or self._is_busy():
            self._turn()
            self._woken.wait(GATHER if self._is_busy() else PAUSE)
            self._woken.clear()
        for pool in self._pools:
            pool.threads.shutdown()
        listener.join()
        log.info("worker stopped")

    def stop(self) -> None:
        """Let the work in hand finish and nothing new begin."""
        self._stopping.set()
        self._woken.set()

    def _is_busy(self) -> bool:
        return any(pool.queue.running for pool in self._pools)

    def _wake(self) -> None:
        for pool in self._pools:
            pool.look_at = 0.0
        self._woken.set()

    def _listen(self) -> None:
        """Look at the database at once when something is enqueued, where the database can tell."""
        while not self._stopping.is_set():
            try:
                self._context.store.listen(self._wake, self._stopping.is_set)
                return
            except StoreUnavailable as error:
                log.warning("worker is not woken, and looks by itself", reason=str(error))
                self._stopping.wait(PAUSE_AFTER_FAILURE)

    def _turn(self) -> None:
        """Record what ended, and start what is due where places have become free or nobody has looked for a while."""
        try:
            for pool in self._pools:
                self._record(pool)
            if not self._stopping.is_set():
                self._tidy()
                self._check()
                for pool in self._pools:
                    if time.monotonic() >= pool.look_at:
                        pool.look_at = time.monotonic() + PAUSE
                        self._start(pool)
        except Exception:  # a lost database, or one broken row, must not end all other work
            log.exception("worker failed; leases bring back what was not recorded")
            if self._stopping.wait(PAUSE_AFTER_FAILURE):
                self._forget()

    def _record(self, pool: Pool) -> None:
        """Record what ended in one transaction; without a database it is kept for the next turn.

        If something can't be recorded, each result is recorded by itself, so that no other is lost with it.
        """
        batch = [pool.ended[index] for index in range(len(pool.ended))]
        results = sorted((each.result for each in batch if each.result), key=lambda result: result.lock_order)
        if not self._store(results):
            for result in results:
                self._store([result])
        for each in batch:
            pool.ended.popleft()
            pool.queue.release(each.work)
            pool.look_at = 0.0
        for result in results:
            exchange = result.exchange
            pool.queue.learn(exchange.origin, exchange.duration.total_seconds(), answered=not exchange.failed)

    def _store(self, results: Sequence[Result]) -> bool:
        """Record results in one transaction; return whether that was possible. Raises StoreUnavailable."""
        if not results:
            return True
        try:
            with self._context.store.write() as tx:
                for result in results:
                    result.record(tx)
                tx.servers.record([result.exchange for result in results], _jitter())
        except StoreUnavailable:
            raise
        except Exception:  # a result that nobody foresaw; its lease brings it back
            log.exception("results not recorded", count=len(results))
            return False
        return True

    def _forget(self) -> None:
        """Leave what ended to the leases, so that a worker can stop without a database."""
        for pool in self._pools:
            while pool.ended:
                pool.queue.release(pool.ended.popleft().work)

    def _start(self, pool: Pool) -> None:
        """Claim as much due work as there are places for, and have it performed."""
        lanes = pool.queue.free_lanes()
        if not lanes:
            return
        now = self._context.clock()
        with self._context.store.read() as tx:
            due = pool.workload.find_due(tx, now, lanes, pool.queue.full_servers())
        chosen = {work.id: work for work in pool.queue.take(due)}
        if not chosen:
            return
        jobs: Sequence[Job] = ()
        try:
            with self._context.store.write() as tx:
                jobs = pool.workload.claim(tx, list(chosen), now)
        finally:
            claimed = {job.id for job in jobs}
            for work in chosen.values():
                if work.id not in claimed:
                    pool.queue.release(work)
        for job in jobs:
            pool.threads.submit(self._perform, pool, chosen[job.id], job)

    def _perform(self, pool: Pool, work: Due, job: Job) -> None:
        result = None
        try:
            result = job.perform(work.origin, SECONDS[work.lane])
        except Exception:  # its lease brings it back
            log.exception("work failed", id=work.id)
        pool.ended.append(Ended(work, result))
        if len(pool.ended) * 2 >= pool.queue.running:  # batches, as a turn costs about as much as a delivery
            self._woken.set()

    def _check(self) -> None:
        """Check the meetings of some people whose time has changed, and of more in the next turn if they wait."""
        if time.monotonic() >= self._look_for_begun_at:
            self._look_for_begun_at = time.monotonic() + LOOK_FOR_BEGUN_EVERY
            mark_begun_due(self._context)
        if time.monotonic() >= self._check_at:
            self._check_at = time.monotonic() + PAUSE
            if check_due_people(self._context):
                self._check_at = 0.0
                self._woken.set()

    def _tidy(self) -> None:
        """Delete old answers to repeated requests, and servers that nobody uses, every ``TIDY_EVERY`` seconds."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_EVERY
            delete_expired_answers(self._context)
            with self._context.store.write() as tx:
                tx.servers.forget_unused()


def _jitter() -> float:
    return random.random()  # noqa: S311  # spreads retries; no secret
