"""The walk-through of the README works as written, on the day on which it is typed."""

import json
import os
import re
import subprocess
from datetime import date, datetime, timedelta
from pathlib import Path

import icalendar
from support.servers import free_port

ROOT = Path(__file__).parents[2]


def test_walk_through_books_a_cadence_and_shows_it_in_a_feed(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    script = "set -euo pipefail\n" + "\n".join(blocks)
    today = date.today()  # noqa: DTZ011  # as the shell has it

    result = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "SCHEDULER_PORT": str(free_port())},
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == 0, result.stderr.decode()
    meeting = json.loads((tmp_path / "meeting.json").read_text())
    assert meeting["status"] == "confirmed"
    feed = result.stdout[result.stdout.index(b"BEGIN:VCALENDAR") :]
    (event, *_) = icalendar.Calendar.from_ical(feed).walk("VEVENT")
    assert event["UID"] == meeting["uid"]
    assert str(event.decoded("DTSTART")) > today.isoformat()
    starts = re.findall(rb'"slots":\[\{"start":"(.*?)"', result.stdout)
    assert today < datetime.fromisoformat(starts[0].decode()).date() <= today + timedelta(days=14)
