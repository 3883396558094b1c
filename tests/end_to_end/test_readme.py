"""What the README tells a user to type works as written."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import icalendar

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_walk_through_books_a_cadence_and_shows_it_in_a_feed(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    script = "set -euo pipefail\n" + "\n".join(blocks)

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
    assert b'"slots":[{"start":"2026-12-07T' in result.stdout
