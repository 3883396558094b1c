"""The metrics, and the listener that Prometheus scrapes them from.

Each process counts by itself and has its own listener, so that nothing is shared. No label holds an id, a token or a
name: each has a few values that are known beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, Info, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from scheduler import __version__
from scheduler.domain.programme.servers import Lane
from scheduler.domain.time.zone_names import TZ_DATABASE_VERSION
from scheduler.errors import SchedulerError
from scheduler.services.ports import Context, Observer
from scheduler.services.reading import longest_wait
from scheduler.store import StoreUnavailable

FEED_ENDPOINT = "feeds.get_feed_calendar"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("scheduler_requests", "Requests answered, other than polls of feeds", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "scheduler_request_seconds",
    "How long requests took, without the time on the network",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FEED_HITS = Counter("scheduler_feed_hits", "Polls of feeds", ["status"])
RATE_LIMITED = Counter("scheduler_rate_limited", "Requests over a rate limit", ["by"])
SEARCHES = Counter("scheduler_searches", "Searches for slots, cadences and sequences", ["kind", "found"])
SEARCH_SECONDS = Histogram(
    "scheduler_search_seconds",
    "How long a search took, loading included",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
DELIVERIES = Counter("scheduler_deliveries", "Attempts to deliver to a CalDAV calendar, by the resulting state", ["to"])
READINGS = Counter("scheduler_calendar_readings", "Attempts to read a connected calendar", ["outcome"])
CHECKS = Counter("scheduler_meeting_checks", "Checks of a person's meetings after their time changed", ["outcome"])
BUILD = Info("scheduler_build", "The running version")
BUILD.info({"version": __version__, "tz_database": TZ_DATABASE_VERSION})


class Counting(Observer):
    """Counts what the use cases report."""

    def searched(self, kind: str, seconds: float, *, found: bool) -> None:
        """Count a search."""
        SEARCHES.labels(kind, "yes" if found else "no").inc()
        SEARCH_SECONDS.labels(kind).observe(seconds)

    def delivered(self, outcome: str) -> None:
        """Count an attempt to deliver."""
        DELIVERIES.labels(outcome).inc()

    def calendar_read(self, outcome: str) -> None:
        """Count an attempt to read a calendar."""
        READINGS.labels(outcome).inc()

    def meetings_checked(self, outcome: str) -> None:
        """Count a check of somebody's meetings."""
        CHECKS.labels(outcome).inc()


class DueWork(Collector):
    """The age of the oldest due work by lane, read from the database at each scrape: every process reports the same."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield whether the database answers, and if so the age of the oldest due work of each lane."""
        try:
            ages = self._ages()
        except StoreUnavailable:
            ages = {}
        described = "1 if the database answers and is migrated"
        yield GaugeMetricFamily("scheduler_database_up", described, value=1 if ages else 0)
        described = "For how many seconds the oldest due work has been due; 0: none is due"
        oldest = GaugeMetricFamily("scheduler_oldest_due_seconds", described, labels=["work", "lane"])
        for labels, age in ages.items():
            oldest.add_metric(labels, age)
        if ages:
            yield oldest

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering does not query the database."""
        return []

    def _ages(self) -> dict[tuple[str, str], float]:
        """Return the ages in seconds by kind of work and lane; nothing without a migrated database."""
        if not self._context.store.is_migrated():
            return {}
        now = self._context.clock()
        with self._context.store.read() as tx:
            oldest = {
                "delivery": tx.outbox.oldest_due(now),
                "reading": tx.calendars.oldest_due(now, longest_wait(self._context)),
            }
        return {
            (work, lane.value): max(0.0, (now - lanes.get(lane, now)).total_seconds())
            for work, lanes in oldest.items()
            for lane in Lane
        }


def count_answer(route: str, status: int, seconds: float) -> None:
    """Count the present request, which was answered with that status after so many seconds."""
    if status == 429:
        RATE_LIMITED.labels(_limited_by()).inc()
    if request.endpoint == FEED_ENDPOINT:
        FEED_HITS.labels(str(status)).inc()
        return
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(route, method, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)


def start_metrics(context: Context, host: str, port: int, registry: CollectorRegistry = REGISTRY) -> None:
    """Answer Prometheus at that address, in a thread that ends with the process; port 0: not at all.

    Raises SchedulerError if the address is in use, or is not one of this machine's.
    """
    if not port:
        return
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise SchedulerError(
            f"can't listen for metrics on {host}:{port} ({error.strerror}); "
            "give each process a SCHEDULER_METRICS_PORT of its own, or 0"
        ) from error
    registry.register(DueWork(context))


def _limited_by() -> str:
    if request.endpoint == FEED_ENDPOINT:
        return "feed"
    by: str = g.get("limited_by") or ("key" if "api_key" in g else "address")
    return by
