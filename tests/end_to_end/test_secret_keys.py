"""Changing the secret key of a service that runs: passwords go on working, and the old key can be dropped."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.figures import Figures
from support.radicale import Radicale, ask, object_url
from support.service import COMMAND, Service, wait_for

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
NEW_KEY = "another key for tests that is long enough, too"


def connected_pair(service: Service, radicale: Radicale) -> tuple[str, Any]:
    """A mentorship's id, and the mentor's account that the service writes to."""
    account = radicale.new_account()
    person = {"name": "Greta", "email": "greta@example.org", "time_zone": "UTC", "working_hours": "any"}
    mentor, mentee = (service.ask("POST", "/people", person)["id"] for _ in range(2))
    login = {"url": account.url, "username": account.username, "password": account.password}
    service.ask("POST", f"/people/{mentor}/calendars", login)
    dates = {"starts_on": f"{NOW:%Y-%m-%d}", "ends_on": f"{NOW + timedelta(days=90):%Y-%m-%d}"}
    agreed = service.ask("POST", "/mentorships", dates | {"mentor": mentor, "mentee": mentee, "goals": ["x"]})
    return agreed["id"], account


def book(service: Service, mentorship: str) -> dict[str, Any]:
    slot = {"start": f"{NOW + timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}", "duration": "PT45M"}
    booked: dict[str, Any] = service.ask("POST", f"/mentorships/{mentorship}/meetings", slot)
    return booked


def outcome(service: Service, meeting: dict[str, Any]) -> str | None:
    """What the delivery has come to; None: nothing yet."""
    (row,) = service.ask("GET", f"/meetings/{meeting['id']}/deliveries")["items"]
    return row["state"] if row["state"] in ("delivered", "failed") else None


def restart(service: Service, **settings: str) -> None:
    service.stop()
    service.environment |= {f"SCHEDULER_{name.upper()}": value for name, value in settings.items()}
    service.serve()


def test_deliveries_go_on_after_passwords_are_encrypted_with_a_new_key(
    tmp_path: Path, radicale: Radicale, figures: Figures
) -> None:
    service = Service(tmp_path)
    service.serve()
    try:
        mentorship, account = connected_pair(service, radicale)
        old_key = service.environment["SCHEDULER_SECRET_KEY"]
        restart(service, secret_key=NEW_KEY, old_secret_keys=old_key)
        said = service.run("secrets", "rotate")
        assert said.splitlines() == [
            "calendar passwords: 1 encrypted anew, 0 were so already",
            "kept answers: 0 encrypted anew, 0 were so already",
        ]
        restart(service, old_secret_keys="")
        meeting = book(service, mentorship)
        assert wait_for(lambda: outcome(service, meeting)) == "delivered"
        assert ask(account, "GET", object_url(account, meeting["uid"])).status_code == 200
    finally:
        service.stop()
    figures("secret key changed under a running service", passwords=1, lost=0)


@pytest.mark.parametrize(
    ("given", "missing"), [({}, "SCHEDULER_SECRET_KEY"), ({"SCHEDULER_SECRET_KEY": NEW_KEY}, "SCHEDULER_PUBLIC_URL")]
)
def test_service_without_secret_key_or_public_url_does_not_start_in_production(
    tmp_path: Path, given: dict[str, str], missing: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")} | given
    done = subprocess.run(
        [COMMAND, "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"scheduler: {missing} is not set")
    assert done.stderr.count("\n") == 1
