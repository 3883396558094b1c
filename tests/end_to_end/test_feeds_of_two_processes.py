"""Two web processes on one database: a change through one is in the next poll of the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from support.budget import tries
from support.figures import Figures
from support.servers import free_port
from support.service import Service, wait_for

from examples.demo.dates import next_monday, today

CHANGES = tries("changes between polls of two processes")
MONDAY = next_monday(today())

pytestmark = pytest.mark.prove


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    if request.param == "postgresql":
        service.environment["SCHEDULER_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
        service.key = service.create_programme()
    service.serve()
    yield service
    service.stop()


@pytest.fixture
def other(service: Service) -> str:
    """The address of a second process."""
    port = str(free_port())
    base = f"http://127.0.0.1:{port}"
    service.environment = service.environment | {"SCHEDULER_PORT": port}
    service.start("serve")

    def answers() -> bool:
        try:
            return requests.get(f"{base}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    wait_for(answers)
    return base


def test_poll_after_a_change_in_either_process_is_current(service: Service, other: str, figures: Figures) -> None:
    greta, asha = (
        service.ask("POST", "/people", {"name": name, "email": f"{name}@example.org", "time_zone": "Europe/Berlin"})
        for name in ("greta", "asha")
    )
    dates = {"starts_on": f"{MONDAY}", "ends_on": f"{MONDAY + timedelta(days=39)}"}
    agreed = {"mentor": greta["id"], "mentee": asha["id"], "goals": ["First paper"], **dates}
    mentorship = service.ask("POST", "/mentorships", agreed)
    slot = {"start": f"{MONDAY + timedelta(days=3)}T09:00:00Z", "duration": "PT45M"}
    meeting = service.ask("POST", f"/mentorships/{mentorship['id']}/meetings", slot)
    feed = service.ask("POST", f"/people/{greta['id']}/feeds", {})
    bases = (service.base, other)
    etags = dict.fromkeys(bases, "")
    stale = 0
    for number in range(CHANGES):
        title = f"Session {number}."
        requests.patch(
            f"{bases[number % 2]}/v1/meetings/{meeting['id']}",
            json={"title": title},
            headers={"Authorization": f"Bearer {service.key}", "If-Match": "*"},
            timeout=30,
        ).raise_for_status()
        for base in reversed(bases) if number % 3 else bases:
            url = f"{base}/feeds/{feed['token']}.ics"
            news = requests.get(url, headers={"If-None-Match": etags[base]}, timeout=30)
            assert news.status_code == 200
            stale += title not in news.text
            etags[base] = news.headers["ETag"]
            assert requests.get(url, headers={"If-None-Match": etags[base]}, timeout=30).status_code == 304
    figures("feeds of two processes", changes=CHANGES, polls=CHANGES * 4, stale=stale)
    assert stale == 0
