"""``make demo ONCE=1 ACT=all``: every act, with status 0 only if everything agreed; nothing stays behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from support.api import Api, Clock
from support.budget import tries
from support.figures import Figures
from support.servers import free_port
from support.service import wait_for

from examples.demo import __main__ as demo
from examples.demo.acts import ACTS
from examples.demo.acts.fairness import fairest, most_burden, weekly_query
from examples.demo.acts.main import MENTEE, MENTOR, UNIVERSITIES, Dates, cadence_query
from examples.demo.client import published_calendar
from examples.demo.dates import move_ahead, next_clock_change, next_monday
from examples.demo.stage import Stage
from scheduler.app import create_app
from scheduler.services.ports import Context

ROOT = Path(__file__).parents[2]
MARK = "TESTS_DEMO"
"""An environment variable that every process of a run inherits, by which those left over are found."""


@dataclass(frozen=True)
class Run:
    """A demo that runs in a folder of its own."""

    folder: Path
    mark: str
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, folder: Path, act: str) -> Run:
        for name in ("examples", "deploy"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "compose.yaml", folder)
        mark = uuid4().hex
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.demo", "--once", "--act", act],
            cwd=folder,
            env=os.environ | {MARK: mark, "SCHEDULER_PORT": str(free_port())},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return cls(folder, mark, process)

    def processes(self) -> list[str]:
        """The command lines of its processes that still run."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


def test_main_act_agrees_and_leaves_nothing_running(tmp_path: Path) -> None:
    run = Run.start(tmp_path, "main")
    output, _ = run.process.communicate(timeout=120)

    assert run.process.returncode == 0, output
    assert run.processes() == []
    assert "✗" not in output
    assert "not promised" not in output
    assert "both hold exactly the occurrences promised" in output
    assert earliest_day(output) > datetime.now(UTC).date()


@pytest.mark.long
def test_every_act_agrees_and_leaves_nothing_running(tmp_path: Path, figures: Figures) -> None:
    run = Run.start(tmp_path, "all")
    output, _ = run.process.communicate(timeout=400)

    assert run.process.returncode == 0, output
    assert run.processes() == []
    assert "✗ web1 killed (SIGKILL)" in output
    assert "✗ worker1 killed (SIGKILL)" in output
    assert output.count("the service is killed (SIGKILL)") == 2
    assert output.count("✗") == 4, output
    assert "not promised" not in output
    assert output.count("both hold exactly the occurrences promised") == 3
    assert "2 meetings, 2 feeds, 4 events in 4 calendars: 0 findings" in output
    requests = re.search(r"(\d+) requests, none refused, while two processes were killed", output)
    assert requests
    assert earliest_day(output) > datetime.now(UTC).date()
    logs = "".join(log.read_text() for log in (tmp_path / "var" / "cluster").glob("*.log"))
    assert "feeds/(token)" in logs
    assert not re.search(r"feeds/[\w-]{16,}|mk_[\w-]{8,}", logs)
    figures("the demo", acts=len(ACTS), processes_killed=4, requests_to_the_cluster=int(requests[1]), lost=0)


def earliest_day(output: str) -> date:
    """The earliest day in the tables of a demo."""
    days = re.findall(r"\d\d [A-Z][a-z]{2} \d{4}", output)
    return min(datetime.strptime(f"{day} +0000", "%d %b %Y %z").date() for day in days)


def test_interrupted_demo_leaves_nothing_running(tmp_path: Path) -> None:
    run = Run.start(tmp_path, "cluster")
    wait_for(lambda: (tmp_path / "var" / "cluster" / "web2.log").exists(), 90)
    assert len(run.processes()) > 4

    run.process.send_signal(signal.SIGINT)
    output, _ = run.process.communicate(timeout=60)

    assert run.process.returncode == 1, output
    assert "Traceback" not in output
    assert run.processes() == []


@pytest.mark.parametrize("agreed", [True, False])
def test_demo_ends_with_0_only_if_every_act_agreed(
    agreed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    played = []

    def load(name: str) -> SimpleNamespace:
        def play(_stage: Stage) -> bool:
            played.append(name)
            return agreed or name != "panel"

        return SimpleNamespace(play=play)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "load", load)
    monkeypatch.setattr(sys, "argv", ["demo", "--once", "--act", "all"])
    with ExitStack() as stack:
        before = signal.getsignal(signal.SIGTERM)
        stack.callback(signal.signal, signal.SIGTERM, before)
        assert demo.main() == (0 if agreed else 1)
    assert played == (list(ACTS) if agreed else ["main", "panel"])


def test_acts_of_the_list_are_those_that_have_files() -> None:
    files = {path.stem for path in (ROOT / "examples" / "demo" / "acts").glob("*.py")} - {"__init__"}
    assert files == set(ACTS)


@pytest.mark.prove
def test_main_act_has_a_cadence_ahead_on_any_day_until_2036(context: Context, clock: Clock) -> None:
    api = Api.of_new_programme(create_app(context), context, "Open Source Mentors")
    first, last = date(2026, 11, 1), date(2035, 12, 31)
    days = tries("demo dates")
    for number in range(days):
        day = first + (last - first) * number // (days - 1)
        clock.now = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
        dates = Dates.after(day)
        attendees = [
            {key: person[key] for key in ("time_zone", "working_hours")}
            | {"blackouts": [move_ahead(one, dates.starts_on)[0] for one in published_calendar(name)["blackouts"]]}
            for person, name in zip((MENTOR, MENTEE), UNIVERSITIES, strict=True)
        ]
        found = api.post("/cadences", cadence_query(attendees, dates))
        assert found["cadences"], day
        assert datetime.fromisoformat(found["cadences"][0]["dtstart"]).date() > day


@pytest.mark.prove
def test_fairness_act_agrees_on_any_monday_until_2036(context: Context) -> None:
    api = Api.of_new_programme(create_app(context), context, "Open Source Mentors")
    first, last = date(2026, 11, 2), date(2035, 12, 31)
    mondays = tries("demo dates")
    for number in range(mondays):
        query = weekly_query(next_monday(first + (last - first) * number // (mondays - 1)))
        single = fairest(api.post("/cadences", query)["cadences"])
        rotation = api.post("/cadences", query | {"rotation": 2})["rotations"][0]
        assert rotation["coverage"] == single["coverage"] == 1, query["starts_on"]
        assert most_burden(rotation) <= most_burden(single), query["starts_on"]


@pytest.mark.parametrize("weekday", range(7))
def test_next_monday_lies_one_to_seven_days_ahead(weekday: int) -> None:
    day = date(2028, 2, 21) + timedelta(days=weekday)
    assert next_monday(day) == date(2028, 2, 28)


def test_blackout_in_the_past_is_moved_by_the_fewest_years() -> None:
    exams = {"kind": "exam", "first_day": "2026-12-04", "last_day": "2027-01-17"}
    assert move_ahead(exams, date(2027, 1, 17)) == (exams, 0)
    moved, years = move_ahead(exams, date(2035, 12, 24))
    assert (moved["first_day"], moved["last_day"], years) == ("2035-12-04", "2036-01-17", 9)


def test_next_clock_change_is_the_day_of_the_change() -> None:
    assert next_clock_change("Europe/Berlin", date(2026, 11, 28)) == date(2027, 3, 28)
    assert next_clock_change("America/New_York", date(2027, 3, 14)) == date(2027, 11, 7)
