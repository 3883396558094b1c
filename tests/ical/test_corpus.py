"""Whatever folder of calendars is named: each file is read or refused, within its time.

``SCHEDULER_TEST_CORPUS=folder pytest -k corpus`` runs over every ``.ics`` below that folder. A file ``NAME.json``
beside ``NAME.ics`` with a ``zone``, a ``window`` and the ``truth`` (UTC, to the minute; ``also``: other right answers;
``email``: the owner's address) says what it comes to.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scheduler.ical.busy import read_busy
from scheduler.ical.parse import UnreadableCalendar

FOLDER = Path(os.environ.get("SCHEDULER_TEST_CORPUS") or Path(__file__).parents[1] / "data" / "ics")
START = datetime(2026, 10, 1, tzinfo=UTC)
END = START + timedelta(days=800)
MOST_SECONDS = 20


def files(ending: str) -> list[Path]:
    return sorted(FOLDER.rglob(f"*.{ending}"))


def test_corpus_is_read_or_refused_in_time() -> None:
    counts = {"read": 0, "in part": 0, "refused": 0}
    for file in files("ics"):
        began = time.monotonic()
        try:
            placed = read_busy([file.read_bytes()], START, END, "Europe/Berlin", emails=["me@example.org"])
            counts["in part" if placed.unreadable else "read"] += 1
        except UnreadableCalendar:
            counts["refused"] += 1
        assert time.monotonic() - began < MOST_SECONDS, file
    assert counts["read"] > counts["refused"], counts


def test_corpus_files_come_to_what_is_said_beside_them() -> None:
    wrong = {}
    for file in files("json"):
        said: dict[str, Any] = json.loads(file.read_text())
        if {"zone", "window", "truth"} <= said.keys():
            found = _found(file.with_suffix(".ics"), said)
            if found not in [said["truth"], *said.get("also", [])]:
                wrong[file.name] = found
    assert not wrong


def _found(file: Path, said: dict[str, Any]) -> list[list[str]] | str:
    start, end = map(datetime.fromisoformat, said["window"])
    emails = [said.get("email", "me@example.org")]
    placed = read_busy([file.read_bytes()], start, end, said["zone"], emails=emails)
    if placed.unreadable:
        return placed.unreadable[0].reason
    return [[f"{one.start:%Y-%m-%dT%H:%M}", f"{one.end:%Y-%m-%dT%H:%M}"] for one in placed.busy]
