"""``make cluster ONCE=1``: the demo against every part at once, also while two of them are killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from support.service import wait_for

ROOT = Path(__file__).parents[2]
MARK = "SCHEDULER_TESTS_CLUSTER"
"""A variable that every process of a run inherits, so that what is left of it can be found."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("examples", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def mark() -> str:
    return uuid4().hex


def start(folder: Path, mark: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.cluster", "--once"],
        cwd=folder,
        env=os.environ | {MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left(mark: str) -> list[str]:
    """The command lines of processes that still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_the_demo_passes_while_a_web_process_and_a_worker_are_killed(
    folder: Path, mark: str, figures: Callable[..., None]
) -> None:
    output, _ = start(folder, mark).communicate(timeout=180)

    assert output.count("both hold exactly the occurrences promised") == 2, output
    assert "not promised" not in output
    assert "web1 killed (SIGKILL)" in output
    assert "worker1 killed (SIGKILL)" in output
    assert "2 meetings, 2 feeds, 4 events in 4 calendars: 0 findings" in output
    asked = re.search(r"(\d+) requests, none refused, while two processes were killed", output)
    assert asked
    assert left(mark) == []
    logs = "".join(log.read_text() for log in (folder / "var" / "cluster").glob("*.log"))
    assert "feeds/(token)" in logs
    assert not re.search(r"feeds/[\w-]{16,}|mk_[\w-]{8,}", logs)
    figures("the demo against the cluster", processes_killed=2, requests=int(asked[1]), lost=0)


def test_whoever_interrupts_it_leaves_nothing_running(folder: Path, mark: str) -> None:
    running = start(folder, mark)
    wait_for(lambda: (folder / "var" / "cluster" / "web2.log").exists(), 90)
    assert len(left(mark)) > 4

    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)

    assert running.returncode == 1, output
    assert "Traceback" not in output
    assert left(mark) == []
