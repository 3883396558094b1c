"""The metrics of a real process after real requests and a real delivery."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from support.servers import free_port
from support.service import Service, wait_for

from examples.demo.dates import next_monday, today
from scheduler.domain.programme.people import Account

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

MONDAY = next_monday(today())


class Observed(Service):
    """A service whose metrics are read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment["SCHEDULER_FEED_REQUESTS_PER_MINUTE"] = "4"
        self.move_metrics()

    def move_metrics(self) -> None:
        """What is started from now on has them somewhere else."""
        port = free_port()
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        self.environment["SCHEDULER_METRICS_PORT"] = str(port)

    def scrape(self) -> Samples:
        text = requests.get(self.metrics, timeout=10).text
        families = text_string_to_metric_families(text)
        return {(each.name, frozenset(each.labels.items())): each.value for one in families for each in one.samples}

    def value(self, name: str, **labels: str) -> float:
        return self.scrape().get((name, frozenset(labels.items())), 0)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Observed]:
    service = Observed(tmp_path)
    yield service
    service.stop()


def book(service: Observed, account: Account) -> dict[str, Any]:
    """Greta and Asha, one meeting of theirs, and a feed; Greta's calendar is connected."""
    people = [
        service.ask("POST", "/people", {"name": name, "email": f"{name}@example.org", "time_zone": "Europe/Berlin"})
        for name in ("Greta", "Asha")
    ]
    login = {"url": account.url, "username": account.username, "password": account.password, "publish": True}
    service.ask("POST", f"/people/{people[0]['id']}/calendars", login)
    pair = {"mentor": people[0]["id"], "mentee": people[1]["id"]}
    dates = {"starts_on": f"{MONDAY}", "ends_on": f"{MONDAY + timedelta(days=172)}"}
    mentorship = service.ask("POST", "/mentorships", pair | dates | {"goals": ["First paper"]})
    slot = {"start": f"{MONDAY + timedelta(days=1)}T09:00:00Z", "duration": "PT45M"}
    service.ask("POST", f"/mentorships/{mentorship['id']}/meetings", slot)
    feed: dict[str, Any] = service.ask("POST", f"/people/{people[0]['id']}/feeds", {"show": "details"})
    return feed


def search(service: Observed, hours: str) -> None:
    window = {"start": f"{MONDAY}T00:00:00Z", "end": f"{MONDAY + timedelta(days=1)}T00:00:00Z"}
    attendee = {"time_zone": "UTC", "working_hours": [{"days": ["MO"], "start": "09:00", "end": hours}]}
    service.ask("POST", "/slots", {"window": window, "duration": "PT45M", "attendees": [attendee]})


def test_metrics_count_everything_and_name_nobody(service: Observed, account: Account) -> None:
    service.serve()
    feed = book(service, account)
    search(service, "17:00")
    search(service, "09:30")
    first = requests.get(feed["url"], timeout=10)
    again = {"If-None-Match": first.headers["ETag"]}
    statuses = [requests.get(feed["url"], headers=again, timeout=10).status_code for _ in range(4)]
    requests.get(feed["url"].replace("/feeds/", "/feeds/x"), timeout=10)
    requests.request("BREW", f"{service.base}/v1/people", timeout=10)
    wait_for(lambda: service.value("scheduler_deliveries_total", to="delivered"))
    wait_for(lambda: service.value("scheduler_calendar_readings_total", outcome="read"))

    found = service.scrape()

    def count(name: str, **labels: str) -> float:
        return found.get((name, frozenset(labels.items())), 0)

    assert statuses == [304, 304, 304, 429]
    assert count("scheduler_feed_hits_total", status="200") == 1
    assert count("scheduler_feed_hits_total", status="304") == 3
    assert count("scheduler_feed_hits_total", status="429") == 1
    assert count("scheduler_feed_hits_total", status="404") == 1
    assert count("scheduler_rate_limited_total", by="feed") == 1
    assert count("scheduler_requests_total", route="/v1/people", method="POST", status="2xx") == 2
    assert count("scheduler_requests_total", route="(no route)", method="other", status="4xx") == 1
    assert count("scheduler_request_seconds_count", route="/v1/people", method="POST") == 2
    assert count("scheduler_searches_total", kind="slots", found="yes") == 1
    assert count("scheduler_searches_total", kind="slots", found="no") == 1
    assert count("scheduler_search_seconds_count", kind="slots") == 2
    assert count("scheduler_deliveries_total", to="delivered") == 1
    assert count("scheduler_database_up") == 1
    assert count("scheduler_oldest_due_seconds", work="delivery", lane="quick") == 0
    assert any(name == "scheduler_build_info" for name, _ in found)
    ours = {pair for name, labels in found if name.startswith("scheduler_") for pair in labels}
    assert {label for label, _ in ours} == {
        *("route", "method", "status", "le", "kind", "found", "to", "outcome", "by", "version", "tz_database"),
        *("work", "lane"),
    }
    token = feed["url"].rsplit("/", 1)[1].removesuffix(".ics")
    text = requests.get(service.metrics, timeout=10).text
    for secret in (token, token[:8], "Greta", "example.org", service.key, service.key[:9], account.username):
        assert secret not in text


def test_each_process_has_its_metrics_and_the_age_of_the_oldest_delivery(service: Observed, account: Account) -> None:
    with web_process(service):
        book(service, account)
        wait_for(lambda: service.value("scheduler_oldest_due_seconds", work="delivery", lane="quick") > 0.5)
        web = service.metrics
        service.move_metrics()
        service.start("work")

        wait_for(lambda: _answers(service.metrics) and service.value("scheduler_deliveries_total", to="delivered"))

        assert service.value("scheduler_oldest_due_seconds", work="delivery", lane="quick") == 0
        assert service.value("scheduler_requests_total", route="/v1/people", method="POST", status="2xx") == 0
        service.metrics = web
        assert service.value("scheduler_oldest_due_seconds", work="delivery", lane="quick") == 0
        assert service.value("scheduler_deliveries_total", to="delivered") == 0
        assert service.value("scheduler_requests_total", route="/v1/people", method="POST", status="2xx") == 2


@contextmanager
def web_process(service: Observed) -> Iterator[None]:
    """Only the API and the feeds, as a container serves them."""
    program = Path(sys.executable).with_name("granian")
    command = [str(program), "--interface=wsgi", "--factory", "--log-level=warning", "scheduler.wsgi:create"]
    port = service.base.rsplit(":", 1)[1]
    with (service.folder / "web.log").open("ab") as log:
        process = subprocess.Popen(command, env=service.environment | {"GRANIAN_PORT": port}, stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(f"{service.base}/readyz"))
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
