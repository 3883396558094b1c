"""Runs a command with the wall clock moved: ``python tests/support/moved_clock.py DAYS COMMAND…``.

Compiles moved_clock.c into ``var/`` and preloads it (Linux with glibc and a C compiler). The command and all the
processes that it starts, PostgreSQL and SQLite among them, see the moved time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
LIBRARY = Path("var/moved_clock.so")


def moved_environment(days: int) -> dict[str, str]:
    """The variables with which a process, and what it starts, sees a wall clock that many days ahead."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("moving the clock needs a C compiler; on Debian: apt-get install gcc libc6-dev")
    LIBRARY.parent.mkdir(exist_ok=True)
    building = LIBRARY.with_suffix(f".{os.getpid()}")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", building, SOURCE, "-ldl"], check=True)
    building.replace(LIBRARY)
    return {"LD_PRELOAD": str(LIBRARY.resolve()), "MOVED_CLOCK_DAYS": str(days)}


if __name__ == "__main__":
    os.environ |= moved_environment(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
